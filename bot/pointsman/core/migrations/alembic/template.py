"""Writes a merge revision as Alembic's own template would, in the project's habits; it reads no template file.

A project's script.py.mako is code of the change: rendering it would run it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pointsman.core.migrations.backend import NewFile
from pointsman.core.migrations.model import Layout, Revision

_DEFAULT_NAME = "%(rev)s_%(slug)s"
_FIELD = re.compile(r"%\((\w+)\)([-0 #+]?)(\d{0,2})(?:\.(\d{1,2}))?([sdir])|%%")
_SLUG_LENGTH = 40


def merge_revision(
    layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
) -> NewFile:
    """See `Backend.merge_revision`; the file goes where the first parent's file is."""
    message = f"merge {' and '.join(parent.id for parent in parents)}"
    date = datetime.fromtimestamp(when, UTC).replace(tzinfo=None)
    folder = parents[0].path.rpartition("/")[0]
    if folder not in layout.versions:
        folder = next((v for v in layout.versions if folder.startswith(v + "/") or not v), folder)
    name = _file_name(layout.file_template or _DEFAULT_NAME, id, message, date)
    if "%(" in name:
        name = _file_name(_DEFAULT_NAME, id, message, date)
    if not layout.recursive:
        name = name.rpartition("/")[2]  # a subfolder would not be read
    text = _text(message, id, [parent.id for parent in parents], date, habit)
    return NewFile(id, f"{folder}/{name}" if folder else name, text)


def _file_name(template: str, id: str, message: str, date: datetime) -> str:
    """Alembic's `_rev_path`, with bounded widths; a field that it does not have stays as it is written."""
    slug = "_".join(re.findall(r"\w+", message)).lower()
    if len(slug) > _SLUG_LENGTH:
        slug = slug[:_SLUG_LENGTH].rsplit("_", 1)[0] + "_"
    fields: Mapping[str, object] = {
        "rev": id,
        "slug": slug,
        "epoch": int(date.replace(tzinfo=UTC).timestamp()),
        **{name: getattr(date, name) for name in ("year", "month", "day", "hour", "minute", "second")},
    }

    def one(found: re.Match[str]) -> str:
        if found.group() == "%%":
            return "%"
        return found.group() % fields if found.group(1) in fields else found.group()

    name = _FIELD.sub(one, template).replace("\\", "/").strip("/")
    safe = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
    return f"{safe or f'{id}_{slug}'}.py"


def _text(message: str, id: str, parents: Sequence[str], date: datetime, habit: Sequence[bytes]) -> bytes:
    annotated = sum(b"\ndown_revision:" in blob for blob in habit) * 2 >= max(len(habit), 1)
    hints = ("str", "Union[str, Sequence[str], None]") if annotated else ("", "")
    single = sum(re.search(rb"^revision[^\n=]*= '", blob, re.MULTILINE) is not None for blob in habit)
    quote = "'" if single * 2 > len(habit) or not habit else '"'
    lines = [
        f'"""{message}',
        "",
        f"Revision ID: {id}",
        f"Revises: {', '.join(parents)}",
        f"Create Date: {date.isoformat(sep=' ', timespec='microseconds')}",
        "",
        '"""',
        "",
        *(["from typing import Sequence, Union", ""] if annotated else []),
        "# revision identifiers, used by Alembic.",
        _assign("revision", hints[0], f"{quote}{id}{quote}"),
        _assign("down_revision", hints[1], f"({', '.join(f'{quote}{each}{quote}' for each in parents)})"),
        _assign("branch_labels", hints[1], "None"),
        _assign("depends_on", hints[1], "None"),
        *_function("upgrade", annotated),
        *_function("downgrade", annotated),
    ]
    crlf = sum(b"\r\n" in blob for blob in habit) * 2 > len(habit) > 0
    return ("\r\n" if crlf else "\n").join([*lines, ""]).encode()


def _assign(name: str, hint: str, value: str) -> str:
    return f"{name}: {hint} = {value}" if hint else f"{name} = {value}"


def _function(name: str, annotated: bool) -> list[str]:
    return ["", "", f"def {name}(){' -> None' if annotated else ''}:", "    pass"]
