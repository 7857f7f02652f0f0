"""Forks that really landed on a line of commits, and how they were mended later; reads graphs, never git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.environment import Environment
from pointsman.core.model import Sha

Key = tuple[str, str]
"""An environment of a tree, as `Layout.key` has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LandedFork:
    """A commit gave one environment more heads in a lineage than it had before. `heads` are those of the forked
    lineages after it, `at` its committer's time in seconds since 1970."""

    commit: Sha
    at: int
    key: Key
    heads: tuple[str, ...]

    @property
    def config(self) -> str:
        config, name = self.key
        return f"{config} [{name}]" if name else config


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """The commit that took the environment back to as many heads as before the fork. `how` is in words such as
    `re-parent`; `seconds` count from one committer's time to the other and may be negative where clocks differ."""

    fork: LandedFork
    commit: Sha
    how: str
    seconds: int


@dataclass(frozen=True, slots=True)
class _Open:
    fork: LandedFork
    level: int


class Forks:
    """Follows the environments along a first-parent line, oldest commit first."""

    def __init__(self, before: Sequence[Environment]) -> None:
        self._before = {each.layout.key: each for each in before}
        self._open: list[_Open] = []

    def step(
        self, commit: Sha, at: int, after: Sequence[Environment]
    ) -> tuple[tuple[LandedFork, ...], tuple[Fix, ...]]:
        """What the next commit landed and mended; `after` are the environments of its tree."""
        now = {each.layout.key: each for each in after}
        fixes = self._mended(commit, at, now)
        forks: list[LandedFork] = []
        for key, each in now.items():
            level = excess(self._earlier(each, now))
            if excess(each) > level:
                fork = LandedFork(commit=commit, at=at, key=key, heads=_forked_heads(each))
                forks.append(fork)
                self._open.append(_Open(fork, level))
        self._before = now
        return tuple(forks), fixes

    def _mended(self, commit: Sha, at: int, now: Mapping[Key, Environment]) -> tuple[Fix, ...]:
        """Of several open forks in one environment the youngest counts as mended first."""
        fixes: list[Fix] = []
        still: list[_Open] = []
        for each in self._open:
            environment = now.get(each.fork.key)
            if environment is not None and excess(environment) > each.level:
                still.append(each)
                continue
            how = how_mended(self._before.get(each.fork.key), environment)
            fixes.append(Fix(fork=each.fork, commit=commit, how=how, seconds=at - each.fork.at))
        self._open = still
        return tuple(fixes)

    def _earlier(self, each: Environment, now: Mapping[Key, Environment]) -> Environment | None:
        """The environment before; one whose config moved is known by a revision that both have."""
        same = self._before.get(each.layout.key)
        if same is not None:
            return same
        gone = (old for key, old in self._before.items() if key not in now)
        return next((old for old in gone if any(id in each.graph for id in old.graph.by_id)), None)


def excess(environment: Environment | None) -> int:
    """Heads beyond one in each lineage; 0 is no fork."""
    return 0 if environment is None else sum(len(group) - 1 for group in environment.graph.lineages)


def how_mended(before: Environment | None, after: Environment | None) -> str:
    """What a commit did to an environment whose fork it ended; several ways are joined by ` + `."""
    if before is None or after is None:
        return "environment removed"
    old, new = before.graph, after.graph
    ways: list[str] = []
    if any(
        len(set(revision.parents) & set(old.heads)) > 1
        for id, revision in new.by_id.items()
        if id not in old or old.by_id[id].parents != revision.parents
    ):
        ways.append("merge revision")
    if any(
        revision.parents != new.by_id[id].parents and len(new.by_id[id].parents) < 2
        for id, revision in old.by_id.items()
        if id in new
    ):
        ways.append("re-parent")
    gone = [revision for id, revision in old.by_id.items() if id not in new]
    paths = {revision.path for id, revision in new.by_id.items() if id not in old}
    if any(revision.path in paths for revision in gone):
        ways.append("new id")
    elif gone and not ways:
        ways.append("replaced" if paths else "removed")
    return " + ".join(ways) or "other"


def _forked_heads(environment: Environment) -> tuple[str, ...]:
    return tuple(head for group in environment.graph.forks for head in group)
