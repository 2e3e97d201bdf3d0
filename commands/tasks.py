"""Tasks: to be done by a moment, put off or brought forward, and done."""

from typing import ClassVar

from commands.things import NEW, Step, Thing
from ledger.catalogue.sales import TaskCompleted, TaskScheduled

_SCHEDULED, _COMPLETED = "scheduled", "completed"


class Task(Thing):
    """A task, done or not."""

    KIND = "task"
    LIFE: ClassVar = {
        TaskScheduled: Step((NEW, _SCHEDULED), then=_SCHEDULED),
        TaskCompleted: Step((_SCHEDULED,), then=_COMPLETED),
    }


class ScheduleTask(Task):
    """A new task, or another due date of one that is not done."""

    CREATES = True
