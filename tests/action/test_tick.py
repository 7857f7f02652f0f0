"""`tick` and `report`: the queue without a server, each wake-up a step on a machine that knows nothing of the last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pointsman.adapters.store.document import STATE_REF, DocumentStore, LaneTaken
from tests.action.steps import Runner, Said
from tests.github.fake import FakeGitHub, FakeRepository

CONTRACT = """\
version: 1
base: main
roles:
  people: {who: [{permission: write}], owns: ["**"]}
identities: {ada: {user: ada}}
checks:
  unit: {run: "test ! -e red"}
"""
WRITE = {
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "read",
    "actions": "write",
}


class Queue:
    """The repository, and one machine after another."""

    def __init__(self, folder: Path, hub: FakeGitHub, repo: FakeRepository) -> None:
        self.folder, self.hub, self.repo, self.count = folder, hub, repo, 0

    def __call__(self, command: str = "tick", event: object = None, name: str = "schedule") -> Said:
        self.count += 1
        folder = self.folder / f"machine{self.count}"
        folder.mkdir()
        extra = {"GITHUB_API_URL": self.hub.api_url, "GITHUB_REPOSITORY": self.repo.full_name}
        runner = Runner(folder=folder, server=self.hub.url, extra=extra)
        said = runner(command, event, name, token=self.hub.actions_token(self.repo, WRITE))
        for thread in list(self.hub.threads):
            thread.join(30)
        return said

    def until(self, happened: Callable[[], bool], most: int = 6) -> None:
        for _ in range(most):
            if happened():
                return
            self()
        assert happened(), f"not after {most} wake-ups"

    def open(self, branch: str, files: dict[str, str]) -> int:
        self.repo.push("ada", branch, files, branch)
        number = self.repo.open_pull("ada", branch, f"Add {branch}", "")
        self.repo.comment(number, "ada", "/queue")
        return number


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository("acme/depot", files={".pointsman.yml": CONTRACT, "a.txt": "a\n"})
        repo.permission("ada", "write")
        commands = {"unit": "test ! -e red", "proof": "true"}
        repo.workflow("gate", ["unit", "proof"], on_dispatch=True, commands=commands)
        queue = Queue(tmp_path, hub, repo)
        queue()  # comments count from the first wake-up on
        yield queue


def test_a_pull_request_lands_in_a_few_wake_ups_and_the_report_tells_the_way(queue: Queue) -> None:
    number = queue.open("feature", {"b.txt": "b\n"})
    assert queue().outcome == "done"
    (lane,) = json.loads(queue("report").outputs["lanes"])
    assert [(one["label"], one["candidate_state"]) for one in lane["changes"]] == [(f"#{number}", "testing")]
    queue.until(lambda: bool(queue.repo.pull(number).merged))
    assert json.loads(queue("report").outputs["lanes"])[0]["changes"] == []


@pytest.mark.soak
def test_I6_a_red_gate_lands_nothing(queue: Queue) -> None:
    number = queue.open("broken", {"red": "x\n"})
    said = [queue(), queue()]
    assert '"state": "failed"' in said[-1].log
    assert not queue.repo.pull(number).merged
    assert queue.repo.tip("main") == queue.repo.pull(number).base_sha


def test_of_two_wake_ups_at_once_one_performs_and_the_other_says_that_it_did_not(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.open("feature", {"b.txt": "b\n"})
    before = queue.repo.bare.resolve(STATE_REF)

    def lose(self: DocumentStore, document: bytes) -> None:
        raise LaneTaken(f"{STATE_REF} moved: another run has the lane; it works off everything that waits")

    with monkeypatch.context() as patch:
        patch.setattr(DocumentStore, "_publish", lose)
        patch.setattr("pointsman.adapters.store.document.BUSY", "another run has the lane")
        said = queue()
    assert (said.code, said.outcome) == (0, "busy"), said.log
    assert queue.repo.bare.resolve(STATE_REF) == before
    assert not [
        ref
        for ref in queue.repo.bare.git("for-each-ref", "--format=%(refname)").split()
        if "heads/pointsman" in ref
    ]


@pytest.mark.soak
def test_a_forge_that_is_down_is_said_and_nothing_is_lost(queue: Queue) -> None:
    number = queue.open("feature", {"b.txt": "b\n"})
    queue.hub.faults.add("*", "/issues/", 403, times=50, after=0)
    said = queue()
    queue.hub.faults.clear()
    assert said.code in (0, 2)
    queue.until(lambda: bool(queue.repo.pull(number).merged))


def test_without_a_token_there_is_no_wake_up(tmp_path: Path, runner: Runner) -> None:
    said = runner("tick", {}, "schedule")
    assert (said.code, said.outcome) == (2, "error")
    assert "set the input `token`" in said.log
