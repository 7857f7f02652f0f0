"""Reads trees: listings, single entries and differences; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adapters.git.plumbing import Plumbing
from pointsman.core.model import MODE_TREE, GitPath, PathChange, Sha, TreeEntry


def decode_path(raw: bytes) -> GitPath:
    return raw.decode("utf-8", "surrogateescape")


def encode_path(path: GitPath) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def entries(git: Plumbing, tree: Sha, *, under: GitPath, recursive: bool) -> tuple[TreeEntry, ...]:
    """See ports.Git.entries."""
    start = directory_oid(git, tree, under)
    if start is None:
        return ()
    prefix = f"{under.strip('/')}/" if under.strip("/") else ""
    if recursive:
        return _listed(git.run("ls-tree", "-r", "-z", "--full-tree", start).stdout, prefix)
    named = names(git, start)
    return tuple(TreeEntry(path=prefix + decode_path(name), mode=m, oid=oid) for name, m, oid in named)


def entry(git: Plumbing, tree: Sha, path: GitPath) -> TreeEntry | None:
    """What stands at `path`, also a directory; None where nothing does."""
    parent, _, last = path.rpartition("/")
    holder = directory_oid(git, tree, parent)
    if holder is None or not last:
        return None
    wanted = encode_path(last)
    found = (TreeEntry(path=path, mode=m, oid=oid) for name, m, oid in names(git, holder) if name == wanted)
    return next(found, None)


def directory_oid(git: Plumbing, tree: Sha, path: GitPath) -> Sha | None:
    """The tree at `path` ('' is the root); None where it is absent or no directory."""
    for part in path.strip("/").split("/") if path.strip("/") else ():
        wanted = encode_path(part)
        found = (oid for name, mode, oid in names(git, tree) if name == wanted and mode == MODE_TREE)
        below = next(found, None)
        if below is None:
            return None
        tree = below
    return tree


def names(git: Plumbing, tree: Sha) -> Iterator[tuple[bytes, int, Sha]]:
    """One tree's names, modes and ids in git's order (gitformat: `MODE SP NAME NUL ID`)."""
    raw = git.objects.one(tree, "tree")
    width = len(tree) // 2
    at = 0
    while at < len(raw):
        space = raw.index(b" ", at)
        end = raw.index(b"\0", space)
        yield raw[space + 1 : end], int(raw[at:space], 8), Sha(raw[end + 1 : end + 1 + width].hex())
        at = end + 1 + width


def changed(git: Plumbing, old_tree: Sha, new_tree: Sha) -> tuple[PathChange, ...]:
    """See ports.Git.changed."""
    if old_tree == new_tree:
        return ()
    options = ("-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", "--no-abbrev")
    raw = git.run("diff-tree", *options, old_tree, new_tree, "--").stdout
    fields = raw.split(b"\0")[:-1]
    changes = (_change(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True))
    return tuple(sorted(changes, key=lambda change: change.path))


def _change(head: bytes, path: bytes) -> PathChange:
    old_mode, new_mode, old_oid, new_oid, status = head[1:].decode("ascii").split(" ")
    return PathChange(
        path=decode_path(path),
        status=status,
        old_mode=int(old_mode, 8),
        new_mode=int(new_mode, 8),
        old_oid=Sha(old_oid) if status != "A" else None,
        new_oid=Sha(new_oid) if status != "D" else None,
    )


def _listed(raw: bytes, prefix: GitPath) -> tuple[TreeEntry, ...]:
    # `MODE SP TYPE SP ID TAB PATH NUL`: as many as files in the tree, so all are decoded at once.
    modes: dict[str, int] = {}
    found = []
    for line in decode_path(raw).split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode = modes.get(head[:6]) or modes.setdefault(head[:6], int(head[:6], 8))
        found.append(TreeEntry(prefix + path, mode, Sha(head[head.rindex(" ") + 1 :])))
    return tuple(found)
