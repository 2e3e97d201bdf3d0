"""Every route with every key: the table of roles as it was agreed, written down a second time, walked cell by cell."""

import asyncio
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.http.app import application
from api.http.guard import Guarded
from api.http.guard import router as guarded
from api.http.roles import MAY, Role
from api.http.running.logs import log_to
from api.http.serving import Serving
from api.wiring import Bahi
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.api.http.little import PAGE, bearing

OWN, FOREIGN = "shop", "bank"
"""The source of every key here, and another's."""

# + let in, also to what is another source's    o let in, to its own source's alone    . refused
TABLE = """
                                                  ingest service analyst marketing agent auditor officer admin client nobody
POST   /v1/events                                 +      +       .       .         +     .       .       +     +      .
POST   /v1/identify                               +      +       .       .         +     .       .       +     +      .
POST   /v1/track                                  +      +       .       .         +     .       .       +     +      .
POST   /v1/page                                   +      +       .       .         +     .       .       +     +      .
POST   /v1/screen                                 +      +       .       .         +     .       .       +     +      .
POST   /v1/group                                  +      +       .       .         +     .       .       +     +      .
POST   /v1/alias                                  +      +       .       .         +     .       .       +     +      .
POST   /v1/batch                                  +      +       .       .         +     .       .       +     +      .
POST   /v1/i                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/t                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/p                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/s                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/g                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/a                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/b                                      +      +       .       .         +     .       .       +     +      .
POST   /v1/webhooks/{source}                      +      +       +       +         +     +       +       +     +      +
GET    /v1/dead-letters                           o      o       .       .         .     .       +       +     .      .
POST   /v1/dead-letters/{letter}/replay           o      o       .       .         .     .       +       +     .      .
POST   /v1/dead-letters/{letter}/open             .      .       .       .         .     .       +       .     .      .
POST   /v1/pipelines                              .      +       .       .         +     .       .       +     .      .
POST   /v1/goals                                  .      +       .       .         +     .       .       +     .      .
POST   /v1/deals                                  .      +       .       .         +     .       .       +     .      .
POST   /v1/deals/search                           .      +       .       .         +     .       .       +     .      .
GET    /v1/deals/{deal}                           .      +       +       +         +     +       +       +     .      .
POST   /v1/deals/{deal}/move                      .      +       .       .         +     .       .       +     .      .
POST   /v1/deals/{deal}/price                     .      +       .       .         +     .       .       +     .      .
POST   /v1/deals/{deal}/win                       .      +       .       .         +     .       .       +     .      .
POST   /v1/deals/{deal}/lose                      .      +       .       .         +     .       .       +     .      .
POST   /v1/deals/{deal}/reopen                    .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets                                .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/search                         .      +       .       .         +     .       .       +     .      .
GET    /v1/tickets/{ticket}                       .      +       +       +         +     +       +       +     .      .
POST   /v1/tickets/{ticket}/reply                 .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/{ticket}/assign                .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/{ticket}/escalate              .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/{ticket}/resolve               .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/{ticket}/reopen                .      +       .       .         +     .       .       +     .      .
POST   /v1/tickets/{ticket}/close                 .      +       .       .         +     .       .       +     .      .
POST   /v1/tasks                                  .      +       .       .         +     .       .       +     .      .
POST   /v1/tasks/search                           .      +       .       .         +     .       .       +     .      .
GET    /v1/tasks/{task}                           .      +       +       +         +     +       +       +     .      .
POST   /v1/tasks/{task}/schedule                  .      +       .       .         +     .       .       +     .      .
POST   /v1/tasks/{task}/complete                  .      +       .       .         +     .       .       +     .      .
POST   /v1/accounts                               .      +       .       .         +     .       .       +     .      .
POST   /v1/accounts/search                        .      +       .       .         +     .       .       +     .      .
GET    /v1/accounts/{account}                     .      +       +       +         +     +       +       +     .      .
POST   /v1/accounts/{account}/identify            .      +       .       .         +     .       .       +     .      .
POST   /v1/accounts/{account}/join                .      +       .       .         +     .       .       +     .      .
POST   /v1/accounts/{account}/leave               .      +       .       .         +     .       .       +     .      .
POST   /v1/notices                                .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/request                       .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/give                          .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/refuse                        .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/withdraw                      .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/object                        .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/lift                          .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/unsubscribe                   .      +       .       .         +     .       +       .     .      .
POST   /v1/consents/may                           .      +       .       +         +     .       +       .     .      .
POST   /v1/consents/history                       .      +       .       .         +     .       +       .     .      .
POST   /v1/merges                                 .      .       .       .         +     .       +       .     .      .
POST   /v1/splits                                 .      .       .       .         +     .       +       .     .      .
GET    /v1/privacy/discovery                      .      +       .       .         +     .       +       .     .      .
POST   /v1/privacy/requests                       .      +       .       .         +     .       +       .     .      .
GET    /v1/privacy/requests                       .      .       .       .         .     .       +       .     .      .
GET    /v1/privacy/requests/{request}             .      o       .       .         .     .       +       .     .      .
DELETE /v1/privacy/requests/{request}             .      o       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/confirm     .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/challenge   .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/verify      .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/extend      .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/refuse      .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/requests/{request}/fulfil      .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/holds                          .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/holds/release                  .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/restrictions                   .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/restrictions/lift              .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/erasures                       .      .       .       .         .     .       +       .     .      .
POST   /v1/privacy/erasures/plan                  .      .       .       .         .     .       +       .     .      .
GET    /v1/events                                 .      +       .       .         .     +       .       +     .      .
POST   /v1/customers/search                       .      +       .       +         +     .       +       .     .      .
GET    /v1/customers/{customer}                   .      +       +       +         +     +       +       +     .      .
GET    /v1/customers/{customer}/timeline          .      +       +       +         +     +       +       +     .      .
POST   /v1/customers/{customer}/open              .      .       .       .         +     .       +       .     .      .
GET    /v1/views                                  .      +       +       +         +     +       +       +     .      .
GET    /v1/views/{name}                           .      +       +       +         +     +       +       +     .      .
GET    /healthz                                   +      +       +       +         +     +       +       +     +      +
GET    /readyz                                    +      +       +       +         +     +       +       +     +      +
GET    /metrics                                   .      .       .       .         .     +       .       +     .      .
GET    /openapi.json                              +      +       +       +         +     +       +       +     +      +
GET    /problems/{name}                           +      +       +       +         +     +       +       +     +      +
"""

