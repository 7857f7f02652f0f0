"""Which of many patterns match a path, in time linear in both; what a match means is not known here.

An automaton over path parts, not one regular expression per pattern: a folder's state is worked out once
and shared by all files in it, and a name is looked up (whole, by suffix, by prefix) before any wildcard is
tried. `**` costs no backtracking, and a newline in a name is a character like any other. pathspec (brackets
escaped) is the oracle that the tests hold this to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Generic, TypeVar

from pointsman.core.contract.patterns import fold

ANY_DEPTH = "**"
MAX_REMEMBERED = 50_000
"""Folders whose state a set keeps; a server that runs for months must not grow with every path it saw."""
State = tuple[int, int]
"""(pattern, position in its parts): the parts before the position have matched the folders so far."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A pattern cut up. `below`: with a folder all in it matches; `only_below`: and not the name itself."""

    parts: tuple[str, ...]
    below: bool
    only_below: bool


def _cut(text: str, *, protective: bool) -> _Parts:
    anchored = "/" in text[:-1]
    parts = text.removeprefix("/").removesuffix("/").split("/")
    if not anchored and parts != [ANY_DEPTH]:
        parts.insert(0, ANY_DEPTH)
    only_below = text.endswith("/")
    while len(parts) > 1 and parts[-1] == ANY_DEPTH:
        parts.pop()
        only_below = True
    tidy = tuple(p for i, p in enumerate(parts) if p != ANY_DEPTH or i == 0 or parts[i - 1] != ANY_DEPTH)
    return _Parts(tidy, only_below or tidy[-1] != "*", only_below and not protective)


def path_parts(text: str) -> tuple[tuple[str, ...], ...]:
    """The shapes of the paths that the pattern matches, cut up: itself and what is below it; `**` is any number."""
    cut = _cut(text, protective=False)
    below = (*cut.parts, "*", ANY_DEPTH) if cut.parts != (ANY_DEPTH,) else (ANY_DEPTH, "*")
    shapes = [() if cut.only_below else cut.parts, below if cut.below or cut.only_below else ()]
    return tuple(shape for shape in shapes if shape and shape != (ANY_DEPTH,))


def glob(part: str) -> re.Pattern[str]:
    """One name's wildcards as a regular expression without backtracking; brackets are literal."""
    return re.compile(translate(re.sub(r"\*+", "*", part).replace("[", "[[]")))


V = TypeVar("V")


@dataclass(slots=True)
class _Names(Generic[V]):
    """Values that wait for a name, by how it is compared."""

    whole: dict[str, list[V]] = field(default_factory=dict)
    suffix: dict[str, list[V]] = field(default_factory=dict)
    prefix: dict[str, list[V]] = field(default_factory=dict)
    every: list[V] = field(default_factory=list)
    globs: list[tuple[re.Pattern[str], V]] = field(default_factory=list)
    suffix_lengths: tuple[int, ...] = ()
    prefix_lengths: tuple[int, ...] = ()
    some_glob: re.Pattern[str] | None = None

    def add(self, part: str, value: V) -> None:
        literal = part.replace("*", "")
        if "?" in part:
            self.globs.append((glob(part), value))
        elif not literal:
            self.every.append(value)
        elif "*" not in part:
            self.whole.setdefault(part, []).append(value)
        elif part.lstrip("*") == literal:
            self.suffix.setdefault(literal, []).append(value)
        elif part.rstrip("*") == literal:
            self.prefix.setdefault(literal, []).append(value)
        else:
            self.globs.append((glob(part), value))

    def seal(self) -> None:
        self.suffix_lengths = tuple(sorted({len(text) for text in self.suffix}))
        self.prefix_lengths = tuple(sorted({len(text) for text in self.prefix}))
        if self.globs:
            self.some_glob = re.compile("|".join(pattern.pattern for pattern, _ in self.globs))

    def matching(self, name: str) -> list[V]:
        """The hottest loop of a verdict: a slice longer than the name is the name, and found in no shorter."""
        found = self.every.copy()
        if name in self.whole:
            found += self.whole[name]
        for length in self.suffix_lengths:
            if (end := name[-length:]) in self.suffix:
                found += self.suffix[end] if len(end) == length else ()
        for length in self.prefix_lengths:
            if (start := name[:length]) in self.prefix:
                found += self.prefix[start] if len(start) == length else ()
        if self.some_glob is not None and self.some_glob.match(name):
            found += [value for pattern, value in self.globs if pattern.match(name)]
        return found


@dataclass(frozen=True, slots=True)
class _Step:
    """What can happen next below a set of states: `files` end a pattern, `folders` may go on in it, `stay`
    are those that any folder leaves as they are."""

    files: _Names[int]
    folders: _Names[State]
    stay: frozenset[State]
    lowest: int


NONE_BELOW = 1 << 62


@dataclass(frozen=True, slots=True)
class _Folder:
    """`inside`: patterns that match everything in the folder, `lowest` the first of them."""

    inside: frozenset[int]
    lowest: int
    step: _Step


