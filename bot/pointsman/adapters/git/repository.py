"""One git repository behind ports.Git: it passes each question on and holds no rule of its own."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pointsman.adapters.git import history, merging, scratch, trees
from pointsman.adapters.git.objects import READ_LIMIT, ObjectReader
from pointsman.adapters.git.opening import Location, locate
from pointsman.adapters.git.plumbing import Plumbing
from pointsman.adapters.git.refs import LOCK_WAIT, Refs
from pointsman.core.model import CommitFacts, GitPath, MergeOutcome, PathChange, Sha, Signature, TreeEntry

if TYPE_CHECKING:  # reading heads must not load what writes or touches work trees
    from pointsman.adapters.git.worktrees import Synced, Worktree


class GitRepository:
    """Implements ports.Git. Safe to use from several threads; a context manager that ends its child process.

    Without `close` the child and the scratch folder go with the object or the interpreter; after a kill -9 a
    scratch folder of a few small files stays in TMPDIR.
    """

    def __init__(self, location: Location, *, lock_wait: float = LOCK_WAIT) -> None:
        self.location = location
        self._lock_wait = lock_wait
        self._refs = Refs(location, lock_wait=lock_wait)
        self._plumbing = Plumbing(location)
        self._finish = weakref.finalize(self, _finish, self._plumbing.objects, str(self._plumbing.folder))

    @classmethod
    def open(cls, directory: Path, *, lock_wait: float = LOCK_WAIT) -> Self:
        """The repository that `directory` lies in, bare or not. `lock_wait` is in seconds.

        Raises UserError where there is none; EnvironmentProblem for a git that is missing or older than 2.38,
        a shallow clone, a repository of somebody else's.
        """
        return cls(locate(directory), lock_wait=lock_wait)

    def close(self) -> None:
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def git_common_dir(self) -> Path:
        """Where objects and refs are, shared by all worktrees."""
        return self.location.common_dir

    def resolve(self, rev: str) -> Sha:
        return self._refs.resolve(rev)

    def branch_of(self, rev: str) -> str | None:
        """The branch that REV names ('agent/x' for itself and for HEAD where it is checked out), or None."""
        return self._refs.branch_of(rev)

    def config(self, key: str) -> str | None:
        """The repository's own and the user's configuration; None where the key is unset."""
        return self._refs.config(key)

    def commit_facts(self, commit: Sha) -> CommitFacts:
        return history.commit_facts(self._plumbing, commit)

    def tree_of(self, commit: Sha) -> Sha:
        return self.commit_facts(commit).tree

    def merge_bases(self, a: Sha, b: Sha) -> tuple[Sha, ...]:
        return history.merge_bases(self._plumbing, a, b)

    def is_ancestor(self, ancestor: Sha, descendant: Sha) -> bool:
        return history.is_ancestor(self._plumbing, ancestor, descendant)

    def commits(
        self,
        include: Sha,
        *,
        exclude: Sequence[Sha] = (),
        first_parent: bool = False,
        limit: int | None = None,
    ) -> tuple[Sha, ...]:
        return history.commits(
            self._plumbing, include, exclude=exclude, first_parent=first_parent, limit=limit
        )

    def entries(self, tree: Sha, *, under: GitPath = "", recursive: bool = True) -> tuple[TreeEntry, ...]:
        return trees.entries(self._plumbing, tree, under=under, recursive=recursive)

    def entry(self, tree: Sha, path: GitPath) -> TreeEntry | None:
        return trees.entry(self._plumbing, tree, path)

    def read(self, oids: Iterable[Sha], *, limit: int = READ_LIMIT) -> Iterator[tuple[Sha, bytes]]:
        """See ports.Git.read; EnvironmentProblem for a blob longer than `limit` bytes."""
        return self._plumbing.objects.blobs(oids, limit=limit)

    def changed(self, old_tree: Sha, new_tree: Sha) -> tuple[PathChange, ...]:
        return trees.changed(self._plumbing, old_tree, new_tree)

    def merge(self, ours: Sha, theirs: Sha) -> MergeOutcome:
        return merging.merge(self._plumbing, ours, theirs)

    def edit(self, tree: Sha, edits: Mapping[GitPath, bytes | None]) -> Sha:
        from pointsman.adapters.git.edits import edit

        return edit(self._plumbing, tree, edits)

    def commit(
        self, *, tree: Sha, parents: Sequence[Sha], message: str, author: Signature, committer: Signature
    ) -> Sha:
        return history.write_commit(
            self._plumbing, tree=tree, parents=parents, message=message, author=author, committer=committer
        )

    def read_ref(self, ref: str) -> Sha | None:
        return self._refs.read(ref)

    def refs(self, *prefixes: str) -> Mapping[str, Sha]:
        return self._refs.under(*prefixes)

    def commits_of(self, refs: Sequence[str]) -> Mapping[str, Sha]:
        return self._refs.commits_of(refs)

    def move_ref(self, ref: str, *, new: Sha | None, expected: Sha | None) -> bool:
        return self._refs.move(ref, new=new, expected=expected)

    def materialise(self, commit: Sha, directory: Path) -> None:
        from pointsman.adapters.git.materialise import materialise

        materialise(self._plumbing, commit, directory)

    def worktrees(self) -> tuple[Worktree, ...]:
        """The work trees that are there, the main one first."""
        from pointsman.adapters.git.worktrees import worktrees

        return worktrees(self.location.common_dir)

    def is_dirty(self, worktree: Path, untracked: bool) -> bool:
        """Whether anything there differs from its HEAD; untracked files count only where asked."""
        from pointsman.adapters.git.worktrees import is_dirty

        return is_dirty(worktree, untracked=untracked)

    def dirt(self, worktree: Path) -> tuple[str, ...]:
        """The lines of `git status --short` there, untracked files too; () when it is clean."""
        from pointsman.adapters.git.worktrees import dirt

        return dirt(worktree)

    def would_sync(self, worktree: Path, old: Sha, new: Sha) -> Synced:
        """How `sync_checkout` would end; touches no file."""
        from pointsman.adapters.git.worktrees import would_sync

        return would_sync(worktree, old, new, lock_wait=self._lock_wait)

    def sync_checkout(self, worktree: Path, old: Sha, new: Sha) -> Synced:
        """Brings a work tree from commit `old` to `new`; refuses rather than lose a local change."""
        from pointsman.adapters.git.worktrees import sync_checkout

        return sync_checkout(worktree, old, new, lock_wait=self._lock_wait)


def _finish(objects: ObjectReader, folder: str) -> None:
    objects.close()
    scratch.remove(folder)
