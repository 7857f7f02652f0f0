"""`pointsman check` as a script calls it, on a small site with a contract; it asserts nothing but its own form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.main import entry
from tests.support.repo import Repo

BASE = "src/layouts/Base.astro"
DOC = "docs/d.md"
BRANCH = "agent/docs/x"
AUTHOR = "bot@example.org"
CONTRACT = """\
version: 1
base: main
identities:
  ada: {email: ada@example.org}
  bot: {email: bot@example.org, bot: true}
roles:
  owner: {who: [ada], owns: ["**"]}
  docs:
    who: [bot]
    branches: [agent/docs/*]
    owns: [/docs/, /old/, /src/pages/, /src/free/, /vendor/, /lone.txt]
    cannot_touch: [/src/layouts/, /protected/]
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """One run: exit code, the JSON object ({} where there is none) and stderr."""

    code: int
    answer: dict[str, Any]
    stderr: str

    @property
    def outcome(self) -> str:
        return str(self.answer["contract"]["outcome"])

    @property
    def paths(self) -> dict[str, str]:
        """Every judged path with its status."""
        return {one["path"]: one["status"] for one in self.answer["contract"]["paths"]}

    @property
    def rules(self) -> dict[str, str]:
        """Every judged path with the rule that decided."""
        return {one["path"]: one["rule"] for one in self.answer["contract"]["paths"]}

    @property
    def problems(self) -> list[str]:
        return [one["code"] for one in self.answer["contract"]["problems"]]


def site(repo: Repo, contract: str = CONTRACT) -> Repo:
    """A site on main, with its contract, and the change's branch checked out."""
    files = {BASE: "base\n" * 10, DOC: "doc\n", "src/pages/i.astro": "index\n", "protected/p.txt": "p\n"}
    repo.commit("base", files={**files, ".pointsman.yml": contract})
    return repo.branch(BRANCH)


class Check:
    """Runs the command in one repository."""

    def __init__(self, repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
        self.repo, self.capsys = repo, capsys

    def __call__(
        self,
        *options: str,
        base: str = "main",
        head: str = BRANCH,
        branch: str | None = BRANCH,
        author: str | None = AUTHOR,
        directory: Path | None = None,
    ) -> Checked:
        named = [] if branch is None else ["--branch", branch]
        named += [] if author is None else ["--author", author]
        where = ["-C", str(directory or self.repo.path)]
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            entry(["check", f"--base={base}", f"--head={head}", *where, *named, "--json", *options])
        printed = self.capsys.readouterr()
        code = int(str(left.value.code or 0))
        assert bool(printed.out) == (code != 2), "one JSON object with a verdict, and none with an error"
        return Checked(code=code, answer=json.loads(printed.out or "{}"), stderr=printed.err)
