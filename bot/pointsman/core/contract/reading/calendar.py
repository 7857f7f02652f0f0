"""How freezes of a contract are written: days, times of the day, zones; when one holds is not decided here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointsman.core.contract.model import DAYS, MIDNIGHT, Freeze
from pointsman.core.contract.reading.nodes import Node, Scalar, describe
from pointsman.core.contract.reading.problems import ErrorLog
from pointsman.core.contract.reading.records import Key, ListOf, Mapped, Record
from pointsman.core.contract.reading.shapes import At, Checked, Choice, Invalid, Json, Shape, Text, wrong
from pointsman.core.contract.reading.words import SENTENCE
from pointsman.core.contract.zones import zone_named, zone_problem

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK})?"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockTime:
    """A time of the day as `16:00`, read as minutes since midnight; `24:00` where it may be the day's `end`."""

    end: bool = False

    def read(self, node: Node, at: At, log: ErrorLog) -> int | Invalid:
        text = node.text if isinstance(node, Scalar) else ""
        if self.end and text == "24:00":
            return MIDNIGHT
        if not re.fullmatch(_CLOCK, text):
            hint = f'; write "0{text}"' if re.fullmatch(r"[0-9]:[0-5][0-9]", text) else ""
            return wrong(
                node, at, log, f'expected a time of the day such as "16:00", got {describe(node)}{hint}'
            )
        hours, _, minutes = text.partition(":")
        return int(hours) * 60 + int(minutes)

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"^(?:{_CLOCK}|24:00)$" if self.end else f"^{_CLOCK}$"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a minute of one, as the clocks of a zone show it: `2026-12-20` or `2026-12-20 16:00`."""

    def read(self, node: Node, at: At, log: ErrorLog) -> datetime | Invalid:
        text = node.text if isinstance(node, Scalar) else ""
        try:
            moment = datetime.fromisoformat(text) if re.fullmatch(_MOMENT, text) else None
        except ValueError:
            moment = None
        if moment is None or not 1970 < moment.year < 3000:
            expected = 'expected a day such as 2026-12-20, or a minute such as "2026-12-20 16:00"'
            return wrong(node, at, log, f"{expected}, got {describe(node)}")
        return moment

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"^{_MOMENT}$"}


WEEKLY = ("days", "from", "to")
ONCE = ("since", "until")


def _form(found: Mapping[str, Any]) -> str:
    weekly, once = ([key for key in keys if key in found] for keys in (WEEKLY, ONCE))
    if weekly and once:
        return f"{weekly[0]} is of a weekly freeze and {once[0]} of one that comes once; write two freezes"
    if not weekly and len(once) < len(ONCE):
        return "expected days (and from, to) for every week, or since and until for once"
    if weekly and found.get("from", 0) == found.get("to", MIDNIGHT):
        return "from and to are the same time; leave both out for the whole day"
    if once and found["until"] <= found["since"]:
        return f"it ends ({found['until']:%Y-%m-%d %H:%M}) before it begins ({found['since']:%Y-%m-%d %H:%M})"
    return ""


def _freeze(**values: Any) -> Freeze:
    zone = zone_named(values.get("zone", "UTC")) or UTC
    for key, fold in (("since", 0), ("until", 1)):
        if key in values:
            values[key] = values[key].replace(tzinfo=zone, fold=fold).timestamp()
    return Freeze(**values)


def freeze_shape() -> ListOf:
    """Every freeze: weekly, or once."""
    days: Shape[Any] = Mapped(
        ListOf(Choice(DAYS), at_least=1, one=True, what="a list of days such as [fri, sat]"),
        lambda names: frozenset(DAYS.index(name) for name in names),
    )
    zone = Checked(lambda text, _node, _at: text, zone_problem, Text("the name of a time zone"))
    return ListOf(
        Record(
            build=_freeze,
            what='a freeze such as {days: [fri], from: "16:00", to: "24:00", zone: Europe/Berlin, reason: ...}',
            placed=True,
            rules=(_form,),
            keys={
                "days": Key(days, "The days on which it begins, every week; absent: every day."),
                "from": Key(ClockTime(), "When it begins, by the clocks of the zone.", into="start"),
                "to": Key(
                    ClockTime(end=True), "When it ends; at or before from: on the next day.", into="end"
                ),
                "since": Key(Moment(), "When one that comes once begins."),
                "until": Key(Moment(), "When that one ends; a day alone is its first instant."),
                "zone": Key(zone, "An IANA time zone; absent: UTC."),
                "reason": Key(SENTENCE, "What people are told.", required=True),
            },
        ),
        one=True,
        what="a list of freezes",
    )
