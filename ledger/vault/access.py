"""Who may call us, and who sends us webhooks.

A key to our doors is a random secret that is shown once and kept nowhere. Its keyed digest finds what it
may do, which is wrapped for that digest alone: a row that somebody copies to another place opens no more.
No secret is ever compared: what is looked up is an HMAC, so how long that takes says nothing of use to
whoever tries secrets, who cannot compute it.

What was withdrawn stays withdrawn: the keyring remembers it, so a restored older vault lets nobody in again.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from ledger.clock import from_us, to_us
from ledger.errors import BadUsage, NotFound
from ledger.keyring import KEY_BYTES, Keys, Wrapped
from ledger.vault.places import api_key_context, webhook_context
from ledger.vault.room import Room
from ledger.vault.store import Questions, Row, Rows

OVERLAP = timedelta(days=1)
"""How long the old secret of a key that was rotated still works."""

_SERVER, _CLIENT = "bahi_sk_", "bahi_pk_"
_SECRET = re.compile(f"({_SERVER}|{_CLIENT})[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a key to our doors may do; never the key itself.

    A `public` one stands in a page, where everybody may read it. A browser may use it on pages of its
    `origins` alone.
    """

    id: UUID
    name: str
    role: str
    source: str
    public: bool
    made_at: datetime
    expires_at: datetime | None = None
    origins: tuple[str, ...] = ()

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who signs what comes in from a source. Its repr shows no secret."""

    source: str
    provider: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Secret:
    """One secret of a key; `until` is None for the one that stands."""

    digest: bytes
    key: ApiKey
    until: datetime | None = None

    def over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now


class Access(Room):
    """Keys to our doors, and the secrets of webhooks."""

    def issue(self, key: ApiKey) -> str:
        """A new secret for a new key: whoever has it may do what the key may. It can never be read again."""
        secret = _random(public=key.public)

        def put(rows: Rows, keys: Keys) -> None:
            _put(rows, keys, [_Secret(_digest(keys, secret), key)])

        self._write(put)
        return secret

    def admit(self, secret: str, now: datetime) -> ApiKey | None:
        """What the owner of that secret may do; None if it is unknown, revoked, replaced or expired."""
        if _SECRET.fullmatch(secret) is None:
            return None

        def read(rows: Questions, keys: Keys) -> ApiKey | None:
            digest = _digest(keys, secret)
            withdrawn = keys.withdrawn.get(digest.hex())
            found = _opened(keys, rows.ask("api_key", digest))
            if not found or (withdrawn is not None and withdrawn <= now):
                return None
            (one,) = found
            return None if one.over(now) or one.key.expired(now) else one.key

        return self._ask(read)

    def api_keys(self) -> list[ApiKey]:
        """Every key that was issued and not revoked, expired ones too, oldest first."""
        found = self._ask(lambda rows, keys: _opened(keys, rows.ask("api_keys")))
        standing = [one.key for one in found if one.until is None]
        return sorted(standing, key=lambda key: (key.made_at, key.id))

    def rotate(self, key: UUID, now: datetime, overlap: timedelta = OVERLAP) -> str:
        """A new secret for a key, at once; older ones work no longer than `overlap` from now.

        Raises `NotFound`, and `BadUsage` for a key that has expired.
        """
        private, public = _random(public=False), _random(public=True)

        def work(rows: Rows, keys: Keys) -> str:
            found = _secrets_of(rows, keys, key)
            (standing,) = (one for one in found if one.until is None)
            if standing.key.expired(now):
                raise BadUsage(f"key {key} has expired: issue another")
            secret = public if standing.key.public else private
            digest = _digest(keys, secret)
            if standing.digest != digest:  # else it was done, and the answer got lost
                end = now + overlap
                ending = [one for one in found if one.until is None or one.until > end]
                self._keyring.withdraw([one.digest for one in ending], end)
                over = [(one.digest,) for one in found if one.over(now)]
                rows.put("remove_api_keys", over)
                old = [replace(one, until=end) for one in ending]
                _put(rows, keys, [*old, _Secret(digest, standing.key)])
            return secret

        return self._write(work)

    def revoke(self, key: UUID) -> None:
        """That key lets nobody in any more. Raises `NotFound`."""

        def work(rows: Rows, _: Keys) -> None:
            digests = [digest for digest, *_ in rows.ask("api_keys_of", key.bytes)]
            self._keyring.withdraw(digests)
            rows.put("remove_api_keys", [(digest,) for digest in digests])

        self._ask(lambda rows, keys: _secrets_of(rows, keys, key))
        self._write(work)

    def put_webhook(self, source: str, provider: str, secret: str) -> None:
        """From now on, what comes in from that source is signed in that way, with that secret."""
        told = orjson.dumps({"source": source, "provider": provider, "secret": secret})

        def put(rows: Rows, keys: Keys) -> None:
            digest = _source_digest(keys, source)
            rows.put("put_webhooks", [(digest, *keys.wrap(told, webhook_context(digest)))])

        self._write(put)

    def webhook(self, source: str) -> Webhook | None:
        """Who signs what comes in from that source; None if nobody does."""

        def read(rows: Questions, keys: Keys) -> list[Webhook]:
            return _webhooks(keys, rows.ask("webhook", _source_digest(keys, source)))

        return next(iter(self._ask(read)), None)

    def webhooks(self) -> list[Webhook]:
        """Everybody who sends us webhooks, by source."""
        found = self._ask(lambda rows, keys: _webhooks(keys, rows.ask("webhooks")))
        return sorted(found, key=lambda one: one.source)

    def remove_webhook(self, source: str) -> None:
        """Nobody sends from that source any more. Raises `NotFound`."""
        if self.webhook(source) is None:
            raise NotFound("webhook", source, "`bahi webhook list` lists them")
        self._write(
            lambda rows, keys: rows.put("remove_webhooks", [(_source_digest(keys, source),)])
        )


def _random(*, public: bool) -> str:
    return (_CLIENT if public else _SERVER) + secrets.token_urlsafe(KEY_BYTES)


def _digest(keys: Keys, secret: str) -> bytes:
    return keys.content_digest(b"api key", secret.encode())


def _source_digest(keys: Keys, source: str) -> bytes:
    return keys.content_digest(b"webhook", source.encode())


def _put(rows: Rows, keys: Keys, found: Iterable[_Secret]) -> None:
    rows.put(
        "put_api_keys",
        [
            (one.digest, one.key.id.bytes, *keys.wrap(_written(one), api_key_context(one.digest)))
            for one in found
        ],
    )


def _secrets_of(rows: Questions, keys: Keys, key: UUID) -> list[_Secret]:
    found = _opened(keys, rows.ask("api_keys_of", key.bytes))
    if not found:
        raise NotFound("key", str(key), "`bahi access list` lists them")
    return found


def _written(one: _Secret) -> bytes:
    key = one.key
    told = {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "source": key.source,
        "public": key.public,
        "made_us": to_us(key.made_at),
        "expires_us": None if key.expires_at is None else to_us(key.expires_at),
        "origins": key.origins,
        "until_us": None if one.until is None else to_us(one.until),
    }
    return orjson.dumps(told)


def _opened(keys: Keys, found: Iterable[Row]) -> list[_Secret]:
    return [
        _read(digest, keys.unwrap(Wrapped(epoch, blob), api_key_context(digest)))
        for digest, _, epoch, blob in found
    ]


def _read(digest: bytes, written: bytes) -> _Secret:
    told = orjson.loads(written)
    key = ApiKey(
        id=UUID(told["id"]),
        name=told["name"],
        role=told["role"],
        source=told["source"],
        public=told["public"],
        made_at=from_us(told["made_us"]),
        expires_at=_moment(told["expires_us"]),
        origins=tuple(told["origins"]),
    )
    return _Secret(digest, key, _moment(told["until_us"]))


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _webhooks(keys: Keys, found: Iterable[Row]) -> list[Webhook]:
    return [
        Webhook(**orjson.loads(keys.unwrap(Wrapped(epoch, blob), webhook_context(digest))))
        for digest, epoch, blob in found
    ]
