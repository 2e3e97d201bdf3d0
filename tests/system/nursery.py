"""A process that has the command line loaded, and from which runs of `bahi` are born.

Each is a process of its own with the arguments, environment, folder and streams it is given, as good as
one that was started anew, but for the half second of work that loading takes. Where the start itself, an end that
comes from outside or the memory of a run is what is tested, the real one is started: `tests.system.cli.BAHI`.
"""

import atexit
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from functools import cache
from marshal import loads
from pathlib import Path

_ROOT = Path(__file__).parents[2]

WARNINGS = ["-W", "error", *(f"-Wignore:{way}_text is deprecated" for way in ("open", "read"))]
"""The same as for the tests themselves: kafka-python reads its schemas so."""

_MIDWIFE = """#!{python} -SIE
import marshal, os, sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket
nursery = socket(AF_UNIX, SOCK_STREAM)
nursery.connect({door!r})
given = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ)))
streams = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2))
nursery.sendmsg([len(given).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
nursery.sendall(given)
code = nursery.recv(1)
nursery.recv(1)  # its end: the run is over
if not code:  # it was killed
    os.kill(os.getpid(), 9)
os._exit(code[0])
"""
"""A program that hands a run to the nursery and waits for it; it loads next to nothing itself."""


@cache
def bahi() -> Path:
    """The program to run in place of the real one; its nursery ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="bahi-nursery-", dir="/tmp"))
    door, program = folder / "door", folder / "bahi"
    program.write_text(_MIDWIFE.format(python=sys.executable, door=str(door)))
    program.chmod(0o755)
    nursery = subprocess.Popen(
        [sys.executable, *WARNINGS, "-m", "tests.system.nursery", str(door)],
        cwd=_ROOT,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "100"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert nursery.stdout is not None
    assert nursery.stdout.read(1) == b"!"  # its door is open
    nursery.stdout.close()
    atexit.register(nursery.communicate)  # nobody will want any more
    return program


def _bear(door: str) -> None:
    """Wait for who wants a run, and bear it, until nobody can want one any more."""
    import projections.postgres  # noqa: F401
    from api.cli import main  # noqa: F401
    from api.cli.start import load

    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door)
        listener.listen()
        os.write(1, b"!")
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            wanted, _ = listener.accept()
            with wanted:
                if os.fork() == 0:
                    try:
                        _live(wanted)
                    finally:
                        os._exit(1)


def _live(wanted: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(wanted, 4, 3)
    length = int.from_bytes(size, "big")
    arguments, folder, environment = loads(wanted.recv(length, socket.MSG_WAITALL))  # noqa: S302 - ours
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - for as long as it lives
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    wanted.sendall(bytes([_ended(arguments)]))


def _ended(arguments: list[str]) -> int:
    """Run the command line, or the lines of Python that stand behind `-c`; its exit code."""
    from api.cli import main

    script = arguments[1] if arguments[:1] == ["-c"] else None
    sys.argv = ["bahi", *arguments] if script is None else ["-c", *arguments[2:]]
    try:
        if script is None:
            main()
        else:
            exec(script, {"__name__": "__main__"})  # noqa: S102 - ours
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    return code


if __name__ == "__main__":
    try:
        _bear(sys.argv[1])
    finally:
        shutil.rmtree(Path(sys.argv[1]).parent)
