"""The words that every part of Pointsman shares; plain frozen data, nothing that acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, NewType

Sha = NewType("Sha", str)
"""A full git object id in lower-case hex (40 digits, or 64 in a SHA-256 repository); never a name."""

GitPath = str
"""A path as git stores it: `/` between parts, relative to the root, bytes that are not UTF-8 kept by
`surrogateescape`."""

MODE_TREE = 0o040000
MODE_FILE = 0o100644
MODE_EXECUTABLE = 0o100755
MODE_SYMLINK = 0o120000
MODE_SUBMODULE = 0o160000


class TreeEntry(NamedTuple):
    """One name in a tree: `mode` is git's file mode as a number, `oid` the blob, tree or submodule commit. A named
    tuple, since there is one for every file of a tree."""

    path: GitPath
    mode: int
    oid: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class PathChange:
    """One path that differs between two trees; a rename is a deletion and an addition.

    `status` is git's letter: `A` added, `D` deleted, `M` modified (content or mode), `T` type changed.
    The side on which the path does not exist has mode 0 and oid None.
    """

    path: GitPath
    status: str
    old_mode: int
    new_mode: int
    old_oid: Sha | None
    new_oid: Sha | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who a commit names and when; `when` is in seconds since 1970, UTC."""

    name: str
    email: str
    when: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitFacts:
    """What a commit says of itself; `message` is decoded as UTF-8 with replacement."""

    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConflictedPath:
    """A path that git could not merge: the blob on each side (None where it is absent) and git's kind of
    conflict, such as `content`, `add/add`, `modify/delete`, `file location`, `binary`."""

    path: GitPath
    kind: str
    base: Sha | None
    ours: Sha | None
    theirs: Sha | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """A merge that went through; `tree` is its whole result."""

    tree: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflicted:
    """A merge that did not; `paths` is never empty, `messages` are git's own lines."""

    paths: tuple[ConflictedPath, ...]
    messages: tuple[str, ...]


MergeOutcome = Merged | Conflicted