Route = tuple[str, str]


def read_table() -> tuple[list[str], dict[Route, dict[str, str]]]:
    """Columns, and each route's cells by column."""
    head, *lines = TABLE.strip("\n").splitlines()
    columns = head.split()
    rows: dict[Route, dict[str, str]] = {}
    for line in lines:
        method, path, *cells = line.split()
        assert (method, path) not in rows, line
        rows[method, path] = dict(zip(columns, cells, strict=True))
    return columns, rows


COLUMNS, ROWS = read_table()
SCOPED = ("letter", "request")
"""What has a source, to whom it may be shown and to no other."""
REFUSED = {"no-key", "not-for-this-role", "foreign-scope", "foreign-origin", "too-many-requests"}


@dataclass(frozen=True)
class Door:
    """The whole application, keys of every role, and a dead letter and a request of each of two sources."""

    app: Any
    heads: Mapping[str, Mapping[str, str]]
    things: Mapping[str, Mapping[str, UUID]]

    def path(self, path: str, source: str) -> str:
        """A path with something in each of its places."""
        told = {"name": "customer_360", "source": "nobody"}
        told |= {kind: str(self.things[kind][source]) for kind in SCOPED}
        return re.sub(r"{(\w+)}", lambda found: str(told.get(found[1], uuid4())), path)

    def outcomes(self, route: Route) -> dict[tuple[str, str], str]:
        """What each column is told of its own, and of another source's."""
        return asyncio.run(self._outcomes(*route))

    async def _outcomes(self, method: str, path: str) -> dict[tuple[str, str], str]:
        transport = httpx.ASGITransport(self.app)
        scoped = any(f"{{{kind}}}" in path for kind in SCOPED)
        scopes = (FOREIGN, OWN) if scoped else (OWN,)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            found = {}
            for column, scope in product(COLUMNS, scopes):
                body: Any = None if method == "GET" else {}
                answer = await client.request(
                    method, self.path(path, scope), headers=self.heads[column], json=body
                )
                found[column, scope] = told(answer)
        return found


