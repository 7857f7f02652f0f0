"""A git repository in memory: `ports.Git` over dictionaries, fast enough for thousands of histories; it never fails.

Objects are named by their content, so that equal work gives equal names. A merge goes file by file: what both sides
changed differently conflicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

from pointsman.core.errors import MissingObject, UserError
from pointsman.core.model import (
    MODE_FILE,
    MODE_TREE,
    CommitFacts,
    Conflicted,
    ConflictedPath,
    GitPath,
    Merged,
    MergeOutcome,
    PathChange,
    Sha,
    Signature,
    TreeEntry,
)

Files = Mapping[GitPath, bytes]
Moved = Callable[[str, Sha | None, Sha | None], None]


def _name(kind: str, *parts: str | bytes) -> Sha:
    digest = sha1(kind.encode(), usedforsecurity=False)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return Sha(digest.hexdigest())


@dataclass
class MemoryGit:
    """One repository. `moved` hears every ref that moves: its name, where it was, where it is."""

    blobs: dict[Sha, bytes] = field(default_factory=dict)
    trees: dict[Sha, dict[GitPath, Sha]] = field(default_factory=dict)
    """Root trees: every file's blob by path. Each is an ordinary file."""
    facts: dict[Sha, CommitFacts] = field(default_factory=dict)
    heads: dict[str, Sha] = field(default_factory=dict)
    """Every ref by its full name."""
    moved: Moved = lambda _ref, _old, _new: None
    _above: dict[Sha, frozenset[Sha]] = field(default_factory=dict)
    _order: dict[Sha, int] = field(default_factory=dict)

    def put(self, files: Files) -> Sha:
        """The tree of those files."""
        return self._tree({path: self._blob(data) for path, data in files.items()})

    def resolve(self, rev: str) -> Sha:
        found = (
            self.heads.get(f"refs/heads/{rev}")
            or self.heads.get(rev)
            or (Sha(rev) if rev in self.facts else None)
        )
        if found is None:
            raise UserError(f"no commit is called {rev}")
        return found

    def commit_facts(self, commit: Sha) -> CommitFacts:
        try:
            return self.facts[commit]
        except KeyError:
            raise MissingObject(f"commit {commit} is not here") from None

    def tree_of(self, commit: Sha) -> Sha:
        return self.commit_facts(commit).tree

    def merge_bases(self, a: Sha, b: Sha) -> tuple[Sha, ...]:
        common = self._reach(a) & self._reach(b)
        beneath = {above for one in common for above in self._above[one] if above != one}
        return tuple(sorted(common - beneath))

    def is_ancestor(self, ancestor: Sha, descendant: Sha) -> bool:
        return ancestor in self._reach(descendant)

    def commits(
        self,
        include: Sha,
        *,
        exclude: Sequence[Sha] = (),
        first_parent: bool = False,
        limit: int | None = None,
    ) -> tuple[Sha, ...]:
        hidden = frozenset[Sha]().union(*(self._reach(one) for one in exclude))
        if first_parent:
            found: list[Sha] = []
            at: Sha | None = include
            while at is not None and at not in hidden:
                found.append(at)
                parents = self.commit_facts(at).parents
                at = parents[0] if parents else None
        else:
            found = sorted(self._reach(include) - hidden, key=lambda one: -self._order[one])
        return tuple(found[:limit])

    def entries(self, tree: Sha, *, under: GitPath = "", recursive: bool = True) -> tuple[TreeEntry, ...]:
        files = self._files(tree)
        prefix = f"{under.rstrip('/')}/" if under else ""
        below = [path for path in files if path.startswith(prefix)]
        if recursive:
            return tuple(TreeEntry(path, MODE_FILE, files[path]) for path in sorted(below))
        names = sorted({prefix + path[len(prefix) :].split("/", 1)[0] for path in below})
        return tuple(found for name in names if (found := self.entry(tree, name)) is not None)

    def entry(self, tree: Sha, path: GitPath) -> TreeEntry | None:
        files = self._files(tree)
        blob = files.get(path)
        if blob is not None:
            return TreeEntry(path, MODE_FILE, blob)
        below = {
            name.removeprefix(f"{path}/"): oid for name, oid in files.items() if name.startswith(f"{path}/")
        }
        return TreeEntry(path, MODE_TREE, self._tree(below)) if below else None

    def read(self, oids: Iterable[Sha]) -> Iterator[tuple[Sha, bytes]]:
        return iter([(oid, self.blobs[oid]) for oid in oids])

    def changed(self, old_tree: Sha, new_tree: Sha) -> tuple[PathChange, ...]:
        old, new = self._files(old_tree), self._files(new_tree)
        paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
        return tuple(_path_change(path, old.get(path), new.get(path)) for path in paths)

    def merge(self, ours: Sha, theirs: Sha) -> MergeOutcome:
        bases = self.merge_bases(ours, theirs)
        base = self._files(self.tree_of(bases[0])) if bases else {}
        mine, other = self._files(self.tree_of(ours)), self._files(self.tree_of(theirs))
        merged, clashes = dict(mine), []
        for path in sorted(other.keys() | base.keys()):
            was, here, there = base.get(path), mine.get(path), other.get(path)
            if there in (was, here):
                continue
            if here != was:
                clashes.append(ConflictedPath(path=path, kind="content", base=was, ours=here, theirs=there))
            elif there is None:
                del merged[path]
            else:
                merged[path] = there
        if clashes:
            messages = tuple(f"CONFLICT (content): Merge conflict in {clash.path}" for clash in clashes)
            return Conflicted(paths=tuple(clashes), messages=messages)
        return Merged(tree=self._tree(merged))

    def edit(self, tree: Sha, edits: Mapping[GitPath, bytes | None]) -> Sha:
        files = dict(self._files(tree))
        for path, data in edits.items():
            if data is None:
                files.pop(path, None)
            else:
                files[path] = self._blob(data)
        return self._tree(files)

    def commit(
        self, *, tree: Sha, parents: Sequence[Sha], message: str, author: Signature, committer: Signature
    ) -> Sha:
        signed = (f"{one.name} <{one.email}> {one.when}" for one in (author, committer))
        sha = _name("commit", tree, " ".join(parents), *signed, message)
        if sha not in self.facts:
            self.facts[sha] = CommitFacts(
                sha=sha,
                tree=tree,
                parents=tuple(parents),
                author=author,
                committer=committer,
                message=message,
            )
            self._order[sha] = len(self._order)
            self._above[sha] = frozenset([sha]).union(*(self._reach(parent) for parent in parents))
        return sha

    def read_ref(self, ref: str) -> Sha | None:
        return self.heads.get(ref)

    def refs(self, *prefixes: str) -> Mapping[str, Sha]:
        return {ref: sha for ref, sha in self.heads.items() if ref.startswith(prefixes)}

    def commits_of(self, refs: Sequence[str]) -> Mapping[str, Sha]:
        return {ref: self.heads[ref] for ref in refs if ref in self.heads}

    def move_ref(self, ref: str, *, new: Sha | None, expected: Sha | None) -> bool:
        if self.heads.get(ref) != expected:
            return False
        if new is None:
            self.heads.pop(ref, None)
        else:
            self.commit_facts(new)
            self.heads[ref] = new
        self.moved(ref, expected, new)
        return True

    def materialise(self, commit: Sha, directory: Path) -> None:
        raise NotImplementedError("nothing is written to disk here")

    def _reach(self, commit: Sha) -> frozenset[Sha]:
        self.commit_facts(commit)
        return self._above[commit]

    def _files(self, tree: Sha) -> dict[GitPath, Sha]:
        try:
            return self.trees[tree]
        except KeyError:
            raise MissingObject(f"tree {tree} is not here") from None

    def _blob(self, data: bytes) -> Sha:
        oid = _name("blob", data)
        self.blobs[oid] = data
        return oid

    def _tree(self, files: Mapping[GitPath, Sha]) -> Sha:
        oid = _name("tree", *(f"{path}\0{blob}" for path, blob in sorted(files.items())))
        self.trees.setdefault(oid, dict(files))
        return oid


def _path_change(path: GitPath, old: Sha | None, new: Sha | None) -> PathChange:
    status = "A" if old is None else "D" if new is None else "M"
    modes = (0 if old is None else MODE_FILE, 0 if new is None else MODE_FILE)
    return PathChange(
        path=path, status=status, old_mode=modes[0], new_mode=modes[1], old_oid=old, new_oid=new
    )
