"""Source text to footprint, within bounds; it never runs, imports or raises."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings

from pointsman.core.migrations.operations.evaluate import TooMuch
from pointsman.core.migrations.operations.interpret import Interpreter
from pointsman.core.migrations.operations.model import Footprint
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql import read_sql

MAX_SOURCE = 2_000_000


def footprint(source: bytes, path: str) -> Footprint:
    """What going up through this migration touches.

    `source` is a Python revision, or SQL where `path` ends in `.sql`. Pure: depends on nothing but `source`
    and the path's ending, so that it can be kept by blob id. Never raises; `unknown` says what is not read.
    """
    if len(source) > MAX_SOURCE:
        return _refused("the file is larger than two million bytes")
    try:
        text = decode(source)
    except (UnicodeDecodeError, SyntaxError, LookupError):
        return _refused("the file's encoding cannot be read")
    recorder = Recorder(text)
    if path.lower().endswith(".sql"):
        recorder.move(1, 1)
        read_sql(text, recorder)
        return recorder.footprint()
    _read_python(text, recorder)
    return recorder.footprint()


def decode(source: bytes) -> str:
    """The text, by byte order mark or coding line as Python reads it."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return source.decode(encoding)


def _refused(why: str) -> Footprint:
    recorder = Recorder("")
    recorder.unknown(why)
    return recorder.footprint()


def _read_python(text: str, recorder: Recorder) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        line = min(error.lineno or 1, text.count("\n") + 1)
        recorder.move(line, line)
        recorder.unknown(f"this Python cannot parse the file: {error.msg}")
        return
    except (ValueError, RecursionError, MemoryError):
        recorder.unknown("this Python cannot parse the file")
        return
    try:
        Interpreter(recorder).run(tree)
    except (TooMuch, RecursionError):
        recorder.recording = True
        recorder.unknown("the migration is too deep or too long to read")
