"""The queue without a server: every tick starts with nothing but GITHUB_TOKEN and a ref that holds its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.core.queue.model import Entry
from pointsman.wiring.github import action_hub
from tests.github.fake import FakeGitHub, FakeRepository
from tests.github.world import CONTRACT, PROJECT, Clock
from tests.support.project import VERSIONS, revision

PERMISSIONS = {
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "read",
    "actions": "write",
}


class Runs:
    """Wake-ups of the queue, each in an empty folder."""

    def __init__(self, folder: Path, hub: FakeGitHub, repo: FakeRepository) -> None:
        self.folder, self.github, self.repo = folder, hub, repo
        self.count = 0
        self.heard: list[Entry] = []

    def tick(self, event: str = "schedule", payload: bytes = b"{}") -> int:
        self.count += 1
        folder = self.folder / f"run{self.count}"
        folder.mkdir()
        self.github.advance(20)
        done = 0
        with action_hub(
            folder,
            repository=self.repo.full_name,
            token=self.github.actions_token(self.repo, PERMISSIONS),
            api_url=self.github.api_url,
            html_url=self.github.url,
            event_name=event,
            event=payload,
            clock=Clock(self.github),
        ) as hub:
            hub.say = lambda _name, entry: self.heard.append(entry)
            for _ in range(10):
                worked = hub.round()
                done += worked
                if not worked:
                    break
        for thread in list(self.github.threads):
            thread.join(30)
        return done

    def landed(self) -> list[str]:
        log = self.repo.bare.git("log", "--first-parent", "--reverse", "--format=%s", "main")
        return log.splitlines()[1:]

    def troubles(self) -> list[str]:
        return [str(entry.body["why"]) for entry in self.heard if entry.kind == "trouble"]


@contextmanager
def runs(folder: Path) -> Iterator[Runs]:
    (folder / "github").mkdir()
    with FakeGitHub(folder / "github") as hub:
        repo = hub.repository("acme/depot", files={**PROJECT, ".pointsman.yml": CONTRACT})
        repo.permission("ada", "write")
        repo.workflow(
            "gate", ["unit", "proof"], on_dispatch=True, commands={"unit": "test ! -e red", "proof": "true"}
        )
        yield Runs(folder, hub, repo)


@pytest.mark.soak
def test_comments_are_found_the_gate_is_dispatched_and_what_passed_lands(tmp_path: Path) -> None:
    with runs(tmp_path) as r:
        r.tick()
        for id in ("bb2", "cc3"):
            r.repo.push("ada", id, {f"{VERSIONS}/{id}.py": revision(id, '"aa1"')}, f"Add {id}")
            number = r.repo.open_pull("ada", id, f"Add {id}", "")
            r.repo.comment(number, "ada", "/queue")
        for _ in range(8):
            r.tick()
            if len(r.landed()) == 2:
                break
        assert r.troubles() == []
        assert r.landed() == ["Add bb2 (#1)", "Add cc3 (#2)"]
        assert all(r.repo.pull(n).merged for n in (1, 2))
        assert r.repo.bare.git("for-each-ref", "refs/pointsman/state").strip()


@pytest.mark.soak
def test_rule_14_a_run_that_was_dropped_costs_nothing(tmp_path: Path) -> None:
    with runs(tmp_path) as r:
        r.tick()
        r.repo.push("ada", "one", {"a": "1\n"}, "One")
        r.repo.comment(r.repo.open_pull("ada", "one", "One", ""), "ada", "/queue")
        r.repo.push("ada", "two", {"b": "1\n"}, "Two")
        r.repo.comment(r.repo.open_pull("ada", "two", "Two", ""), "ada", "/queue")
        for _ in range(6):
            r.tick()
        assert sorted(r.landed()) == ["One (#1)", "Two (#2)"]