class PatternSet:
    """Compiled patterns, addressed by their index in the sequence given.

    `protective` sets compare NFC and case-folded, and `dir/` also matches a file, link or submodule that
    stands in the folder's place.
    """

    def __init__(self, patterns: Sequence[str], *, protective: bool = False) -> None:
        self._fold = protective
        texts = [fold(text) for text in patterns] if protective else patterns
        self._patterns = [_cut(text, protective=protective) for text in texts]
        self._steps: dict[frozenset[State], _Step] = {}
        everything = frozenset(i for i, p in enumerate(self._patterns) if p.parts == (ANY_DEPTH,))
        start = self._closure((i, 0) for i in range(len(self._patterns)) if i not in everything)
        self._folders: dict[str, _Folder] = {"": self._inside(everything, start)}

    def matches(self, path: str, *, folder: bool = False) -> frozenset[int]:
        """The indices of all patterns that match; `folder` says that the path itself is one (a submodule)."""
        return self._matches(fold(path) if self._fold else path, folder=folder)

    def _matches(self, path: str, *, folder: bool) -> frozenset[int]:
        parent, _, name = path.rpartition("/")
        at = self._folders.get(parent) or self._folder(parent)
        found = at.step.files.matching(name)
        inside = at.inside.union(found) if found else at.inside
        return inside | self._folder(path).inside if folder else inside

    def inside(self, folder: str) -> frozenset[int]:
        """The indices of all patterns that match whatever stands in the folder."""
        return self._folder(fold(folder) if self._fold else folder).inside

    def first(self, path: str, *, folder: bool = False) -> int | None:
        """The lowest index that matches, None if none does."""
        if self._fold:
            path = fold(path)
        parent = path.rpartition("/")[0]
        at = self._folders.get(parent) or self._folder(parent)
        if at.lowest < at.step.lowest and not folder:
            return at.lowest
        found = self._matches(path, folder=folder)
        return min(found) if found else None

    def _folder(self, path: str) -> _Folder:
        known = self._folders.get(path)
        if known is not None:
            return known
        if len(self._folders) > MAX_REMEMBERED:
            self._folders = {"": self._folders[""]}
            self._steps.clear()
        names = path.split("/")
        depth = len(names)
        while depth and "/".join(names[:depth]) not in self._folders:
            depth -= 1
        at = self._folders["/".join(names[:depth])]
        for index in range(depth, len(names)):
            at = self._enter(at, names[index])
            self._folders["/".join(names[: index + 1])] = at
        return at

    def _enter(self, at: _Folder, name: str) -> _Folder:
        done: set[int] = set()
        after: set[State] = set()
        for index, position in at.step.folders.matching(name):
            pattern = self._patterns[index]
            if position + 1 < len(pattern.parts):
                after |= self._closure([(index, position + 1)])
            elif pattern.below:
                done.add(index)
        live = at.step.stay.union(after) if after else at.step.stay
        if done:
            live = frozenset(state for state in live if state[0] not in done)
        return self._inside(at.inside.union(done), live)

    def _inside(self, matched: frozenset[int], live: frozenset[State]) -> _Folder:
        return _Folder(matched, min(matched, default=NONE_BELOW), self._step(live))

    def _closure(self, states: Iterable[State]) -> frozenset[State]:
        """With every `**` also skipped: it may stand for no folder at all."""
        found = set(states)
        for index, position in tuple(found):
            if self._patterns[index].parts[position] == ANY_DEPTH:
                found.add((index, position + 1))
        return frozenset(found)

    def _step(self, states: frozenset[State]) -> _Step:
        known = self._steps.get(states)
        if known is not None:
            return known
        stay = (state for state in states if self._patterns[state[0]].parts[state[1]] == ANY_DEPTH)
        step = _Step(_Names(), _Names(), self._closure(stay), min(states, default=(NONE_BELOW, 0))[0])
        for state in sorted(states):
            pattern = self._patterns[state[0]]
            part = pattern.parts[state[1]]
            if part == ANY_DEPTH:
                continue
            step.folders.add(part, state)
            if state[1] + 1 == len(pattern.parts) and not pattern.only_below:
                step.files.add(part, state[0])
        step.files.seal()
        step.folders.seal()
        self._steps[states] = step
        return step


@lru_cache(maxsize=512)
def pattern_set(patterns: tuple[str, ...], *, protective: bool = False) -> PatternSet:
    """The compiled set, made once per contract."""
    return PatternSet(patterns, protective=protective)


@lru_cache(maxsize=512)
def branch_parts(pattern: str) -> tuple[str, ...]:
    """The pattern cut up; a `**` at its end stands for one part at least: `agent/**` is not the branch `agent`."""
    parts = tuple(pattern.split("/"))
    return (*parts, "*") if len(parts) > 1 and parts[-1] == ANY_DEPTH else parts


def branch_matches(pattern: str, branch: str) -> bool:
    """Does the whole branch name match? `*` stays within a part, `**` spans parts, case counts. '' is no branch."""
    if not branch:
        return False
    reached = {0}
    parts = branch_parts(pattern)
    for name in branch.split("/"):
        reached = _advance(parts, _skip(parts, reached), name)
    return len(parts) in _skip(parts, reached)


def _skip(parts: tuple[str, ...], reached: set[int]) -> set[int]:
    found = set(reached)
    for position in sorted(reached):
        while position < len(parts) and parts[position] == ANY_DEPTH:
            position += 1
            found.add(position)
    return found


def _advance(parts: tuple[str, ...], reached: set[int], name: str) -> set[int]:
    after = {p for p in reached if p < len(parts) and parts[p] == ANY_DEPTH}
    here = (p for p in reached if p < len(parts) and parts[p] != ANY_DEPTH)
    return after | {p + 1 for p in here if glob(parts[p]).match(name)}
