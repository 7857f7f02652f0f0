"""Weighs the parts of a repository's state against their bounds; it changes nothing."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pointsman.adapters.gates.logs import FOLDERS
from pointsman.adapters.scratch import PREFIX
from pointsman.adapters.store.archive import FOLDER as ARCHIVE
from pointsman.adapters.store.archive import SUFFIX
from pointsman.core.bounds import BOUNDS, CACHE_BYTES, CACHE_FILES
from pointsman.core.diagnosis import Finding, State

AREA = "state"
SECONDS = 10.0
MOST_LOOSE = 2 * 6_700
"""git packs them by itself from half as many on, unless it is told not to."""
OLD_UPKEEP = 2 * 86_400.0
"""An upkeep that is due every hour, or every day, and was not for so long is none."""
UPKEEP = "the next upkeep takes the oldest away: keep `pointsman run` or `pointsman serve` running"
MOVE = "move the oldest of them to another disk; `pointsman log --verify` then begins after them"

_ROWS = """
SELECT
    (SELECT count(*) FROM journal), (SELECT coalesce(max(seq), 0) FROM journal),
    (SELECT count(*) FROM changes WHERE state <> 'queued'),
    (SELECT count(*) FROM changes WHERE state = 'queued'),
    (SELECT count(*) FROM candidates WHERE state NOT IN ('testing', 'passed', 'landing')),
    (SELECT count(*) FROM candidates WHERE state IN ('testing', 'passed', 'landing')),
    (SELECT count(*) FROM runs), (SELECT count(*) FROM claims WHERE ended_at IS NOT NULL)
"""
_STAMP = "SELECT value FROM notes WHERE key = 'upkeep:at'"


def weigh(folder: Path, *, now: float) -> Iterator[Finding]:
    """The state file's rows, the archived journal, logs, trees and servers of the state `folder`."""
    yield from _rows(folder / "state.db", now)
    segments = _files(folder / ARCHIVE, SUFFIX)
    yield _found("archived", "segments of the journal", *segments, most_bytes=BOUNDS.archive_bytes, mend=MOVE)
    for name in FOLDERS:
        found = _files(folder / name)
        yield _found(
            name, str(folder / name), *found, most=BOUNDS.logs, most_bytes=BOUNDS.log_bytes, mend=UPKEEP
        )
    yield _found("worktrees", f"{folder / 'work'}, each gone with its run", *_files(folder / "work"))
    servers = _files(folder / "postgresql")
    yield _found("proof servers", f"{folder / 'postgresql'}, used again by the next", *servers)


def weigh_refs(folder: Path, refs: int) -> Finding:
    """The refs of the queue: of what is queued and tested, and the newest of what has ended."""
    try:
        queued, live = _counts(folder / "state.db")[3], _counts(folder / "state.db")[5]
    except sqlite3.Error:
        queued = live = 0
    most = queued + live + 2 * BOUNDS.pins
    return _found("refs", "refs/pointsman/*", refs, None, most=most, mend=UPKEEP)


def weigh_objects(objects: Path) -> Finding:
    """The repository's loose objects, which every candidate adds to."""
    folders = [folder for folder in objects.glob("??") if folder.is_dir()]
    loose = sum(_files(folder)[0] for folder in folders)
    mend = f"git --git-dir {objects.parent} gc (is `gc.auto` switched off?)"
    return _found("loose objects", str(objects), loose, None, most=MOST_LOOSE, mend=mend)


def weigh_scratch() -> Finding:
    """Folders that jobs use for a while; those of killed processes go with the next one that needs any."""
    place = Path(tempfile.gettempdir())
    found = [path for path in place.glob(f"{PREFIX}*") if path.is_dir()]
    return _found("scratch", f"{place}/{PREFIX}*", len(found), sum(size_of(path) for path in found))


def weigh_cache(folder: Path | None) -> Finding:
    """Parse results of all repositories that this user has worked with."""
    if folder is None:
        return Finding(
            area=AREA, name="cache", state=State.MISSING, text="no home folder to keep parse results in"
        )
    mend = "it can be removed at any time: it is read again"
    found = _files(folder)
    return _found("cache", str(folder), *found, most=CACHE_FILES, most_bytes=CACHE_BYTES, mend=mend)


