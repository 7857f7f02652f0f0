"""Merges through the API, really made with git, and whether a pull request can be merged at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tests.github.fake import updates, workflows
from tests.github.fake.state import Credential, Pull

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository

Method = Literal["merge", "squash", "rebase"]


def start_pull(repo: FakeRepository, pull: Pull, who: Credential) -> None:
    """A fresh pull request: GitHub builds refs/pull/N/merge once, and workflows start."""
    assert who.account is not None
    tree = repo.bare.merge_tree(pull.base_sha, pull.head)
    if tree:
        text = f"Merge {pull.head} into {pull.base_sha}"
        made = repo.bare.commit_tree(
            tree, [pull.base_sha, pull.head], text, who="GitHub", when=repo.hub.tick()
        )
        repo.bare.move(f"refs/pull/{pull.number}/merge", made)
    updates.open_suites(repo, pull.branch, "0" * 40, pull.head, who)
    if who.kind != "actions":
        workflows.on_pull(repo, pull.branch, pull.head, who.account)


def look(repo: FakeRepository, pull: Pull) -> None:
    """What reading a pull request does on GitHub: the first reads after a move say null while it is computed."""
    base = repo.tip(pull.base)
    if pull.state != "open" or base is None:
        return
    key = (base, pull.head)
    if pull.mergeable_of != key:
        pull.mergeable_of, pull.mergeable = key, None
        pull.reads_until_known = repo.hub.null_reads
    if pull.mergeable is None:
        if pull.reads_until_known > 0:
            pull.reads_until_known -= 1
        else:
            pull.mergeable = repo.bare.merge_tree(base, pull.head) is not None


def merge(
    repo: FakeRepository, pull: Pull, who: Credential, method: Method, title: str | None, text: str | None
) -> str | None:
    """Merges, moves the base branch and closes the pull request; the new tip, None where it conflicts."""
    base = repo.tip(pull.base)
    assert base is not None
    new = _merged(repo, pull, who, base, method, title, text)
    if new is None:
        return None
    repo.bare.move(f"refs/heads/{pull.base}", new, base)
    if method == "merge":
        updates.moved(repo, f"refs/heads/{pull.base}", base, new, who, "merge")
        return new
    repo.set_merged(pull, new, who)
    updates.moved(repo, f"refs/heads/{pull.base}", base, new, who, "merge")
    return new


def _merged(
    repo: FakeRepository,
    pull: Pull,
    who: Credential,
    base: str,
    method: Method,
    title: str | None,
    text: str | None,
) -> str | None:
    if method == "rebase":
        return _rebased(repo, pull, who, base)
    tree = repo.bare.merge_tree(base, pull.head)
    if tree is None:
        return None
    if method == "squash":
        message = "\n\n".join([title or f"{pull.title} (#{pull.number})", text or ""])
        return repo.bare.commit_tree(tree, [base], message, who=pull.author.login, when=repo.hub.tick())
    default = f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.branch}"
    message = "\n\n".join([title or default, text or pull.title])
    return repo.bare.commit_tree(tree, [base, pull.head], message, who=who.name, when=repo.hub.tick())


def _rebased(repo: FakeRepository, pull: Pull, who: Credential, base: str) -> str | None:
    commits = repo.bare.git("rev-list", "--reverse", "--no-merges", f"{base}..{pull.head}").split()
    tip = base
    for commit in commits:
        record = repo.record(commit)
        # Our tip's tree as a child of the commit's parent: so the merge has that parent as its base (a cherry-pick).
        stand_in = repo.bare.commit_tree(
            f"{tip}^{{tree}}", [f"{commit}^"], "", who="GitHub", when=repo.hub.tick()
        )
        tree = repo.bare.merge_tree(stand_in, commit)
        if tree is None:
            return None
        tip = repo.bare.commit_tree(tree, [tip], record[-1], who=record[3], when=repo.hub.tick())
    return tip


def update_branch(repo: FakeRepository, pull: Pull, who: Credential) -> bool:
    """Merges the base into the pull's branch; False where that conflicts."""
    base = repo.tip(pull.base)
    source = repo.hub.repositories.get(pull.head_repo or 0)
    assert base is not None and source is not None
    tree = repo.bare.merge_tree(pull.head, base)
    if tree is None:
        return False
    message = f"Merge branch '{pull.base}' into {pull.branch}"
    new = repo.bare.commit_tree(tree, [pull.head, base], message, who=who.name, when=repo.hub.tick())
    if source is not repo:
        source.bare.git("fetch", "-q", str(repo.bare.path), new)
    old = pull.head
    source.bare.move(f"refs/heads/{pull.branch}", new, old)
    updates.moved(source, f"refs/heads/{pull.branch}", old, new, who, "merge")
    return True


def build_group(repo: FakeRepository, tip: str, pulls: Sequence[Pull]) -> str:
    """Those pull requests merged one after another; AssertionError where they conflict."""
    for pull in pulls:
        tree = repo.bare.merge_tree(tip, pull.head)
        assert tree is not None, f"#{pull.number} conflicts"
        text = f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.branch}"
        tip = repo.bare.commit_tree(tree, [tip, pull.head], text, who="GitHub", when=repo.hub.tick())
    return tip
