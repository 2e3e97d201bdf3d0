"""Whom and what the rows of a mapping happen to: a person, perhaps one, nobody; and which deal or task."""

from decimal import Decimal

import pytest

from ledger.catalogue import Retention
from ledger.errors import DefinitionRefused
from streams.files import parse_mapping, touchpoint_of

CALLS = 'source = "s"\n[event]\ntype = "task.completed"\noccurred_at = "at"\n'
PERSON = '[identifiers]\nuser = "who"\n'
RAW = {"at": "2026-01-02T03:04:05Z", "who": "u1"}

REFUSED: list[tuple[str, str]] = [
    (CALLS, "m.toml: references.task: task.completed does not say which task it happens to; such as task = \"task_id\""),
    (CALLS + '[references]\norder = "no"\n',
     "m.toml: references.task: task.completed does not say which task it happens to; such as task = \"task_id\""),
    (CALLS.replace('"task.completed"', '{ column = "k", map = { a = "order.cancelled", b = "ticket.closed" } }') + PERSON,
     "m.toml: references.ticket: ticket.closed does not say which ticket it happens to; such as ticket = \"ticket_id\""),
    (CALLS.replace('"task.completed"', '"member.left"') + '[references]\naccount = "firm"\n',
     'm.toml: identifiers: member.left is about a person; such as user = "customer_id"'),
    (CALLS.replace('"task.completed"', '"campaign.launched"'),
     "m.toml: tags.campaign: campaign.launched does not say which campaign it happens to; such as campaign = \"campaign_id\""),
    (CALLS.replace('"task.completed"', '"campaign.launched"') + '[tags]\ncampaign = "c"\n' + PERSON,
     "m.toml: identifiers: campaign.launched is about nobody; leave them out"),
    (CALLS.replace('"task.completed"', '"schema.registered"'),
     "m.toml: event.type: only commands may append schema.registered; a type that a door may append"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_mapping_that_says_too_little_or_too_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        parse_mapping(text, "m.toml")
    assert str(caught.value) == message


def test_what_may_be_about_somebody_takes_identifiers_or_none() -> None:
    tasks = CALLS + '[references]\ntask = "no"\n'
    for text, named in ((tasks, []), (tasks + PERSON, [("user", "u1")])):
        found = touchpoint_of({**RAW, "no": 7}, parse_mapping(text), row_id="1")
        assert [(i.kind, i.value) for i in found.identifiers] == named
        assert [(r.kind, r.value) for r in found.references] == [("task", "7")]


def test_of_mixed_rows_only_those_about_somebody_name_them() -> None:
    kinds = '{ column = "kind", map = { out = "campaign.launched", ad = "ad.clicked" } }'
    mapping = parse_mapping(
        CALLS.replace('"task.completed"', kinds) + PERSON + '[tags]\ncampaign = "c"\n'
    )
    for kind, named in (("out", []), ("ad", ["u1"])):
        found = touchpoint_of({**RAW, "kind": kind, "c": "may"}, mapping, row_id="1")
        assert [i.value for i in found.identifiers] == named
        assert found.tags == {"campaign": "may"}


def test_a_custom_event_is_mapped_with_properties_of_any_shape() -> None:
    text = CALLS.replace('"task.completed"', '"custom.tracked"') + PERSON
    text += '[fields]\ntracked_name = "what"\ntracked_properties = "more"\n'
    for more in ('{"कब": 12.50, "b": [null]}', {"कब": Decimal("12.50"), "b": [None]}):
        found = touchpoint_of(
            {**RAW, "what": "बिका", "more": more}, parse_mapping(text), row_id="1"
        )
        assert found.payload.personal() == {
            Retention.BEHAVIOUR: {
                "tracked_name": "बिका",
                "tracked_properties": {"कब": 12.5, "b": [None]},
            }
        }