def size_of(path: Path) -> int:
    """In bytes, with all below it; what goes away meanwhile is nothing."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        return sum(size_of(below) for below in path.iterdir())
    except OSError:
        return 0


def _rows(path: Path, now: float) -> Iterator[Finding]:
    if not path.exists():
        yield Finding(area=AREA, name="journal", state=State.MISSING, text=f"{path} is not there yet")
        return
    size = sum(size_of(part) for part in path.parent.glob(path.name + "*"))
    try:
        verdict, counts = _verdict(path), _counts(path)
        stamp = _stamp(path)
    except sqlite3.Error as problem:
        text = f"{path} can't be read: {problem}"
        yield Finding(area=AREA, name="journal", state=State.BROKEN, text=text, size=size)
        return
    if verdict != "ok":
        text = f"{path} is damaged: {verdict}"
        yield Finding(area=AREA, name="journal", state=State.BROKEN, text=text, size=size)
        return
    lines, last, ended, queued, tested, live, runs, claims = counts
    most = BOUNDS.journal + BOUNDS.segment
    text = f"lines in {path}, the last is number {last}"
    yield replace(_found("journal", text, lines, None, most=most, mend=UPKEEP), size=size)
    yield _found("state file", str(path), None, size, most_bytes=BOUNDS.state_bytes, mend=_compact(path))
    more = f"that ended; {queued} queued"
    yield _found("changes", more, ended, None, most=BOUNDS.changes, mend=UPKEEP)
    more = f"that ended; {live} live"
    yield _found("candidates", more, tested, None, most=BOUNDS.candidates, mend=UPKEEP)
    yield _found("runs", "of checks", runs, None, most=BOUNDS.runs, mend=UPKEEP)
    yield _found("claims", "that ended", claims, None, most=BOUNDS.claims, mend=UPKEEP)
    yield _upkeep(stamp, now)


def _compact(path: Path) -> str:
    return f"while nothing runs: sqlite3 {path} VACUUM"


def _upkeep(stamp: float | None, now: float) -> Finding:
    if stamp is None:
        return Finding(area=AREA, name="upkeep", state=State.OK, text="none was due yet")
    hours = max(0.0, now - stamp) / 3600
    text = f"the last one began {hours:.1f} h ago"
    if now - stamp > OLD_UPKEEP:
        return Finding(area=AREA, name="upkeep", state=State.MISSING, text=text, mend=UPKEEP)
    return Finding(area=AREA, name="upkeep", state=State.OK, text=text)


def _found(
    name: str,
    text: str,
    count: int | None,
    size: int | None,
    *,
    most: int | None = None,
    most_bytes: int | None = None,
    mend: str = "",
) -> Finding:
    found = Finding(
        area=AREA,
        name=name,
        state=State.OK,
        text=text,
        count=count,
        size=size,
        most=most,
        most_bytes=most_bytes,
    )
    return replace(found, state=State.MISSING, mend=mend) if found.is_above else found


def _files(folder: Path, suffix: str = "") -> tuple[int, int]:
    """How many entries there are, and their bytes."""
    try:
        found = [Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(suffix)]
    except OSError:
        return 0, 0
    return len(found), sum(size_of(path) for path in found)


def _verdict(path: Path) -> str:
    with closing(_reader(path)) as database:
        return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])


def _counts(path: Path) -> tuple[int, ...]:
    with closing(_reader(path)) as database:
        return tuple(int(each) for each in database.execute(_ROWS).fetchone())


def _stamp(path: Path) -> float | None:
    with closing(_reader(path)) as database:
        row = database.execute(_STAMP).fetchone()
    try:
        return float(row[0]) if row else None
    except ValueError:
        return None


def _reader(path: Path) -> sqlite3.Connection:
    """For reading only; a queue that runs is not disturbed."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=SECONDS)
