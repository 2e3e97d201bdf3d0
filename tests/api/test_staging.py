"""Files about people while they are made: private, and gone with whoever made them, or whom they are of."""

import gc
import os
import shutil
import stat
from io import BufferedRandom
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import api.staging
from api.archive import account
from api.staging import Staging, deliver
from ledger.errors import BadUsage, Erased
from ledger.event import Recorded
from ledger.opening import Ledger
from tests.api.archives import exported, wanted, zoe
from tests.commands.samples import OPEN, opened, recorded, stores_of
from tests.ledger.processes import CUE, DIE, race, run_until_killed, start
from tests.ledger.vault_samples import sql

ANNA, PRIYA = uuid4(), uuid4()

MAKE = """
import sys
from pathlib import Path
from uuid import UUID
from api.staging import Staging
staging = Staging(Path(sys.argv[1]))
with staging.file(UUID(sys.argv[2])) as (path, file):
    file.write(b"zanna")
    file.flush()
"""
MADE_AND_DIED = MAKE + "".join(f"    {line}\n" for line in DIE.splitlines())
MAKING = MAKE + "".join(f"    {line}\n" for line in CUE.splitlines()) + "    print(path.exists())\n"

EXPORT_AND_DIE = (
    OPEN
    + """
import os, signal
from uuid import UUID
from api.archive import account
from tests.api.archives import exported, wanted
told = account._told
def told_and_dead(recorded, *more):
    if recorded.event.type == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
    return told(recorded, *more)
account._told = told_and_dead
with opened(folder) as ledger:
    exported(ledger, folder, wanted(UUID(sys.argv[2])))
"""
)


