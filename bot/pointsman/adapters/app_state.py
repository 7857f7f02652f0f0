"""Looks at the folder where `pointsman serve` keeps its state: inbox, journals, mirrors, disk; it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pointsman.adapters.store.inbox_file import APPLICATION, VERSION
from pointsman.adapters.weights import SECONDS, weigh
from pointsman.core.bounds import BOUNDS
from pointsman.core.contract.names import shown
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.journal import Broken, verify
from pointsman.core.queue.model import JournalLine

AREA = "app_state"
LEAST_ROOM, LITTLE_ROOM = 1_000_000_000, 5_000_000_000
"""Bytes: a mirror that is packed anew takes its own size once more."""
OLD_HINT = 900.0
"""Seconds after which a delivery that nobody worked shows that nobody works."""
LARGE = 20_000_000_000
MOST_FOLDERS = 200

_HINTS = """
SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'aside'),
    coalesce(min(received_at) FILTER (WHERE state = 'waiting'), 0.0) FROM deliveries
"""
_WHY = "SELECT event, why FROM deliveries WHERE state = 'aside' ORDER BY ended_at DESC LIMIT 1"
_LINES = "SELECT seq, at, lane, kind, body, previous, hash FROM journal ORDER BY seq"


def default_folder(environment: Mapping[str, str]) -> Path:
    """systemd's StateDirectory, else the user's."""
    told = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if told:
        return Path(told)
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "pointsman"


def app_state(folder: Path, *, now: float, known: Collection[int] | None = None) -> Iterator[Finding]:
    """The parts of the folder, what they weigh and whether they are whole; `now` in seconds since 1970. `known`: the
    ids of all repositories that the app is installed on; None where that is not known."""
    sheet = Sheet(area=AREA)
    if not folder.is_dir():
        yield sheet.missing("folder", f"{folder} is not there: `pointsman serve` has not run with it yet")
        return
    yield sheet.ok("folder", str(folder))
    yield _room(sheet, folder)
    yield _inbox(sheet, folder / "inbox.db", now)
    folders = sorted(path for path in (folder / "repositories").glob("*") if path.is_dir())
    for each in folders[:MOST_FOLDERS]:
        yield _journal(sheet, each / "state.db", each.name)
        yield _weighed(sheet, f"mirror {each.name}", each / "git")
        yield from _bounded(each, now)
        if known is not None and each.name.isdigit() and int(each.name) not in known:
            text = f"{each} is of no repository that the app is installed on"
            mend = "it can be removed while `pointsman serve` is stopped; the journal in it goes with it"
            yield sheet.missing(f"folder {each.name}", text, mend=mend)
    if len(folders) > MOST_FOLDERS:
        yield sheet.missing("repositories", f"{len(folders) - MOST_FOLDERS} more were not looked at")


def _bounded(folder: Path, now: float) -> Iterator[Finding]:
    """What has a bound of its own; the journal is looked at more closely."""
    for found in weigh(folder, now=now):
        if found.name != "journal":
            yield replace(found, area=AREA, name=f"{found.name} {folder.name}")


def _room(sheet: Sheet, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    mend = f"make room on the disk of {folder}"
    if free < LEAST_ROOM:
        text = "free: deliveries may soon not be kept, and nothing would land"
        return replace(sheet.broken("disk", text, mend=mend), size=free)
    if free < LITTLE_ROOM:
        return replace(sheet.missing("disk", "free", mend=mend), size=free)
    return replace(sheet.ok("disk", "free"), size=free)


def _inbox(sheet: Sheet, path: Path, now: float) -> Finding:
    if not path.exists():
        return sheet.missing("inbox", f"{path} is not there yet")
    size = _files(path)
    try:
        with closing(_reader(path)) as database:
            if (problem := _foreign(database)) or (problem := _damage(database)):
                return replace(sheet.broken("inbox", f"{path} {problem}"), size=size)
            waiting, aside, oldest = database.execute(_HINTS).fetchone()
            event, why = database.execute(_WHY).fetchone() or ("", "")
    except sqlite3.Error as problem:
        return replace(sheet.broken("inbox", f"{path} can't be read: {problem}"), size=size)
    text = f"deliveries wait, {aside} put aside"
    if waiting and now - oldest > OLD_HINT:
        text = f"deliveries wait, the oldest for {(now - oldest) / 60:.0f} min"
        found = sheet.broken(
            "inbox", text, mend="start `pointsman serve`, or see its log for what it stumbles on"
        )
    elif aside:
        text += f"; the last ({shown(event)}): {shown(why)}"
        found = sheet.missing(
            "inbox", text, mend="the timer has taken in what they were about; redeliver to try again"
        )
    else:
        found = sheet.ok("inbox", text)
    return replace(found, count=waiting, size=size)


def _foreign(database: sqlite3.Connection) -> str:
    """Why this is no inbox of ours, '' where it is."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        return "is a database of some other program"
    if version > VERSION:
        return f"was written by a newer pointsman (schema {version}): upgrade this one"
    return ""


