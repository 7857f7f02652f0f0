"""The tables of the state file and how each field is written in them; no query stands here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

from pointsman.core.queue.model import (
    CandidateState,
    ChangeState,
    Healed,
    Member,
    Purpose,
    Reason,
    RunState,
    Wait,
)
from pointsman.core.schedule.model import Outcome, Status

HEAD_REVISION = "0004"
"""The newest revision in migrations/versions, so that opening a current file needs no Alembic."""


_UNSTORABLE = re.compile("[\\\\\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


class Exact(TypeDecorator[str]):
    """Text that comes back as it went in, even where a path or branch name is not UTF-8.

    SQLite keeps the type of each value: text with lone surrogates is stored as bytes in the same column. PostgreSQL's
    text holds neither those nor NUL: there they are written as `\\udc80`, and a backslash as two. Equal texts are
    written alike, and a beginning of one as a beginning of the other."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return _UNSTORABLE.sub(_escape, value)
        if value.isascii():
            return value
        encoded = value.encode("utf-8", "surrogatepass")
        return value if encoded.decode("utf-8", "replace") == value else encoded

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if dialect.name == "postgresql":
            return value if value is None or "\\" not in value else _ESCAPED.sub(_unescape, value)
        return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else "\\"


Whole = Integer().with_variant(BigInteger(), "postgresql")
"""SQLite's integers have 64 bits by nature."""


class Choice(TypeDecorator[StrEnum]):
    """A member of a closed set, by its value."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.choices(value)


class Document(TypeDecorator[Any]):
    """A nested value as JSON text; `read` makes the value again from what the JSON holds."""

    impl = Text
    cache_ok = True

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self.read = read

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, default=asdict, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.read(json.loads(value))


def _wait(fields: dict[str, Any]) -> Wait:
    return Wait(**fields)


def _reason(fields: dict[str, Any]) -> Reason:
    return Reason(**fields)


def _member(fields: dict[str, Any]) -> Member:
    healed = fields.pop("healed")
    return Member(**fields, healed=healed and Healed(**healed))


def _members(items: list[dict[str, Any]]) -> tuple[Member, ...]:
    return tuple(_member(item) for item in items)


def _pairs(items: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in items)


metadata = MetaData()

changes = Table(
    "changes",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("lane", Exact, nullable=False),
    Column("branch", Exact, nullable=False),
    Column("head", Exact, nullable=False),
    Column("author", Exact, nullable=False),
    Column("title", Exact, nullable=False),
    Column("body", Exact, nullable=False),
    Column("worktree", Exact),
    Column("priority", Whole, nullable=False),
    Column("depends_on", Document(tuple), nullable=False),
    Column("submitted_at", Float, nullable=False),
    Column("state", Choice(ChangeState), nullable=False),
    Column("wait", Document(_wait)),
    Column("reason", Document(_reason)),
    Column("landed", Exact),
    Column("ended_at", Float),
    Column("number", Whole),
    Column("account", Whole),
    Column("hold", Exact, nullable=False, server_default=text("''")),
    Column("features", Document(tuple), nullable=False, server_default=text("'[]'")),
    Index("changes_by_lane", "lane", "state"),
    Index("changes_by_state", "state"),
    Index("changes_by_number", "number"),
    sqlite_autoincrement=True,
)

candidates = Table(
    "candidates",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("lane", Exact, nullable=False),
    Column("base", Exact, nullable=False),
    Column("members", Document(_members), nullable=False),
    Column("contract", Exact, nullable=False),
    Column("checks", Document(_pairs), nullable=False),
    Column("state", Choice(CandidateState), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("reason", Exact, nullable=False),
    Column("purpose", Choice(Purpose), nullable=False, server_default=text("'chain'")),
    Column("tested", Exact),
    Index("candidates_by_lane", "lane", "state"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("lane", Exact, nullable=False),
    Column("candidate", Whole, ForeignKey("candidates.id")),
    Column("change", Whole, ForeignKey("changes.id")),
    Column("probe", Exact, nullable=False),
    Column("check", Exact, nullable=False),
    Column("digest", Exact, nullable=False),
    Column("commit", Exact, nullable=False),
    Column("tree", Exact, nullable=False),
    Column("attempt", Whole, nullable=False),
    Column("state", Choice(RunState), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seconds", Float),
    Column("code", Exact, nullable=False),
    Column("why", Exact, nullable=False),
    Column("tests", Whole),
    Column("failing_test", Exact),
    Column("signature", Exact),
    Column("log", Exact),
    Index("runs_by_candidate", "candidate"),
    Index("runs_by_change", "change"),
    Index("runs_by_state", "state"),
    Index("runs_by_tree", "tree", "digest"),
    sqlite_autoincrement=True,
)

lanes = Table(
    "lanes",
    metadata,
    Column("name", Exact, primary_key=True),
    Column("paused", Exact),
    Column("failures", Whole, nullable=False),
    Column("resumed_at", Float, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("change", Whole, ForeignKey("changes.id"), nullable=False),
    Column("head", Exact, nullable=False),
    Column("by", Exact, nullable=False),
    Column("at", Float, nullable=False),
    Column("human", Boolean, nullable=False),
    Column("account", Whole),
    Column("revoked", Boolean, nullable=False, server_default="0"),
    Index("approvals_by_change", "change"),
    sqlite_autoincrement=True,
)

grants = Table(
    "grants",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("change", Whole, ForeignKey("changes.id"), nullable=False),
    Column("head", Exact, nullable=False),
    Column("pattern", Exact, nullable=False),
    Column("by", Exact, nullable=False),
    Column("at", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("account", Whole),
    Index("grants_by_change", "change"),
    sqlite_autoincrement=True,
)

claims = Table(
    "claims",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("task", Exact, nullable=False),
    Column("role", Exact, nullable=False),
    Column("holder", Exact, nullable=False),
    Column("branch", Exact, nullable=False),
    Column("resources", Document(tuple), nullable=False),
    Column("modifies", Document(tuple), nullable=False, server_default=text("'[]'")),
    Column("creates", Document(tuple), nullable=False, server_default=text("'[]'")),
    Column("status", Choice(Status), nullable=False, server_default=text("'ready'")),
    Column("claimed_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("outcome", Choice(Outcome)),
    Index("claims_by_end", "ended_at"),
    Index("claims_by_task", "task"),
    sqlite_autoincrement=True,
)
"""Who works on what. A claim that neither ended nor expired holds its resources, its files, its role's place and the
ceiling's."""

notes = Table(
    "notes",
    metadata,
    Column("key", Exact, primary_key=True),
    Column("value", Exact, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("lane", Exact, nullable=False),
    Column("kind", Exact, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_by_lane", "lane", "seq"),
)
"""Append-only: triggers of the schema abort every UPDATE and DELETE. `body` is canonical JSON."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", Whole, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("writes", Whole, nullable=False),
    Column("lines", Whole, nullable=False),
    Column("head", Text, nullable=False),
    Column("holder", Text),
)
"""One row: how many saves there were, and the number and hash of the journal's last line. The next line is
chained to *this* hash, so that lines cut off the journal's end stay noticed after others follow. `holder`
names whoever may save as the lanes' one writer."""

version = Table("alembic_version", MetaData(), Column("version_num", Text))
"""Alembic's own."""
