"""The shared queue in the shape `ready`, `in_progress`, `completed`, which reads back as it was written (R62)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pointsman.core.schedule.model import Status, Task
from pointsman.core.schedule.reading import DEFAULT, SECTIONS

_FIELDS = (
    "title",
    "role",
    "depends_on",
    "modifies",
    "creates",
    "resources",
    "estimate",
    "priority",
    "branch",
    "holder",
)


def view(tasks: Sequence[Task]) -> dict[str, list[dict[str, Any]]]:
    """Every task in the list that its status belongs to, in the order in which they are given."""
    sections = [name for name in SECTIONS if name != "tasks"]
    return {
        name: [task_json(task, default=DEFAULT[name]) for task in tasks if task.status in SECTIONS[name]]
        for name in sections
    }


def task_json(task: Task, *, default: Status | None = None) -> dict[str, Any]:
    """The task as a list has it: its id, and what it says beyond that; the status unless it is the `default`."""
    status = {} if task.status is default else {"status": task.status.value}
    values = {name: getattr(task, name) for name in _FIELDS}
    said = {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value
    }
    return {"id": task.id, **status, **said}
