"""What a migration tool must answer for us; nothing outside core/migrations knows which tools there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pointsman.core.migrations.model import Layout, Parsed, Problem, Revision
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment
    from pointsman.core.migrations.operations import Footprint


class NewFile(NamedTuple):
    """A revision file to add."""

    revision: str
    path: GitPath
    content: bytes


class Uneditable(NamedTuple):
    """The file does not hold the value in a form that can be edited in place; `reason` is a clause."""

    reason: str


@dataclass(frozen=True, slots=True)
class Words:
    """What the tool calls things: where a file names its parents, where its further needs, and (a clause) what a
    file that names no revision means."""

    parents: str
    needs: str
    nameless: str


class Naming(Protocol):
    """The rule by which a tool names revisions and their files in one, so that a moved one may need another."""

    def follow(
        self, revision: Revision, below: Sequence[tuple[str, GitPath]], taken: Collection[str]
    ) -> tuple[str, GitPath]:
        """The id and path of an unpublished revision that follows those (id, path); its own where they will do.
        `taken` are the ids of the revisions that stay as they are."""
        ...

    def merge_id(self, parents: Sequence[Revision], taken: Collection[str]) -> str:
        """The id of the revision that joins them."""
        ...


class Backend(Protocol):
    """One migration tool, read and edited as text. Every method is pure.

    With `one_lineage` two heads are a fork even where no revision connects them. With `crosses` a file may name
    revisions of another environment: `rename` then finds those of its own environment in files of any other."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> Words: ...

    @property
    def one_lineage(self) -> bool: ...

    @property
    def crosses(self) -> bool: ...

    def at(self, layout: Layout) -> Backend:
        """The tool at work in that environment."""
        ...

    def in_context(self, files: Mapping[GitPath, Parsed]) -> Mapping[GitPath, Parsed]:
        """What the files of this environment say, given each other and their names."""
        ...

    def naming(self, when: int) -> Naming | None:
        """How revisions are named, None where their ids mean nothing. `when` is in seconds since 1970, UTC."""
        ...

    def between(self, environments: Sequence[Environment]) -> Mapping[tuple[str, str], tuple[Problem, ...]]:
        """What is wrong between the tool's environments of one tree, by `Layout.key` of the one that shows it."""
        ...

    def footprint(self, blob: bytes, path: GitPath, environment: Environment) -> Footprint:
        """What going up through the file touches; never raises."""
        ...

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