def _journal(sheet: Sheet, path: Path, repository: str) -> Finding:
    name = f"journal {repository}"
    if not path.exists():
        return sheet.missing(name, f"{path} is not there yet")
    size = _files(path)
    try:
        with closing(_reader(path)) as database:
            if (problem := _schema(database)) or (problem := _damage(database)):
                return replace(sheet.broken(name, f"{path} {problem}"), size=size)
            verdict, lines = _verified(database)
    except (sqlite3.Error, ValueError) as problem:
        return replace(sheet.broken(name, f"{path} can't be read: {problem}"), size=size)
    if verdict:
        mend = "keep the file as it is, for it is evidence; restore state.db from a backup"
        return replace(sheet.broken(name, f"{path}: {verdict}", mend=mend), size=size, count=lines)
    sound = sheet.ok(name, "lines, each following from the one before")
    return replace(sound, size=size, count=lines, most=BOUNDS.journal + BOUNDS.segment)


def _schema(database: sqlite3.Connection) -> str:
    """An older one is brought up to date by the next start."""
    from pointsman.adapters.store.tables import HEAD_REVISION

    found = database.execute("SELECT version_num FROM alembic_version").fetchone()
    if found is None:
        return "has no schema"
    if str(found[0]) > HEAD_REVISION:
        return f"was written by a newer pointsman (schema {found[0]}): upgrade this one"
    return ""


def _verified(database: sqlite3.Connection) -> tuple[str, int]:
    """What is wrong with the journal, '' where nothing is, and how many lines it has."""
    database.execute("BEGIN")
    lines, head = database.execute("SELECT lines, head FROM ledger").fetchone() or (0, None)
    outcome = verify(_line(row) for row in database.execute(_LINES))
    if isinstance(outcome, Broken):
        return f"line {outcome.seq} is wrong: {outcome.why}", int(lines)
    if head is not None and (outcome.count, outcome.head) != (lines, head):
        return f"lines were cut off its end: {lines} were written, {outcome.count} are there", int(lines)
    return "", outcome.count - outcome.first + 1


def _line(row: tuple[int, float, str | bytes, str | bytes, str, str, str]) -> JournalLine:
    seq, at, lane, kind, body, previous, digest = row
    return JournalLine(
        seq=seq,
        at=at,
        lane=_text(lane),
        kind=_text(kind),
        body=json.loads(body),
        previous=previous,
        hash=digest,
    )


def _text(value: str | bytes) -> str:
    """The store keeps what is not UTF-8 as bytes."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _damage(database: sqlite3.Connection) -> str:
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if verdict == "ok" else f"is damaged: {verdict}; restore it from a backup"


def _reader(path: Path) -> sqlite3.Connection:
    """For reading only: a service that runs is not disturbed."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=SECONDS, isolation_level=None
    )


def _weighed(sheet: Sheet, name: str, path: Path) -> Finding:
    count, size = 0, 0
    for top, _, files in os.walk(path):
        for file in files:
            try:
                size += os.lstat(os.path.join(top, file)).st_size  # noqa: PTH118 - as os.walk gives them
                count += 1
            except OSError:  # what goes away meanwhile is nothing
                continue
    if size > LARGE:
        found = sheet.missing(
            name, f"in {path}", mend="see what makes it large; it is safe to remove while stopped"
        )
    else:
        found = sheet.ok(name, f"in {path}")
    return replace(found, size=size, count=count)


def _files(path: Path) -> int:
    """A database with what SQLite keeps beside it, in bytes."""
    return sum(part.stat().st_size for part in path.parent.glob(path.name + "*"))
