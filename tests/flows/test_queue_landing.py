"""Six agents land; nobody's files, index or HEAD are touched; a checkout of main follows or holds the landing."""

from __future__ import annotations

from pathlib import Path

from tests.flows.world import QUEUE, World, contract, own_file
from tests.support.repo import Repo

AGENTS = [f"agent/{name}" for name in ("ann", "ben", "cat", "dan", "eli", "fay")]


def look(tree: Repo) -> tuple[str, ...]:
    """Everything of a worktree that the queue must leave alone."""
    return (
        tree.git("rev-parse", "--symbolic-full-name", "HEAD"),
        tree.rev(),
        tree.git("ls-files", "--stage"),
        tree.git("status", "--short"),
        "\n".join(f"{path} {path.read_text()}" for path in sorted(tree.path.glob("*.txt"))),
    )


def test_six_agents_in_six_worktrees_land_and_their_worktrees_stay_as_they_are(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: window"))
    trees = [world.worktree(branch) for branch in AGENTS]
    for branch, tree in zip(AGENTS, trees, strict=True):
        tree.commit(f"work of {branch}", files={own_file(branch): branch})
    world.submit(*AGENTS)
    trees[0].write({"half-done.txt": "not yet"}).git("add", "half-done.txt")
    before = [look(tree) for tree in [world.repo, *trees]]
    world.work()
    assert world.order() == AGENTS
    assert {world.on_main(own_file(branch)) for branch in AGENTS} == set(AGENTS)
    assert [look(tree) for tree in [world.repo, *trees]] == before
    assert set(world.states().values()) == {"landed"}
    assert world.cli("log", "--verify").code == 0
    assert world.repo.git("for-each-ref", "refs/pointsman") == "", "what has landed is pinned no more"


def test_a_checkout_of_main_follows_and_keeps_files_that_git_does_not_track(tmp_path: Path) -> None:
    world = World(tmp_path)
    main = Repo(tmp_path / "main")
    world.repo.git("worktree", "add", "-q", str(main.path), "main")
    main.write({"notes.md": "mine"})
    world.branch("agent/a", {"app.txt": "new\n"})
    world.land("agent/a")
    assert (main.path / "app.txt").read_text() == "new\n"
    assert main.git("status", "--short") == "?? notes.md"
    assert main.rev() == world.repo.rev("main")


def test_a_dirty_checkout_of_main_holds_the_landing_until_it_is_clean(tmp_path: Path) -> None:
    world = World(tmp_path)
    main = Repo(tmp_path / "main")
    world.repo.git("worktree", "add", "-q", str(main.path), "main")
    main.write({"app.txt": "half a thought\n"})
    world.branch("agent/a")
    world.land("agent/a")
    assert world.order() == []
    assert (main.path / "app.txt").read_text() == "half a thought\n"
    waiting = world.waiting("agent/a")
    assert (waiting["code"], str(main.path) in waiting["message"]) == ("blocked", True)
    assert str(main.path) in world.cli("queue").out, "the table says where, too"
    said = len(world.journal("waiting"))
    world.work()
    assert len(world.journal("waiting")) == said, "what is no news is not said twice"
    main.git("checkout", "-q", "app.txt")
    world.work()
    assert world.order() == ["agent/a"]
    assert len(world.journal("run_started")) == 1, "what passed is not tested again"


def test_an_untracked_file_in_the_way_is_neither_lost_nor_overwritten(tmp_path: Path) -> None:
    world = World(tmp_path)
    main = Repo(tmp_path / "main")
    world.repo.git("worktree", "add", "-q", str(main.path), "main")
    main.write({"agent-a.txt": "mine\n"})
    world.branch("agent/a")
    world.land("agent/a")
    assert (main.path / "agent-a.txt").read_text() == "mine\n"
    assert world.order() == []
    (main.path / "agent-a.txt").unlink()
    world.work()
    assert (main.path / "agent-a.txt").read_text() == "agent/a\n"


def test_R73_a_bare_repository_has_a_queue_like_any_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    bare = tmp_path / "bare.git"
    world.branch("agent/a")
    world.repo.git("clone", "-q", "--mirror", ".", str(bare))
    world.repo, world.path = Repo(bare), bare
    world.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    world.land("agent/a")
    assert world.order() == ["agent/a"]
    assert world.on_main("agent-a.txt") == "agent/a\n"


def test_a_branch_that_is_deleted_after_it_was_submitted_still_lands(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.submit("agent/a")
    world.repo.git("branch", "-D", "agent/a")
    world.repo.git("gc", "-q", "--prune=now")
    world.work()
    assert world.order() == ["agent/a"]


def test_a_branch_that_moved_without_being_submitted_again_is_returned(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.submit("agent/a")
    world.branch("agent/a", {"more.txt": ""})
    world.work()
    reason = world.reason("agent/a")
    assert reason["code"] == "head_moved"
    assert reason["reproduce"] == "pointsman submit agent/a"
    world.land("agent/a")
    assert world.on_main("more.txt") == ""


def test_merge_keeps_the_branchs_commits_and_main_reads_as_one_line_per_change(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = world.branch("agent/a", {"a.txt": "1"}, message="Teach a\n\nAt length.")
    second = world.branch("agent/a", {"a.txt": "2"}, message="Teach a better")
    (number,) = world.submit("agent/a")
    world.work()
    assert world.repo.git("rev-list", "--parents", "-1", "main").split()[1:] == [world.first, second]
    assert first in world.repo.git("rev-list", "main")
    body = world.repo.git("log", "-1", "--format=%B", "main")
    assert body.splitlines()[0] == f"Teach a better (#{number})"
    trailers = world.repo.git("log", "-1", "--format=%(trailers:only)", "main").splitlines()
    assert f"Pointsman-Head: {second}" in trailers
    assert "Pointsman-Role: coder" in trailers


def test_squash_makes_one_commit_by_its_author_with_one_parent(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue=f"{QUEUE}, merge_method: squash"))
    world.branch("agent/a", {"a.txt": "1"}, message="Teach a\n\nAt length.")
    world.branch("agent/b", {"b.txt": "1"}, message="Begin b")
    world.branch("agent/b", {"b.txt": "2"}, message="End b", author="Eve <ada@example.org>")
    world.land("agent/a", "agent/b")
    log = world.repo.git("log", "--format=%an|%ae|%cn|%s", "main").splitlines()
    assert log[:2] == [
        "Eve|ada@example.org|Pointsman|End b (#2)",
        "Ada|ada@example.org|Pointsman|Teach a (#1)",
    ]
    assert len(log) == 3
    assert "At length." in world.repo.git("log", "-1", "--format=%b", "main^")
    assert "* Begin b\n* End b" in world.repo.git("log", "-1", "--format=%b", "main")
