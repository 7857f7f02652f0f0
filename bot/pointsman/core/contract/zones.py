"""Time zones by name, for what a contract says in people's hours. The zone database is taken for a table of constants:
nothing else of the machine is looked at, and no clock."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache


@cache
def zone_named(name: str) -> tzinfo | None:
    """The rules of a zone by its IANA name (`Europe/Berlin`); None where this machine knows none of that name."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_problem(name: str) -> str:
    """'' or what is wrong with that name of a zone."""
    if zone_named(name) is not None:
        return ""
    why = "" if zone_named("Europe/London") else " (this machine has no time zones at all: install tzdata)"
    return f"no time zone is called {name!r}; write an IANA name such as Europe/Berlin or UTC{why}"
