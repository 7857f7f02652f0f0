"""Taking one value of a known type out of decoded JSON; every bound on strangers' input stands here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pointsman.core.model import Sha

Raw = Mapping[str, Any]

MAX_NAME = 1000
"""Characters of a name: a branch, a check, a label, a login. A longer one is refused, for a cut name is another."""
MAX_TEXT = 70_000
"""Characters of a text; GitHub's own bodies have at most 65,536. A longer one is cut."""
MAX_ID = 2**63 - 1
MAX_LIST = 1000
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:\[bot\])?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Unreadable(ValueError):
    """The JSON is not what the forge documents; the text names the key and what stood there."""


def below(raw: Raw, key: str) -> Raw:
    """The object at `key`."""
    found = maybe_below(raw, key)
    if found is None:
        raise Unreadable(f"{key}: expected an object, got nothing")
    return found


def maybe_below(raw: Raw, key: str) -> Raw | None:
    found = raw.get(key)
    if found is not None and not isinstance(found, Mapping):
        raise _wrong(key, "an object", found)
    return found


def objects(raw: Raw, key: str) -> tuple[Raw, ...]:
    """The list of objects at `key`, at most `MAX_LIST`; () when it is absent or null."""
    found = raw.get(key)
    if found is None:
        return ()
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise _wrong(key, "a list", found)
    few = found[:MAX_LIST]
    if not all(isinstance(each, Mapping) for each in few):
        raise _wrong(key, "a list of objects", few)
    return tuple(few)


def whole(raw: Raw, key: str, *, least: int = 0) -> int:
    found = raw.get(key)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= MAX_ID:
        raise _wrong(key, f"a whole number from {least} to 2^63-1", found)
    return found


def flag(raw: Raw, key: str) -> bool:
    """Absent and null are False."""
    found = raw.get(key)
    if found is not None and not isinstance(found, bool):
        raise _wrong(key, "true or false", found)
    return bool(found)


def name(raw: Raw, key: str) -> str:
    """A name: not empty, on one line, not too long."""
    found = raw.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= MAX_NAME or any(c in found for c in "\0\n\r"):
        raise _wrong(key, f"a name of 1 to {MAX_NAME} characters on one line", found)
    return found


def maybe_name(raw: Raw, key: str) -> str | None:
    return None if raw.get(key) in (None, "") else name(raw, key)


def text(raw: Raw, key: str, *, limit: int = MAX_TEXT) -> str:
    """A text of any kind, cut to `limit`; '' when it is absent or null."""
    found = raw.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _wrong(key, "a text", found)
    return found[:limit]


def sha(raw: Raw, key: str) -> Sha:
    found = raw.get(key)
    if not isinstance(found, str) or not _SHA.fullmatch(found):
        raise _wrong(key, "a commit's full SHA", found)
    return Sha(found)


def maybe_sha(raw: Raw, key: str) -> Sha | None:
    """None when it is absent, null or all zeros, git's way to say that there is none."""
    if raw.get(key) is None:
        return None
    found = sha(raw, key)
    return None if not found.strip("0") else found


def full_name(raw: Raw, key: str) -> str:
    return _matching(raw, key, _FULL_NAME, "owner/name")


def login(raw: Raw, key: str) -> str:
    return _matching(raw, key, _LOGIN, "a login")


def maybe_when(raw: Raw, key: str) -> float | None:
    """Seconds since 1970, UTC, of an ISO 8601 time with its zone or of such a number; None: absent or null."""
    found = raw.get(key)
    if found is None:
        return None
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= MAX_ID:
        return float(found)
    if isinstance(found, str) and len(found) <= 40 and _TIME.fullmatch(found):
        try:
            return datetime.fromisoformat(found).astimezone(UTC).timestamp()
        except (ValueError, OverflowError):
            pass
    raise _wrong(key, "a time such as 2026-01-31T12:00:00Z", found)


def _matching(raw: Raw, key: str, pattern: re.Pattern[str], what: str) -> str:
    found = raw.get(key)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise _wrong(key, what, found)
    return found


def _wrong(key: str, expected: str, found: object) -> Unreadable:
    """Names the key and the value's kind; of the value only a short beginning, for it may be anything."""
    shown = ascii(found)[:60] if isinstance(found, str | bool | float | None) else type(found).__name__
    return Unreadable(f"{key}: expected {expected}, got {shown}")
