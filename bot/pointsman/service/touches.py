"""Which paths each waiting change touches, read from git objects and kept; a hint, so that what can't be read is left
out; it parses no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.core.errors import PointsmanError
from pointsman.core.model import PathChange, Sha
from pointsman.core.queue.observation import Touch
from pointsman.core.queue.overlap import looks_like_migration
from pointsman.ports import Git
from pointsman.service.judging import own_changes

AT_ONCE = 64
"""Changes that one reading looks at for the first time: some three git commands each, so that a lane with hundreds of
them after a start is not kept waiting. Who asks names those in front first; the rest follow with the next readings."""

MOST_PATHS = 1000
"""Paths of one change that are kept; beyond it the rest are left out, so that memory stays bounded."""

MOST_COMMITS = 200
"""Commits of a change that are listed, and of the base since the last reading (times ten)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What a head brings onto the base (None: it could not be read), and its commits that the base lacks (None: too
    many). As long as the base gets none of those, the two still part where they did, and `touch` stands."""

    touch: Touch | None
    own: frozenset[Sha] | None


@dataclass(kw_only=True)
class Touches:
    """One lane's. The memory holds those that were asked for last, nothing else."""

    git: Git
    at_once: int = AT_ONCE
    _tip: Sha | None = None
    _folders: tuple[str, ...] = ()
    _known: dict[Sha, _Known] = field(default_factory=dict)

    def read(
        self, heads: Sequence[Sha], *, tip: Sha, folders: tuple[str, ...] = ()
    ) -> tuple[dict[Sha, Touch], bool]:
        """What each head brings onto `tip`, by head, and whether all were looked at. `folders` hold migrations,
        whatever they are called. Nothing is run where all heads are known and the tip is where it was."""
        self._follow(tip, folders)
        unknown = [head for head in heads if head not in self._known]
        for head in unknown[: self.at_once]:
            self._known[head] = self._look(head, tip)
        if len(self._known) > len(heads):
            self._known = {head: self._known[head] for head in heads if head in self._known}
        found = {head: known.touch for head in heads if (known := self._known.get(head)) is not None}
        return {head: touch for head, touch in found.items() if touch is not None}, len(
            unknown
        ) <= self.at_once

    def _follow(self, tip: Sha, folders: tuple[str, ...]) -> None:
        """Forget what a base that moved has changed: mostly nothing."""
        if folders != self._folders:
            self._known.clear()
        elif tip != self._tip and self._known:
            fresh = self._landed(tip)
            self._known = {
                head: known
                for head, known in self._known.items()
                if fresh is not None
                and known.touch is not None
                and known.own is not None
                and known.own.isdisjoint(fresh)
            }
        self._tip, self._folders = tip, folders

    def _landed(self, tip: Sha) -> frozenset[Sha] | None:
        """The commits that the base got since the last reading; None: too many, or it was rewound."""
        before = self._tip
        limit = 10 * MOST_COMMITS
        try:
            if before is None or not self.git.is_ancestor(before, tip):
                return None
            commits = self.git.commits(tip, exclude=(before,), limit=limit)
        except PointsmanError:
            return None
        return frozenset(commits) if len(commits) < limit else None

    def _look(self, head: Sha, tip: Sha) -> _Known:
        try:
            changes = own_changes(self.git, tip, head)
            own = self.git.commits(head, exclude=(tip,), limit=MOST_COMMITS)
        except PointsmanError:
            return _Known(touch=None, own=None)
        few = len(own) < MOST_COMMITS
        return _Known(touch=_touch(changes, self._folders), own=frozenset(own) if few else None)


def _touch(changes: Sequence[PathChange], folders: Sequence[str]) -> Touch:
    kept = changes[:MOST_PATHS]
    return Touch(
        modified=frozenset(one.path for one in kept if one.status != "A"),
        added=frozenset(one.path for one in kept if one.status == "A"),
        migrations=any(looks_like_migration(one.path, folders) for one in changes),
    )
