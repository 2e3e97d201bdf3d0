"""Two thousand made people are taken in, looked at, backed up and killed: nobody can be read."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.system.cli import Done, Scratch
from tests.system.leaks import Search
from tests.system.people import BROKEN, made, write

PEOPLE = 2_000
REASON = "zxqvgrumbleplatz they called about a parcel"


def kill_with_a_full_log(scratch: Scratch, *given: object) -> None:
    """Kill a run when the write-ahead logs of book and vault hold something."""
    process = scratch.start(*given)
    logs = [path.with_name(path.name + "-wal") for path in (scratch.book, scratch.vault)]
    while not all(path.exists() and path.stat().st_size > 200_000 for path in logs):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    assert process.wait() < 0
    assert all(path.stat().st_size > 0 for path in logs)


def back_up(scratch: Scratch, folder: Path) -> None:
    """Copy each SQLite file as its owner would: with the backup of SQLite, and compacted."""
    folder.mkdir()
    for path in (scratch.book, scratch.vault, scratch.book.with_name("views.db")):
        with closing(sqlite3.connect(path)) as source:
            with closing(sqlite3.connect(folder / path.name)) as copy:
                source.backup(copy)
            source.execute("VACUUM INTO ?", (str(folder / f"compact-{path.name}"),))
    shutil.make_archive(str(folder / "everything"), "gztar", scratch.home)


def test_no_file_and_no_output_holds_a_word_of_anybody(tmp_path: Path) -> None:
    people = made(PEOPLE, seed=7)
    search = Search([*(text for person in people for text in person.texts()), REASON])
    files = write(tmp_path / "given", people)
    known = {leak.text for leak in search.in_folder(tmp_path / "given")}
    assert known == {text for person in people for text in person.texts()}

    scratch = Scratch(tmp_path / "scratch")
    scratch.folder.mkdir()
    profiles, _, orders = files
    runs: list[Done] = []
    kill_with_a_full_log(scratch, "import", profiles[0], "-m", profiles[1])
    assert search.in_folder(scratch.folder) == set()  # with the logs that the killed run left

    for file, mapping in files:
        runs.append(scratch.run("import", file, "-m", mapping, "--json", code=3))
        assert runs[-1].json["refused"] == 2 * PEOPLE // BROKEN
        assert runs[-1].json["read"] == PEOPLE
    someone = people[5]
    opened = scratch.run(
        "customer", "-", "--open", "--reason", REASON, stdin=f"email:{someone.mail}\n"
    )
    assert someone.name in opened.out  # it is there, and can be had for a reason
    nobody = scratch.run("customer", f"email:{people[6].user}@example.com", code=2)
    runs += [Done(0, "", opened.err), nobody]
    runs.append(scratch.run("customer", "-", "--json", stdin=f"phone:{someone.phone}\n"))
    runs.append(scratch.run("dead", "list", "--json"))
    runs.append(scratch.run("dead", "replay", "-m", orders[1], code=3))
    runs.append(scratch.run("sql", "FROM events", "--format", "parquet", "--out", "events.parquet"))
    runs.append(scratch.run("verify"))
    back_up(scratch, scratch.folder / "backup")
    (scratch.folder / "runs.log").write_text("".join(run.out + run.err for run in runs))
    assert search.in_folder(scratch.folder) == set()
