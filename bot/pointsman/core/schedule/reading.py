"""From bytes to a launcher's tasks, or to every mistake in them; no file is opened here.

The same tables read a list and make its JSON Schema, so the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pointsman.core.contract.patterns import branch_problem
from pointsman.core.contract.reading.nodes import BOM, Node, Scalar, read_nodes
from pointsman.core.contract.reading.problems import ContractError, ContractErrors, ErrorLog
from pointsman.core.contract.reading.records import Key, ListOf, Mapped, Record
from pointsman.core.contract.reading.shapes import (
    INVALID,
    At,
    Checked,
    Choice,
    Invalid,
    Json,
    Shape,
    Text,
    Whole,
)
from pointsman.core.schedule.graph import cycles
from pointsman.core.schedule.json_nodes import read_json
from pointsman.core.schedule.model import Place, Status, Task

MAX_BYTES = 4 << 20
MAX_TASKS = 5000
ID = Text("a task's id", r"[A-Za-z0-9_#][A-Za-z0-9_.\-/#]{0,99}", "; letters, digits and _ . - / #")
NAME = Text("an id or a branch", r"[^\s,]{1,255}")
HOLDER = Text("a name for who does it", r"[^\s$][^\x00-\x1f\x7f]{0,199}")
SECTIONS: Mapping[str, tuple[Status, ...]] = {
    "tasks": tuple(Status),
    "ready": (Status.READY,),
    "in_progress": tuple(Status)[1:-1],
    "completed": (Status.COMPLETE,),
}
"""Where tasks stand in a list, and the statuses that they may have there."""

DEFAULT = {"tasks": Status.READY, "ready": Status.READY, "completed": Status.COMPLETE}
DEFAULT["in_progress"] = Status.IMPLEMENTING


def read_tasks(data: bytes, *, source: str) -> tuple[Task, ...] | ContractErrors:
    """The tasks in their order (`ready`, then `in_progress`, then `completed` in the seed's shape), or all that is
    wrong with them, each with its place in `source`. Ids are unique, and no task waits for itself."""
    root = _nodes(data, source)
    if isinstance(root, ContractError):
        return _said(ContractErrors(errors=(root,)))
    log = ErrorLog(source)
    tasks: tuple[Task, ...] | Invalid = list_shape().read(root, At(), log)
    if tasks is not INVALID:
        _judge(tasks, log)
    errors = log.errors()
    if errors is not None:
        return _said(errors)
    assert tasks is not INVALID, "an unreadable list has to say why"  # noqa: S101
    return tasks


def _nodes(data: bytes, source: str) -> Node | ContractError:
    if len(data) > MAX_BYTES:
        return _wrong(source, f"the file has {len(data):,} bytes; a task list may have {MAX_BYTES:,}")
    if not data.strip():
        return _wrong(source, 'the file is empty; a task list is {"tasks": [{"id": "T1"}]} at least')
    if data.lstrip(BOM.encode() + b" \t\r\n").startswith((b"{", b"[")):
        try:
            found = read_json(data.decode("utf-8").removeprefix(BOM), source=source)
        except UnicodeDecodeError:
            found = None
        if found is not None:
            return found
    return read_nodes(data, source=source)


def _wrong(source: str, message: str) -> ContractError:
    return ContractError(source=source, line=1, column=1, key="", message=message)


def _said(errors: ContractErrors) -> ContractErrors:
    """The reader is the contract's, and so are some of its words."""
    return ContractErrors(
        errors=tuple(
            replace(one, message=one.message.replace("a contract", "a task list")) for one in errors.errors
        )
    )


def list_shape() -> Shape[Any]:
    return _List()


@dataclass(frozen=True, slots=True)
class _List:
    """Either `tasks`, or what is ready, in progress and completed, each in a list of its own."""

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        found = self._record().read(node, at, log)
        return (
            INVALID if found is INVALID else tuple(task for name in SECTIONS for task in found.get(name, ()))
        )

    def schema(self) -> Json:
        either = {"anyOf": [{"required": [name]} for name in SECTIONS]}
        return {**self._record().schema(), **either}

    def _record(self) -> Record:
        about = {
            "tasks": "All tasks, in the order in which they came.",
            "ready": "Tasks that nobody works on.",
            "in_progress": "Tasks that somebody works on.",
            "completed": "Tasks that are on the base branch.",
        }
        keys = {name: Key(ListOf(_Task(name), what="a list of tasks"), about[name]) for name in SECTIONS}
        what = 'a mapping such as {"tasks": [{"id": "T1"}]}'
        return Record(build=dict, keys=keys, what=what, rules=(_one_form, _few))


def _one_form(found: Mapping[str, Any]) -> str:
    if not found:
        return "expected the key 'tasks', or 'ready', 'in_progress' and 'completed'"
    if "tasks" in found and len(found) > 1:
        return "expected either 'tasks' or 'ready', 'in_progress' and 'completed', not both"
    return ""


def _few(found: Mapping[str, Any]) -> str:
    count = sum(len(tasks) for tasks in found.values())
    return f"{count:,} tasks; a list may have {MAX_TASKS:,}" if count > MAX_TASKS else ""


@dataclass(frozen=True, slots=True)
class _Task:
    """One task of a section: a mapping, or its id alone."""

    section: str

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        build = partial(_task, section=self.section)
        if isinstance(node, Scalar):
            name = ID.read(node, at, log)
            found = INVALID if name is INVALID else build(id=name)
        else:
            found = _task_record(self.section, build).read(node, at, log)
        if found is INVALID:
            return INVALID
        return replace(found, place=Place(line=node.line, column=node.column, key=at.key))

    def schema(self) -> Json:
        return {"anyOf": [_task_record(self.section, dict).schema(), ID.schema()]}


def _task(*, section: str, **values: Any) -> Task:
    return Task(**{"status": DEFAULT[section], **values})


def _task_record(section: str, build: Any) -> Record:
    paths = ListOf(
        Checked(lambda text, *_: text.lstrip("/"), path_problem, Text("a path")), what="a list of paths"
    )
    ids = ListOf(ID, what="a list of names")
    names = ListOf(NAME, what="a list of ids or branches")
    branch = Checked(lambda text, *_: text, branch_problem, Text("a branch name"))
    words = tuple(status.value for status in SECTIONS[section])
    return Record(
        build=build,
        what='a task such as {"id": "T1", "title": "..."}, or its id',
        keys={
            "id": Key(ID, "What the task is called.", required=True),
            "title": Key(Text("text"), "For people."),
            "role": Key(Text("the name of a role"), "The role of the contract that does it."),
            "status": Key(Mapped(Choice(words), Status), "How far it is."),
            "depends_on": Key(Mapped(names, _once), "Tasks (id), branches or changes (#ID) that come first."),
            "modifies": Key(Mapped(paths, _once), "Files that it changes, or folders: any file below."),
            "creates": Key(
                Mapped(paths, _once), "Files that it adds, or folders, ending in /, that get new files."
            ),
            "resources": Key(Mapped(ids, _once), "Of the contract's writers: what it has to hold alone."),
            "estimate": Key(Whole(minimum=1, maximum=100_000), "How long it may take, in minutes."),
            "priority": Key(
                Whole(minimum=-1000, maximum=1000), "Higher goes first; from 100 on it is a hotfix."
            ),
            "branch": Key(branch, "The branch that brings it."),
            "holder": Key(HOLDER, "Who works on it, as far as the list knows; claims know better."),
        },
    )


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def path_problem(text: str) -> str:
    """'' or why that is no path of a file or folder."""
    parts = text.strip("/").split("/")
    if "*" in text or "?" in text:
        return f"{text!r}: expected a file, or a folder ending in /, not a pattern"
    if any(part in ("", ".", "..") for part in parts):
        return f"{text!r}: expected a path from the root of the repository, without . and .."
    return ""


def _judge(tasks: tuple[Task, ...], log: ErrorLog) -> None:
    first: dict[str, Task] = {}
    for task in tasks:
        known = first.setdefault(task.id, task)
        if known is not task:
            _blame(task, "id", f"{task.id!r} is there already, on line {known.place.line}; each id once", log)
    for cycle in cycles(tasks):
        ring = " -> ".join((*cycle, cycle[0]))
        what = (
            f"these tasks wait for each other, so none can be first: {ring}; remove one of the dependencies"
        )
        _blame(first[cycle[0]], "depends_on", what, log)


def _blame(task: Task, key: str, message: str, log: ErrorLog) -> None:
    log.add(task.place.line, task.place.column, f"{task.place.key}.{key}", message)


def one_value(shape: Shape[Any], text: str) -> Any:
    """What the shape reads in a word from a command line; None where it is wrong."""
    found = shape.read(Scalar(text=text, plain=False, line=1, column=1), At(), ErrorLog(""))
    return None if found is INVALID else found


def json_schema() -> Json:
    """The JSON Schema of a task list, for launchers; that ids are unique and nothing waits for itself is beyond it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tasks for pointsman next and claim",
        **list_shape().schema(),
    }
