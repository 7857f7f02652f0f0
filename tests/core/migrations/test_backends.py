"""The protocol of migration backends: what CONTRIBUTING shows works, and nobody else knows the tools' names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pointsman
from pointsman.adapters.git.repository import GitRepository
from pointsman.core.migrations import backends
from pointsman.core.migrations.backends import BACKENDS
from pointsman.core.migrations.names import NAMES
from pointsman.core.model import Sha
from pointsman.service import migrations
from pointsman.service.heal import healer
from pointsman.service.heal.healer import Healer
from pointsman.service.heal.model import Healing
from pointsman.service.migrations import Reader
from tests.support.repo import Repo

HOME = Path(pointsman.__file__).parent
PAGE = Path(__file__).parents[3] / "CONTRIBUTING.md"
OURS = ("core/migrations/", "runner/", "demo/")
"""The tools' own places: what reads them, what runs them, and the demo's application, which uses one."""
OWN_TABLE = re.compile(r"\balembic_version\b")
"""Pointsman's own state file is kept with Alembic."""


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The backend that CONTRIBUTING.md defines, listed as the page says."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    found: dict[str, Any] = {}
    exec(compile(code[1], str(PAGE), "exec"), found)  # noqa: S102 - our own page
    for module in (backends, healer, migrations):
        monkeypatch.setattr(module, "BACKENDS", (*BACKENDS, found["Ladder"]()))
    return found["Ladder"]()


def step(name: str, after: str | None, table: str) -> dict[str, str]:
    head = f"-- step: {name}\n" + (f"-- after: {after}\n" if after else "")
    return {f"steps/{name}.sql": f"{head}CREATE TABLE {table} (id INTEGER);\n"}


def made(folder: Path, ours: dict[str, str], theirs: dict[str, str]) -> Healing:
    repo = Repo(folder).init()
    repo.commit("start", files={"ladder.txt": "steps\n"} | step("one", None, "users"))
    repo.branch("change").commit("change", files=theirs)
    repo.checkout("main").commit("base", files=ours)
    with GitRepository.open(folder) as git:
        return Healer(git=git, reader=Reader(git)).heal(Sha(repo.rev("main")), Sha(repo.rev("change")))


def test_r07_the_worked_example_heals_a_fork(tmp_path: Path, ladder: Any) -> None:
    healing = made(tmp_path, step("two", "one", "a"), step("three", "one", "b") | step("four", "three", "c"))
    assert healing.status == "healed", healing.refusals
    assert healing.files == {
        "steps/three.sql": b"-- step: three\n-- after: two\nCREATE TABLE b (id INTEGER);\n"
    }
    assert healing.environments[0].plan.heads_after == ("four",)


def test_r07_the_worked_example_refuses_what_does_not_commute(tmp_path: Path, ladder: Any) -> None:
    healing = made(tmp_path, step("two", "one", "tags"), step("three", "one", "tags"))
    assert [refusal.code for refusal in healing.refusals] == ["conflict"]
    assert "steps/two.sql:3" in healing.refusals[0].message


def test_contracts_name_the_tools_that_there_are() -> None:
    assert tuple(backend.name for backend in BACKENDS) == NAMES


def constants(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module, but for those that stand alone (docstrings)."""
    tree = ast.parse(path.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def test_r07_nothing_outside_knows_the_tools_by_name() -> None:
    words = re.compile(r"\b(?:alembic|django|flyway|numbered)", re.IGNORECASE)
    told = []
    for path in sorted(HOME.rglob("*.py")):
        inner = path.relative_to(HOME).as_posix()
        if inner.startswith(OURS) or not words.search(path.read_text()):
            continue
        for line, text in constants(path):
            if words.search(OWN_TABLE.sub("", text)):
                told.append(f"{inner}:{line} {text!r}")
    assert told == []