def told(answer: httpx.Response) -> str:
    """Why somebody was refused, or `in` where they were not."""
    assert answer.status_code < 500, answer.text
    if answer.headers.get("content-type") != "application/problem+json":
        return "in"
    kind: str = answer.json()["type"].removeprefix("/problems/")
    return kind if kind in REFUSED else "in"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    home: Path = tmp_path_factory.mktemp("roles")
    with Bahi.open(Settings(home=home)) as bahi:
        vault, now = bahi.ledger.vault, bahi.clock()
        heads: dict[str, dict[str, str]] = {"nobody": {}}
        roles = dict(zip(COLUMNS[:-2], Role, strict=True))
        for column, role in roles.items():
            heads[column] = bearing(vault.issue(ApiKey(uuid4(), column, role, OWN, False, now)))
        client = ApiKey(uuid4(), "client", Role.INGEST, OWN, True, now, origins=(PAGE,))
        heads["client"] = {**bearing(vault.issue(client)), "origin": PAGE}
        serving = Serving(bahi)
        app = application(serving, log_to(io.StringIO()))
        foreign = {
            name: bearing(vault.issue(ApiKey(uuid4(), "bank", role, FOREIGN, False, now)))
            for name, role in (("ingest", Role.INGEST), ("service", Role.SERVICE))
        }
        both = {OWN: heads, FOREIGN: foreign}
        requests = {source: asyncio.run(prepare(app, mine)) for source, mine in both.items()}
        letters = {letter.door.partition(":")[2]: letter.id for letter in vault.letters()}
        yield Door(app, heads, {"letter": letters, "request": requests})
        serving.close()


async def prepare(app: Any, heads: Mapping[str, Mapping[str, str]]) -> UUID:
    """Hand in what is refused, and a request about somebody's data; the id of that."""
    event = {"id": "1", "type": "no.such", "occurred_at": "2026-01-31T12:00:00Z"}
    whom = {"identity_type": "email", "identity_value": "zoe@example.com", "identity_format": "raw"}
    asked = {
        "regulation": "gdpr",
        "subject_request_id": str(uuid4()),
        "subject_request_type": "access",
        "subject_identities": [whom],
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://d") as client:
        refused = await client.post("/v1/events", headers=heads["ingest"], json=event)
        assert refused.status_code == 422
        made = await client.post("/v1/privacy/requests", headers=heads["service"], json=asked)
        assert made.status_code == 201, made.text
        return UUID(made.json()["request"])


# ---- the table


def test_the_columns_are_the_roles_and_those_who_have_none() -> None:
    spelled = [column.replace("officer", "privacy_officer") for column in COLUMNS]
    assert spelled == [*Role, "client", "nobody"]


def test_every_route_that_is_served_stands_in_both_tables_and_no_other(door: Door) -> None:
    served = {
        (method, context.path)
        for context in iter_route_contexts(door.app.routes)
        for method in context.methods or ()
    }
    assert served == ROWS.keys() == MAY.keys()


def test_no_route_gets_around_the_guard(door: Door) -> None:
    kinds = {type(context.original_route) for context in iter_route_contexts(door.app.routes)}
    assert kinds == {Guarded}


def test_a_route_that_is_not_in_the_table_is_not_served() -> None:
    with pytest.raises(LookupError, match="in the table of roles, found it nowhere"):
        guarded().add_api_route("/v1/unheard-of", lambda: None, methods=["GET"])


@pytest.mark.parametrize("route", ROWS, ids=" ".join)
def test_each_key_is_let_in_where_it_may_and_nowhere_else(door: Door, route: Route) -> None:
    expected = {}
    outcomes = door.outcomes(route)
    for column, scope in outcomes:
        cell = ROWS[route][column]
        refused = "no-key" if column == "nobody" else "not-for-this-role"
        beyond = "foreign-scope" if scope == FOREIGN and cell == "o" else "in"
        expected[column, scope] = refused if cell == "." else beyond
    assert outcomes == expected
