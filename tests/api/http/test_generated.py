"""A client that is written from the contract, by a program that knows nothing else of us, works."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx

from api.wiring import Bahi
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.api.http.running import served
from tests.servers.generator import write_client

USING = """
import sys
from datetime import UTC, datetime

from written import AuthenticatedClient
from written.api.deals import define_pipeline, move_deal, open_deal
from written.api.reading import get_customer, get_view, search_customers
from written.api.touchpoints_in import record_events
from written.models import (
    DefinePipeline, Event, EventData, EventIdentifiers, MoveDeal, OpenDeal, Problem, Search
)

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
order = Event(
    id="A-1", type_="order.placed", occurred_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    identifiers=EventIdentifiers.from_dict({"user": "u1"}),
    data=EventData.from_dict({"currency": "EUR", "amount_minor": 1250}),
)
taken = record_events.sync(client=client, body=order)
assert (taken.status, taken.position) == ("appended", 1), taken
assert record_events.sync(client=client, body=order).status == "duplicate"

asked = Search.from_dict({"identifier": {"kind": "user", "value": "u1"}})
(customer,) = search_customers.sync(client=client, body=asked).customers
page = get_customer.sync(customer, client=client, min_position=taken.position)
assert page.to_dict()["views"]["customer_360"][0]["orders"] == 1, page
rows = get_view.sync("customer_money", client=client).rows
assert [row.to_dict()["ordered"] for row in rows] == [1250]

stages = [{"stage": "lead", "win_percent": 10}, {"stage": "won", "win_percent": 90}]
pipeline = DefinePipeline.from_dict({"pipeline": "office", "stages": stages})
define_pipeline.sync(client=client, body=pipeline)
deal = open_deal.sync(
    client=client,
    body=OpenDeal.from_dict({"reference": "D-1", "pipeline": "office", "identifiers": {"user": "u1"}}),
)
moved = move_deal.sync_detailed(deal.deal, client=client, body=MoveDeal.from_dict({"stage": "won"}))
assert moved.status_code == 201, moved
refused = move_deal.sync(deal.deal, client=client, body=MoveDeal.from_dict({"stage": "nowhere"}))
assert isinstance(refused, Problem), refused
print(refused.type_)
"""


def test_a_client_written_from_the_contract_works(tmp_path: Path) -> None:
    with Bahi.open(Settings(home=tmp_path / "home")) as bahi, served(bahi) as address:
        now = bahi.clock()
        key = bahi.ledger.vault.issue(ApiKey(uuid4(), "shop", "service", "shop", False, now))
        contract = tmp_path / "openapi.json"
        contract.write_bytes(httpx.get(f"{address}/openapi.json").content)
        path = write_client(contract, tmp_path)

        done = subprocess.run(
            [sys.executable, "-c", USING, address, key],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "/problems/not-allowed\n"
