"""YAML text as a small tree of nodes that know their place; no value is converted and nothing is resolved.

PyYAML's scanner and parser do the syntax. Its resolver and constructor, home of the YAML 1.1 surprises
(`on` as a boolean, `012`, `12:30:00`, `<<`, tags, aliases without bound), are not used: a scalar stays the
text that was written, and the schema says what it has to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.contract.reading.problems import ContractError

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 10_000
TOO_MANY = (
    f"more than {MAX_NODES:,} values, aliases counted in full; a contract this large cannot be reviewed"
)
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
BOM = "\ufeff"
_LINE_FOR_SOME = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
"""Line ends to a YAML 1.1 reader such as PyYAML, and none to most editors and diffs: what looks like the end of a
comment could be a rule."""
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Unicode's embeddings, overrides and isolates: a rule could be shown as another one (CVE-2021-42574)."""
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What only an escape in quotes can bring in, and no path, branch or command can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """`plain` is False where the text was quoted or a block, and so can't be meant as anything but text."""

    text: str
    plain: bool
    line: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A mapping in the order written; a key may stand in it twice."""

    pairs: tuple[tuple[Node, Node], ...]
    line: int
    column: int


Node = Scalar | Listing | Table


def read_nodes(data: bytes, *, source: str) -> Node | ContractError:
    """The one document in `data`, or the first thing that makes it unreadable."""
    text = _text(data, source)
    if isinstance(text, ContractError):
        return text
    import yaml

    try:
        return _compose(yaml.parse(text, Loader=yaml.SafeLoader), source)
    except yaml.reader.ReaderError as error:
        line, column = _place(text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML; remove it"
        return ContractError(source=source, line=line, column=column, key="", message=message)
    except yaml.MarkedYAMLError as error:
        return _syntax(error, text, source)


def _text(data: bytes, source: str) -> str | ContractError:
    def refuse(message: str, line: int = 1, column: int = 1) -> ContractError:
        return ContractError(source=source, line=line, column=column, key="", message=message)

    if len(data) > MAX_BYTES:
        return refuse(f"the file has {len(data):,} bytes; a contract may have {MAX_BYTES:,}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        return refuse("the file is UTF-16 or UTF-32; save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"), error.start)
        bad = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        return refuse(f"the file is not UTF-8: {bad}; save it as UTF-8", line, column)
    text = text.removeprefix(BOM)
    for hiding, does in (
        (_LINE_FOR_SOME, "ends a line for some readers only"),
        (_REORDERING, "reorders text"),
    ):
        found = hiding.search(text)
        if found is not None:
            return refuse(
                f"the character U+{ord(found.group()):04X} {does}; remove it", *_place(text, found.start())
            )
    return text


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _syntax(error: yaml.MarkedYAMLError, text: str, source: str) -> ContractError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    problem = error.problem or "cannot be read"
    if "'\\t'" in problem or re.match(r" *\t", here):
        column = here.find("\t") + 1 if "\t" in here else column
        message = "a tab where YAML allows only spaces; indent with spaces"
    else:
        message = f"not YAML: {problem}{_advice(problem, error.context or '')}"
    return ContractError(source=source, line=line, column=column, key="", message=message)


def _advice(problem: str, context: str) -> str:
    if "alias" in context:
        return '; a value that begins with * has to be quoted, as in "*.css"'
    if "got '['" in problem or "cannot start any token" in problem:
        return '; quote values that hold brackets or begin with @ ` or %, as in "/src/[id].ts"'
    if "block end" in problem or "could not find expected ':'" in problem:
        return "; is the line indented as its neighbours are, and has every key its colon?"
    return ""


@dataclass(frozen=True, slots=True)
class _Whole:
    """A finished node, how many values are in it with aliases counted in full, and how many levels."""

    node: Node
    values: int
    levels: int


@dataclass(kw_only=True, slots=True)
class _Open:
    """A list or mapping whose end has not been seen yet."""

    table: bool
    anchor: str | None
    line: int
    column: int
    children: list[_Whole]

    def close(self) -> _Whole:
        values = 1 + sum(child.values for child in self.children)
        levels = 1 + max((child.levels for child in self.children), default=0)
        nodes = [child.node for child in self.children]
        if not self.table:
            return _Whole(Listing(items=tuple(nodes), line=self.line, column=self.column), values, levels)
        pairs = tuple(zip(nodes[::2], nodes[1::2], strict=True))
        return _Whole(Table(pairs=pairs, line=self.line, column=self.column), values, levels)


def _compose(events: Iterable[yaml.Event], source: str) -> Node | ContractError:
    """Iterative, and it stops at the first event that is out of bounds: the scanner is lazy, so a hostile
    file costs no more than what was read up to there."""
    composer = _Composer()
    for event in events:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        refusal = composer.refuses(event) or composer.take(event, line, column)
        if refusal:
            return ContractError(source=source, line=line, column=column, key="", message=refusal)
    if composer.root is None:
        message = "the file is empty; a contract has at least version, base, identities and roles"
        return ContractError(source=source, line=1, column=1, key="", message=message)
    return composer.root


@dataclass(kw_only=True, slots=True)
class _Composer:
    """Makes nodes out of events. An alias is the node that its anchor names, which is finished by then: nothing
    contains itself; and `values` counts it in full: a bomb goes off at MAX_NODES."""

    root: Node | None = None
    values: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Whole] = field(default_factory=dict)

    def take(self, event: yaml.Event, line: int, column: int) -> str | None:
        """None, or why there can be no node for this event."""
        import yaml

        match event:
            case yaml.AliasEvent():
                return self._alias(event.anchor or "")
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                table = isinstance(event, yaml.MappingStartEvent)
                self.stack.append(
                    _Open(table=table, anchor=event.anchor, line=line, column=column, children=[])
                )
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                ended = self.stack.pop()
                self._finish(ended.close(), ended.anchor)
                return None
            case yaml.ScalarEvent():
                node = Scalar(text=event.value, plain=event.implicit[0], line=line, column=column)
                self._finish(_Whole(node, 1, 1), event.anchor)
            case _:
                return None
        self.values += 1
        return TOO_MANY if self.values > MAX_NODES else None

    def _alias(self, name: str) -> str | None:
        found = self.anchors.get(name)
        if found is None:
            return f'no anchor &{name} is above this alias; if it is a pattern, quote it: "*{name}"'
        self.values += found.values
        if self.values > MAX_NODES:
            return TOO_MANY
        if len(self.stack) + found.levels > MAX_DEPTH:
            return TOO_DEEP
        self._finish(found, None)
        return None

    def _finish(self, whole: _Whole, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = whole
        if self.stack:
            self.stack[-1].children.append(whole)
        else:
            self.root = whole.node

    def refuses(self, event: yaml.Event) -> str | None:
        """None, or why a contract has no such thing."""
        import yaml

        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            return "a second document begins here; a contract is one document"
        if isinstance(event, yaml.AliasEvent):
            return None
        if isinstance(event, yaml.NodeEvent) and event.anchor in self.anchors:
            return f"the anchor &{event.anchor} is there already; give each a name of its own"
        if isinstance(event, yaml.ScalarEvent) and (wrong := _NO_TEXT.search(event.value)):
            return (
                f"the character U+{ord(wrong.group()):04X} is in no name, path or command; remove its escape"
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            return f"the tag {tag}: a contract has none; remove it, or quote a value that begins with !"
        if len(self.stack) >= MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            return TOO_DEEP
        return None


def describe(node: Node) -> str:
    """What was found, for a message: the text as written, or the kind of thing."""
    match node:
        case Scalar(text="", plain=True):
            return "nothing"
        case Scalar(text=text):
            return repr(text if len(text) <= 60 else text[:57] + "...")
        case Listing():
            return "a list"
        case Table():
            return "a mapping"


_CORE_NULL = re.compile(r"|~|null|Null|NULL")
_CORE_FLAG = re.compile(r"true|True|TRUE|false|False|FALSE")
_CORE_WHOLE = re.compile(r"[-+]?[0-9]+")


def core_value(node: Node) -> object:
    """The plain value a YAML 1.2 core reader sees (floats stay text): what editors validate."""
    match node:
        case Listing(items=items):
            return [core_value(item) for item in items]
        case Table(pairs=pairs):
            return {key.text if isinstance(key, Scalar) else "?": core_value(value) for key, value in pairs}
        case Scalar(text=text, plain=True) if _CORE_NULL.fullmatch(text):
            return None
        case Scalar(text=text, plain=True) if _CORE_FLAG.fullmatch(text):
            return text.lower() == "true"
        case Scalar(text=text, plain=True) if _CORE_WHOLE.fullmatch(text):
            return int(text)
        case Scalar(text=text):
            return text
