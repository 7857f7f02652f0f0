"""A small world for stories of the local queue: a repository, its agents, and eyes that look from outside.

What happened is read with git, sqlite3 and the command line's JSON; no story looks into the queue's objects.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.cli.main import entry
from pointsman.core.queue.model import Entry
from pointsman.service.submit import NotSubmitted, Submission, Submitted
from pointsman.wiring import local_queue
from tests.support.repo import FIRST_COMMIT_AT, Repo

GATE = "test ! -e red"
"""The usual check: a change is red when it brings a file called `red`."""

OPEN = "sandbox: {read_only_git: false}"
"""For checks that play somebody else at work in the repository."""

QUEUE = "speculate: 1, retry: {max: 1}"
PEOPLE = """\
  ada: {email: ada@example.org}
  eve: {email: eve@example.org}
  lead: {email: lead@example.org}
"""
ROLES = 'roles: {coder: {who: [ada], branches: ["agent/**"], owns: ["**"]}}'
AUTHOR = "Ada <ada@example.org>"


def contract(
    check: str = GATE, *, queue: str = QUEUE, roles: str = ROLES, checks: str = "", more: str = ""
) -> str:
    """A contract of one check called `unit` (or of `checks`); `queue`, `roles` and `more` are YAML."""
    tested = checks or f"checks: {{unit: {{run: {json.dumps(check)}}}}}"
    return f"version: 1\nbase: main\nidentities:\n{PEOPLE}{roles}\n{tested}\nqueue: {{{queue}}}\n{more}\n"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class World:
    """One repository with a contract on main, and its queue. Its own HEAD is detached: main is nobody's."""

    def __init__(
        self, folder: Path, rules: str | None = None, files: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.repo = Repo(folder / "repo").init()
        self.path = self.repo.path
        first = {".pointsman.yml": rules or contract(), "app.txt": "one\ntwo\nthree\nfour\nfive\n"}
        self.first = self.repo.commit("start", files={**first, **(files or {})})
        self.repo.git("checkout", "-q", "--detach")

    # What agents and people do

    def branch(
        self,
        name: str,
        files: Mapping[str, str | None] | None = None,
        *,
        message: str = "",
        at: str = "main",
        author: str = AUTHOR,
    ) -> str:
        """One more commit on that branch (made at `at`), without any worktree; its SHA.

        Without `files` it brings a file of its own; None deletes one."""
        content = files if files is not None else {own_file(name): f"{name}\n"}
        known = self.repo.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{name}")
        self.repo.commits_made += 1
        when = f"{FIRST_COMMIT_AT + self.repo.commits_made} +0000"
        stream = f"commit refs/heads/{name}\nauthor {author} {when}\ncommitter {author} {when}\n"
        stream += _data(message or f"work of {name}") + f"from {known or self.repo.rev(at)}\n"
        for path, text in content.items():
            stream += f"D {path}\n" if text is None else f"M 100644 inline {path}\n{_data(text)}"
        self.repo.git("fast-import", "--quiet", input=stream)
        return self.repo.rev(name)

    def worktree(self, name: str) -> Repo:
        """An agent's own worktree on its own new branch."""
        path = self.folder / "agents" / name.replace("/", "-")
        self.repo.git("worktree", "add", "-q", "-b", name, str(path), "main")
        return Repo(path)

    def submit(self, *names: str, **how: Any) -> list[int]:
        """Put those branches into the queue; the numbers they got. None may be refused."""
        with local_queue(self.path) as queue:
            outcomes = [queue.submit(Submission(branch=name, **how)) for name in names]
        assert [one.text for one in outcomes if isinstance(one, NotSubmitted)] == []
        return [one.change.id for one in outcomes if isinstance(one, Submitted)]

    def refusal(self, name: str) -> NotSubmitted:
        """What the desk says to a branch that it does not take."""
        with local_queue(self.path) as queue:
            outcome = queue.submit(Submission(branch=name))
        assert isinstance(outcome, NotSubmitted), outcome
        return outcome

    def work(self, *, rewound: bool = False, hear: Callable[[Entry], None] = lambda _: None) -> None:
        """`pointsman run --once`, in this process; afterwards what must always hold does, unless somebody has
        `rewound` main by force. `hear` is told each step as it happens."""
        with local_queue(self.path, contract_needed=False) as queue:
            assert queue.lock.acquire()
            queue.listen(hear)
            queue.loop.run(once=True)
        if not rewound:
            self.check_invariants()

    def land(self, *names: str) -> None:
        """Submit and work in one go."""
        self.submit(*names)
        self.work()

    def cli(self, command: str, *args: str) -> Said:
        """`pointsman COMMAND -C REPOSITORY ARGS`, in this process."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                entry([command, "-C", str(self.path), *args])
            except SystemExit as end:
                code = int(end.code or 0)
        return Said(code=code, out=out.getvalue(), err=err.getvalue())

    def process(self, *args: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """`python -m pointsman ARGS` in a process of its own, in the repository."""
        return subprocess.Popen(
            [sys.executable, "-m", "pointsman", *args],
            cwd=cwd or self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def shell(self, command: str, *, cwd: Path | None = None, path: Path | None = None) -> Said:
        """A command line that somebody pastes into a shell in the repository; `path` comes first in PATH."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=cwd or self.path,
            env=os.environ | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    # What can be seen from outside

    def changes(self) -> dict[str, Any]:
        """Branch -> its newest change, as `pointsman queue --all --json` has it."""
        said = self.cli("queue", "--all", "--json")
        assert said.code == 0, said.err
        listed = [change for lane in said.json["lanes"] for change in lane["changes"]]
        return {change["branch"]: change for change in sorted(listed, key=lambda one: one["id"])}

    def states(self) -> dict[str, str]:
        return {branch: change["state"] for branch, change in self.changes().items()}

    def reason(self, branch: str) -> Any:
        """Why the branch was returned: code, message, details, reproduce."""
        change = self.changes()[branch]
        assert change["state"] == "returned", change
        return change["reason"]

    def waiting(self, branch: str) -> Any:
        """What the branch waits for: code and message."""
        change = self.changes()[branch]
        assert change["state"] == "queued", change
        return change["waiting"]

    def order(self) -> list[str]:
        """The branches that landed, in the order in which main got them."""
        said = self.repo.git("log", "--first-parent", "--reverse", "--format=%B", f"{self.first}..main")
        mark = "Pointsman-Branch: "
        return [line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)]

    def on_main(self, path: str) -> str | None:
        """The file's text on main, None where there is none."""
        return self.repo.show("main", path).decode() if path in self.repo.files("main") else None

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of all journal lines of that kind."""
        rows = self.rows("select body from journal where kind = ? order by seq", kind)
        return [json.loads(row[0]) for row in rows]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the state file, read with sqlite3 alone."""
        state = Path(self.repo.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
        with contextlib.closing(sqlite3.connect(state / "pointsman" / "state.db")) as database:
            return database.execute(query, values).fetchall()

    def check_invariants(self) -> None:
        """I1: main's first-parent commits are tested trees, or an outsider's; in a batch, its last one is.
        I5: what the state file calls landed is on main, once. The landing is what the journal said."""
        passed = {row[0] for row in self.rows("select tree from runs where state = 'passed'")}
        log = self.repo.git(
            "log", "--first-parent", "--format=%H %T %(trailers:key=Pointsman-Change,valueonly)", "main"
        )
        commits = [line.split() for line in log.splitlines() if line]
        ours = {parts[0]: parts[1] for parts in commits if len(parts) == 3}
        landings = self.journal("landed")
        moved_to = {body["commit"] for body in landings}
        untested = [sha for sha in moved_to if sha in ours and ours[sha] not in passed]
        assert untested == [], f"on main and never tested: {untested}"
        numbers = [int(parts[2]) for parts in commits if len(parts) == 3]
        assert len(numbers) == len(set(numbers)), f"landed twice: {numbers}"
        said = sorted(change for body in landings for change in body["changes"])
        known = sorted(row[0] for row in self.rows("select id from changes where state = 'landed'"))
        assert sorted(numbers) == said == known, (numbers, said, known)


def own_file(branch: str) -> str:
    """The file that a branch of `World.branch` brings when it is told nothing else."""
    return f"{branch.replace('/', '-')}.txt"


def until(true: Callable[[], bool], *, seconds: float = 60.0) -> float:
    """Wait for something to become true; how long it took."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < seconds, "waited too long"
        time.sleep(0.05)
    return time.monotonic() - begin


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
