"""A repository with a small Django project and a fork in it, for stories about heals; it asserts nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.main import entry
from tests.support.django_project import add, chain, create, project
from tests.support.repo import Repo

BASE = (
    project("blog", "shop")
    | chain(
        "blog",
        ["0001_initial", "0002_title"],
        {"0001_initial": [create("Post")], "0002_title": [add("post", "title")]},
    )
    | chain("shop", ["0001_initial"], {"0001_initial": [create("Order")]})
)


class World:
    """A base branch and a change, each a few files on `BASE`."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture
        self.repo = Repo(folder).init()

    def made(
        self,
        ours: Mapping[str, str | None],
        theirs: Mapping[str, str | None],
        start: Mapping[str, str] = BASE,
    ) -> World:
        self.repo.commit("start", files=start)
        self.repo.branch("change").commit("change", files=theirs)
        self.repo.checkout("main").commit("base", files=ours)
        return self

    def heal(self, *more: str, base: str = "main", head: str = "change") -> tuple[int, dict[str, Any]]:
        command = [
            "heal",
            "-C",
            str(self.folder),
            "--base",
            base,
            "--head",
            head,
            "--json",
            *(more or ["--no-prove"]),
        ]
        return self.run(command)

    def heads(self, rev: str = "main") -> tuple[int, dict[str, Any]]:
        return self.run(["heads", "-C", str(self.folder), "--rev", rev, "--json"])

    def run(self, command: list[str]) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as left:
            entry(command)
        out = self.capture.readouterr().out
        return int(str(left.value.code)), json.loads(out)

    def shown(self, answer: dict[str, Any], path: str) -> str:
        return self.repo.show(answer["tree"], path).decode()
