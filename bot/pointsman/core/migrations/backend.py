"""What a migration tool must answer for us; nothing outside core/migrations knows which tools there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.core.migrations.model import Layout, Parsed, Revision
from pointsman.core.model import GitPath


@dataclass(frozen=True, slots=True)
class NewFile:
    """A revision file to add."""

    revision: str
    path: GitPath
    content: bytes


@dataclass(frozen=True, slots=True)
class Uneditable:
    """The file does not hold the value in a form that can be edited in place; `reason` is a clause."""

    reason: str


class Backend(Protocol):
    """One migration tool, read and edited as text. Every method is pure."""

    name: str

    def may_configure(self, path: GitPath) -> bool:
        """Whether the file could say where an environment is, judged by its name alone."""
        ...

    def may_matter(self, path: GitPath) -> bool:
        """Whether a change to this path could change any environment at all, judged by its name alone."""
        ...

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        """Whether a change to this path (`new`: it comes or goes) could change where environments are, given
        those that there are."""
        ...

    def discover(self, paths: Collection[GitPath], configs: Mapping[GitPath, bytes]) -> tuple[Layout, ...]:
        """The environments of a tree with those paths, in order of config path."""
        ...

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        """Whether the tool would load this path as a revision of that environment."""
        ...

    def parse(self, blob: bytes) -> Parsed:
        """What the file says; never raises, whatever the bytes."""
        ...

    def revision_from_name(self, path: GitPath) -> str | None:
        """The id that the tool takes from a file's name when the file names none; None: it takes none."""
        ...

    def set_parents(self, blob: bytes, parents: Sequence[str]) -> bytes | Uneditable:
        """The file with those parents, nothing else changed but what repeats them."""
        ...

    def rename(self, blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
        """The file with every id in `ids` replaced where it names a revision."""
        ...

    def is_empty(self, blob: bytes) -> bool:
        """Whether running the file, either way, would do nothing."""
        ...

    def same_meaning(self, a: bytes, b: bytes) -> bool:
        """Whether the two files differ in comments, docstrings and layout only."""
        ...

    def merge_revision(
        self, layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
    ) -> NewFile:
        """A revision without a body that joins `parents`, written as the newest files (`habit`) are.

        `when` is in seconds since 1970, UTC; it shows in the text and in dated file names only."""
        ...
