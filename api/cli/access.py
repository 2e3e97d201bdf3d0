"""Commands of who may call: `access` for the keys to our doors, `webhook` for who sends to us."""

import re
import secrets
import sys
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import pyarrow as pa
import typer

from api.cli.app import Json, app, opened
from api.http.roles import Role
from api.render import out, rich_table, say, write_json
from commands.record import OURS
from ledger.errors import BadUsage
from ledger.vault import OVERLAP, ApiKey
from replay.clocks import parse_moment, shown

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}")
_IN_A_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_ORIGIN = re.compile(r"(https?)://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_USUAL = {"http": ":80", "https": ":443"}
_PORTS = 65_535
_NAME_LENGTH = 100
_HOUR = timedelta(hours=1)
_MOST_HOURS = 24 * 366
_STANDARD = "standard"
"""The provider whose secrets the receiver makes."""
_STANDARD_BYTES = 32

access = typer.Typer(help="Keys to the HTTP door: who may call it, and what.", no_args_is_help=True)
webhook = typer.Typer(help="Webhooks: who sends to us, and how they sign it.", no_args_is_help=True)
app.add_typer(access, name="access")
app.add_typer(webhook, name="webhook")

Key = Annotated[UUID, typer.Argument(help="The key's id; `bahi access list` shows it.")]
Source = Annotated[str, typer.Argument(help="What it sends is recorded under this name.")]


@access.command("issue")
def access_issue(
    name: Annotated[str, typer.Option("--name", help="Whose it is, for people.")],
    role: Annotated[Role, typer.Option("--role", help="What it may do.")],
    source: Annotated[
        str, typer.Option("--source", help="The system that it is for; what it writes bears it.")
    ],
    client: Annotated[
        bool, typer.Option("--client", help="For a page or an app, where everybody can read it.")
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin", help="A page it is for, such as https://shop.example; repeatable."
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", help="When it ends: a time with a zone, or a date (UTC)."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and print it: this once, for it is kept nowhere."""
    if client and role is not Role.INGEST:
        raise BadUsage(f"--client: expected the role {Role.INGEST}: everybody can read such a key")
    if origin and not client:
        raise BadUsage("--origin: expected --client too; another key belongs in no page")
    for_whom, of = _named(name), _source(source, _SOURCE, "--source")
    ends = None if expires is None else parse_moment(expires, "--expires")
    pages = tuple(dict.fromkeys(map(_origin, origin or ())))
    with opened(current=False, begin=True) as bahi:
        now = bahi.clock()
        key = ApiKey(bahi.ids(), for_whom, role, of, client, now, ends, pages)
        if key.expired(now):
            raise BadUsage("--expires: expected a time to come, came one that is past")
        _tell(key, bahi.ledger.vault.issue(key), json=json)
    if client and not pages:
        say("warning: no --origin, so browsers are refused: it is for apps that are none")


@access.command("list")
def access_list(json: Json = False) -> None:
    """Every key that was not revoked, and what it may; no key can be shown again."""
    with opened(current=False) as bahi:
        rows = [_row(key, bahi.clock()) for key in bahi.ledger.vault.api_keys()]
    if json:
        write_json(rows)
    elif rows:
        words = [row | {"origins": " ".join(row["origins"])} for row in rows]
        out.print(rich_table(pa.Table.from_pylist(words)))
    else:
        say("no keys; `bahi access issue` makes one")


@access.command("rotate")
def access_rotate(
    key: Key,
    overlap: Annotated[
        int,
        typer.Option(
            "--overlap-hours", min=0, max=_MOST_HOURS, help="So long the old one works too."
        ),
    ] = OVERLAP // _HOUR,
    json: Json = False,
) -> None:
    """Print a new key in place of an old one, which works for a while yet."""
    with opened(current=False) as bahi:
        vault = bahi.ledger.vault
        now = bahi.clock()
        secret = vault.rotate(key, now, overlap * _HOUR)
        (rotated,) = (one for one in vault.api_keys() if one.id == key)
        _tell(rotated, secret, json=json)
    say(f"the old one works until {shown(now + overlap * _HOUR)}")


@access.command("revoke")
def access_revoke(key: Key) -> None:
    """End a key: within a second or two nobody is let in by it."""
    with opened(current=False) as bahi:
        bahi.ledger.vault.revoke(key)
    say(f"key {key} lets nobody in any more")


@webhook.command("add")
def webhook_add(
    source: Source,
    provider: Annotated[str, typer.Option("--provider", help="Whose way to sign it is.")],
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="What they sign with; - reads it from stdin."),
    ] = None,
    json: Json = False,
) -> None:
    """Take in what a system sends to /v1/webhooks/SOURCE. Said again, the new secret replaces the old."""
    from streams.webhooks import PROVIDERS

    named = _source(source, _IN_A_PATH, "SOURCE")
    if provider not in PROVIDERS:
        raise BadUsage(f"--provider: expected one of {', '.join(sorted(PROVIDERS))}")
    made = secret is None
    signing = _made_for(provider) if secret is None else _typed(secret)
    for one in signing.split():
        PROVIDERS[provider].demand_secret(one)
    with opened(current=False, begin=True) as bahi:
        bahi.ledger.vault.put_webhook(named, provider, signing)
    path = f"/v1/webhooks/{named}"
    if json:
        told = {"source": named, "provider": provider, "path": path}
        write_json(told | ({"secret": signing} if made else {}))
        return
    say(f"{provider} may send to {path}")
    if made:
        say("give them this secret; it is shown this once:")
        out.print(signing, soft_wrap=True)


@webhook.command("list")
def webhook_list(json: Json = False) -> None:
    """Who sends to us, and how they sign; no secret is shown."""
    with opened(current=False) as bahi:
        found = bahi.ledger.vault.webhooks()
    rows = [
        {"source": one.source, "provider": one.provider, "path": f"/v1/webhooks/{one.source}"}
        for one in found
    ]
    if json:
        write_json(rows)
    elif rows:
        out.print(rich_table(pa.Table.from_pylist(rows)))
    else:
        say("no webhooks; `bahi webhook add` makes one")


@webhook.command("remove")
def webhook_remove(source: Source) -> None:
    """Take in nothing more of what is sent there."""
    with opened(current=False) as bahi:
        bahi.ledger.vault.remove_webhook(source)
    say(f"nothing is taken in from {source} any more")


def _made_for(provider: str) -> str:
    """A secret of ours. Raises `BadUsage` for a provider that makes its own."""
    if provider != _STANDARD:
        raise BadUsage(f"--secret: expected the one that {provider} shows you; - reads it")
    return f"whsec_{b64encode(secrets.token_bytes(_STANDARD_BYTES)).decode()}"


def _typed(text: str) -> str:
    """What was typed; for - what comes on stdin, so that it is not in the shell's history."""
    given = (sys.stdin.read() if text == "-" else text).strip()
    if not given:
        raise BadUsage("--secret: expected a secret, came nothing")
    return given


def _named(text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= _NAME_LENGTH or not text.isprintable():
        raise BadUsage(f"--name: expected up to {_NAME_LENGTH} characters that can be printed")
    return text


def _source(text: str, allowed: re.Pattern[str], what: str) -> str:
    if allowed.fullmatch(text) is None or OURS.fullmatch(text):
        raise BadUsage(f"{what}: expected a name such as web or till-7, and not one of ours")
    return text


def _origin(text: str) -> str:
    """A page's origin as browsers write it. Raises `BadUsage`."""
    told = text.strip().casefold().removesuffix("/")
    read = _ORIGIN.fullmatch(told)
    if read is None or int(read[2] or 0) > _PORTS:
        raise BadUsage("--origin: expected scheme and host, such as https://shop.example")
    return told.removesuffix(_USUAL[read[1]])


def _tell(key: ApiKey, secret: str, *, json: bool) -> None:
    """Show a secret, which is the only time that anybody does."""
    if json:
        write_json({"id": key.id, "key": secret, "name": key.name, "role": key.role})
        return
    say(f"key {key.id} for {key.name}, {key.role}; it is shown this once:")
    out.print(secret, soft_wrap=True)


def _row(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role,
        "source": key.source,
        "kind": "client" if key.public else "server",
        "made_at": shown(key.made_at),
        "expires_at": None if key.expires_at is None else shown(key.expires_at),
        "expired": key.expired(now),
        "origins": list(key.origins),
    }
