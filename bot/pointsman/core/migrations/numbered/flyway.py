"""Flyway's own settings: where flyway.conf and flyway.toml say that the migrations are; nothing is run or expanded."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from typing import Any

from pointsman.core.model import GitPath

_MAX_CONFIG = 200_000
_CLASSPATH = ("src/main/resources", "resources", "")


def locations(path: GitPath, blob: bytes, folders: Collection[GitPath]) -> tuple[GitPath, ...]:
    """The places that the file names, those with migrations in or below them (`folders`) only, in its order."""
    if len(blob) > _MAX_CONFIG:
        return ()
    text = blob.decode("utf-8", "replace")
    named = _in_toml(text) if path.endswith(".toml") else _in_conf(text)
    found = [place for name in named if (place := _place(path, name.strip(), folders)) is not None]
    return tuple(dict.fromkeys(found))


def _in_conf(text: str) -> list[str]:
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "flyway.locations":
            return value.split(",")
    return []


def _in_toml(text: str) -> list[str]:
    try:
        said: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    section = said.get("flyway")
    named = section.get("locations") if isinstance(section, dict) else None
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _place(config: GitPath, name: str, folders: Collection[GitPath]) -> GitPath | None:
    """Relative to where Flyway is started: the config's folder or, where that is `conf`, the one above, or the root."""
    kind, colon, rest = name.partition(":")
    if colon and kind not in ("filesystem", "classpath"):
        return None
    inner = (rest if colon else name).partition("*")[0].strip("/")
    folder = config.rpartition("/")[0]
    starts = dict.fromkeys((folder, folder.rpartition("/")[0], ""))
    inside = _CLASSPATH if not colon or kind == "classpath" else ("",)
    for start in starts:
        for middle in inside:
            place = _joined(start, middle, inner)
            if place is not None and any(
                not place or known == place or known.startswith(f"{place}/") for known in folders
            ):
                return place
    return None


def _joined(*parts: str) -> GitPath | None:
    found: list[str] = []
    for part in "/".join(parts).split("/"):
        if part == "..":
            if not found:
                return None
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)