def test_a_file_is_ours_alone_and_gone_unless_it_is_delivered(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staging")
    with staging.file(ANNA) as (path, file):
        file.write(b"x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert staging.clear() == 0
        assert path.exists()
    assert list(staging.folder.iterdir()) == []
    with staging.file(ANNA) as (path, _):
        deliver(path, tmp_path / "a.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "staging"}


def test_what_a_dead_process_left_is_cleared_and_what_a_living_one_makes_is_not(
    tmp_path: Path,
) -> None:
    run_until_killed(MADE_AND_DIED, tmp_path, ANNA)
    assert len(list(tmp_path.iterdir())) == 1
    living = start(MAKING, tmp_path, PRIYA)
    assert Staging(tmp_path).clear() == 1
    assert [path.name.partition(".")[0] for path in tmp_path.iterdir()] == [str(PRIYA)]
    assert race(living) == ["True\n"]
    assert list(tmp_path.iterdir()) == []
    assert Staging(tmp_path / "nowhere").clear() == 0


def test_what_is_made_for_the_erased_is_gone_at_once(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staging")
    with staging.file(ANNA) as (path, _), staging.file(PRIYA) as (other, _):
        staging.forget([ANNA, uuid4()])
        assert (path.exists(), other.exists()) == (False, True)
        with pytest.raises(Erased, match="not being erased"):
            deliver(path, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["staging"]


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    taken, dangling = tmp_path / "a.zip", tmp_path / "b.zip"
    taken.write_bytes(b"mine")
    dangling.symlink_to("nowhere")
    with opened(tmp_path) as ledger, Staging(tmp_path / "staging").file(ANNA) as (path, _):
        for target in (taken, dangling):
            with pytest.raises(BadUsage, match="expected a name that is free"):
                deliver(path, target)
        assert ledger.book.head() == 0
    assert taken.read_bytes() == b"mine"
    with pytest.raises(BadUsage, match="expected a folder that is there"):
        deliver(path, tmp_path / "nowhere" / "a.zip")
    assert {path.name for path in tmp_path.iterdir()} >= {"a.zip", "b.zip"}
    assert not list(tmp_path.glob(".*zip*"))


def test_across_disks_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def another_disk(path: Path, target: Path) -> None:
        if path.parent.name == "staging":
            raise OSError(18, "Invalid cross-device link")
        link(path, target)

    monkeypatch.setattr(os, "link", another_disk)
    for name in ("a.zip", "b.zip"):
        with Staging(tmp_path / "staging").file(ANNA) as (path, file):
            file.write(b"zanna")
            file.flush()
            deliver(path, tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"zanna"
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert list((tmp_path / "staging").iterdir()) == []
        monkeypatch.setattr(os, "link", no_links)  # as on a memory stick
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "b.zip", "staging"}


def no_links(*_: Path) -> None:
    raise OSError(1, "Operation not permitted")


@pytest.mark.parametrize("disk", ["same", "another"])
def test_a_name_that_is_taken_on_the_way_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: str
) -> None:
    link, target = os.link, tmp_path / "a.zip"

    def slow(path: Path, to: Path) -> None:
        if path.parent.name == "staging" and disk == "another":
            raise OSError(18, "Invalid cross-device link")
        target.write_bytes(b"mine")
        link(path, to)

    monkeypatch.setattr(os, "link", slow)
    with (
        Staging(tmp_path / "staging").file(ANNA) as (path, _),
        pytest.raises(BadUsage, match="expected a name that is free"),
    ):
        deliver(path, target)
    assert target.read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "staging"}
    assert list((tmp_path / "staging").iterdir()) == []


DELIVERED_AND_DIED = (
    MAKE
    + f"""\
    import os, shutil, signal
    from api.staging import deliver
    original = os.link
    def another_disk(path, target):
        if path.parent == staging.folder:
            raise OSError(18, "Invalid cross-device link")
        if sys.argv[4] == "whole":
            os.kill(os.getpid(), signal.SIGKILL)
        original(path, target)
    def half(source, copy):
        copy.write(source.read(2))
        copy.flush()
        {DIE.strip()}
    os.link = another_disk
    if sys.argv[4] == "half":
        shutil.copyfileobj = half
    deliver(path, Path(sys.argv[3]))
"""
)


@pytest.mark.parametrize(("when", "left"), [("half", b"za"), ("whole", b"zanna")])
def test_what_a_delivery_to_another_disk_left_when_it_was_killed_is_found(
    tmp_path: Path, when: str, left: bytes
) -> None:
    staging, stick = Staging(tmp_path / "staging"), tmp_path / "stick"
    stick.mkdir()
    for end in (lambda: staging.forget([ANNA]), staging.clear):
        run_until_killed(DELIVERED_AND_DIED, staging.folder, ANNA, stick / "a.zip", when)
        staging.forget([PRIYA])
        assert [path.read_bytes() for path in stick.iterdir()] == [left]
        end()
        assert list(stick.iterdir()) == list(staging.folder.iterdir()) == []


def test_a_note_stays_while_the_disk_that_it_speaks_of_is_away(tmp_path: Path) -> None:
    staging, stick, away = Staging(tmp_path / "staging"), tmp_path / "stick", tmp_path / "away"
    stick.mkdir()
    run_until_killed(DELIVERED_AND_DIED, staging.folder, ANNA, stick / "a.zip", "half")
    stick.rename(away)
    staging.clear()
    assert [path.suffix for path in staging.folder.iterdir()] == [".beside"]
    away.rename(stick)
    staging.clear()
    assert list(stick.iterdir()) == list(staging.folder.iterdir()) == []


@pytest.mark.parametrize("when", ["listed", "noted", "copied", "named"])
def test_whose_erasure_begins_while_it_is_copied_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    staging, copied, link = Staging(tmp_path / "staging"), shutil.copyfileobj, os.link
    new = api.staging._new

    def copy_to(beside: Path) -> BufferedRandom:
        if beside.parent == tmp_path and when == "noted":
            staging.forget([ANNA])
        if beside.parent == tmp_path and when == "listed":
            path.unlink()  # by somebody who looked before the note was there
        return new(beside)

    def copy(source: Any, target: Any) -> None:
        copied(source, target)
        if when == "copied":
            staging.forget([ANNA])

    def another_disk(path: Path, target: Path) -> None:
        if path.parent.name == "staging":
            raise OSError(18, "Invalid cross-device link")
        if when == "named":
            staging.forget([ANNA])
        link(path, target)

    monkeypatch.setattr(api.staging, "_new", copy_to)
    monkeypatch.setattr(shutil, "copyfileobj", copy)
    monkeypatch.setattr(os, "link", another_disk)
    with staging.file(ANNA) as (path, _), pytest.raises(Erased, match="not being erased"):
        deliver(path, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["staging"]
    assert list(staging.folder.iterdir()) == []


KILLED_AS_IT_IS_NAMED = (
    MAKE
    + f"""\
    from api.staging import deliver
    import api.staging
    Path.unlink = lambda *_, **__: exec({DIE.strip()!r})
    deliver(path, Path(sys.argv[3]))
"""
)


def test_killed_once_it_has_its_name_it_is_handed_over_and_nothing_is_kept(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staging")
    run_until_killed(KILLED_AS_IT_IS_NAMED, staging.folder, ANNA, tmp_path / "a.zip")
    assert staging.clear() == 1
    assert (tmp_path / "a.zip").read_bytes() == b"zanna"
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "staging"}


def test_killed_on_the_way_nothing_is_handed_over_and_the_rest_is_cleared(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
    run_until_killed(EXPORT_AND_DIE, tmp_path, customer, "call.logged")
    assert list(tmp_path.glob("*.zip")) == []
    staging = Staging(tmp_path / "home" / "staging")
    assert len(list(staging.folder.iterdir())) == 1
    assert staging.clear() == 1
    with opened(tmp_path) as ledger:
        assert recorded(ledger)[-1].event.type == "personal_data.opened"


def test_what_fails_on_the_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = account._told

    def full(recorded: Recorded, *more: Any) -> account.Told:
        if recorded.event.type == "call.logged":
            raise OSError(28, "No space left on device")
        return told(recorded, *more)

    monkeypatch.setattr(account, "_told", full)
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        for portability in (False, True):
            with pytest.raises(OSError, match="No space"):
                exported(ledger, tmp_path, wanted(customer, portability=portability))
        assert recorded(ledger)[-1].event.type == "personal_data.opened"
    gc.collect()  # what is left open by then says so
    assert list(tmp_path.glob("*.zip")) == []
    assert list((tmp_path / "home" / "staging").iterdir()) == []


def test_whose_erasure_begins_meanwhile_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        fsync = os.fsync

        def begin(descriptor: int) -> None:
            monkeypatch.undo()
            sql(stores_of(tmp_path)[1], "INSERT INTO erasing VALUES (?)", customer.bytes)
            fsync(descriptor)

        monkeypatch.setattr("api.archive.writing.os.fsync", begin)
        with pytest.raises(Erased):
            exported(ledger, tmp_path, wanted(customer))
    assert list(tmp_path.glob("*.zip")) == []
    assert list((tmp_path / "home" / "staging").iterdir()) == []


def test_what_cannot_be_put_on_record_does_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        refuse_exports(ledger, monkeypatch)
        with pytest.raises(OSError, match="No space"):
            exported(ledger, tmp_path, wanted(customer))
    assert list(tmp_path.glob("*.zip")) == []
    assert list((tmp_path / "home" / "staging").iterdir()) == []


def refuse_exports(ledger: Ledger, patch: pytest.MonkeyPatch) -> None:
    append = ledger.book.append

    def full(events: list[object], *more: object) -> object:
        if any(getattr(event, "type", "") == "personal_data.exported" for event in events):
            raise OSError(28, "No space left on device")
        return append(events, *more)  # type: ignore[arg-type]

    patch.setattr(ledger.book, "append", full)
