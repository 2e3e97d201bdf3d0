"""Our book passes the eventsourcing library's own suite, and runs its applications."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.application import DCBApplication
from eventsourcing.dcb.domain import (
    Decision,
    EnduringObject,
    InitialDecision,
    Selector,
    Slice,
    Tagged,
)
from eventsourcing.dcb.persistence import DCBMapper
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.domain import event
from eventsourcing.persistence import IntegrityError, ProgrammingError
from eventsourcing.utils import get_topic, resolve_topic

from ledger.dcb import BookRecorder
from ledger.stores import open_book
from tests.ledger.samples import an_event


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book'}"
    return f"{request.getfixturevalue('postgres_url')}?schema=dcb_{uuid4().hex}"


@pytest.fixture
def recorder(address: str) -> Iterator[BookRecorder]:
    with open_book(address) as book:
        yield BookRecorder(book)


# ---- the recorder


def test_the_librarys_suite_of_appending_and_reading(recorder: BookRecorder) -> None:
    DCBRecorderTestCase()._test_append_read(recorder)


def test_the_librarys_suite_of_appending_and_reading_in_a_book_that_is_not_empty(
    recorder: BookRecorder,
) -> None:
    recorder.append([DCBEvent("another", b"", ["some:tag"])] * 3)
    DCBRecorderTestCase()._test_append_read(recorder, initial_position=3)


def test_the_librarys_suite_of_appending_and_subscribing(recorder: BookRecorder) -> None:
    DCBRecorderTestCase()._test_append_subscribe(recorder)


def test_opaque_bytes_and_tags_come_back_as_they_were(recorder: BookRecorder) -> None:
    given = DCBEvent("type", bytes(range(256)), ["b", "a", "ü:1"])
    recorder.append([given])
    assert [found.event for found in recorder.read()] == [given]


def test_an_event_of_the_catalogue_reads_as_its_envelope(recorder: BookRecorder) -> None:
    recorder.book.append([an_event(1, tags=("market:IN",), about=1)])
    (recorded,) = recorder.book.read()
    (found,) = recorder.read(DCBQuery([DCBQueryItem(["order.placed"], ["market:IN"])]))
    assert found.event.data == recorded.body
    assert found.event.tags == ["market:IN", f"customer:{recorded.event.customer}"]


def test_errors_are_the_librarys(recorder: BookRecorder) -> None:
    with pytest.raises(ProgrammingError, match=r"^expected at least one event, came none$"):
        recorder.append([])
    recorder.append([DCBEvent("type", b"", ["tag"])])
    nothing_with_the_tag = DCBAppendCondition(DCBQuery([DCBQueryItem(tags=["tag"])]))
    with pytest.raises(IntegrityError, match=r"found one at position 1$"):
        recorder.append([DCBEvent("type", b"")], nothing_with_the_tag)


def test_a_subscription_hands_over_what_stopped_it(recorder: BookRecorder) -> None:
    with recorder.subscribe() as subscription:
        recorder.append([DCBEvent("type", b"")])
        assert next(subscription).position == 1
        subscription._thread_error = OSError("the disk is gone")
        subscription.stop()
        with pytest.raises(OSError, match=r"^the disk is gone$"):
            next(subscription)


# ---- an application


class JsonMapper(DCBMapper[Decision]):
    def to_dcb_event(self, event: Tagged[Decision]) -> DCBEvent:
        data = json.dumps(event.decision.as_dict()).encode()
        return DCBEvent(get_topic(type(event.decision)), data, event.tags)

    def to_domain_event(self, event: DCBEvent) -> Tagged[Decision]:
        decision = resolve_topic(event.type)(**json.loads(event.data))
        return Tagged(event.tags, decision)


@dataclass(frozen=True)
class CourseOpened(InitialDecision):
    course_id: str
    originator_topic: str
    places: int


@dataclass(frozen=True)
class PlacesChanged(Decision):
    places: int


@dataclass(frozen=True)
class StudentJoined(Decision):
    pass


class Course(EnduringObject[Decision]):
    """One thing with a life of its own."""

    @event(CourseOpened)
    def __init__(self, *, places: int) -> None:
        self.places = places

    @event(PlacesChanged)
    def change_places(self, *, places: int) -> None:
        self.places = places


class Join(Slice[Decision]):
    """A decision over several: places of the course, and who is in it."""

    def __init__(self, course: str, student: str) -> None:
        self.course, self.student = course, student
        self.places, self.joined = 0, 0

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=type(self).projected_types, tags=[self.course])]

    @event(CourseOpened)
    def _(self, places: int) -> None:
        self.places = places

    @event(PlacesChanged)
    def _(self, places: int) -> None:
        self.places = places

    @event(StudentJoined)
    def _(self) -> None:
        self.joined += 1

    def execute(self) -> None:
        if self.joined >= self.places:
            raise ValueError("the course is full")
        self.trigger_event(StudentJoined, [self.course, self.student])


@pytest.fixture
def school(address: str) -> Iterator[DCBApplication]:
    env = {
        "PERSISTENCE_MODULE": "ledger.dcb",
        "BAHI_LEDGER": address,
        "MAPPER_TOPIC": get_topic(JsonMapper),
    }
    with DCBApplication(env) as school:
        yield school


def test_an_enduring_object_lives_in_our_book(school: DCBApplication, address: str) -> None:
    course = Course(places=1)
    school.repository.save(course)
    again = school.repository.get(course.id)
    assert isinstance(again, Course)
    again.change_places(places=2)
    school.repository.save(again)
    with open_book(address) as book:
        assert [r.event.tags for r in book.read()] == [(course.id,)] * 2
    last = school.repository.get(course.id)
    assert isinstance(last, Course)
    assert (last.places, last.last_known_position) == (2, 2)


def test_a_stale_object_is_not_saved(school: DCBApplication) -> None:
    course = Course(places=1)
    school.repository.save(course)
    one, other = (school.repository.get(course.id) for _ in range(2))
    for stale in (one, other):
        assert isinstance(stale, Course)
        stale.change_places(places=5)
    school.repository.save(one)
    with pytest.raises(IntegrityError, match=r"found one at position 2$"):
        school.repository.save(other)


def test_a_slice_decides_by_what_is_in_our_book(school: DCBApplication) -> None:
    course = Course(places=2)
    school.repository.save(course)
    for student in ("anna", "ben"):
        school.do(Join(course.id, student))
    with pytest.raises(ValueError, match=r"^the course is full$"):
        school.do(Join(course.id, "chen"))
    decided_before = school.repository.advance(Join(course.id, "chen"))
    more = school.repository.get(course.id)
    assert isinstance(more, Course)
    more.change_places(places=3)
    school.repository.save(more)
    decided_before.places = 3
    decided_before.execute()
    with pytest.raises(IntegrityError, match=r"found one at position 4$"):
        school.repository.save(decided_before)
    school.do(Join(course.id, "chen"))
    assert school.recorder.read().head == 5
