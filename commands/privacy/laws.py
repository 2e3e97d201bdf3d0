"""What each law says of requests: by when they are answered, how long that may take, what may be refused.

**Regulation (EU) 2016/679 (GDPR).** Art. 12(3): within one month of receipt, and two more where that
is necessary and the person is told so within the first. Months are counted by Regulation (EEC,
Euratom) No 1182/71, see `days`; the three months of an extended request are one period, counted from
receipt. While identity is being asked for, on reasonable doubts (Art. 12(6)) and without delay, time
stands still: EDPB, Guidelines 01/2022 on the right of access, section 5.3, speaks of a suspension until
the information is there. So as many days as that took are added before weekends and holidays are
looked at.

**California (CCPA).** 11 CCR § 7021: receipt is confirmed within 10 business days; the answer takes
45 calendar days from receipt, however long verifying takes, and with notice and reasons 45 more. A
request to opt out of sale and sharing, or to limit the use of what is sensitive, is complied with
within 15 business days, unverified: §§ 7026, 7027. Neither says what a business day is: here it is
Monday to Friday, without federal holidays.

**Brazil (LGPD).** Lei 13.709/2018 Art. 19 II: 15 days from the request, with no way to prolong them.
It says so of access; we keep to it for every right.

Where a law leaves it open whether the last day moves from a weekend, it stays: an answer that is
early wrongs nobody.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple, assert_never

from commands.privacy.days import DAY, months_after, working_day_from, working_days_after
from ledger.catalogue.privacy import Law, Right

UNVERIFIED: Mapping[Law, frozenset[Right]] = {
    "gdpr": frozenset(),
    "ccpa": frozenset({"objection", "restriction"}),
    "lgpd": frozenset(),
}
"""Rights that are to be granted without asking who somebody is: in California, opting out and limiting."""

WAITS_FOR_IDENTITY: frozenset[Law] = frozenset({"gdpr"})
"""Laws whose clock stands still while identity is being asked for."""

_AMERICA = "US"
_DELETION: tuple[Right, ...] = ("erasure",)
_COPY: tuple[Right, ...] = ("access", "portability")
_EVERY: tuple[Right, ...] = (
    "access", "portability", "erasure", "rectification", "restriction", "objection",
)  # fmt: skip


def answer_by(
    law: Law,
    right: Right,
    received: date,
    country: str | None,
    *,
    extended: bool = False,
    waited_days: int = 0,
) -> date:
    """The last day for an answer to what came on `received`, by the holidays of `country`.

    `waited_days` is how long identity was being asked for, where the law's clock waits for it.
    """
    match law:
        case "gdpr":
            last = months_after(received, 3 if extended else 1) + waited_days * DAY
            return working_day_from(last, country)
        case "ccpa":
            if right in UNVERIFIED[law]:
                return working_days_after(received, 15, _AMERICA)
            return received + timedelta(days=90 if extended else 45)
        case "lgpd":
            return received + timedelta(days=15)
        case _:
            assert_never(law)


def confirm_by(law: Law, right: Right, received: date) -> date | None:
    """The last day for telling them that it has come; None where the law does not ask for that."""
    if law == "ccpa" and right not in UNVERIFIED[law]:
        return working_days_after(received, 10, _AMERICA)
    return None


class Ground(NamedTuple):
    """A reason that a law knows: where it stands, for which rights, and whether only for strangers."""

    article: str
    rights: tuple[Right, ...] = _EVERY
    unverified: bool = False


REFUSALS: Mapping[Law, Mapping[str, Ground]] = {
    "gdpr": {
        "cannot-identify": Ground("Art. 11(2), 12(2)", unverified=True),
        "unfounded": Ground("Art. 12(5)"),
        "excessive": Ground("Art. 12(5)"),
        "rights-of-others": Ground("Art. 15(4), 20(4)", _COPY),
        "accurate": Ground("Art. 16", ("rectification",)),
        "no-case": Ground("Art. 17(1), 18(1), 21(1)", ("erasure", "restriction", "objection")),
        "free-speech": Ground("Art. 17(3)(a)", _DELETION),
        "legal-obligation": Ground("Art. 17(3)(b)", _DELETION),
        "public-health": Ground("Art. 17(3)(c)", _DELETION),
        "research": Ground("Art. 17(3)(d), 21(6)", ("erasure", "objection")),
        "legal-claims": Ground("Art. 17(3)(e), 21(1)", ("erasure", "objection")),
        "not-portable": Ground("Art. 20(1), 20(3)", ("portability",)),
        "compelling-grounds": Ground("Art. 21(1)", ("objection",)),
        "national-law": Ground("Art. 23"),
    },
    "ccpa": {
        "cannot-identify": Ground(
            "11 CCR § 7021(b)", (*_COPY, "erasure", "rectification"), unverified=True
        ),
        "unfounded": Ground("Civ. Code § 1798.145(h)(3)"),
        "excessive": Ground("Civ. Code § 1798.145(h)(3)"),
        "twice-a-year": Ground("Civ. Code § 1798.130(b)", _COPY),
        "exempt": Ground("Civ. Code § 1798.145, 1798.146"),
        "transaction": Ground("Civ. Code § 1798.105(d)(1)", _DELETION),
        "security": Ground("Civ. Code § 1798.105(d)(2)", _DELETION),
        "repair": Ground("Civ. Code § 1798.105(d)(3)", _DELETION),
        "free-speech": Ground("Civ. Code § 1798.105(d)(4)", _DELETION),
        "communications-act": Ground("Civ. Code § 1798.105(d)(5)", _DELETION),
        "research": Ground("Civ. Code § 1798.105(d)(6)", _DELETION),
        "expected-use": Ground("Civ. Code § 1798.105(d)(7)", _DELETION),
        "legal-obligation": Ground("Civ. Code § 1798.105(d)(8)", _DELETION),
        "accurate": Ground("11 CCR § 7023(b)", ("rectification",)),
        "fraudulent": Ground("11 CCR § 7026(e), 7027(f)", ("objection", "restriction")),
    },
    "lgpd": {
        "cannot-identify": Ground("Art. 18 § 3", unverified=True),
        "not-the-controller": Ground("Art. 18 § 4 I"),
        "reasons-given": Ground("Art. 18 § 4 II"),
        "trade-secret": Ground("Art. 18 V, 19 II", _COPY),
        "legal-obligation": Ground("Art. 16 I", _DELETION),
        "research": Ground("Art. 16 II", _DELETION),
        "transfer": Ground("Art. 16 III", _DELETION),
        "anonymised": Ground("Art. 16 IV", _DELETION),
    },
}
"""Why a request may be refused, by law: a code of ours and where the law says so."""

WITHDRAWN = "withdrawn"
"""Why a request ends that whoever made it took back: no law has to allow that."""

EXTENSIONS: Mapping[Law, Mapping[str, Ground]] = {
    "gdpr": {"complexity": Ground("Art. 12(3)"), "number": Ground("Art. 12(3)")},
    "ccpa": {
        "complexity": Ground("Civ. Code § 1798.145(h)(1)", (*_COPY, "erasure", "rectification")),
        "number": Ground("Civ. Code § 1798.145(h)(1)", (*_COPY, "erasure", "rectification")),
    },
    "lgpd": {},
}
"""Why an answer may take longer, by law: the request is complex, or there are many."""

HOLDS: Mapping[str, str] = {
    "litigation": "Art. 17(3)(e) GDPR: claims are made, or defended against",
    "audit": "Art. 17(3)(b) GDPR: books are being examined",
    "investigation": "Art. 17(3)(b) GDPR: an authority investigates",
    "order": "Art. 17(3)(b) GDPR: a court or an authority forbids it",
}
"""Why a person may not be erased for now, and where the law says so; the other laws know the like."""


def grounds(table: Mapping[Law, Mapping[str, Ground]], law: Law, right: Right) -> dict[str, Ground]:
    """Those of a table that a request for that right may be met with."""
    return {code: ground for code, ground in table[law].items() if right in ground.rights}
