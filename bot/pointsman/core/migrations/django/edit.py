"""Edits the names of migrations in a file in place and touches no other byte; what it can't edit it leaves alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.backend import Uneditable
from pointsman.core.migrations.django.names import SPECIAL
from pointsman.core.migrations.django.parse import Computed, attribute, elements, migration_class, pair, parse
from pointsman.core.migrations.model import Parsed

Edit = tuple[int, int, str]
_TOKEN = re.compile(r"""([a-zA-Z]*)('{3}|"{3}|'|")(.*)\2""", re.DOTALL)
_NAME = re.compile(r"[^'\"\\\r\n]+")
_AFTER = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)?")
_COMMA = re.compile(r"\s*,[ \t]*")


@dataclass(frozen=True, slots=True)
class _File:
    """A file opened for editing: positions of the tree count in `shown`, which is as long as the text."""

    origin: source.Source
    shown: str
    migration: ast.ClassDef
    starts: list[int]

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: S101 - parsed nodes have both
        start = source.offset(self.shown, self.starts, node.lineno, node.col_offset)
        return start, source.offset(self.shown, self.starts, node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.origin.text[start:end]


def set_parents(blob: bytes, label: str, parents: Sequence[str]) -> bytes | Uneditable:
    """The file with `parents` as its dependencies within the app; those on other apps stay as they are.

    A tuple that has to change gets a new name in its place, so that layout, quotes and comments stay."""
    file = _open(blob)
    if isinstance(file, Uneditable):
        return file
    if not all(_NAME.fullmatch(parent) for parent in parents):
        return Uneditable("a name with quotes or line breaks is not written into a file")
    try:
        value = attribute(file.migration, "dependencies")
        every = elements(value)
        inside = [(node, name) for node in every for app, name in [pair(node)] if app == label]
    except Computed as line:
        return Uneditable(f"`dependencies` is computed (line {line})")
    inside = [(node, name) for node, name in inside if name not in SPECIAL]
    missing = [parent for parent in parents if parent not in {name for _, name in inside}]
    stale = [node for node, name in inside if name not in parents]
    edits = [_named(file, node, name) for node, name in zip(stale, missing, strict=False)]
    for node in stale[len(missing) :]:
        edits.append(_removed(file, node))
    if more := missing[len(stale) :]:
        added = _added(file, value, every, [node for node, _ in inside], label, more)
        if isinstance(added, Uneditable):
            return added
        edits.append(added)
    before = parse(blob)
    others = [name for name in before.parents or () if not _is_inside(name, label)]
    return _verified(file, edits, lambda after: _is_right(after, before, label, set(parents), others))


def rename(blob: bytes, label: str, ids: Mapping[str, str]) -> bytes | Uneditable:
    """The file, of whatever app, with every name of `ids` replaced where it names a migration of this app."""
    file = _open(blob)
    if isinstance(file, Uneditable):
        return file
    edits: list[Edit] = []
    for attr in ("dependencies", "run_before", "replaces"):
        try:
            pairs = [(node, pair(node)) for node in elements(attribute(file.migration, attr))]
        except Computed as line:
            if any(name.encode() in blob for name in ids):
                return Uneditable(f"`{attr}` is computed (line {line})")
            continue
        edits += [
            _named(file, node, ids[name]) for node, (app, name) in pairs if app == label and name in ids
        ]
    before = parse(blob)
    wanted = tuple(_renamed(name, label, ids) for name in before.parents or ())
    return _verified(file, edits, lambda after: after.parents == wanted)


def _renamed(name: str, label: str, ids: Mapping[str, str]) -> str:
    app, _, bare = name.partition(".")
    return f"{app}.{ids[bare]}" if app == label and bare in ids else name


def _is_inside(name: str, label: str) -> bool:
    app, _, bare = name.partition(".")
    return app == label and bare not in SPECIAL


def _is_right(after: Parsed, before: Parsed, label: str, parents: set[str], others: list[str]) -> bool:
    names = after.parents or ()
    ours = [name.partition(".")[2] for name in names if _is_inside(name, label)]
    kept = [name for name in names if not _is_inside(name, label)]
    same = (after.depends_on, after.replaces) == (before.depends_on, before.replaces)
    return same and set(ours) == parents and kept == others


def _open(blob: bytes) -> _File | Uneditable:
    try:
        origin = source.decode(blob)
        tree, shown = source.to_ast(origin.text)
    except source.Unreadable as error:
        return Uneditable(str(error))
    migration = migration_class(tree)
    if migration is None:
        return Uneditable("it defines no class `Migration`")
    return _File(origin, shown, migration, source.line_starts(shown))


def _named(file: _File, node: ast.expr, new: str) -> Edit:
    """The inside of the tuple's second string, quotes kept."""
    assert isinstance(node, ast.Tuple | ast.List)  # noqa: S101 - `pair` read it
    text = node.elts[1]
    start, end = file.span(text)
    found = _TOKEN.fullmatch(file.origin.text[start:end])
    if found and isinstance(text, ast.Constant) and found.group(3) == text.value:
        return start + found.start(3), start + found.end(3), new
    quote = _quote(file, text)
    return start, end, f"{quote}{new}{quote}"


def _removed(file: _File, node: ast.expr) -> Edit:
    """The tuple with its comma; its whole line where it stands alone on one."""
    start, end = file.span(node)
    text = file.origin.text
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    after = _AFTER.match(text, end)
    if not text[line:start].strip() and after and after.group().endswith(("\n", "\r")):
        return line, after.end(), ""
    behind = _COMMA.match(text, end)
    if behind:
        return start, behind.end(), ""
    comma = text.rfind(",", 0, start)
    return (comma if comma >= 0 and not text[comma + 1 : start].strip() else start), end, ""


def _added(
    file: _File,
    value: ast.expr | None,
    every: Sequence[ast.expr],
    inside: Sequence[ast.expr],
    label: str,
    names: Sequence[str],
) -> Edit | Uneditable:
    """New tuples behind the app's last one, laid out as that is; or into an empty list."""
    if value is None:
        return Uneditable("it has no `dependencies`")
    text = file.origin.text
    near = (list(inside) or list(every))[-1:]
    quote = _quote(file, near[0].elts[1]) if near and isinstance(near[0], ast.Tuple | ast.List) else '"'
    tuples = [f"({quote}{label}{quote}, {quote}{name}{quote})" for name in names]
    if not near:
        start, end = file.span(value)
        if not isinstance(value, ast.List) or text[start + 1 : end - 1].strip():
            return Uneditable("its `dependencies` are empty in a form that can't be filled in")
        return start, end, f"[{', '.join(tuples)}]"
    start, end = file.span(near[0])
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    indent = text[line:start]
    ending = "\r\n" if text[:line].endswith("\r\n") else "\n"
    gap = f",{ending}{indent}" if not indent.strip() else ", "
    return end, end, "".join(gap + one for one in tuples)


def _quote(file: _File, node: ast.expr) -> str:
    found = re.match(r"[a-zA-Z]*(['\"])", file.segment(node))
    return found.group(1) if found else '"'


def _verified(file: _File, edits: Iterable[Edit], right: Callable[[Parsed], bool]) -> bytes | Uneditable:
    """The edited bytes, read back: an edit that does not say what was meant is none."""
    text = file.origin.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        blob = file.origin.encode(text)
    except UnicodeEncodeError:
        return Uneditable(f"a name can't be written in {file.origin.encoding}")
    return blob if right(parse(blob)) else Uneditable("the names can't be read back as they were meant")
