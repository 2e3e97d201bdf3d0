"""What the book means: folds and questions, one `.sql` file each, and the engine that keeps them."""

from ledger.people import ALIASES
from projections.definition import Fold
from projections.engine import Progress
from projections.folding import HIDDEN
from projections.questions import Question
from projections.sqlite import SqliteViews
from projections.store import ViewStore
from projections.views import Kind, Listed, State, Views

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
