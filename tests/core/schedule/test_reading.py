"""Task lists: what reads, and every mistake at once with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pointsman.core.contract.reading.problems import ContractErrors
from pointsman.core.schedule import reading
from pointsman.core.schedule.model import Status, Task
from pointsman.core.schedule.reading import MAX_BYTES, json_schema, read_tasks
from pointsman.core.schedule.view import view

SCHEMA = Draft202012Validator(json_schema())
FULL = {
    "id": "T1",
    "title": "Bill",
    "role": "coder",
    "status": "testing",
    "depends_on": ["T0", "agent/other", "#7"],
    "modifies": ["app/[id].py", "app/old/"],
    "creates": ["app/new/"],
    "resources": ["staging-db"],
    "estimate": 30,
    "priority": 100,
    "branch": "agent/t1",
    "holder": "ada",
}


def read(value: Any, source: str = "tasks.json") -> tuple[Task, ...]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = read_tasks(data, source=source)
    assert not isinstance(found, ContractErrors), found
    return found


def refused(data: bytes) -> list[str]:
    found = read_tasks(data, source="t.json")
    assert isinstance(found, ContractErrors), found
    return [str(one) for one in found.errors]


def test_a_list_reads_the_same_from_json_and_from_yaml() -> None:
    value = {"tasks": [FULL, {"id": "T0", "status": "complete"}]}
    expected = Task(
        id="T1",
        title="Bill",
        role="coder",
        status=Status.TESTING,
        depends_on=("T0", "agent/other", "#7"),
        modifies=("app/[id].py", "app/old/"),
        creates=("app/new/",),
        resources=("staging-db",),
        estimate=30,
        priority=100,
        branch="agent/t1",
        holder="ada",
    )
    done = Task(id="T0", status=Status.COMPLETE)
    assert read(value) == (expected, done)
    assert read(yaml.safe_dump(value).encode()) == (expected, done)
    assert read(json.dumps(value, indent="\t").encode()) == (expected, done)


def test_R62_the_seeds_shape_reads_ids_and_whole_tasks() -> None:
    value = {"ready": ["T1", {"id": "T2"}], "in_progress": ["T3"], "completed": [{"id": "T4"}]}
    assert [(one.id, one.status.value) for one in read(value)] == [
        ("T1", "ready"),
        ("T2", "ready"),
        ("T3", "implementing"),
        ("T4", "complete"),
    ]


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9.\-/]{0,8}[A-Za-z0-9]", fullmatch=True)
PATHS = st.sampled_from([["app/x.py"], ["app/[id]/", "b"], ["a b/c", "d/"]])


def items(statuses: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        "title": NAMES,
        "role": NAMES,
        "status": st.sampled_from(statuses),
        "depends_on": st.sampled_from([["elsewhere"], ["#12", "agent/x+y"]]),
        "modifies": PATHS,
        "creates": PATHS,
        "estimate": st.integers(1, 500),
        "priority": st.sampled_from([-5, 100]),
    }
    return st.fixed_dictionaries({}, optional=optional)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(items(("ready",)), max_size=3),
    st.lists(items(("testing", "implementing", "verifying")), max_size=3),
    st.lists(items(("complete",)), max_size=3),
)
def test_R62_the_seeds_shape_comes_back_as_it_was_written(
    ready: list[dict[str, Any]], working: list[dict[str, Any]], done: list[dict[str, Any]]
) -> None:
    seed = {"ready": ready, "in_progress": working, "completed": done}
    plain = {"ready": "ready", "in_progress": "implementing", "completed": "complete"}
    for name, tasks in seed.items():
        for place, one in enumerate(tasks):
            one["id"] = f"{name}-{place}"
            if one.get("status") == plain[name]:
                del one["status"]
    assert view(read(seed)) == seed
    assert SCHEMA.is_valid(seed)


def test_every_mistake_is_told_at_once_with_its_line_and_key() -> None:
    data = b"""{"tasks": [
  {"id": "T1", "estimat": 3},
  {"id": "T2", "estimate": "30", "modifies": ["app/*.py", "../x"]},
  {"title": "no id"},
  {"id": "bad id", "status": "redy"}
]}"""
    assert refused(data) == [
        "t.json:2:16 tasks[0].estimat: unknown key 'estimat'; did you mean 'estimate'?",
        "t.json:3:28 tasks[1].estimate: expected a whole number >= 1, got '30'; remove the quotes".replace(
            ">= 1", "from 1 to 100000"
        ),
        "t.json:3:47 tasks[1].modifies[0]: 'app/*.py': expected a file, or a folder ending in /, not a pattern",
        "t.json:3:59 tasks[1].modifies[1]: '../x': expected a path from the root of the repository, without . and ..",
        "t.json:4:3 tasks[2]: the key 'id' is missing",
        "t.json:5:10 tasks[3].id: expected a task's id, got 'bad id'; letters, digits and _ . - / #",
        "t.json:5:30 tasks[3].status: expected one of ready, testing, tests-written, implementing, implemented, "
        "verifying, complete, got 'redy'; did you mean 'ready'?",
    ]


def test_a_cycle_and_a_double_id_are_told_with_the_cycle() -> None:
    data = b"""tasks:
- {id: A, depends_on: [C]}
- {id: B, depends_on: [agent/a]}
- {id: C, depends_on: [B]}
- {id: A2, branch: agent/a, depends_on: [C]}
- {id: D, depends_on: [D]}
- {id: E, depends_on: [A2]}
- {id: E}
"""
    found = refused(data)
    assert len(found) == 3
    assert "B -> A2 -> C -> B; remove one of the dependencies" in found[0]
    assert found[0].startswith("t.json:3:3 tasks[1].depends_on: these tasks wait for each other")
    assert found[1].startswith("t.json:6:3 tasks[4].depends_on: ")
    assert "D -> D" in found[1]
    assert found[2] == "t.json:8:3 tasks[6].id: 'E' is there already, on line 7; each id once"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"[]", "expected a mapping such as"),
        (b"{}", "expected the key 'tasks', or 'ready'"),
        (b'{"tasks": [], "ready": []}', "not both"),
        (b'{"ready": [{"id": "a", "status": "complete"}]}', "expected ready, got 'complete'"),
        (b'{"tasks": [1.5, null]}', "expected a task's id, got 'null'"),
        (b'{"tasks": [{"id": "a", "id": "b"}]}', "written twice"),
        (b'{"tasks": [{"id": "a", "title": "\\ud800"}]}', "U+D800"),
        (b'{"tasks": ' + b"[" * 100_000, "nested deeper"),
        (b'{"tasks": ' + b"[" * 30 + b"]" * 30 + b"}", "nested deeper than 20 levels"),
        (b"tasks: [&a {id: x}, !!python/object:os.system {id: y}]", "a task list has none"),
        (b"{" + b" " * MAX_BYTES + b"}", "a task list may have 4,194,304"),
        (b'{"tasks": ["\xff"]}', "not UTF-8"),
        (json.dumps({"tasks": [f"t{n}" for n in range(5001)]}).encode(), "a list may have 5,000"),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_what_is_no_task_list_is_refused_with_the_reason(data: bytes, says: str) -> None:
    assert any(says in one for one in refused(data)), refused(data)


def test_the_published_schema_is_that_of_the_reader() -> None:
    published = Path(reading.__file__).with_name("schema.json")
    assert json.loads(published.read_text("utf-8")) == json_schema()
    Draft202012Validator.check_schema(json_schema())
    assert SCHEMA.is_valid({"tasks": [FULL, "T2"]})
    assert not SCHEMA.is_valid({"tasks": [{**FULL, "estimat": 3}]})
    assert not SCHEMA.is_valid({})
