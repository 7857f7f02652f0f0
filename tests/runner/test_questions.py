"""Questions about a landed commit, in the real sandbox: what the command sees, how its end reads, what is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.questions import SandboxQuestions
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract.model import Sandbox as Policy
from pointsman.core.model import Sha
from pointsman.core.queue.deploys import Answer, Question
from tests.support.repo import Repo


@pytest.fixture
def questions(repo: Repo, tmp_path: Path) -> Iterator[SandboxQuestions]:
    repo.commit("landed", files={"expected": "of the landed tree\n"})
    with GitRepository.open(repo.path) as git:
        state = repo.path / ".git" / "pointsman"
        state.mkdir()
        made = SandboxQuestions(git, Sandbox(), state=state, folder=tmp_path / "scratch")
        yield made
        made.forget("main")
    assert list((tmp_path / "scratch").iterdir()) == [], "something was left behind"


def question(repo: Repo, command: str, *, timeout: float = 20.0) -> Question:
    return Question(
        lane="main", commit=Sha(repo.rev("HEAD")), command=command, policy=Policy(), timeout=timeout
    )


def answered(questions: SandboxQuestions, asked: Question) -> Answer:
    deadline = time.monotonic() + 30
    while (answer := questions.ask(asked)) is None:
        assert time.monotonic() < deadline
        assert questions.busy
        time.sleep(0.01)
    assert not questions.busy
    return answer


def test_it_runs_in_the_landed_tree_and_knows_the_commit_and_nothing_of_ours(
    repo: Repo, questions: SandboxQuestions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "s3cret")
    here = 'test "$POINTSMAN_COMMIT" = "$(git rev-parse HEAD)"; if env | grep s3cret; then exit 9; fi'
    answer = answered(questions, question(repo, f"{here}; cat expected; exit 75"))
    assert answer == Answer(exit_code=75, why="exit code 75 (of the landed tree)")


def test_how_it_ends_is_told_and_another_question_takes_its_place(
    repo: Repo, questions: SandboxQuestions
) -> None:
    slow = question(repo, "sleep 60")
    assert questions.ask(slow) is None
    late = answered(questions, question(repo, "sleep 30", timeout=0.2))
    assert (late.exit_code, late.timed_out, late.why) == (None, True, "it took longer than 0.2 s")
    gone = answered(questions, question(repo, "no-such-program"))
    assert gone.exit_code == 127
    assert gone.why.startswith("exit code 127 (")
