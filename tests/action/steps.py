"""Runs a step as Actions would: variables, an event file, files for summary and outputs; it asserts nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.action.step import step
from pointsman.core.model import Sha
from tests.flows.alembic_project import BASE, path, revision, table
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities:
  ada: {user: ada, id: 5}
  leads: {user: grace, id: 6}
roles:
  builder: {who: [ada], owns: ["**"]}
paths:
  core: {match: [/core/], approve: {by: [leads], count: 1}}
  secrets: {match: ["*.pem"], rule: never}
checks:
  unit: {run: "echo '== 3 passed in 0.10s =='", min_tests: 2}
  lint: {run: "echo fine"}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a step left behind."""

    code: int
    log: str
    summary: str
    outputs: Mapping[str, str]

    @property
    def outcome(self) -> str:
        return self.outputs["outcome"]

    @property
    def commands(self) -> list[str]:
        """The workflow commands that the runner would obey, those of stop and go left out."""
        obeyed, word = [], ""
        for line in self.log.split("\n"):
            if word:
                word = "" if line.strip() == f"::{word}::" else word
            elif line.startswith("::stop-commands::"):
                word = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::") or "##[" in line:
                obeyed.append(line)
        return obeyed


@dataclass(kw_only=True)
class Runner:
    """A machine of Actions for one repository: `server` holds `acme/app.git`."""

    folder: Path
    server: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def environment(
        self, command: str, event: object = None, name: str = "", **inputs: str
    ) -> dict[str, str]:
        for each in ("workspace", "temp"):
            (self.folder / each).mkdir(exist_ok=True)
        event_file = self.folder / "event.json"
        data = event if isinstance(event, bytes) else json.dumps(event if event is not None else {}).encode()
        event_file.write_bytes(data)
        named = {f"POINTSMAN_{key.upper()}": value for key, value in inputs.items()}
        return {
            "GITHUB_EVENT_PATH": str(event_file),
            "GITHUB_EVENT_NAME": name,
            "GITHUB_REPOSITORY": "acme/app",
            "GITHUB_SERVER_URL": self.server or f"file://{self.folder}",
            "GITHUB_WORKSPACE": str(self.folder / "workspace"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "POINTSMAN_COMMAND": command,
            **named,
            **self.extra,
        }

    def __call__(self, command: str, event: object = None, name: str = "", **inputs: str) -> Said:
        environment = self.environment(command, event, name, **inputs)
        for each in ("summary", "output"):
            (self.folder / each).unlink(missing_ok=True)
        log = io.StringIO()
        code = step(environment, log)
        return Said(
            code=code,
            log=log.getvalue(),
            summary=_text(self.folder / "summary"),
            outputs=read_outputs(_text(self.folder / "output")),
        )


def read_outputs(text: str) -> dict[str, str]:
    """As the runner reads GITHUB_OUTPUT: `name<<mark`, lines, `mark`."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, sign, mark = line.partition("<<")
        assert sign, f"the runner would stumble over {line!r}"
        value = []
        for each in lines:
            if each == mark:
                break
            value.append(each)
        found[name] = "\n".join(value)
    return found


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


class Forked:
    """A repository on a server: main, and the pull request #7 of ada, whose migration forks from main's."""

    def __init__(
        self, folder: Path, *, contract: str = CONTRACT, files: Mapping[str, str] | None = None
    ) -> None:
        self.repo = Repo(folder / "acme" / "app.git").init()
        first = {name: text for name, text in BASE.items() if name != path("b1")}
        self.first = self.repo.commit(
            "base", files={**first, ".pointsman.yml": contract, "core/a.py": "a = 1\n"}
        )
        self.repo.branch("agent/notes")
        change = files if files is not None else {path("c1"): revision("c1", "f0", *table("notes"))}
        self.head = self.repo.commit("Notes", files=change)
        self.repo.git("update-ref", "refs/pull/7/head", self.head)
        self.repo.checkout("main")
        self.base = self.repo.commit("teams", files={path("b1"): revision("b1", "f0", *table("teams"))})

    def event(self, **changes: Any) -> dict[str, Any]:
        pull: dict[str, Any] = {
            "number": 7,
            "user": {"login": "ada", "id": 5, "type": "User"},
            "base": {"sha": self.base, "ref": "main"},
            "head": {"sha": self.head, "ref": "agent/notes"},
        }
        return {"action": "opened", "pull_request": pull | changes}


def checkout(folder: Path, repo: Repo, commit: Sha) -> Repo:
    """The workspace with that commit checked out, as actions/checkout leaves it with `fetch-depth: 0`."""
    work = Repo(folder / "workspace")
    work.path.parent.mkdir(parents=True, exist_ok=True)
    repo.git("clone", "-q", "--no-checkout", str(repo.path), str(work.path))
    work.git("fetch", "-q", "origin", commit)
    work.git("checkout", "-q", "--detach", commit)
    return work
