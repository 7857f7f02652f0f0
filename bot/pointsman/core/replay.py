"""What a replay of history comes to: where a landed change came from, and the sum of all verdicts; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from pointsman.core.migrations.landed import Fix, LandedFork
from pointsman.core.model import GitPath

TOP = 5
HOUR = 3600.0

_BRANCHES = (
    re.compile(r"Merge pull request #(?P<number>\d+) from [^/\s]+/(?P<branch>\S+)"),
    re.compile(r"Merge (?:remote-tracking )?branch (?P<quote>['\"])(?P<branch>[^'\"]+)(?P=quote)"),
    re.compile(r"Merged in (?P<branch>\S+) \(pull request #(?P<number>\d+)\)"),
    re.compile(r"Merged PR (?P<number>\d+): "),
)
"""As GitHub, git and GitLab, Bitbucket, and Azure write the first line of a merge."""
_REMOTE = "Merge remote-tracking branch "
_NUMBER = re.compile(r"\(#(\d+)\)\s*$")
_TRAILER = re.compile(r"^Pointsman-Branch: (\S+)$", re.MULTILINE)
_NOREPLY = re.compile(r"(?:\d+\+)?([\w.\[\]-]+)@users\.noreply\.github\.com", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a landed change came from, as its commit message says; None is not said."""

    branch: str | None = None
    pull_request: int | None = None


def origin_of(message: str) -> Origin:
    """Read off the first line, and the trailer that Pointsman itself leaves."""
    subject = message.partition("\n")[0]
    number = _NUMBER.search(subject)
    pull_request = int(number[1]) if number else None
    own = _TRAILER.search(message)
    if own:
        return Origin(branch=own[1], pull_request=pull_request)
    for pattern in _BRANCHES:
        found = pattern.match(subject)
        if found is None:
            continue
        said = found.groupdict()
        branch = said.get("branch")
        if branch and subject.startswith(_REMOTE):
            branch = branch.partition("/")[2] or branch
        return Origin(branch=branch, pull_request=int(said["number"]) if said.get("number") else pull_request)
    return Origin(pull_request=pull_request)


def login_of(email: str) -> str | None:
    """The login in an address that GitHub gives to who keeps theirs private; None for any other."""
    found = _NOREPLY.fullmatch(email)
    return found[1] if found else None


OutcomeWord = Literal["allowed", "waiting", "refused", "no_role"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The verdicts on one landed change, as far as they are counted. `outcome` None: there is no contract.
    `rules` and `paths` are those that kept it from landing, `codes` the healer's refusals. `healer`
    None: it could not be judged. `assumed`: the role is that of the identity alone, the branch is not known."""

    outcome: OutcomeWord | None
    assumed: bool = False
    rules: tuple[str, ...] = ()
    paths: tuple[GitPath, ...] = ()
    healer: Literal["clean", "healed", "refused"] | None
    strategies: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    forks: tuple[LandedFork, ...] = ()
    fixes: tuple[Fix, ...] = ()
    blobs_read: int = 0


@dataclass(kw_only=True)
class Summary:
    """All that was said so far; `add` takes the changes in the order in which they landed."""

    merges: int = 0
    not_judged: int = 0
    blobs_read: int = 0
    free: int = 0
    assumed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    paths: Counter[GitPath] = field(default_factory=Counter)
    healer: Counter[str] = field(default_factory=Counter)
    strategies: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    forks_found: int = 0
    forks: list[tuple[LandedFork, Said]] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)

    def add(self, said: Said) -> None:
        self.merges += 1
        self.blobs_read += said.blobs_read
        self.not_judged += said.healer is None
        if said.outcome is not None:
            self.outcomes[said.outcome] += 1
            self.assumed += said.assumed
            self.rules.update(set(said.rules))
            self.paths.update(set(said.paths))
        if said.healer is not None:
            self.healer[said.healer] += 1
            self.free += not said.blobs_read
            self.strategies.update(set(said.strategies))
            self.codes.update(set(said.codes))
        self.forks_found += max(len(said.strategies), len(said.forks))
        self.forks += [(fork, said) for fork in said.forks]
        self.fixes += said.fixes

    @property
    def open_forks(self) -> int:
        return len(self.forks) - len(self.fixes)

    @property
    def median_hours(self) -> float | None:
        """From landing a fork to mending it; None where none was mended."""
        return round(median(fix.seconds for fix in self.fixes) / HOUR, 2) if self.fixes else None

    def to_json(self, *, seconds: float, interrupted: bool) -> dict[str, Any]:
        """The figures; `contract` is None where nothing was held to one."""
        return {
            "merges": self.merges,
            "not_judged": self.not_judged,
            "interrupted": interrupted,
            "contract": self._contract() if self.outcomes else None,
            "migrations": {
                **{name: self.healer[name] for name in ("clean", "healed", "refused")},
                "read_nothing": self.free,
                "blobs_read": self.blobs_read,
                "strategies": dict(self.strategies.most_common()),
                "refused_by_code": dict(self.codes.most_common()),
            },
            "forks": {
                "found": self.forks_found,
                "landed": len(self.forks),
                "healer_on_landed": dict(
                    Counter(said.healer or "not_judged" for _, said in self.forks).most_common()
                ),
                "fixed_by": dict(Counter(fix.how for fix in self.fixes).most_common()),
                "median_hours": self.median_hours,
                "open": self.open_forks,
            },
            "seconds": round(seconds, 2),
            "seconds_per_merge": round(seconds / self.merges, 4) if self.merges else None,
        }

    def _contract(self) -> dict[str, Any]:
        return {
            **{name: self.outcomes[name] for name in ("allowed", "waiting", "refused", "no_role")},
            "role_by_identity_alone": self.assumed,
            "top_rules": _top(self.rules),
            "top_paths": _top(self.paths),
        }


def summarise(each: Iterable[Said]) -> Summary:
    summary = Summary()
    for said in each:
        summary.add(said)
    return summary


def _top(counts: Counter[str]) -> list[dict[str, Any]]:
    """The most frequent first; equal ones by name, so that the same history gives the same report."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "merges": count} for name, count in ordered[:TOP]]
