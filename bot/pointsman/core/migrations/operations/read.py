"""Source text to footprint, within bounds; it never runs, imports or raises."""

from __future__ import annotations

import ast
import io
import tokenize

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.operations.evaluate import UNREAD, TooMuch
from pointsman.core.migrations.operations.interpret import Interpreter
from pointsman.core.migrations.operations.model import Footprint
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql import read_sql

MAX_SOURCE = 2_000_000


def footprint(blob: bytes, path: str) -> Footprint:
    """What going up through this migration touches.

    `blob` is a Python revision, or SQL where `path` ends in `.sql`. Pure: depends on nothing but `blob`
    and the path's ending, so that it can be kept by blob id. Never raises; `unknown` says what is not read.
    """
    if len(blob) > MAX_SOURCE:
        return _refused("the file is larger than two million bytes")
    try:
        text = decode(blob)
    except (UnicodeDecodeError, SyntaxError, LookupError):
        return _refused("the file's encoding cannot be read")
    recorder = Recorder(text)
    if path.lower().endswith(".sql"):
        read_sql(text, recorder, whole=True)
        return recorder.footprint()
    _read_python(text, recorder)
    return recorder.footprint()


def decode(blob: bytes) -> str:
    """The text, by byte order mark or coding line as Python reads it."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(blob).readline)
    return blob.decode(encoding)


def _refused(why: str) -> Footprint:
    recorder = Recorder("")
    recorder.unknown(why)
    return recorder.footprint()


def _read_python(text: str, recorder: Recorder) -> None:
    try:
        tree, shown = source.to_ast(text)
    except source.Unreadable as error:
        recorder.move(error.line, error.line)
        recorder.unknown(f"this Python cannot parse the file: {error}")
        return
    if shown != text:
        tree = _Masked(text, shown).visit(tree)
    try:
        Interpreter(recorder).run(tree)
    except (TooMuch, RecursionError):
        recorder.recording = True
        recorder.unknown("the migration is too deep or too long to read")


class _Masked(ast.NodeTransformer):
    """Puts a name that stands for nothing known where the text that was parsed is not what the file says."""

    def __init__(self, text: str, shown: str) -> None:
        self._text, self._shown = text, shown
        self._starts = source.line_starts(shown)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str) or node.end_lineno is None or node.end_col_offset is None:
            return node
        start = source.offset(self._shown, self._starts, node.lineno, node.col_offset)
        end = source.offset(self._shown, self._starts, node.end_lineno, node.end_col_offset)
        if self._text[start:end] == self._shown[start:end]:
            return node
        return ast.copy_location(ast.Name(id=UNREAD, ctx=ast.Load()), node)
