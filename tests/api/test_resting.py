"""What runs for weeks changes the vault's epoch by itself, as whatever opens the ledger does."""

from datetime import timedelta
from pathlib import Path

import pytest

from ledger.errors import StoreUnavailable
from ledger.vault import Vault
from tests.system.restoring import DAY, Shop, item, take

HOUR = timedelta(hours=1)


def test_an_epoch_that_is_over_ends_at_rest_and_is_looked_at_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)

    def epochs() -> tuple[int, ...]:
        bahi.renew_at_rest()
        return tuple(bahi.ledger.keyring.keys().epochs)

    def away(*_: object) -> None:
        raise StoreUnavailable("vault", "it is away")

    with shop.open() as bahi:
        take(bahi, item("order.placed", "anna", shop.now))
        began = shop.now
        shop.now = began + 7 * DAY - HOUR / 2
        assert epochs() == (1,)  # and the next look is in an hour
        shop.now = began + 7 * DAY + HOUR / 4
        assert epochs() == (1,)
        shop.now += HOUR
        with monkeypatch.context() as patch:
            patch.setattr(Vault, "rewrap", away)
            assert epochs() == (1, 2)
        assert "it is away" in str(bahi.overdue)
        shop.now += HOUR / 2
        assert epochs() == (1, 2)
        shop.now += HOUR / 2
        assert epochs() == (2,)
        assert bahi.overdue is None
        assert bahi.ledger.vault.epochs_found() == {2}
