"""Judges classic branch protection: where the queue runs into it, and who else it lets through. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pointsman.core.contract.names import shown
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.pulls.diagnosis.facts import AppFacts, Classic, RepositoryFacts
from pointsman.core.pulls.outputs import OWN_CHECKS


def judge_classic(sheet: Sheet, facts: RepositoryFacts, classic: Classic, app: AppFacts) -> Iterator[Finding]:
    """Classic protection has no bypass list for all of it: each part that the queue runs into is one too many."""
    url = f"{facts.page}/settings/branches"
    for blocks, text, mend in _obstacles(facts, classic, app):
        if blocks:
            yield sheet.broken(
                "protection", f"classic protection of {facts.base} {text}: nothing lands", mend=mend, url=url
            )
    if classic.other_pushers:
        text = (
            f"others may push to {facts.base}, around the queue: {listed(map(shown, classic.other_pushers))}"
        )
        yield sheet.missing("push list", text, mend="leave this app alone in it", url=url)
    if not classic.admins_too:
        text = f"classic protection of {facts.base} does not hold for administrators"
        yield sheet.missing("admins", text, mend="tick `Do not allow bypassing the above settings`", url=url)


def _obstacles(facts: RepositoryFacts, classic: Classic, app: AppFacts) -> Iterator[tuple[bool, str, str]]:
    ours = [check.name for check in classic.required if check.name in OWN_CHECKS]
    merges = facts.contract is None or facts.contract.queue.merge_method == "merge"
    yield classic.locked, "locks the branch", "unlock it"
    yield (
        classic.pushers is not None and app.id not in classic.pushers,
        "restricts who can push, and this app is not among them",
        "add this app to those who can push",
    )
    yield (
        classic.review_bypass is not None and app.id not in classic.review_bypass,
        "requires a pull request, which the queue's push is not",
        "let this app bypass required pull requests",
    )
    yield classic.signatures, "requires signed commits, and the queue's are not signed", "turn that off"
    yield (
        classic.linear and merges,
        "requires a linear history",
        "turn that off, or set queue.merge_method: squash",
    )
    yield (
        bool(ours),
        f"requires {listed(ours)}, which the tested commit does not bear",
        "require it in a ruleset, where this app can be in the bypass list",
    )


def kinds_of(classic: Classic | None) -> Iterator[str]:
    """What it amounts to, by the names that rulesets have for their rules."""
    if classic is None:
        return
    present = {
        "update": classic.pushers is not None or classic.locked,
        "pull_request": classic.review_bypass is not None,
        "required_status_checks": bool(classic.required),
        "non_fast_forward": not classic.force_pushes,
        "deletion": not classic.deletions,
    }
    yield from (kind for kind, holds in present.items() if holds)


def listed(words: Iterable[str]) -> str:
    """Each once, in their order."""
    return ", ".join(dict.fromkeys(words))
