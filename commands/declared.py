"""What the company lays down under a name, and may lay down anew: pipelines, goals, schemas."""

from collections.abc import Mapping
from typing import ClassVar

from eventsourcing.dcb.domain import Selector

from commands.custom import check_schema
from commands.deciding import Rule
from ledger.catalogue import EventType
from ledger.catalogue.reference import SchemaRegistered
from ledger.catalogue.sales import GoalSet, PipelineDefined
from ledger.event import Recorded


class Declared(Rule):
    """Of one name, the latest counts; so nothing is laid down before what it is to replace.

    A pipeline may lose a stage in which deals stand: to look at every deal would make each of them
    wait for the others. They are shown where they are, and can only leave.
    """

    NAMED_BY: ClassVar[Mapping[type[EventType], str]] = {
        PipelineDefined: "pipeline",
        GoalSet: "goal",
        SchemaRegistered: "event_name",
    }

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=[type(self.proposed.payload)])]

    def counts(self, recorded: Recorded) -> bool:
        """Other names have nothing to do with this one."""
        payload = self.proposed.payload
        name = self.NAMED_BY[type(payload)]
        return bool(recorded.event.data[name] == getattr(payload, name))

    def decide(self) -> None:
        """Any may be laid down."""


class RegisterSchema(Declared):
    """Only a schema by which events can be split."""

    def decide(self) -> None:
        payload = self.proposed.payload
        assert isinstance(payload, SchemaRegistered)
        check_schema(payload.event_name, payload.safe_properties)
