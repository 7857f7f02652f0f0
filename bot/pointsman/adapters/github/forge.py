"""The GitHub rung's forge: branches, pull requests' heads and landings over git itself; it builds and tests nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from pointsman.adapters.github.remote import HEADS, GitRemote
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES, RequiredCheck
from pointsman.core.queue.actions import Blocked, Landed, LandOutcome, Moved
from pointsman.ports import Clock, Git, Pulls, PushRefused

OWN_CHECKS = "pointsman / "
"""How the names of the bot's own check runs start: it never waits for itself (rule 8)."""
RULES_FOR = 300.0
"""Seconds for which the branch's rules are taken as read."""
REFUSED_FOR = 60.0
"""Seconds for which a refused landing is not tried again."""
READ_BACK_AFTER = (0.5, 1.0, 2.0)
"""Seconds between looks for a push that was taken and does not show."""
_PULL = re.compile(r"#([1-9][0-9]{0,9})")


FRESH = 1.0
"""Seconds for which an answer about branches is looked at again, unless a hint comes."""


@dataclass(kw_only=True)
class GitHubForge:
    """Implements ports.Forge. Lands by a push of the exact tested commit, never through the merge API, which could
    make another one (rule 1); costs no API request but for the rules."""

    git: Git
    remote: GitRemote
    pulls: Pulls
    clock: Clock
    _rules: dict[str, tuple[float, tuple[RequiredCheck, ...]]] = field(default_factory=dict)
    _seen: dict[frozenset[str], tuple[float, Mapping[str, Sha]]] = field(default_factory=dict)
    _refused: dict[str, tuple[float, str]] = field(default_factory=dict)

    def tip(self, lane: str) -> Sha | None:
        return self._there([HEADS + lane]).get(HEADS + lane)

    def branch_heads(self, wanted: Collection[str] | None = None) -> Mapping[str, Sha]:
        """See ports.Forge.branch_heads; the bot's own candidates are no branches. Where a branch moves while it is
        fetched, what was fetched is told."""
        if wanted is None:
            there = self._there([HEADS])
            names = {ref: ref.removeprefix(HEADS) for ref in there}
            return {names[ref]: sha for ref, sha in there.items() if not names[ref].startswith(CANDIDATES)}
        refs = {name: _ref_of(name) for name in wanted}
        there = self._lately(frozenset(refs.values()))
        return {name: there[ref] for name, ref in refs.items() if ref in there}

    def forget(self) -> None:
        self._seen.clear()

    def required_checks(self, lane: str) -> tuple[RequiredCheck, ...]:
        """See ports.Forge.required_checks. Errors: `ForgeUnavailable`, and `ForgeRefused` where a part of the rules
        can't be read: what we can't see may ask for something."""
        read_at, required = self._rules.get(lane, (0.0, ()))
        if read_at and 0 <= self.clock.now() - read_at < RULES_FOR:
            return required
        rules = self.pulls.rules(lane)
        if rules.problems:
            raise ForgeRefused(
                f"the rules of {lane} can't be read in full, so nothing lands there: {'; '.join(rules.problems)};"
                " `pointsman doctor` says which permission is missing",
                status=403,
            )
        required = tuple(check for check in rules.required if not self._is_own(check))
        self._rules[lane] = self.clock.now(), required
        return required

    def _is_own(self, check: RequiredCheck) -> bool:
        return check.app == self.pulls.app or (check.app is None and check.name.startswith(OWN_CHECKS))

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        """The words of the last refused landing while it is a minute young, '' otherwise: only a push can tell."""
        until, why = self._refused.get(lane, (0.0, ""))
        return why if 0 < until - self.clock.now() < REFUSED_FOR + 1 else ""

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        """See ports.Forge.land (rules 1 and 2). `ForgeUnavailable` where nobody can tell what became of it: ask again
        with the same SHAs."""
        if not self.git.is_ancestor(expected, new):
            return Blocked(why=f"{new} is no fast-forward of {expected}")
        self.forget()
        refused = self.remote.push(HEADS + lane, new=new, expected=expected)
        actual = self.tip(lane) if refused is not None else self._read_back(lane, pushed_from=expected)
        if actual is not None and self.git.is_ancestor(new, actual):
            self._refused.pop(lane, None)
            return Landed()
        if actual != expected or refused is None:
            return Moved(actual=actual)
        why = _blocked(lane, refused)
        self._refused[lane] = self.clock.now() + REFUSED_FOR, why
        return Blocked(why=why)

    def _read_back(self, lane: str, *, pushed_from: Sha) -> Sha | None:
        """Where the base is after a push that was taken. What is read may lag behind for a moment: that it stands where
        it stood is no answer, and a landing must not be taken for one that failed."""
        for pause in (*READ_BACK_AFTER, None):
            actual = self.tip(lane)
            if actual != pushed_from:
                return actual
            if pause is not None:
                self.clock.sleep(pause)
        raise ForgeUnavailable(f"GitHub took the push to {lane} and still shows it at {pushed_from}")

    def _lately(self, refs: frozenset[str]) -> Mapping[str, Sha]:
        """Decisions of one wake-up follow each other in a moment: they may look at the same answer. Whatever lands
        compares with what is there then."""
        at, there = self._seen.get(refs, (float("-inf"), {}))
        if not 0 <= self.clock.now() - at < FRESH:
            self._seen.clear()
            there = self._there(refs)
            self._seen[refs] = self.clock.now(), there
        return there

    def _there(self, refs: Collection[str]) -> Mapping[str, Sha]:
        """Where those refs are, their commits brought here."""
        listed = self.remote.listed(refs)
        return self.remote.bring(listed) if listed else {}


def _ref_of(name: str) -> str:
    pull = _PULL.fullmatch(name)
    return f"refs/pull/{pull[1]}/head" if pull else HEADS + name


def _blocked(lane: str, refused: PushRefused) -> str:
    """Why nothing landed, with the next step; rule 11: GitHub's rules hold for an app without an `always` bypass."""
    match refused.code:
        case "rules":
            step = (
                "add the app to the bypass list of the ruleset (mode `always`), or of the branch protection;"
                " `pointsman doctor` names the rule"
            )
        case "forbidden":
            step = "give the app `Contents: write` on this repository, and see that it is not archived"
        case "workflow":
            step = "give the app `Workflows: write`, for the change touches .github/workflows, or land it by hand"
        case "moved" | "other":
            step = "it is tried again"
        case _:
            assert_never(refused.code)
    return f"GitHub refuses to move {lane}: {refused.why or refused.code}. Next: {step}"
