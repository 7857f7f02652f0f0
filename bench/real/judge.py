"""Judges a repair by Alembic's own map and plain git, never by our own parser; it repairs nothing."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.real.jailed import run_jailed
from bench.real.repositories import changed, contents, git, write_out

STUBBED = Path(__file__).with_name("stubbed.py")
_PARENT_LINE = re.compile(rb"^down_revision\b|^\s*#?\s*Revises:|^Revises\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """`faults` empty: right. Head counts are Alembic's, of base, plain merge and healed tree; `files` the number that
    the repair touched; `unreadable` what Alembic itself could not load of the healed tree."""

    heads: tuple[int, int, int]
    files: int
    published_edited: int
    faults: tuple[str, ...]
    unreadable: tuple[str, ...]


def judge(repository: Path, versions: Sequence[str], base: str, merged: str, healed: str) -> Judgement:
    """The repair that made the tree `healed` out of the plain merge `merged`, on `base`."""
    seen = views(repository, versions, {"base": base, "merged": merged, "healed": healed})
    files = changed(repository, f"{merged}^{{tree}}", f"{healed}^{{tree}}")
    on_base = set(git(repository, "ls-tree", "-r", "-z", "--name-only", base, *versions).split("\0"))
    edited = [path for path in files if path in on_base]
    faults = [
        f"{path}: more than its parents is edited"
        for path in _edited_otherwise(repository, files, merged, healed)
    ]
    faults += [f"{path}: was on the base" for path in edited if path.endswith(".py")]
    faults += graph_faults(seen)
    counts = [len(seen[name]["heads"]) for name in ("base", "merged", "healed")]
    return Judgement(
        heads=(counts[0], counts[1], counts[2]),
        files=len(files),
        published_edited=len(edited),
        faults=tuple(faults),
        unreadable=tuple(f"{name}: {why}" for name, why in seen["healed"]["failed"].items()),
    )


def graph_faults(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with the graph of the healed tree, as clauses."""
    base, merged, healed = seen["base"], seen["merged"], seen["healed"]
    if healed["error"]:
        yield f"Alembic: {healed['error']}"
    # A branch under a label of its own is no fork; on every other one there are as many heads as on the base.
    had, has = (Counter(map(tuple, view["heads"].values())) for view in (base, healed))
    for labels, count in has.items():
        if count > max(had[labels], 1 if labels else 0):
            yield f"{count} heads where the base has {had[labels]} ({', '.join(labels) or 'no label'})"
    if missing := set(healed["missing"]) - set(base["missing"]) - set(merged["missing"]):
        yield f"named and nowhere: {', '.join(sorted(missing))}"
    gone = set(merged["revisions"]) - set(healed["revisions"])
    if gone:
        yield f"revisions lost: {', '.join(sorted(gone))}"
    moved = [
        id for id, parents in base["revisions"].items() if healed["revisions"].get(id, parents) != parents
    ]
    if moved:
        yield f"published revisions hang elsewhere: {', '.join(sorted(moved))}"


def _edited_otherwise(repository: Path, files: Mapping[str, str], old: str, new: str) -> Iterator[str]:
    """Files in which a line that names no parent differs. One that was renamed is a file that went and one that came
    with the same lines but for those."""
    went = {p: _lines(repository, old, p) for p, status in files.items() if status == "D"}
    for path, status in files.items():
        if status == "M":
            if not _same_but_parents(_lines(repository, old, path), _lines(repository, new, path)):
                yield path
        elif status == "A":
            after = _lines(repository, new, path)
            twin = next((p for p, before in went.items() if _same_but_parents(before, after)), None)
            if twin is None:
                yield path
            else:
                del went[twin]
    yield from went


def _lines(repository: Path, tree: str, path: str) -> list[bytes]:
    return next(contents(repository, [git(repository, "rev-parse", f"{tree}:{path}").strip()])).splitlines(
        True
    )


def _same_but_parents(before: Sequence[bytes], after: Sequence[bytes]) -> bool:
    other = [(a, b) for a, b in zip(before, after, strict=False) if a != b and not _PARENT_LINE.match(b)]
    return len(before) == len(after) and not other


def views(repository: Path, versions: Sequence[str], trees: Mapping[str, str]) -> dict[str, Any]:
    """Alembic's view of each tree (see stubbed.view), read in the jail: revision files are other people's code."""
    with TemporaryDirectory(prefix="pointsman-judge-") as name:
        folder = Path(name).resolve()
        places = {
            each: [str(p) for p in write_out(repository, tree, versions, folder / each)]
            for each, tree in trees.items()
        }
        order = folder / "order.json"
        order.write_text(json.dumps({"folders": places, "answer": str(folder / "answer.json")}))
        code, said = run_jailed([sys.executable, "-I", "-B", str(STUBBED), str(order)], folder, cwd=folder)
        if code != 0:
            raise RuntimeError(said or f"exit code {code}")
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
        return answer
