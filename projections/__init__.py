"""What the book means: folds and questions, one `.sql` file each, and the engine that keeps them."""

from ledger.gone import HIDDEN
from ledger.people import ALIASES
from projections.definition import Fold
from projections.engine import Progress
from projections.questions import Question
from projections.sqlite import SqliteViews
from projections.standing import Kind, Listed, State
from projections.store import ViewStore
from projections.views import Views

__all__ = [
    "ALIASES",
    "HIDDEN",
    "Fold",
    "Kind",
    "Listed",
    "Progress",
    "Question",
    "SqliteViews",
    "State",
    "ViewStore",
    "Views",
]
