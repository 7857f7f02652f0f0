"""Collects what a reading finds, each with its place in the source; bounds the amount and never raises."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.migrations.operations.model import Footprint, Operation, Unknown
from pointsman.core.migrations.operations.terms import HOLE, Call

MAX_TEXT = 160
MAX_FOUND = 5_000
MAX_QUERIES = 1_000
MAX_SQL = 1_000_000


def one_line(text: str) -> str:
    """The text on one line, blanks folded, cut to MAX_TEXT characters."""
    folded = " ".join(text[: MAX_TEXT * 20].split())
    return folded if len(folded) <= MAX_TEXT else folded[: MAX_TEXT - 1] + "…"


def fold(name: str) -> str:
    """A name as two migrations are compared by: lower case, no quotes. Databases differ on case; taking two
    names that differ in case only for one can refuse too much, never too little."""
    return name.strip().strip('"`[]').lower()


class Recorder:
    """Operations and unknowns of one migration, found at a moving place in its source."""

    def __init__(self, source: str) -> None:
        # str.splitlines would also break at form feeds and the like, which Python's own line count ignores.
        self._lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._operations: dict[Operation, None] = {}
        self._unknown: dict[Unknown, None] = {}
        self.line = 1
        self.end_line = 1
        self.schema: str | None = None
        self.temporary: set[str] = set()
        self.excerpt: str | None = None
        self._queries = 0
        self._sql = 0
        self._read: set[tuple[int, str, str | None]] = set()
        self.recording = True
        self.asking = False
        self.calls: list[tuple[str, Call]] = []

    @property
    def count(self) -> int:
        """How much has been found so far."""
        return len(self._operations) + len(self._unknown)

    def may_parse(self) -> bool:
        """Whether one more query may be parsed; each costs about a millisecond."""
        self._queries += 1
        return self._queries <= MAX_QUERIES

    def may_read(self, sql: str) -> bool:
        """Whether a text at this place is new: a loop comes by often, with the same effect."""
        key = self.line, sql, self.schema
        if not self.recording or key in self._read:
            return False
        self._read.add(key)
        self._sql += len(sql)
        if self._sql > MAX_SQL:
            self.unknown("there is more SQL than a million characters")
        return self._sql <= MAX_SQL

    def move(self, line: int, end_line: int) -> None:
        self.line, self.end_line = line, max(line, end_line)

    def table(self, name: str, schema: str | None = None) -> str:
        """The name an operation carries for a table or type; the search path's schema where none is given."""
        bare = fold(name)
        inside = fold(schema) if schema else (self.schema or "")
        if not schema and "." in bare:
            inside, _, bare = bare.rpartition(".")
            inside = fold(inside.rpartition(".")[2])
            bare = fold(bare)
        return bare if inside in {"", "public"} else f"{inside}.{bare}"

    def plain(self, name: str) -> str:
        return fold(name)

    def add(self, operation: Operation) -> None:
        if not self.recording or operation.table in self.temporary:
            return
        named = (operation.table, operation.name, operation.new_name, *operation.references)
        if any(name is not None and HOLE in name for name in named):
            self.unknown("a name is made while running")
            return
        if any(HOLE in column for column in operation.columns):
            operation = replace(operation, columns=(), writes=())
        if self.temporary.intersection(operation.references):
            kept = tuple(name for name in operation.references if name not in self.temporary)
            operation = replace(operation, references=kept)
        if len(self._operations) >= MAX_FOUND:
            self.unknown("does more than can be compared")
            return
        placed = replace(operation, line=self.line, end_line=self.end_line, text=self.text())
        self._operations.setdefault(placed)

    def unknown(self, why: str) -> None:
        if self.recording and len(self._unknown) < MAX_FOUND:
            self._unknown.setdefault(Unknown(line=self.line, text=self.text(), why=one_line(why)))

    def text(self) -> str:
        """The source at the current place, or the statement of a longer SQL text that is being read."""
        if self.excerpt is not None:
            return one_line(self.excerpt.replace(HOLE, "{…}"))
        return one_line(" ".join(self._lines[self.line - 1 : self.end_line]))

    def footprint(self) -> Footprint:
        return Footprint(operations=tuple(self._operations), unknown=tuple(self._unknown))
