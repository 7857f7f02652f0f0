"""The part of a file that goes up, where a tool keeps both ways in one (goose, dbmate, sql-migrate); lines stay."""

from __future__ import annotations

import re

_MARK = re.compile(rb"^[ \t]*--[ \t]*(?:\+goose|\+migrate|migrate:)[ \t]*(up|down)\b", re.IGNORECASE)
_ENVIRONMENT = re.compile(rb"^[ \t]*--[ \t]*\+(?:goose|migrate)\b", re.IGNORECASE)


def up(blob: bytes) -> bytes:
    """The file with all that does not run on the way up blanked, so that line numbers hold; the whole of it where no
    mark divides it."""
    lines = blob.splitlines(keepends=True)
    if not any(_MARK.match(line) for line in lines):
        return blob
    kept, here = [], False
    for line in lines:
        mark = _MARK.match(line)
        if mark is not None:
            here = mark[1].lower() == b"up"
        kept.append(line if here and mark is None and not _ENVIRONMENT.match(line) else b"\n")
    return b"".join(kept)
