"""Writes a changed tree without a work tree or an index; folders that no edit is below are never read."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.adapters.git.plumbing import Plumbing
from pointsman.adapters.git.trees import encode_path, names
from pointsman.core.errors import GitFailed, UserError
from pointsman.core.model import MODE_FILE, MODE_SUBMODULE, MODE_TREE, GitPath, Sha

_KINDS = {MODE_TREE: "tree", MODE_SUBMODULE: "commit"}
_DOT_GIT = re.compile(r"(?:\.git|git~[0-9]+)[. ]*(?::.*)?", re.DOTALL)


@dataclass(slots=True)
class _Folder:
    """The edits below one folder: blobs to write, names to delete, folders with edits of their own."""

    written: dict[bytes, Sha] = field(default_factory=dict)
    deleted: set[bytes] = field(default_factory=set)
    folders: dict[bytes, _Folder] = field(default_factory=dict)


def edit(git: Plumbing, tree: Sha, edits: Mapping[GitPath, bytes | None]) -> Sha:
    """See ports.Git.edit. Deleting what is absent changes nothing; a folder left empty goes too.

    UserError for a path that no tree may hold, or that is a folder or submodule on one side.
    """
    if not edits:
        return tree
    root = _sorted_into_folders(edits, _write_blobs(git, [c for c in edits.values() if c is not None]))
    trees = _Trees(git)
    new = trees.rewrite(tree, root, "") or trees.add({})
    trees.write()
    return new


def _sorted_into_folders(edits: Mapping[GitPath, bytes | None], blobs: Mapping[bytes, Sha]) -> _Folder:
    root = _Folder()
    for path, content in edits.items():
        *parents, last = _parts(path)
        folder = root
        for name in parents:
            folder = folder.folders.setdefault(name, _Folder())
        if content is None:
            folder.deleted.add(last)
        else:
            folder.written[last] = blobs[content]
    return root


def _parts(path: GitPath) -> list[bytes]:
    parts = path.split("/")
    for part in parts:
        # What HFS+ and NTFS would take for .git (core.protectHFS, core.protectNTFS): mktree does not check.
        plain = "".join(c for c in part if unicodedata.category(c) != "Cf").casefold()
        if part in ("", ".", "..") or "\0" in part or _DOT_GIT.fullmatch(plain):
            raise UserError(f"{path!r} cannot be written: git allows no path with the part {part!r}")
    return [encode_path(part) for part in parts]


def _write_blobs(git: Plumbing, contents: list[bytes]) -> dict[bytes, Sha]:
    """One process for any number of blobs; nothing is filtered or converted on the way."""
    wanted = list(dict.fromkeys(contents))
    if not wanted:
        return {}
    if len(wanted) == 1:
        done = git.run("hash-object", "-w", "--no-filters", "--stdin", input=wanted[0])
        return {wanted[0]: Sha(done.stdout.decode("ascii").strip())}
    files = [git.scratch_file() for _ in wanted]
    try:
        for file, content in zip(files, wanted, strict=True):
            file.write_bytes(content)
        listed = "".join(f"{file}\n" for file in files).encode()
        done = git.run("hash-object", "-w", "--no-filters", "--stdin-paths", input=listed)
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return dict(zip(wanted, map(Sha, done.stdout.decode("ascii").split()), strict=True))


class _Trees:
    """Collects new trees, children first, and writes them all with one `mktree --batch`.

    Ids are computed here so that a parent can name its child before git wrote it; git's own answer is held
    against them.
    """

    def __init__(self, git: Plumbing) -> None:
        self._git = git
        self._new: dict[Sha, bytes] = {}

    def rewrite(self, tree: Sha | None, edits: _Folder, path: str) -> Sha | None:
        """The tree with the edits made; None where nothing is left in it."""
        held = {name: (mode, oid) for name, mode, oid in names(self._git, tree)} if tree else {}
        for name in edits.deleted:
            if held.get(name, (0, ""))[0] == MODE_TREE:
                raise UserError(f"{_shown(path, name)} is a folder: name the files to delete")
            held.pop(name, None)
        for name, below in edits.folders.items():
            self._rewrite_folder(held, name, below, path)
        for name, blob in edits.written.items():
            mode = held.get(name, (MODE_FILE, blob))[0]
            if mode in _KINDS:
                raise UserError(f"{_shown(path, name)} is a {_KINDS[mode]}: no file can be written there")
            held[name] = (mode, blob)
        return self.add(held) if held else None

    def _rewrite_folder(
        self, held: dict[bytes, tuple[int, Sha]], name: bytes, edits: _Folder, path: str
    ) -> None:
        mode, oid = held.get(name, (MODE_TREE, None))
        if mode != MODE_TREE:
            if not _writes(edits):
                return
            raise UserError(f"{_shown(path, name)} is a file: nothing can be written below it")
        new = self.rewrite(oid, edits, _shown(path, name))
        if new is None:
            held.pop(name, None)
        else:
            held[name] = (MODE_TREE, new)

    def add(self, held: Mapping[bytes, tuple[int, Sha]]) -> Sha:
        """The id of the tree with those entries, to be written later."""
        # git sorts names as bytes, a folder's as if it ended in a slash.
        ordered = sorted(held.items(), key=lambda item: item[0] + b"/" * (item[1][0] == MODE_TREE))
        raw = b"".join(b"%o %s\0%s" % (mode, name, bytes.fromhex(oid)) for name, (mode, oid) in ordered)
        digest = hashlib.new(self._git.object_format, usedforsecurity=False)
        digest.update(b"tree %d\0%s" % (len(raw), raw))
        tree = Sha(digest.hexdigest())
        lines = (
            b"%06o %s %s\t%s\0" % (mode, _KINDS.get(mode, "blob").encode(), oid.encode(), name)
            for name, (mode, oid) in ordered
        )
        self._new[tree] = b"".join(lines) + b"\0"
        return tree

    def write(self) -> None:
        done = self._git.run("mktree", "-z", "--batch", "--missing", input=b"".join(self._new.values()))
        if done.stdout.decode("ascii").split() != list(self._new):
            raise GitFailed(
                ("git", "mktree", "-z", "--batch"), done.code, "git wrote other trees than were asked for"
            )


def _writes(edits: _Folder) -> bool:
    return bool(edits.written) or any(_writes(below) for below in edits.folders.values())


def _shown(path: str, name: bytes) -> str:
    shown = name.decode("utf-8", "surrogateescape")
    return f"{path}/{shown}" if path else shown
