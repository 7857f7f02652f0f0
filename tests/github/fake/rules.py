"""What protects a branch and what it refuses; it moves no ref."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.github.fake.state import ZERO, Credential, Json, Ruleset

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A move of one branch that somebody asks for; `pull` is the pull request it merges through the API."""

    branch: str
    old: str
    new: str
    pull: int | None = None


def make_rules(
    *,
    required_checks: Sequence[str | tuple[str, int | None]] = (),
    strict: bool = False,
    pull_request: bool = False,
    approvals: int = 0,
    non_fast_forward: bool = True,
    deletion: bool = True,
    merge_queue: bool = False,
    update: bool = False,
    extra: Sequence[Json] = (),
) -> list[Json]:
    """Rules as GitHub writes them."""
    rules: list[Json] = [{"type": "deletion"}] if deletion else []
    rules += [{"type": "non_fast_forward"}] if non_fast_forward else []
    rules += [{"type": "update", "parameters": {"update_allows_fetch_and_merge": False}}] if update else []
    if pull_request:
        flags = ("dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval")
        off: Json = dict.fromkeys((*flags, "required_review_thread_resolution"), False)
        count = {"required_approving_review_count": approvals}
        rules.append({"type": "pull_request", "parameters": off | count})
    if required_checks:
        pairs = [(check, None) if isinstance(check, str) else check for check in required_checks]
        checks = [{"context": n} | ({"integration_id": app} if app else {}) for n, app in pairs]
        parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": strict}
        rules.append({"type": "required_status_checks", "parameters": parameters})
    if merge_queue:
        rules.append({"type": "merge_queue", "parameters": QUEUE})
    return [*rules, *extra]


QUEUE: Json = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}


def matches(repo: FakeRepository, ruleset: Ruleset, branch: str) -> bool:
    """Is the ruleset about that branch? Patterns as in GitHub's conditions, `*` does not cross a slash."""
    for pattern in ruleset.branches:
        if pattern == "~ALL" or (pattern == "~DEFAULT_BRANCH" and branch == repo.default_branch):
            return True
        wanted = pattern.removeprefix("refs/heads/")
        if branch_matches(branch, wanted):
            return True
    return False


def branch_matches(branch: str, pattern: str) -> bool:
    """Does a branch match a pattern of Actions or rulesets? `**` crosses slashes, `*` does not."""
    if "**" in pattern:
        return fnmatch.fnmatchcase(branch, pattern.replace("**", "*"))
    return branch.count("/") == pattern.count("/") and fnmatch.fnmatchcase(branch, pattern)


def active(repo: FakeRepository, branch: str) -> list[tuple[Ruleset, Json]]:
    """Every rule in force on the branch with its ruleset."""
    found = [r for r in repo.rulesets.values() if r.enforcement == "active" and matches(repo, r, branch)]
    return [(ruleset, rule) for ruleset in found for rule in ruleset.rules]


def may_bypass(ruleset: Ruleset, who: Credential, level: str, *, by_pull: bool = False) -> bool:
    """Is the one who asks on the bypass list? Mode `pull_request` counts for merges through the API only."""
    for actor in ruleset.bypass:
        if actor["bypass_mode"] == "pull_request" and not by_pull:
            continue
        if actor["actor_type"] == "Integration" and who.app and who.app.id == actor["actor_id"]:
            return True
        # 5 is the role id of repository administrators in GitHub's API
        if actor["actor_type"] == "RepositoryRole" and actor["actor_id"] == 5 and level == "admin":
            return True
    return False


def objections(repo: FakeRepository, change: Change, who: Credential) -> list[str]:
    """Why the move is refused, in GitHub's words; empty where it is allowed."""
    level = repo.level(who.account) if who.account else "none"
    found: list[str] = []
    for ruleset, rule in active(repo, change.branch):
        if may_bypass(ruleset, who, level, by_pull=change.pull is not None):
            continue
        found += [text for text in _objections(repo, change, rule) if text not in found]
    return found


def _objections(repo: FakeRepository, change: Change, rule: Json) -> Iterator[str]:
    made, gone = change.old == ZERO, change.new == ZERO
    match rule["type"]:
        case "deletion" if gone:
            yield "Cannot delete this branch"
        case "creation" if made:
            yield "Cannot create ref due to creations being restricted."
        case "update" if not made and not gone:
            yield "Cannot update this protected ref."
        case "non_fast_forward" if (
            not made and not gone and not repo.bare.is_ancestor(change.old, change.new)
        ):
            yield "Cannot force-push to this branch"
        case "pull_request" if change.pull is None and not made and not gone:
            yield "Changes must be made through a pull request."
        case "pull_request" if change.pull is not None:
            yield from _missing_reviews(repo, change.pull, rule)
        case "merge_queue" if not made and not gone:
            yield "Changes must be made through the merge queue"
        case "required_status_checks" if not gone and not made:
            sha = repo.pulls[change.pull].head if change.pull is not None else change.new
            yield from _missing_checks(repo, sha, rule)


def _missing_reviews(repo: FakeRepository, number: int, rule: Json) -> Iterator[str]:
    wanted = rule["parameters"]["required_approving_review_count"]
    latest = {review.author.id: review.state for review in repo.pulls[number].reviews}
    if sum(state == "APPROVED" for state in latest.values()) < wanted:
        yield f"At least {wanted} approving review is required by reviewers with write access."


def _missing_checks(repo: FakeRepository, sha: str, rule: Json) -> Iterator[str]:
    checks = rule["parameters"]["required_status_checks"]
    missing = [c["context"] for c in checks if not passed(repo, sha, c["context"], c.get("integration_id"))]
    if len(missing) == 1:
        yield f'Required status check "{missing[0]}" is expected.'
    elif missing:
        yield f"{len(missing)} of {len(checks)} required status checks are expected."


def passed(repo: FakeRepository, sha: str, name: str, app: int | None) -> bool:
    """Does GitHub count the check as passed? Skipped and neutral pass there, as on github.com."""
    runs = [run for run in repo.check_runs(sha) if run.name == name and app in (None, run.app.id)]
    statuses = [] if app else [found for found in repo.latest_statuses(sha) if found.context == name]
    fine = all(run.conclusion in ("success", "neutral", "skipped") for run in runs)
    return bool(runs or statuses) and fine and all(found.state == "success" for found in statuses)
