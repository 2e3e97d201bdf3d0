"""What every store of the book promises: subclass `BookContract`, give `address`, and it is judged."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in (
            "appending",
            "grouping",
            "model_book",
            "reading",
            "keeping",
            "processes",
            "redacting",
        )
    )
)

from tests.ledger.book_contract.appending import Appending  # noqa: E402 -- rewritten first
from tests.ledger.book_contract.base import A_WHILE_S  # noqa: E402
from tests.ledger.book_contract.grouping import Grouping  # noqa: E402
from tests.ledger.book_contract.keeping import Keeping  # noqa: E402
from tests.ledger.book_contract.processes import Processes  # noqa: E402
from tests.ledger.book_contract.reading import Reading  # noqa: E402
from tests.ledger.book_contract.redacting import Redacting  # noqa: E402

__all__ = ["A_WHILE_S", "BookContract"]


class BookContract(Appending, Grouping, Reading, Keeping, Processes, Redacting):
    """The suite. A subclass is a store."""
