"""The processes of a round: started, killed, held, let go, and started again.

They are forked from a process that has read all modules already, so that a death costs no more than
it must; each is a process of its own all the same.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess

from tests.ledger.processes import forking
from tests.soak import readers, writers
from tests.soak.part import Part, run
from tests.soak.streams import parts

WRITERS: Mapping[str, Callable[[Part], None]] = {
    task.__name__: task
    for task in (
        writers.single,
        writers.batches,
        writers.guarded,
        writers.grouped,
        writers.recorded,
        writers.received,
    )
}
FOLLOWERS: Mapping[str, Callable[[Part], None]] = {
    task.__name__: task for task in (readers.poll, readers.wait, readers.columns, readers.subscribe)
}
WORKERS: Mapping[str, Callable[[Part], None]] = {"fold": readers.fold, "keep": readers.keep}
OTHERS: Mapping[str, Callable[[Part], None]] = {
    task.__name__: task for task in (readers.begin, readers.close, readers.verify, readers.views)
}
TASKS = {**WRITERS, **FOLLOWERS, **WORKERS, **OTHERS, **parts.TASKS}


def be(part: Part) -> None:
    """Be one of the processes."""
    run(part, TASKS[part.kind])


@dataclass
class Member:
    """One part of the crew and the process that plays it now."""

    part: Part
    process: BaseProcess
    held_until: float | None = None
    back_at: float | None = None
    """When it is to be started again; None while it is there."""

    @property
    def ended(self) -> bool:
        return self.process.exitcode is not None and self.back_at is None


class Crew:
    """All processes of a round, and what was done to them."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.done: Counter[str] = Counter()

    def start(self, part: Part) -> Member:
        member = Member(part, _started(part))
        self.members.append(member)
        return member

    def kill(self, member: Member, back_in_s: float) -> bool:
        """Kill it with SIGKILL, to be started again in a while; whether it was there to be killed."""
        if member.process.exitcode is not None:
            return False
        member.process.kill()
        member.process.join()
        member.held_until = None
        member.back_at = time.monotonic() + back_in_s
        self.done["processes killed"] += 1
        return True

    def hold(self, member: Member, for_s: float) -> bool:
        """Stop it in the middle of whatever it does, to go on later as if nothing had been."""
        if member.process.exitcode is not None or member.held_until is not None:
            return False
        os.kill(_pid(member), signal.SIGSTOP)
        member.held_until = time.monotonic() + for_s
        self.done["processes held"] += 1
        return True

    def tend(self, *, at_once: bool = False) -> None:
        """Let go whom it is time to let go, and start again whom it is time to start again."""
        now = float("inf") if at_once else time.monotonic()
        for member in self.members:
            if member.held_until is not None and member.held_until <= now:
                os.kill(_pid(member), signal.SIGCONT)
                member.held_until = None
            if member.back_at is not None and member.back_at <= now:
                member.part = replace(member.part, life=member.part.life + 1)
                member.process = _started(member.part)
                member.back_at = None
                self.done["processes restarted"] += 1

    def wait(self, members: list[Member], patience_s: float) -> list[Member]:
        """Wait until these have ended by themselves; those that have not."""
        deadline = time.monotonic() + patience_s
        for member in members:
            member.process.join(max(0.0, deadline - time.monotonic()))
        return [member for member in members if not member.ended]

    def dismiss(self, members: list[Member], patience_s: float) -> list[Member]:
        """Tell these that it is enough, until they have ended; those that have not."""
        deadline = time.monotonic() + patience_s
        while left := [member for member in members if not member.ended]:
            if time.monotonic() > deadline:
                return left
            for member in left:
                member.process.terminate()
            time.sleep(0.1)
        return []

    def failed(self) -> list[Member]:
        """Return those that ended otherwise than well, and not by our hand."""
        well = (0, -signal.SIGTERM)
        return [m for m in self.members if m.ended and m.process.exitcode not in well]

    def close(self) -> None:
        for member in self.members:
            if member.process.exitcode is None:
                member.process.kill()
            member.process.join()
            member.process.close()
        self.members.clear()


def _started(part: Part) -> BaseProcess:
    process = forking.Process(target=be, args=(part,), name=part.name, daemon=True)
    process.start()
    return process


def _pid(member: Member) -> int:
    assert member.process.pid is not None
    return member.process.pid
