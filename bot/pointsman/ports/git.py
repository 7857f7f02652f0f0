"""Objects and refs of a git repository, and the repository that it was cloned from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pointsman.core.model import CommitFacts, GitPath, MergeOutcome, PathChange, Sha, Signature, TreeEntry


class Git(Protocol):
    """Objects and refs of one repository. Everything but `resolve` takes full SHAs or full ref names.

    Nothing here touches a work tree, an index, HEAD or a branch that is checked out, and nothing in the
    repository (replace refs, grafts, attributes, hooks, configuration of the change) bends an answer.
    Errors: `GitFailed`, `MissingObject`; `UserError` from `resolve`.
    """

    def resolve(self, rev: str) -> Sha:
        """The commit that REV names; a branch wins over a tag of that name. UserError if there is none."""
        ...

    def commit_facts(self, commit: Sha) -> CommitFacts: ...

    def tree_of(self, commit: Sha) -> Sha: ...

    def merge_bases(self, a: Sha, b: Sha) -> tuple[Sha, ...]:
        """All best common ancestors; empty when the histories are unrelated."""
        ...

    def is_ancestor(self, ancestor: Sha, descendant: Sha) -> bool: ...

    def commits(
        self,
        include: Sha,
        *,
        exclude: Sequence[Sha] = (),
        first_parent: bool = False,
        limit: int | None = None,
    ) -> tuple[Sha, ...]:
        """Commits reachable from `include` and from none of `exclude`, newest first."""
        ...

    def entries(self, tree: Sha, *, under: GitPath = "", recursive: bool = True) -> tuple[TreeEntry, ...]:
        """The tree's names (full paths), in git's order; `under` limits to one directory ('' is the root).

        Recursive listings hold no trees. An `under` that is absent or no directory gives ()."""
        ...

    def entry(self, tree: Sha, path: GitPath) -> TreeEntry | None: ...

    def read(self, oids: Iterable[Sha]) -> Iterator[tuple[Sha, bytes]]:
        """Blob contents in the order asked, through one long-lived `cat-file --batch`."""
        ...

    def changed(self, old_tree: Sha, new_tree: Sha) -> tuple[PathChange, ...]:
        """Every path that differs, sorted by path; submodules count, renames are two changes."""
        ...

    def merge(self, ours: Sha, theirs: Sha) -> MergeOutcome:
        """Preview of merging two commits: an ordinary three-way merge, no attributes, no custom drivers."""
        ...

    def edit(self, tree: Sha, edits: Mapping[GitPath, bytes | None]) -> Sha:
        """The tree with those files written (mode kept, new ones 100644) or, for None, deleted."""
        ...

    def commit(
        self, *, tree: Sha, parents: Sequence[Sha], message: str, author: Signature, committer: Signature
    ) -> Sha: ...

    def read_ref(self, ref: str) -> Sha | None: ...

    def refs(self, *prefixes: str) -> Mapping[str, Sha]:
        """Every ref whose full name starts with one of them; an annotated tag's holds the tag."""
        ...

    def commits_of(self, refs: Sequence[str]) -> Mapping[str, Sha]:
        """The commit that each of those full names leads to, tags followed; what leads to none is left out."""
        ...

    def move_ref(self, ref: str, *, new: Sha | None, expected: Sha | None) -> bool:
        """Compare-and-swap one full ref name (None: it does not exist / delete it); False if it had moved."""
        ...

    def materialise(self, commit: Sha, directory: Path) -> None:
        """Write the commit's files into `directory` as a repository of its own (detached at the commit,
        objects borrowed), so that code running there cannot name this repository's refs."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PushRefused:
    """A push that did not happen. `moved`: the ref was not where it was expected; `forbidden`: no permission, or the
    repository is gone or archived; `rules`: a branch rule refused it; `workflow`: a token may not touch workflow files.
    `why` is the other side's own words, without the token."""

    code: Literal["moved", "forbidden", "rules", "workflow", "other"]
    why: str


class Remote(Protocol):
    """The repository on the forge that a `Git` mirrors, over git's own protocol: none of this counts as a request of
    the forge's API. Errors: `ForgeUnavailable` after retries where retrying is safe."""

    def listed(self, refs: Collection[str]) -> Mapping[str, Sha]:
        """Those of the full ref names that exist there now, and where they are; one round trip for all. A name that
        ends in `/` stands for every ref under it."""
        ...

    def fetch(self, commits: Mapping[str, Sha]) -> None:
        """Bring the commits (by the full ref name they were listed under) and all they need into the mirror, and keep
        them there under `refs/pointsman/remote/...`. Free where they are there already."""
        ...

    def push(self, ref: str, *, new: Sha | None, expected: Sha | None, url: str = "") -> PushRefused | None:
        """Compare-and-swap one full ref name there (None: it does not exist / delete it); None when done. Never
        forces; after a time-out the ref is read again before anything is said. `url`: another repository (a fork's)
        of the same forge, as `owner/name`."""
        ...
