"""What follows when a ref has moved: pull requests follow or close, checks start, webhooks leave. It moves none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.github.fake import workflows
from tests.github.fake.shapes import checks, people, repos
from tests.github.fake.state import ZERO, CheckSuite, Credential, Json, Pull, RefUpdate

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository


def moved(repo: FakeRepository, ref: str, old: str, new: str, who: Credential, via: str) -> None:
    """Call once for each ref, after it has moved; `via` is `git`, `api` or `merge`."""
    forced = ZERO not in (old, new) and not repo.bare.is_ancestor(old, new)
    log = RefUpdate(repo=repo.full_name, ref=ref, old=old, new=new, forced=forced, by=who.name, via=via)
    repo.hub.git_log.append(log)
    repo.pushed = repo.hub.now()
    if not ref.startswith(("refs/heads/", "refs/tags/")) or who.account is None:
        return
    _tell_push(repo, log, who)
    if not ref.startswith("refs/heads/"):
        return
    branch = ref.removeprefix("refs/heads/")
    _follow_heads(repo, branch, new, who)
    if new == ZERO:
        return
    _close_merged(repo, branch, new, who)
    open_suites(repo, branch, old, new, who)
    if who.kind != "actions":  # a push with GITHUB_TOKEN starts no workflow
        workflows.on_push(repo, branch, new, who.account)


def _tell_push(repo: FakeRepository, log: RefUpdate, who: Credential) -> None:
    assert who.account is not None
    hub, made, gone = repo.hub, log.old == ZERO, log.new == ZERO
    records = (
        [] if gone else repo.bare.log(log.new, *([] if made else [f"^{log.old}"]), limit=1 if made else 50)
    )
    commits = [repos.pushed_commit(repo, record) for record in reversed(records)]
    payload: Json = {
        "ref": log.ref,
        "before": log.old,
        "after": log.new,
        "created": made,
        "deleted": gone,
        "forced": log.forced,
        "base_ref": None,
        "compare": f"{hub.url}/{repo.full_name}/compare/{log.old[:12]}...{log.new[:12]}",
        "commits": commits,
        "head_commit": commits[-1]
        if commits
        else (None if gone else repos.pushed_commit(repo, repo.record(log.new))),
        "pusher": {"name": who.account.login, "email": f"{who.account.login}@users.noreply.github.com"},
    }
    hub.webhooks.emit("push", payload, sender=who.account, repo=repo)
    if made or gone:
        kind = "branch" if log.ref.startswith("refs/heads/") else "tag"
        short = {"ref": log.ref.split("/", 2)[2], "ref_type": kind, "pusher_type": "user"}
        extra = {"master_branch": repo.default_branch, "description": None} if made else {}
        hub.webhooks.emit("create" if made else "delete", short | extra, sender=who.account, repo=repo)


def _follow_heads(repo: FakeRepository, branch: str, new: str, who: Credential) -> None:
    for target in list(repo.hub.repositories.values()):
        for pull in list(target.pulls.values()):
            if pull.state == "open" and pull.head_repo == repo.id and pull.branch == branch:
                _follow(target, pull, repo, new, who)


def _follow(target: FakeRepository, pull: Pull, source: FakeRepository, new: str, who: Credential) -> None:
    assert who.account is not None
    if new == ZERO:
        target.close(pull.number, who.account)
        return
    before, pull.head = pull.head, new
    target.keep_head(pull, source)
    base = target.tip(pull.base)
    if base is not None:
        pull.base_sha = base
    pull.updated = target.hub.now()
    target.tell_pull(pull, "synchronize", who.account, before=before, after=new)
    if base is not None and target.bare.is_ancestor(new, base):
        target.close(pull.number, who.account)
    elif who.kind != "actions":
        workflows.on_pull(target, pull.branch, new, who.account)


def _close_merged(repo: FakeRepository, base: str, tip: str, who: Credential) -> None:
    """A base branch that contains a pull's head closes it as merged, whoever pushed it (as GitHub does)."""
    waiting = [pull for pull in repo.pulls.values() if pull.state == "open" and pull.base == base]
    if not waiting:
        return
    contained = set(
        repo.bare.git("for-each-ref", "--format=%(objectname)", "--merged", tip, "refs/pull").split()
    )
    for pull in waiting:
        if pull.head in contained:
            repo.set_merged(pull, merge_commit_of(repo, pull.head, tip), who)


def merge_commit_of(repo: FakeRepository, head: str, tip: str) -> str:
    """The first commit on the base's own line that brought the head in; the head itself where it was the tip."""
    selection = ["rev-list", "--first-parent", "--ancestry-path", f"{head}..{tip}"]
    path = repo.bare.git(*selection).split()
    return path[-1] if path else head


def open_suites(repo: FakeRepository, branch: str, old: str, new: str, who: Credential) -> None:
    """A push opens one queued check suite for each app that may write checks, as GitHub does."""
    assert who.account is not None
    hub, now = repo.hub, repo.hub.now()
    for installation in hub.installations_on(repo):
        app = installation.app
        if installation.permissions.get("checks") != "write" or repo.suite_of(app, new):
            continue
        before = None if old == ZERO else old
        suite = CheckSuite(
            id=hub.new_id(), app=app, sha=new, branch=branch, before=before, created=now, updated=now
        )
        repo.suites[suite.id] = suite
        if "check_suite" in app.events:
            ask(repo, suite, "requested", who)


def ask(repo: FakeRepository, suite: CheckSuite, action: str, who: Credential) -> None:
    """`check_suite` `requested` or `rerequested`: GitHub tells it to the app that owns the suite, to no other."""
    assert who.account is not None
    hub = repo.hub
    short = checks.check_suite(repo, suite) | {"head_commit": repos.simple_commit(repo.record(suite.sha))}
    shared = {"repository": repos.repository(repo), "sender": people.user(hub, who.account)}
    for installation in hub.installations_on(repo):
        if installation.app is suite.app:
            payload = {"action": action, "check_suite": short, **shared}
            hub.webhooks.tell("check_suite", payload, installation=installation, repository=repo.id)
