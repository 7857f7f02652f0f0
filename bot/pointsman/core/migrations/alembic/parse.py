"""Reads one revision file from its text, never importing it: fast where the text is plain, by `ast` elsewhere."""

from __future__ import annotations

import re
import symtable
import warnings

from pointsman.core.migrations.model import Code, Issue, Parsed

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
MAX_BYTES = 2_000_000
"""A revision file larger than this is reported, not read: the judge is bounded."""

_STRING = r"""(?:'[^'\\\n]*'|"[^"\\\n]*")"""
_ITEMS = rf"{_STRING}(?:,[ ]?{_STRING})"
_VALUE = rf"None|{_STRING}|\(\)|\[\]|\({_ITEMS}+,?\)|\({_STRING},\)|\[{_ITEMS}*,?\]"
_NAME = "|".join(NAMES)
_LINE = re.compile(
    rf"^({_NAME})[ ]*(?::[^=\n#;]*)?=[ ]*({_VALUE})[ \t]*(?:#[^\n]*)?\r?$".encode(), re.MULTILINE
)
_WORD = re.compile(rf"(?<!\w)(?:{_NAME})(?!\w)".encode())
_COMMENT = re.compile(rb"^[ \t]*#[^\n'\"]*", re.MULTILINE)
"""A whole-line comment up to its first quote: what follows a quote could end a string and be code again."""
_TEMPLATE_COMMENT = b"\n# revision identifiers, used by Alembic."
_ITEM = re.compile(_STRING)
_MARKERS = re.compile(rb"^(?:<{7} .*|={7}\r?|>{7} .*)$", re.MULTILINE)
_LEFT, _RIGHT = re.compile(rb"^<{7} ", re.MULTILINE), re.compile(rb"^>{7} ", re.MULTILINE)
_CODING = re.compile(rb"coding[:=]")


def parse(blob: bytes) -> Parsed:
    """What the file says; equal to what Alembic would read after importing it, or an issue that says why not."""
    if len(blob) > MAX_BYTES:
        message = f"is {len(blob):,} bytes long; at most {MAX_BYTES:,} are read"
        return Parsed(None, None, issues=(Issue(Code.TOO_LARGE, message),))
    return _parse_plain(blob) or _parse_any(blob)


def _parse_plain(blob: bytes) -> Parsed | None:
    """The file, if it is plain: sound, or None.

    Plain: ASCII without an encoding cookie, compiles, and each of the four names occurs, outside whole-line
    comments, in one assignment of a literal in column 0 and nowhere else, not even in a string. Such a line
    can't be a string's inside, since the symbol table knows the name only from it; nor an argument in
    brackets, which makes no symbol; nor can anything rebind it, since nothing names it again.
    """
    if not blob.isascii() or _CODING.search(blob, 0, 400) or b"\x0c" in blob:
        return None
    if b"\r" in blob and blob.count(b"\r") != blob.count(b"\r\n"):
        return None
    lines = {found.group(1): found for found in _LINE.finditer(blob)}
    if b"revision" not in lines or b"down_revision" not in lines:
        return None
    if _mentions(blob) != len(lines):
        return None
    if any(blob[: found.start()].rstrip(b"\r\n").endswith(b"\\") for found in lines.values()):
        return None
    symbols = _symbols(blob)
    if symbols is None or any(name.decode() not in symbols for name in lines):
        return None
    values = {name.decode(): _literal(found.group(2).decode()) for name, found in lines.items()}
    return build(values)


def _mentions(blob: bytes) -> int:
    """How often the four names occur, whole-line comments apart; never less than they do."""
    words = blob.count(b"revision") - blob.count(_TEMPLATE_COMMENT)
    words += blob.count(b"branch_labels") + blob.count(b"depends_on")
    return words if words <= len(NAMES) else len(_WORD.findall(_COMMENT.sub(b"", blob)))


def _symbols(blob: bytes) -> frozenset[str] | None:
    """The names that the module itself binds or uses; None if it is not valid Python."""
    # The symbol table is the cheapest whole check that CPython offers: no tree, no code object.
    if b"\\" in blob:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _symbol_names(blob)
    return _symbol_names(blob)


def _symbol_names(blob: bytes) -> frozenset[str] | None:
    try:
        return frozenset(symtable.symtable(blob, "revision", "exec").get_identifiers())  # type: ignore[arg-type]
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return None


def _literal(text: str) -> object:
    if text == "None":
        return None
    if text[0] in "'\"":
        return text[1:-1]
    return tuple(item[1:-1] for item in _ITEM.findall(text))


class Computed:
    """A value that only running the file would tell; `by` is the top module of the function that computes it."""

    __slots__ = ("by", "line")

    def __init__(self, line: int, by: str = "") -> None:
        self.line = line
        self.by = by


