"""What a migration tool must answer for us; nothing outside core/migrations knows which tools there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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


class Runner(NamedTuple):
    """What proves a tool's migrations: a module of `pointsman.runner`, and the package that the interpreter needs
    beside it (None: any interpreter will do)."""

    module: str
    package: str | None


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
    revisions of another environment: `rename` then finds those of its own environment in files of any other. With
    `joins` a revision may have several parents; without it the order is all there is, and only a move ends a fork.
    With `by_name` paths say all that there is to know of a graph, so `parse` is never asked."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> Words: ...

    @property
    def runner(self) -> Runner | None:
        """None: nothing can run them, so no heal of theirs is proved."""
        ...

    @property
    def one_lineage(self) -> bool: ...

    @property
    def crosses(self) -> bool: ...

    @property
    def joins(self) -> bool: ...

    @property
    def by_name(self) -> bool: ...

    def at(self, layout: Layout) -> Backend:
        """The tool at work in that environment."""
        ...

    def in_context(
        self, files: Mapping[GitPath, Parsed], base: Environment | None = None
    ) -> Mapping[GitPath, Parsed]:
        """What the files of this environment say, given each other, their names and, for the tree that a change
        makes of it, the base's environment: what is there keeps its place where names alone would not tell."""
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

    def configs_among(self, paths: Iterable[GitPath]) -> list[GitPath]:
        """The paths for which `may_configure` holds, in their order: asked of every path of a tree at once."""
        ...

    def may_matter(self, path: GitPath) -> bool:
        """Whether a change to this path could change any environment at all, judged by its name alone."""
        ...

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        """Whether a change to this path (`new`: it comes or goes) could change where environments are, given
        those that there are."""
        ...

    def discover(
        self, paths: Collection[GitPath], configs: Mapping[GitPath, bytes], named: Collection[GitPath] = ()
    ) -> tuple[Layout, ...]:
        """The environments of a tree with those paths, in order of config path. `named` are configs and folders that
        a contract names, for tools that leave no mark by which to find them."""
        ...

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        """Whether the tool would load this path, in or below one of `versions`, as a revision of that environment."""
        ...

    def companions(
        self, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
    ) -> Mapping[GitPath, GitPath]:
        """The files of the tree that go with a revision's file (its way down, say), each with its path once that
        file is at `new_path`. They are moved, and dropped, with it."""
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

    def builds_same(self, before: Sequence[bytes], after: bytes) -> bool:
        """Whether files that run one after the other from an empty database provably build just what `after` builds
        from one; False where that can't be told."""
        ...

    def merge_revision(
        self, layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
    ) -> NewFile:
        """A revision without a body that joins `parents`, written as the newest files (`habit`) are.

        `when` is in seconds since 1970, UTC; it shows in the text and in dated file names only."""
        ...
