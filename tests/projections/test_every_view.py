"""No view goes unjudged: whatever is asked of the book is also worked out by somebody else."""

from projections.views import load
from tests.projections import (
    model_consent,
    model_customers,
    model_sales,
    test_customer_views,
    test_sales_views,
)

_OF_CONSENT = {"consent": model_consent.Book, "permission": model_consent.Book}
"""Judged in `test_consent_views`, by a model that answers for one person at a time."""


def test_every_view_has_a_model_that_judges_it() -> None:
    folds, questions = load()
    assert {*model_customers.VIEWS, *model_sales.VIEWS, "consent"} == folds.keys()
    asked = {*test_customer_views.QUESTIONS, *test_sales_views.QUESTIONS, "permission"}
    assert asked == questions.keys()
