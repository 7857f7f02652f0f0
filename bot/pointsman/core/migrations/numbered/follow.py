"""The next number: what a moved migration is called, in the width and form that its folder keeps; it reads no file."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from pointsman.core.migrations.model import Revision
from pointsman.core.migrations.numbered.names import Name, Version, read
from pointsman.core.model import GitPath

_DATED = {14: ("%Y%m%d%H%M%S", timedelta(seconds=1)), 12: ("%Y%m%d%H%M", timedelta(minutes=1))}
"""Numbers that are a time count on as one, so that they stay one."""


class NextNumber:
    """`Naming`: a step keeps a number that is above all that it follows, and is else the next one after that."""

    def follow(
        self, revision: Revision, below: Sequence[tuple[str, GitPath]], taken: Collection[str]
    ) -> tuple[str, GitPath]:
        """See `Naming`."""
        own = _name(revision.path)
        lower = [_name(path) for _, path in below]
        used = {id.partition("_")[0] for id in taken}
        written, version = own.written, own.version
        if lower and version <= max(name.version for name in lower):
            highest = max(lower, key=lambda name: name.version)
            written, version = _next(highest.written, own)
        while str(version) in used:
            written, version = _next(written, own)
        return str(version), own.numbered(written)

    def merge_id(self, parents: Sequence[Revision], taken: Collection[str]) -> str:
        """Never asked: nothing joins two numbers."""
        raise TypeError("numbered migrations have no merge")


def _next(written: str, own: Name) -> tuple[str, Version]:
    """The number after `written`, as wide as the wider of the two."""
    digits = re.split(r"([._])", written.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    last = digits[-1]
    width = max(len(last), len(own.written) if len(digits) == 1 and own.written.isdecimal() else 0)
    digits[-1] = _dated(last) or _counted(last, width, padded=last[0] == "0" or own.written[0] == "0")
    text = "".join(digits)
    return text, Version(tuple(int(each) for each in digits[::2]))


def _counted(digits: str, width: int, *, padded: bool) -> str:
    text = str(int(digits) + 1)
    return text.zfill(width) if padded else text


def _dated(digits: str) -> str | None:
    """One second, or minute, later; None where the number is no time."""
    form, step = _DATED.get(len(digits), (None, timedelta()))
    if form is None or digits.startswith("0"):
        return None
    try:
        return (datetime.strptime(digits, form) + step).strftime(form)  # noqa: DTZ007 - a number, no instant
    except (ValueError, OverflowError):
        return None


def _name(path: GitPath) -> Name:
    found = read(path)
    assert found is not None  # noqa: S101 - only numbered files are revisions
    return found[1]
