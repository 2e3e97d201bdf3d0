"""What the demo's privacy office did by the end of June: its people had asked for nothing until then."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.wiring import Bahi
from commands.privacy import proceed, request_id
from commands.privacy.erasing import erase
from commands.profile import open_profile
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.identifiers import Identifier

LAST_DAY = datetime(2026, 6, 30, 8, tzinfo=UTC)
"""When all of it is written down; requests are dated when they were received."""

_REQUESTS: tuple[tuple[str, str, str, str, str, str, dict[str, str]], ...] = (
    # Who asked, on which day, for what, by which law, and what was done on which day since.
    ("m0021", "05-11", "access", "gdpr", "DE", "Europe/Berlin", {"verified": "05-13"}),
    ("m0178", "05-26", "erasure", "gdpr", "IE", "Europe/Dublin", {"verified": "05-28"}),
    ("m0230", "06-02", "access", "gdpr", "DE", "Europe/Berlin", {"verified": "06-03", "fulfilled": "06-12"}),
    ("m0500", "06-15", "access", "ccpa", "US", "America/New_York", {}),
    ("m0731", "06-20", "erasure", "lgpd", "BR", "America/Sao_Paulo", {"verified": "06-22"}),
    ("m0044", "06-22", "portability", "gdpr", "DE", "Europe/Berlin", {"challenged": "06-23"}),
)  # fmt: skip
_OPENED = (
    # Whose data, by whom, what for, and how many hours into the day.
    ("m1264", "asha", "service", 1), ("m1264", "asha", "service", 5), ("m0044", "asha", "service", 6),
    ("m0021", "ben", "privacy", 2), ("m0230", "ben", "privacy", 3), ("m0311", "ben", "curiosity", 4),
)  # fmt: skip
_ERASED = ("m0007", "m0300", "m0900")


class Clock:
    """A day that goes on as it is told to."""

    def __init__(self) -> None:
        self.now = LAST_DAY

    def __call__(self) -> datetime:
        return self.now


def work(bahi: Bahi, clock: Clock) -> None:
    """Requests received and answered, one of them held up; data opened; three people erased."""
    for step in _steps(bahi):
        proceed(bahi.desk, step, RULES[type(step.payload)])
    held = _customer(bahi, "m0178")
    claim = _written(
        bahi, "hold.placed", "claim-7", "05-29", held, hold="claim-7", ground="litigation"
    )
    bahi.desk.carry_out(claim, RULES[type(claim.payload)])
    for login, who, purpose, hours in sorted(_OPENED, key=lambda row: row[-1]):
        clock.now = LAST_DAY + timedelta(hours=hours)
        members = bahi.history.persons().members(_customer(bahi, login))
        open_profile(
            bahi.ledger, members, actor=bahi.staff(who), purpose=purpose, reason="asked", clock=clock
        )  # fmt: skip
    clock.now = LAST_DAY + timedelta(hours=9)
    gone = [_customer(bahi, login) for login in _ERASED]
    erase(bahi.office, gone, legal_basis="gdpr-17-1-b", actor=bahi.staff("ben"))


def _steps(bahi: Bahi) -> Iterator[Touchpoint]:
    for login, day, right, law, country, zone, since in _REQUESTS:
        customer, request = _customer(bahi, login), request_id(bahi.ledger, "office", login)
        asked = {"request": request, "right": right, "law": law, "due_on": "2000-01-01"}
        place = {"jurisdiction": country, "time_zone": zone}
        yield _written(bahi, "requested", login, day, customer, **asked, **place)
        for verb, then in since.items():
            yield _written(bahi, verb, f"{verb} {login}", then, customer, request=request)


def _written(
    bahi: Bahi, what: str, message: str, day: str, customer: UUID, **data: object
) -> Touchpoint:
    topic = what if "." in what else f"privacy.{what}"
    at = datetime.fromisoformat(f"2026-{day}T10:00:00+00:00")
    payload = catalogue.parse(topic, data, at_a_door=False)
    return Touchpoint(payload, at, "office", message, customer=customer, actor=bahi.staff("asha"))


def _customer(bahi: Bahi, login: str) -> UUID:
    found = bahi.ledger.vault.look_up(Identifier("user", login))
    assert found is not None
    return found
