"""The fake GitHub's git side: real git over HTTP, with tokens, permissions and branch rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.github.fake import ACTIONS_APP, ZERO, FakeGitHub, FakeRepository
from tests.support.repo import Repo


def address(repo: FakeRepository, token: str | None) -> str:
    return repo.clone_url.replace("//", f"//x-access-token:{token}@") if token else repo.clone_url


def git(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(folder), *args], capture_output=True, text=True, check=False, timeout=30
    )


def clone(folder: Path, repo: FakeRepository, token: str | None) -> Repo:
    done = git(folder, "clone", "-q", address(repo, token), "work")
    assert done.returncode == 0, done.stderr
    return Repo(folder / "work")


def commit(work: Repo, name: str, text: str = "x\n") -> str:
    work.path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    work.path.joinpath(name).write_text(text)
    work.git("add", ".")
    work.git("commit", "-q", "-m", f"Add {name}")
    return work.git("rev-parse", "HEAD")


def test_a_token_clones_and_pushes_and_what_was_pushed_is_told(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        installation = hub.install(hub.app(), repo)
        work = clone(tmp_path, repo, hub.installation_token(installation))
        made = commit(work, "b.py")
        done = git(work.path, "push", "origin", "HEAD:refs/heads/pointsman/main/1")
        assert done.returncode == 0, done.stderr
        assert repo.tip("pointsman/main/1") == made
        update = hub.git_log[-1]
        assert (update.old, update.new, update.by, update.via) == (ZERO, made, "pointsman[bot]", "git")
        push = next(d for d in hub.webhooks.log if d.event == "push" and d.payload["after"] == made)
        assert push.payload["ref"] == "refs/heads/pointsman/main/1"
        assert push.payload["created"] is True


@pytest.mark.parametrize("kind", ["none", "unknown", "read only", "expired"])
def test_a_push_without_the_right_is_refused(tmp_path: Path, kind: str) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        installation = hub.install(hub.app(), repo)
        work = clone(tmp_path, repo, None)
        commit(work, "b.py")
        reading = hub.installation_token(installation, permissions={"contents": "read"})
        tokens = {"none": None, "unknown": "ghs_0000", "read only": reading}
        token = tokens.get(kind, reading)
        hub.advance(3601 if kind == "expired" else 0)
        done = git(work.path, "push", address(repo, token), "HEAD:refs/heads/x")
        assert done.returncode != 0
        assert repo.tip("x") is None
        if kind == "read only":
            assert "Permission to acme/widgets.git denied to pointsman[bot]" in done.stderr


def test_a_private_repository_is_not_there_for_strangers(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository(private=True)
        assert git(tmp_path, "ls-remote", repo.clone_url).returncode != 0
        eve = git(tmp_path, "ls-remote", address(repo, hub.user_token("eve")))
        assert "Repository not found" in eve.stderr
        repo.permission("ada", "read")
        assert git(tmp_path, "ls-remote", address(repo, hub.user_token("ada"))).returncode == 0


def test_heads_of_pull_requests_can_be_fetched_and_not_pushed(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        head = repo.push("eve", "fix", {"a": "1"}, fork="eve")
        number = repo.open_pull("eve", "fix", "Fix", fork="eve")
        work = clone(tmp_path, repo, hub.user_token("acme"))
        work.git("fetch", "-q", "origin", f"refs/pull/{number}/head")
        assert work.git("rev-parse", "FETCH_HEAD") == head
        refused = git(work.path, "push", "origin", f"HEAD:refs/pull/{number}/head")
        assert "hidden ref" in refused.stderr


def test_rule_11_branch_rules_hold_for_a_push_unless_the_app_may_bypass(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        app = hub.app()
        token = hub.installation_token(hub.install(app, repo))
        rules = repo.ruleset(pull_request=True, required_checks=[("unit", ACTIONS_APP)])
        work = clone(tmp_path, repo, token)
        made = commit(work, "b.py")
        done = git(work.path, "push", "origin", "HEAD:main")
        assert "push declined due to repository rule violations" in done.stderr
        assert "GH013: Repository rule violations found for refs/heads/main" in done.stderr
        assert "Changes must be made through a pull request." in done.stderr
        assert 'Required status check "unit" is expected.' in done.stderr
        assert repo.tip("main") != made
        rules.bypass = [{"actor_id": app.id, "actor_type": "Integration", "bypass_mode": "pull_request"}]
        assert git(work.path, "push", "origin", "HEAD:main").returncode != 0
        rules.bypass[0]["bypass_mode"] = "always"
        assert git(work.path, "push", "origin", "HEAD:main").returncode == 0
        assert repo.tip("main") == made


def test_force_pushes_deletions_and_spoofed_checks_do_not_pass_the_rules(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        repo.push("ada", "dev", {"a": "1"})
        repo.ruleset(branches=["dev"], required_checks=[("unit", ACTIONS_APP)])
        token = hub.installation_token(hub.install(hub.app(), repo))
        work = clone(tmp_path, repo, token)
        commit(work, "b.py")
        forced = git(work.path, "push", "--force", "origin", "HEAD:dev")
        assert "Cannot force-push to this branch" in forced.stderr
        assert "Cannot delete this branch" in git(work.path, "push", "origin", ":dev").stderr
        work.git("checkout", "-q", "-B", "dev", "origin/dev")
        made = commit(work, "c.py")
        work.git("push", "-q", "origin", "HEAD:refs/heads/try")
        hub.spoof_check(repo, made, "unit", 4711)
        assert "is expected" in git(work.path, "push", "origin", "HEAD:dev").stderr
        hub.spoof_check(repo, made, "unit", ACTIONS_APP)
        assert git(work.path, "push", "origin", "HEAD:dev").returncode == 0


def test_rule_10_a_push_with_an_actions_token_starts_no_workflow(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"], on_dispatch=True)
        work = clone(tmp_path, repo, hub.actions_token(repo, {"contents": "write"}))
        first = commit(work, "b.py")
        work.git("push", "-q", "origin", "HEAD:refs/heads/pointsman/1")
        assert repo.check_runs(first) == []
        work.git("remote", "set-url", "origin", address(repo, hub.user_token("acme")))
        work.git("push", "-q", "origin", "HEAD:refs/heads/pointsman/2")
        assert [run.status for run in repo.check_runs(first)] == ["queued"]


def test_an_app_without_the_workflows_permission_pushes_no_new_workflow(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        installation = hub.install(hub.app(), repo)
        work = clone(tmp_path, repo, hub.installation_token(installation))
        commit(work, ".github/workflows/ci.yml")
        done = git(work.path, "push", "origin", "HEAD:refs/heads/x")
        assert "without `workflows` permission" in done.stderr
        known = repo.push("ada", "theirs", {".github/workflows/ci.yml": "y\n"})
        work.git("fetch", "-q")
        assert git(work.path, "push", "origin", f"{known}:refs/heads/y").returncode == 0


def test_git_follows_a_renamed_repository(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository("acme/widgets")
        old = repo.clone_url
        repo.rename("gadgets")
        assert git(tmp_path, "ls-remote", old).stdout.startswith(repo.tip("main") or "?")


def test_a_large_push_comes_through_in_chunks(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository()
        work = clone(tmp_path, repo, hub.user_token("acme"))
        work.path.joinpath("big").write_bytes(bytes(range(256)) * 12_000)
        work.git("config", "core.compression", "0")
        work.git("add", ".")
        work.git("commit", "-q", "-m", "Big")
        done = git(work.path, "-c", "http.postBuffer=65536", "push", "origin", "HEAD:big")
        assert done.returncode == 0, done.stderr
        assert repo.tip("big") == work.git("rev-parse", "HEAD")
