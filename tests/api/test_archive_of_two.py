"""An event that tells of somebody else, in the archive of each of the two."""

from pathlib import Path
from uuid import UUID

import pytest

from ledger.opening import Ledger
from tests.api.archives import exported, wanted
from tests.commands.samples import DAY, NOW, customer_of, opened, take, touchpoint


def recommending(ledger: Ledger, referred: str) -> UUID:
    """Whoever has told somebody of us."""
    data = {"program": "friends", "referred": referred}
    who, tags = [("user", "u1")], {"market": "DE", "campaign": "spring"}
    made = touchpoint("r", "referral.made", who=who, at=NOW - DAY, data=data, tags=tags)
    take(ledger, made)
    customer = customer_of(ledger, "user", "u1")
    assert customer is not None
    return customer


@pytest.mark.parametrize("referred", ["zanna@example.org", "my neighbour zanna"])
def test_whom_they_recommended_us_to_is_not_told_them(
    folder: Path, tmp_path: Path, referred: str
) -> None:
    with opened(folder) as ledger:
        customer = recommending(ledger, referred)
        for portability in (False, True):
            written, archive = exported(ledger, tmp_path, wanted(customer, portability=portability))
            line = next(line for line in archive.lines("events") if line["type"] == "referral.made")
            assert (line["withheld"], line["data"]) == (1, {"program": "friends"})
            assert line["personal"] == {"identity": {"identifiers": [["user", "u1"]]}}
            assert "zanna" not in archive
            assert written.missing == {"withheld": 1}


def test_but_them_and_not_who_it_was(folder: Path, tmp_path: Path) -> None:
    with opened(folder) as ledger:
        customer = recommending(ledger, "Zanna <zanna@example.org>")
        zanna = customer_of(ledger, "email", "zanna@example.org")
        assert zanna is not None
        _, archive = exported(ledger, tmp_path, wanted(zanna))
        _, portable = exported(ledger, tmp_path, wanted(zanna, portability=True))
        _, both = exported(ledger, tmp_path, wanted(customer, zanna))
    line = next(line for line in archive.lines("events") if line["type"] == "referral.made")
    named = [["email", "zanna@example.org"]]
    told = {"identifiers": named, "referred": "Zanna <zanna@example.org>"}
    assert (line["personal"], line["withheld"]) == ({"identity": told}, 1)
    assert (line["data"], line["customer"], line["tags"]) == ({"program": "friends"}, None, [])
    assert str(customer) not in archive
    assert "u1" not in str(line)
    (one,) = archive.json()["identifiers"]
    assert [one["kind"], one["value"]] == named[0]
    assert "referral.made" not in portable
    line = next(line for line in both.lines("events") if line["type"] == "referral.made")
    told = {"identifiers": [["user", "u1"], *named], "referred": "Zanna <zanna@example.org>"}
    assert line["personal"] == {"identity": told}
    assert "withheld" not in line
    assert line["customer"] == str(customer)
