"""Others at work on the same repository: they move main by hand, withdraw, submit; a check that means harm."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pointsman.core.queue.model import Entry
from tests.flows.world import OPEN, World, contract


def once(flag: Path, command: str) -> str:
    """A check that is green and does `command` the first time it runs."""
    return f"test -e {flag} || {{ touch {flag}; {command}; }}"


def test_R72_main_that_is_moved_by_hand_meanwhile_is_kept_and_the_candidate_built_again(
    tmp_path: Path,
) -> None:
    by_hand = f"git -C {tmp_path / 'repo'} update-ref refs/heads/main by-hand"
    world = World(tmp_path, contract(once(tmp_path / "done", by_hand), more=OPEN))
    outsider = world.branch("by-hand", {"hand.txt": "by hand\n"})
    world.branch("agent/a")
    world.branch("agent/b")
    world.land("agent/a", "agent/b")
    assert world.order() == ["agent/a", "agent/b"]
    line = world.repo.git("log", "--first-parent", "--reverse", "--format=%H", "main").split()
    assert line[:2] == [world.first, outsider]
    assert world.on_main("hand.txt") == "by hand\n"
    assert world.journal("discarded")
    log = world.repo.git("reflog", "show", "--format=%H", "main").split()
    for newer, older in itertools.pairwise(log):
        world.repo.git("merge-base", "--is-ancestor", older, newer)


def test_main_that_is_rewound_by_hand_is_not_pushed_forward_again(tmp_path: Path) -> None:
    """Somebody takes a landed change back by force: the next one stands on what they left."""
    rewind = f"git -C {tmp_path / 'repo'} update-ref refs/heads/main main~1"
    world = World(
        tmp_path,
        contract(
            f"! test -e agent-b.txt || {{ {once(tmp_path / 'done', rewind)}; }}",
            queue="speculate: 0",
            more=OPEN,
        ),
    )
    world.branch("agent/a")
    world.branch("agent/b")
    world.submit("agent/a", "agent/b")
    world.work(rewound=True)
    assert world.order() == ["agent/b"]
    assert world.on_main("agent-a.txt") is None


def test_what_somebody_landed_by_hand_leaves_the_queue_with_that_reason(tmp_path: Path) -> None:
    world = World(tmp_path)
    head = world.branch("agent/a")
    world.submit("agent/a")
    world.repo.git("update-ref", "refs/heads/main", head)
    world.work()
    assert world.reason("agent/a")["code"] == "already_landed"


def test_a_base_branch_that_is_gone_holds_everything_and_loses_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.submit("agent/a")
    tip = world.repo.rev("main")
    world.repo.git("update-ref", "-d", "refs/heads/main")
    world.work(rewound=True)
    assert "main does not exist" in world.waiting("agent/a")["message"]
    world.repo.git("update-ref", "refs/heads/main", tip)
    world.work()
    assert world.order() == ["agent/a"]


@pytest.mark.parametrize(
    ("step", "state"),
    [
        pytest.param("passed", "withdrawn", id="before the landing is decided"),
        pytest.param("landing", "landed", id="too late: the truth is what main holds"),
    ],
)
def test_withdrawn_at_the_last_moment(tmp_path: Path, step: str, state: str) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.submit("agent/a")

    def withdraw(entry: Entry) -> None:
        if entry.kind == step:
            world.cli("withdraw", "agent/a")

    world.work(hear=withdraw)
    assert world.states() == {"agent/a": state}
    assert world.order() == (["agent/a"] if state == "landed" else [])
    assert world.cli("log", "--verify").code == 0


def test_I7_a_check_finds_no_ref_of_the_repository_in_its_folder(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    gate = f"""
git for-each-ref > {seen}; git remote >> {seen}
git update-ref refs/heads/main $(git commit-tree -m evil HEAD^{{tree}}) || true
git push origin HEAD:main || true
git commit -q --allow-empty -m evil || true
git tag evil || true
echo evil > app.txt
"""
    checks = "checks:\n  unit:\n    run: |" + gate.replace("\n", "\n      ")
    world = World(tmp_path, contract(checks=checks))
    world.branch("agent/a")
    world.land("agent/a")
    assert seen.read_text() == ""
    assert world.order() == ["agent/a"]
    assert world.repo.git("log", "--format=%s", "--all", "--grep=evil") == ""
    assert world.repo.git("tag") == ""
    assert (world.on_main("app.txt") or "").startswith("one")


def test_I7_a_check_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    world = World(tmp_path, contract(f"env > {seen}"))
    monkeypatch.setenv("POINTSMAN_SECRET", "s3cret")
    monkeypatch.setenv("HOME", str(tmp_path))
    world.branch("agent/a")
    world.land("agent/a")
    known = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    assert known["HOME"] != str(tmp_path)
    assert "POINTSMAN_SECRET" not in known
    assert not any(name.startswith("GIT_AUTHOR") for name in known)
