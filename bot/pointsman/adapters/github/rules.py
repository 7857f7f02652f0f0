"""What protects a branch on GitHub: rulesets and classic protection, merged; it judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pointsman.adapters.github.repository import Raw, Recent, Repository, read
from pointsman.core.errors import ForgeRefused
from pointsman.core.pulls.model import BranchRules, RequiredCheck

RULES_SECONDS = 60.0


class Rules(Repository):
    """The part of `GitHubPulls` that has to do with branch rules."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._rules: Recent[BranchRules] = Recent(self._clock, seconds=RULES_SECONDS)

    def rules(self, branch: str) -> BranchRules:
        """At most a minute old. The kinds of classic protection are told by the names that rulesets have for them."""
        return self._rules.get(branch, lambda: self._read_rules(branch))

    def _read_rules(self, branch: str) -> BranchRules:
        problems: list[str] = []
        try:
            items = self._client.listing(self._path("rules", "branches", branch)).items
            by_ruleset = read(_from_rulesets, items)
        except ForgeRefused as problem:
            by_ruleset = BranchRules()
            problems.append(f"rulesets of {branch} cannot be read: {problem}")
        classic = self._classic(branch, problems)
        return BranchRules(
            required=tuple(dict.fromkeys((*by_ruleset.required, *classic.required))),
            kinds=tuple(dict.fromkeys((*by_ruleset.kinds, *classic.kinds))),
            merge_queue=by_ruleset.merge_queue,
            problems=tuple(problems),
        )

    def _classic(self, branch: str, problems: list[str]) -> BranchRules:
        try:
            return read(_from_protection, self._client.get(self._path("branches", branch, "protection")))
        except ForgeRefused as problem:
            if problem.status == 404 and "not protected" in str(problem).lower():
                return BranchRules()
            if problem.status == 403:
                return self._outline(branch, problems)
            problems.append(f"classic protection of {branch} cannot be read: {problem}")
            return BranchRules()

    def _outline(self, branch: str, problems: list[str]) -> BranchRules:
        """What the branch itself tells of its protection to whoever may not administrate: the required checks."""
        try:
            raw = self._client.get(self._path("branches", branch))
            return read(_from_branch, raw)
        except ForgeRefused as problem:
            problems.append(f"classic protection of {branch} cannot be read: {problem}")
            return BranchRules()


def _from_rulesets(items: Iterable[Raw]) -> BranchRules:
    kinds: list[str] = []
    required: list[RequiredCheck] = []
    for rule in items:
        kinds.append(str(rule["type"]))
        if rule["type"] == "required_status_checks":
            checks = (rule.get("parameters") or {}).get("required_status_checks") or ()
            required.extend(_required(raw, "integration_id") for raw in checks)
    return BranchRules(required=tuple(required), kinds=tuple(kinds), merge_queue="merge_queue" in kinds)


def _from_protection(raw: Raw) -> BranchRules:
    wanted = raw.get("required_status_checks") or {}
    required = [_required(each, "app_id") for each in wanted.get("checks") or ()]
    named = {check.name for check in required}
    required += [RequiredCheck(name=str(each)) for each in wanted.get("contexts") or () if each not in named]
    present = {
        "required_status_checks": bool(required),
        "pull_request": raw.get("required_pull_request_reviews"),
        "update": raw.get("restrictions") or _enabled(raw, "lock_branch"),
        "required_signatures": _enabled(raw, "required_signatures"),
        "required_linear_history": _enabled(raw, "required_linear_history"),
        "non_fast_forward": not _enabled(raw, "allow_force_pushes"),
        "deletion": not _enabled(raw, "allow_deletions"),
    }
    return BranchRules(
        required=tuple(required), kinds=tuple(kind for kind, holds in present.items() if holds)
    )


def _from_branch(raw: Raw) -> BranchRules:
    """`protection` is left out of what a fine-grained token sees; `protected` says whether there is any."""
    wanted = (raw.get("protection") or {}).get("required_status_checks") or {}
    if raw.get("protected") and not raw.get("protection"):
        raise ValueError("a protected branch does not tell how")
    required = [_required(each, "app_id") for each in wanted.get("checks") or ()]
    named = {check.name for check in required}
    required += [RequiredCheck(name=str(each)) for each in wanted.get("contexts") or () if each not in named]
    return BranchRules(required=tuple(required), kinds=("required_status_checks",) if required else ())


def _enabled(raw: Raw, name: str) -> bool:
    return bool((raw.get(name) or {}).get("enabled"))


def _required(raw: Raw, app: str) -> RequiredCheck:
    """-1 and nothing at all: any app."""
    number = raw.get(app)
    return RequiredCheck(
        name=str(raw["context"]), app=number if isinstance(number, int) and number > 0 else None
    )
