"""Keys to the doors and webhooks' secrets: found by nobody but their owners, gone when they are withdrawn."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.errors import BadUsage, KeysUnavailable, NotFound
from ledger.keyring import Keyring
from ledger.stores import open_vault
from ledger.vault import OVERLAP, ApiKey, Vault, Webhook
from tests.ledger.conftest import MakeAddress
from tests.ledger.proxy import Proxy
from tests.ledger.vault_samples import NOON, copy_vault, sql

TILL = ApiKey(
    id=UUID("eeeeeeee-0000-4000-8000-000000000001"),
    name="till in Pune",
    role="ingest",
    source="pos",
    public=False,
    made_at=NOON,
)
SHOP = ApiKey(
    id=UUID("eeeeeeee-0000-4000-8000-000000000002"),
    name="web shop",
    role="ingest",
    source="web",
    public=True,
    made_at=NOON + timedelta(hours=1),
    expires_at=NOON + timedelta(days=90),
    origins=("https://shop.example", "https://www.shop.example"),
)
MICROSECOND = timedelta(microseconds=1)
SECRET = "whsec_c2VjcmV0IG9mIGEgbWFpbGVy"


def test_a_key_lets_in_whoever_has_it_and_says_what_they_may(vault: Vault) -> None:
    till, shop = vault.issue(TILL), vault.issue(SHOP)
    assert re.fullmatch("bahi_sk_[A-Za-z0-9_-]{43}", till)
    assert re.fullmatch("bahi_pk_[A-Za-z0-9_-]{43}", shop)
    assert vault.admit(till, NOON) == TILL
    assert vault.admit(shop, NOON) == SHOP
    assert vault.api_keys() == [TILL, SHOP]


def test_nobody_is_let_in_by_anything_else(vault: Vault) -> None:
    till = vault.issue(TILL)
    other = till[:-2] + ("AA" if till[-2:] != "AA" else "BB")
    tried = ["", "bahi_sk_", till[:-1], till + "A", till + "\n", till.upper(), other]
    tried += [till.replace("_sk_", "_pk_"), till[8:], "' OR 1=1 --", "\0" * 51, "ü" * 51]
    assert [vault.admit(secret, NOON) for secret in tried] == [None] * len(tried)


def test_every_key_is_another(vault: Vault) -> None:
    assert len({vault.issue(replace(TILL, id=uuid4())) for _ in range(20)}) == 20


def test_a_key_works_until_it_expires(vault: Vault) -> None:
    shop = vault.issue(SHOP)
    assert SHOP.expires_at is not None
    assert vault.admit(shop, SHOP.expires_at - MICROSECOND) == SHOP
    assert vault.admit(shop, SHOP.expires_at) is None
    with pytest.raises(BadUsage, match="has expired"):
        vault.rotate(SHOP.id, SHOP.expires_at)
    assert vault.api_keys() == [SHOP]


def test_the_new_secret_works_at_once_and_the_old_one_until_the_overlap_is_over(
    vault: Vault,
) -> None:
    old = vault.issue(TILL)
    new = vault.rotate(TILL.id, NOON)
    end = NOON + OVERLAP
    assert new != old
    assert vault.api_keys() == [TILL]
    assert [vault.admit(one, end - MICROSECOND) for one in (old, new)] == [TILL, TILL]
    assert [vault.admit(one, end) for one in (old, new)] == [None, TILL]


def test_a_rotation_without_overlap_ends_every_older_secret(
    vault: Vault, vault_address: str
) -> None:
    first = vault.issue(TILL)
    second = vault.rotate(TILL.id, NOON)
    third = vault.rotate(TILL.id, NOON + MICROSECOND, timedelta(0))
    now = NOON + MICROSECOND
    assert [vault.admit(one, now) for one in (first, second, third)] == [None, None, TILL]
    fourth = vault.rotate(TILL.id, now)
    assert sql(vault_address, "SELECT count(*) FROM api_key") == [(2,)]
    assert [vault.admit(one, now) for one in (third, fourth)] == [TILL, TILL]


def test_an_older_secret_does_not_live_longer_by_another_rotation(vault: Vault) -> None:
    first = vault.issue(TILL)
    vault.rotate(TILL.id, NOON)
    vault.rotate(TILL.id, NOON + OVERLAP / 2)
    assert vault.admit(first, NOON + OVERLAP - MICROSECOND) == TILL
    assert vault.admit(first, NOON + OVERLAP) is None


def test_a_key_that_is_revoked_lets_nobody_in_by_any_of_its_secrets(vault: Vault) -> None:
    old, other = vault.issue(TILL), vault.issue(SHOP)
    new = vault.rotate(TILL.id, NOON)
    vault.revoke(TILL.id)
    assert [vault.admit(one, NOON) for one in (old, new, other)] == [None, None, SHOP]
    assert vault.api_keys() == [SHOP]
    for act in (lambda: vault.revoke(TILL.id), lambda: vault.rotate(TILL.id, NOON)):
        with pytest.raises(NotFound, match=f"^no key {TILL.id}; `bahi access list`"):
            act()


# what stands in the store


def test_neither_keys_nor_what_they_may_can_be_read_in_the_store(
    vault: Vault, vault_address: str
) -> None:
    told = [vault.issue(TILL), vault.issue(SHOP), vault.rotate(TILL.id, NOON)]
    vault.put_webhook("mailer", "standard", SECRET)
    rows = [*sql(vault_address, "SELECT * FROM api_key"), *sql(vault_address, "SELECT * FROM webhook")]  # fmt: skip
    kept = b"|".join(one if isinstance(one, bytes) else str(one).encode() for r in rows for one in r)  # fmt: skip
    assert TILL.id.bytes in kept  # the search finds what is there to be found
    hidden = [*told, *(one[8:] for one in told), "till in Pune", "ingest", "pos", "shop.example"]
    hidden += ["mailer", "standard", SECRET, SECRET[6:]]
    assert [one for one in hidden if one.encode() in kept] == []


def test_what_one_key_may_cannot_be_given_to_another(vault: Vault, vault_address: str) -> None:
    till = vault.issue(TILL)
    vault.issue(replace(SHOP, role="admin", public=False))
    stolen = "(SELECT wrapped FROM api_key WHERE id = ?)"
    given = SHOP.id.bytes, TILL.id.bytes
    sql(vault_address, f"UPDATE api_key SET wrapped = {stolen} WHERE id = ?", *given)
    with pytest.raises(KeysUnavailable, match="altered, moved"):
        vault.admit(till, NOON)


def test_keys_and_webhooks_are_wrapped_anew_and_older_copies_dead(
    vault: Vault,
    keyring: Keyring,
    vault_address: str,
    new_vault_address: MakeAddress,
    tmp_path: Path,
) -> None:
    first = vault.issue(TILL)
    second = vault.rotate(TILL.id, NOON)
    vault.put_webhook("mailer", "standard", SECRET)
    copy = older(vault_address, new_vault_address, keyring, tmp_path)
    keyring.begin_epoch()
    told: list[tuple[int, int]] = []
    assert vault.rewrap(keyring, lambda *one: told.append(one)) == 3
    assert told == [(2, 3), (3, 3)]
    assert vault.epochs_found() == {2}
    assert [vault.admit(one, NOON) for one in (first, second)] == [TILL, TILL]
    assert vault.webhook("mailer") == Webhook("mailer", "standard", SECRET)
    with open_vault(copy, keyring) as old:
        for ask in (lambda: old.admit(second, NOON), old.api_keys, old.webhooks):
            with pytest.raises(KeysUnavailable, match="came one of epoch 1"):
                ask()


def test_who_was_shut_out_is_not_let_in_by_a_restored_vault(
    keyring: Keyring, vault_address: str, new_vault_address: MakeAddress, tmp_path: Path
) -> None:
    keyring = Keyring.open(tmp_path / "keyring.json", clock=lambda: NOON)
    with open_vault(vault_address, keyring) as vault:
        revoked, rotated, kept = (vault.issue(replace(TILL, id=UUID(int=n))) for n in range(3))
        copy = older(vault_address, new_vault_address, keyring, tmp_path)
        vault.revoke(UUID(int=0))
        vault.rotate(UUID(int=1), NOON)
    with open_vault(copy, keyring) as restored:
        assert restored.admit(revoked, NOON) is None
        assert restored.admit(rotated, NOON + OVERLAP - MICROSECOND) is not None
        assert restored.admit(rotated, NOON + OVERLAP) is None
        assert restored.admit(kept, NOON + OVERLAP) is not None


def test_the_keyring_forgets_what_no_vault_that_opens_has(
    vault: Vault, keyring: Keyring, tmp_path: Path
) -> None:
    vault.issue(TILL)
    vault.revoke(TILL.id)
    first = vault.issue(replace(SHOP, expires_at=None))
    later = keyring.keys().newest_since + timedelta(days=7)
    second = vault.rotate(SHOP.id, later - 1.5 * OVERLAP)
    third = vault.rotate(SHOP.id, later - OVERLAP + MICROSECOND)
    assert len(keyring.keys().withdrawn) == 3
    vault.renew(Keyring.open(tmp_path / "keyring.json", clock=lambda: later), later)
    assert [*keyring.keys().withdrawn.values()] == [later + MICROSECOND]
    admitted = [vault.admit(one, later) is not None for one in (first, second, third)]
    assert admitted == [False, True, True]


def older(address: str, new_address: MakeAddress, keyring: Keyring, folder: Path) -> str:
    """Give the address of a copy of the vault as it is now."""
    (folder / "older").mkdir()
    copy = new_address(folder / "older")
    copy_vault(address, copy, keyring)
    return copy


# webhooks


def test_a_webhook_is_what_was_said_of_it_last(vault: Vault) -> None:
    assert vault.webhook("mailer") is None
    vault.put_webhook("mailer", "standard", "whsec_b2xk")
    vault.put_webhook("cash", "stripe", "whsec_stripe")
    vault.put_webhook("mailer", "standard", SECRET)
    mailer, cash = Webhook("mailer", "standard", SECRET), Webhook("cash", "stripe", "whsec_stripe")
    assert vault.webhook("mailer") == mailer
    assert vault.webhooks() == [cash, mailer]
    assert SECRET not in repr(mailer)
    vault.remove_webhook("mailer")
    assert vault.webhook("mailer") is None
    with pytest.raises(NotFound, match="no webhook mailer"):
        vault.remove_webhook("mailer")


# a connection that is lost as it commits


@pytest.fixture
def far(postgres_url: str, keyring: Keyring) -> Iterator[tuple[Vault, Proxy]]:
    address = f"{postgres_url}?schema=vault_{uuid4().hex}"
    with Proxy(address) as proxy, open_vault(proxy.address, keyring) as vault:
        yield vault, proxy


@pytest.mark.parametrize("done", [True, False], ids=["before the answer", "before the commit"])
def test_what_is_cut_at_the_commit_is_done_once(far: tuple[Vault, Proxy], done: bool) -> None:
    vault, proxy = far
    proxy.cut(b"COMMIT\0", done=done)
    first = vault.issue(TILL)
    proxy.cut(b"COMMIT\0", done=done)
    second = vault.rotate(TILL.id, NOON)
    assert [vault.admit(one, NOON) for one in (first, second)] == [TILL, TILL]
    assert vault.admit(first, NOON + OVERLAP) is None
    assert vault.api_keys() == [TILL]
    proxy.cut(b"COMMIT\0", done=done)
    vault.revoke(TILL.id)
    assert (proxy.cuts, vault.api_keys()) == (3, [])
