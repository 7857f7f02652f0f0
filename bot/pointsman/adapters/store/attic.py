"""`ports.Attic`: a store's own upkeep, one short transaction at a time; what may go is said in core.bounds."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select

from pointsman.adapters.store import pruning, tables
from pointsman.adapters.store.archive import clear_drafts, write_segment
from pointsman.adapters.store.home import Home
from pointsman.adapters.store.records import append, journal_line
from pointsman.core.bounds import Bounds
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import ARCHIVED, Broken, verify
from pointsman.core.queue.model import Entry, JournalLine

_TRIGGER = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'journal_no_delete'"
_LEDGER = select(tables.ledger).with_for_update()


class SqlAttic:
    """Of the tables in `home`. Segments of the journal are kept beside its file; where there is none (PostgreSQL) the
    journal stays whole in its table."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def forget(self, bounds: Bounds) -> Mapping[str, int]:
        with self.home.transaction(write=True) as connection:
            connection.execute(_LEDGER).one()
            return pruning.forget(connection, bounds)

    def archive(self, bounds: Bounds, *, at: float) -> int:
        """The file is whole and on disk before a line leaves the table; cut off between the two, the same file is
        written again. EnvironmentProblem for lines that don't verify: they are evidence, and stay where they are."""
        state = self.home.file
        lines = self._oldest(bounds) if state is not None else ()
        if not lines or state is None:
            return 0
        verdict = verify(lines, part=True)
        if isinstance(verdict, Broken):
            raise EnvironmentProblem(
                f"The journal is not archived, because line {verdict.seq} of the {self.home.what} is wrong "
                f"({verdict.why}). See `pointsman log --verify`."
            )
        clear_drafts(state)
        file = write_segment(state, lines)
        with self.home.transaction(write=True) as connection:
            if _first(connection) != lines[0].seq:
                return 0  # another process was faster, with the same file
            _take_out(connection, through=lines[-1].seq)
            body = {
                "through": lines[-1].seq,
                "head": lines[-1].hash,
                "file": f"{file.parent.name}/{file.name}",
            }
            entry = Entry(lane="", kind=ARCHIVED, body=body)
            append(connection, (entry,), at=at, ledger=connection.execute(_LEDGER).one())
        return len(lines)

    def _oldest(self, bounds: Bounds) -> tuple[JournalLine, ...]:
        """The first segment, where as many as are to stay come after it."""
        table = tables.journal
        with self.home.transaction(write=False) as connection:
            count = connection.scalar(select(func.count()).select_from(table)) or 0
            if count < bounds.journal + bounds.segment:
                return ()
            query = select(table).order_by(table.c.seq).limit(bounds.segment)
            return tuple(journal_line(row) for row in connection.execute(query))


def _first(connection: Connection) -> int | None:
    first: int | None = connection.scalar(select(func.min(tables.journal.c.seq)))
    return first


def _take_out(connection: Connection, *, through: int) -> None:
    """SQLite takes its trigger away and puts it back in the same transaction: nobody else ever sees it gone."""
    trigger = connection.exec_driver_sql(_TRIGGER).scalar_one()
    connection.exec_driver_sql("DROP TRIGGER journal_no_delete")
    connection.execute(delete(tables.journal).where(tables.journal.c.seq <= through))
    connection.exec_driver_sql(trigger)
