"""Reads Alembic's settings from ini and pyproject text; it resolves no path."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from typing import NamedTuple

HERE = "%(here)s"


class Settings(NamedTuple):
    """One environment's settings as written, `%(here)s` kept; `name` is the ini section, '' for the usual one.

    `script_location` is None where the section leaves it to another tool (Flask-Migrate does)."""

    name: str
    script_location: str | None
    version_locations: tuple[str, ...]
    recursive: bool
    file_template: str | None
    search: tuple[str, ...]


class Unusable(NamedTuple):
    """The file can't be read as settings; `reason` is a clause."""

    reason: str


def settings(path: str, text: str) -> tuple[Settings, ...] | Unusable:
    """The environments that a config file names, in its own order; () if it isn't about Alembic."""
    if path.rpartition("/")[2] == "pyproject.toml":
        return _from_toml(text)
    return _from_ini(text)


def _from_ini(text: str) -> tuple[Settings, ...] | Unusable:
    # Not strict and without interpolation: a doubled key or a `%(DB_URL)s` elsewhere is no concern of ours.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        return Unusable(str(error).replace("\n", " "))
    own = parser.defaults()
    found = []
    for section in parser.sections():
        keys = parser._sections[section]  # type: ignore[attr-defined]
        if section == "alembic" or "script_location" in keys:
            found.append(_section("" if section == "alembic" else section, dict(parser.items(section))))
    if "script_location" in own and not any(one.name == "" for one in found):
        found.insert(0, _section("", dict(own)))
    return tuple(found)


def _section(name: str, values: Mapping[str, str]) -> Settings:
    def get(key: str) -> str | None:
        value = values.get(key)
        return _interpolate(value, values) if value is not None else None

    separator = _separator(get("path_separator"), get("version_path_separator"))
    return Settings(
        name,
        _without_comment(get("script_location")) or None,
        _split(get("version_locations"), separator, r", *|\s+"),
        _without_comment(get("recursive_version_locations")) == "true",
        (get("file_template") or "").strip() or None,
        _split(get("prepend_sys_path"), separator, r", *|\s+|:"),
    )


def _interpolate(value: str, values: Mapping[str, str], depth: int = 0) -> str:
    """`%(name)s` as ConfigParser has it, but `%(here)s` stays, and so does a name that is not there."""

    def one(found: re.Match[str]) -> str:
        if found.group() == "%%":
            return "%"
        name = found.group(1).lower()
        if name == "here" or name not in values or depth > 9:
            return found.group()
        return _interpolate(values[name], values, depth + 1)

    return re.sub(r"%%|%\(([^)]+)\)s", one, value)


def _without_comment(value: str | None) -> str:
    """The value without what follows ` #` or ` ;`: older templates wrote remarks behind values."""
    return re.split(r"\s[#;]", value or "", maxsplit=1)[0].strip()


def _separator(*values: str | None) -> str | None:
    names = {"space": " ", "newline": "\n", "os": ":", ":": ":", ";": ";"}
    for value in values:
        if value is not None:
            return names.get(value.strip() if value.strip() in names else _without_comment(value))
    return None


def _split(value: str | None, separator: str | None, legacy: str) -> tuple[str, ...]:
    """The paths in a setting; a list on several lines is one wherever the separator leaves lines whole."""
    text = re.sub(r"\s#.*", "", value or "")
    parts = re.split(legacy, text) if separator is None else re.split(rf"{re.escape(separator)}|\n", text)
    return tuple(part.strip() for part in parts if part.strip())


def _from_toml(text: str) -> tuple[Settings, ...] | Unusable:
    if not re.search(
        r"""^\s*\[+\s*(?:tool|"tool"|'tool')(?:\s*\.\s*["']?alembic|\s*\])""", text, re.MULTILINE
    ):
        return ()
    if "alembic" not in text:
        return ()
    import tomllib

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Unusable(str(error)) if "tool.alembic" in text else ()
    tool = table.get("tool", {})
    values = tool.get("alembic") if isinstance(tool, dict) else None
    if not isinstance(values, dict) or not isinstance(values.get("script_location"), str):
        return ()
    template = values.get("file_template")
    return (
        Settings(
            "",
            values["script_location"].replace("%%", "%"),
            _texts(values.get("version_locations")),
            values.get("recursive_version_locations") is True,
            template.replace("%%", "%") if isinstance(template, str) else None,
            _texts(values.get("prepend_sys_path")),
        ),
    )


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item.replace("%%", "%") for item in items if isinstance(item, str) and item)
