"""No view goes unjudged: whatever is asked of the book is also worked out by somebody else."""

from projections.views import load
from tests.projections import (
    model_consent,
    model_customers,
    model_opened,
    model_privacy,
    model_sales,
    test_customer_views,
    test_privacy_views,
    test_sales_views,
)

_OF_CONSENT = {"consent": model_consent.Book, "permission": model_consent.Book}
"""Judged in `test_consent_views`, by a model that answers for one person at a time."""


def test_every_view_has_a_model_that_judges_it() -> None:
    folds, questions = load()
    models = (model_customers, model_sales, model_privacy, model_opened)
    folded = {name for one in models for name in one.VIEWS} | {"consent"}
    assert folded == folds.keys()
    judged = (test_customer_views, test_sales_views, test_privacy_views)
    assert {name for one in judged for name in one.QUESTIONS} | {"permission"} == questions.keys()