MISSING = object()
_GIT_ORDERED = "alembic_git_revisions"
"""A library that chains revisions in the order of the commits that add them: such files can't fork."""


def build(values: dict[str, object]) -> Parsed:
    """The record of a file from the values of its four names (absent: not assigned)."""
    issues: list[Issue] = []
    revision = _revision(values.get("revision", MISSING), issues)
    parents, elsewhere = _parents(values.get("down_revision", MISSING), issues)
    return Parsed(
        revision,
        parents,
        _names("branch_labels", values.get("branch_labels"), issues),
        _names("depends_on", values.get("depends_on"), issues),
        tuple(issues),
        elsewhere,
    )


def _computed(name: str, value: Computed) -> str:
    return f"computes `{name}` (line {value.line}); it can't be read without running it"


def _revision(value: object, issues: list[Issue]) -> str | None:
    if value is MISSING:
        return None
    if isinstance(value, Computed):
        issues.append(Issue(Code.COMPUTED, _computed("revision", value)))
        return None
    if not isinstance(value, str):
        issues.append(Issue(Code.INVALID_VALUE, f"sets `revision` to {value!r}; a string is needed"))
        return None
    if fault := fault_of_id(value):
        issues.append(fault)
    return value or None


def fault_of_id(value: str) -> Issue | None:
    """What is wrong with a revision's own id, as Alembic sees it."""
    if not value:
        return Issue(Code.EMPTY_ID, "has an empty revision id")
    if value in ("base", "head", "heads"):
        return Issue(Code.RESERVED_ID, f"uses the reserved word {value!r} as its revision id")
    if illegal := sorted(set(value) & set("@-+:")):
        return Issue(
            Code.ILLEGAL_ID, f"has {''.join(illegal)!r} in its revision id {value!r}, which Alembic forbids"
        )
    return None


def _parents(value: object, issues: list[Issue]) -> tuple[tuple[str, ...] | None, bool]:
    if value is MISSING:
        issues.append(
            Issue(Code.NO_DOWN_REVISION, "has no `down_revision`; a base says `down_revision = None`")
        )
        return None, False
    if isinstance(value, Computed):
        if value.by == _GIT_ORDERED:
            return None, True
        issues.append(Issue(Code.COMPUTED, _computed("down_revision", value)))
        return None, False
    return _names("down_revision", value, issues), False


def _names(name: str, value: object, issues: list[Issue]) -> tuple[str, ...]:
    """A string, None or a sequence of strings as a tuple; whatever is not that is an issue and left out."""
    if value is None or value is MISSING:
        return ()
    if isinstance(value, Computed):
        code = Code.COMPUTED_DEPENDENCY if name == "depends_on" else Code.COMPUTED
        issues.append(Issue(code, _computed(name, value)))
        return ()
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if item == "":
            issues.append(Issue(Code.EMPTY_ID, f"has an empty string in `{name}`; nothing is named by it"))
        elif not isinstance(item, str):
            issues.append(Issue(Code.INVALID_VALUE, f"has {item!r} in `{name}`; a string is needed"))
    return tuple(item for item in items if isinstance(item, str) and item)


def _parse_any(blob: bytes) -> Parsed:
    """The file by its syntax tree; where there is none, whatever its lines still say, and an issue."""
    from pointsman.core.migrations.alembic import source, values

    if _LEFT.search(blob) and _RIGHT.search(blob):
        try:
            source.to_ast(source.decode(blob).text)
        except source.Unreadable:
            lines = [blob.count(b"\n", 0, found.start()) + 1 for found in _MARKERS.finditer(blob)]
            message = f"contains conflict markers (lines {', '.join(map(str, lines[:6]))})"
            return _salvage(blob, Issue(Code.CONFLICT_MARKERS, message))
    try:
        tree, _ = source.to_ast(source.decode(blob).text)
    except source.Unreadable as error:
        return _salvage(blob, Issue(Code.UNPARSABLE, f"is not valid Python: {error}"))
    return build(values.assigned(tree))


def _salvage(blob: bytes, issue: Issue) -> Parsed:
    """What the plain assignments of a broken file say: those of a literal at the start of a line that stands outside
    every string and bracket, as far as each name has just one."""
    from pointsman.core.migrations.alembic import source

    # Latin-1 gives each byte one letter, so that places in the text are places in the bytes.
    tops = source.top_level_lines(blob.decode("latin-1"))
    seen: dict[str, set[object]] = {}
    for found in _LINE.finditer(blob):
        if found.start() in tops:
            value = _literal(found.group(2).decode("utf-8", "replace"))
            seen.setdefault(found.group(1).decode(), set()).add(value)
    single = {name: next(iter(values)) for name, values in seen.items() if len(values) == 1}
    facts = build(single)
    known = facts.parents if "down_revision" in single else None
    return Parsed(facts.revision, known, facts.labels, facts.depends_on, (issue,))
