"""Shows that the story is true, with commands that anybody can type; repairs and explains nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pointsman.core.model import Sha
from pointsman.core.queue.model import CandidateState
from pointsman.demo.show import Show
from pointsman.demo.story import BASE
from pointsman.ports import Store

BEFORE = "Hand main to the queue"
"""The last commit that was on main before the queue had it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A command line as one would type it, what it printed, and whether it said yes."""

    line: str
    output: str
    ok: bool


def prove(directory: Path, show: Show) -> bool:
    """Run every proof on the repository in `directory` and show it; whether all of them hold."""
    show.heading("Don't take its word for it")
    holds = True
    for shown in _proofs(directory):
        show.command(shown.line, shown.output, ok=shown.ok)
        holds = holds and shown.ok
    return holds


def _proofs(directory: Path) -> Iterator[Shown]:
    yield _tested_trees(directory)
    yield run(pointsman("heads", "-C", str(directory), "--rev", BASE))
    with TemporaryDirectory(prefix="depot-") as folder:
        yield run(["git", "clone", "--quiet", "--branch", BASE, str(directory), "depot"], at=Path(folder))
        yield run(alembic("upgrade", "head"), at=Path(folder) / "depot")
        yield run(alembic("current"), at=Path(folder) / "depot")
    yield run(pointsman("log", "--verify", "-C", str(directory)))


def pointsman(*arguments: str) -> list[str]:
    """The command line of Pointsman itself, for `run`."""
    return [sys.executable, "-m", "pointsman", *arguments]


def alembic(*arguments: str) -> list[str]:
    """The command line of this Python's Alembic, for `run`."""
    return [sys.executable, "-m", "alembic", *arguments]


def run(command: Sequence[str], *, at: Path | None = None, extra: Mapping[str, str] | None = None) -> Shown:
    """Run it, with `extra` in its environment; `python -m tool` is shown as `tool`, as it is called where it is
    installed."""
    done = subprocess.run(
        command,
        cwd=at,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"NO_COLOR": "1"} | dict(extra or {}),
    )
    words = command[2:] if command[0] == sys.executable else command
    return Shown(line=" ".join(words), output=done.stdout, ok=done.returncode == 0)


def _tested_trees(directory: Path) -> Shown:
    """Every commit that main got since the queue has it, against the gate runs in the store."""
    from pointsman.wiring import open_store

    command = ["git", "-C", str(directory), "log", "--first-parent", "--reverse", "--format=%H %T %s", BASE]
    listed = run(command)
    commits = [line.split(" ", 2) for line in listed.output.splitlines()]
    subjects = [subject for _, _, subject in commits]
    own = commits[subjects.index(BEFORE) + 1 :] if BEFORE in subjects else commits
    with closing(open_store(directory)) as store:
        checks = {commit: _passed(store, Sha(commit), Sha(tree)) for commit, tree, _ in own}
    lines = [
        f"{commit[:10]}  tree {tree[:10]}  {', '.join(checks[commit]) or 'NOT TESTED'}"
        for commit, tree, _ in own
    ]
    ok = listed.ok and bool(own) and all(checks.values())
    lines.append(
        f"{sum(map(bool, checks.values()))} of {len(own)} commits passed the gate on their very tree"
    )
    return Shown(
        line=f"git log --first-parent {BASE}, against the gate runs:", output="\n".join(lines), ok=ok
    )


def _passed(store: Store, commit: Sha, tree: Sha) -> list[str]:
    """The checks that the commit's candidate asked for, if a run of each passed on that tree; else []."""
    landed = store.candidates(BASE, states=(CandidateState.LANDED,))
    candidate = next((one for one in landed if one.commit == commit), None)
    if candidate is None:
        return []
    runs = [store.passed_run(tree, digest) for _, digest in candidate.checks]
    return [f"{run.check} passed" for run in runs if run is not None] if all(runs) else []
