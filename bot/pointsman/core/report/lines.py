"""A report's pieces of work for programs: JSON objects, JSON lines of what landed, CSV; it words nothing for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pointsman.core.queue.model import ChangeState
from pointsman.core.report.figures import Report, totals_json
from pointsman.core.report.model import FAILED, RETRY, STOPPED, Piece, Spent, Stage

SCHEMA = 1
"""Goes up when a key is taken away or means something else; new keys may come at any time."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula (OWASP, CSV Injection)."""


def report_json(report: Report) -> dict[str, Any]:
    """The whole report as one JSON object."""
    return {
        "schema": SCHEMA,
        "since": _time(report.since),
        "until": _time(report.until),
        "at": _time(report.now),
        "lane": report.lane,
        "totals": totals_json(report.totals),
        "by": report.by.value if report.by is not None else None,
        "groups": [{"name": name, **totals_json(one)} for name, one in report.groups.items()],
        "days": [
            {"date": day.date, "started": day.started, "landed": day.landed, "returned": day.returned}
            for day in report.days
        ],
        "lane_interventions": dict(report.lane_acts),
        "suggestions": [
            {"text": one.text, "count": one.count, "changes": list(one.changes), "yaml": one.yaml}
            for one in report.suggestions
        ],
        "work": [piece_json(piece) for piece in report.pieces],
    }


def piece_json(piece: Piece) -> dict[str, Any]:
    """One piece of work. Times in seconds; null is not known or not stated, never zero."""
    said = piece.stated
    return {
        "schema": SCHEMA,
        "lane": piece.lane,
        "pull_request": piece.number,
        "changes": list(piece.changes),
        "branch": piece.branch,
        "title": piece.title,
        "author": piece.author,
        "role": piece.role,
        "areas": list(piece.areas) if piece.areas is not None else None,
        "task_type": said.task,
        "model": said.model,
        "tokens": said.tokens,
        "cost": dict(said.cost) if said.cost is not None else None,
        "state": piece.state,
        "submitted_at": _time(piece.submitted_at),
        "ended_at": _time(piece.ended_at),
        "elapsed": round(piece.elapsed, 3),
        "stages": {name: round(seconds, 3) for name, seconds in piece.stages.items()},
        "submissions": len(piece.changes),
        "review_fixes": piece.review_fixes,
        "returns": list(piece.returns),
        "conflicts": piece.conflicts,
        "human_interventions": piece.touched_by_people,
        "interventions": dict(piece.interventions),
        "commits_by_others": piece.by_others,
        "candidates": piece.candidates,
        "rebuilds": piece.rebuilds,
        "gate_seconds": round(piece.gate_seconds, 3),
        "gate": {spent.value: round(piece.gate.get(spent, 0.0), 3) for spent in Spent},
        "runs": len(piece.ran),
        "failed_checks": piece.counted(FAILED),
        "retries": piece.counted(RETRY),
        "stopped_runs": piece.counted(STOPPED),
        "heals": [{"strategy": strategy, "seconds": round(seconds, 3)} for strategy, seconds in piece.heals],
        "landed_healed": piece.landed_healed,
    }


def landed_lines(report: Report) -> Iterator[str]:
    """One JSON object a line for each piece of work that landed, in the order in which they landed."""
    landed = [piece for piece in report.pieces if piece.state == ChangeState.LANDED.value]
    for piece in sorted(landed, key=lambda one: (one.ended_at or 0.0, one.changes)):
        yield json.dumps(piece_json(piece), ensure_ascii=True, separators=(",", ":"))


def to_csv(report: Report) -> str:
    """One row for each piece of work, after a row of names; what is not known is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    stages = list(dict.fromkeys([*Stage, *(name for piece in report.pieces for name in piece.stages)]))
    writer.writerow([*_FLAT, "returns", "interventions", "cost", *(f"{name}_seconds" for name in stages)])
    for piece in report.pieces:
        flat = piece_json(piece)
        cost = " ".join(f"{amount:.4f} {unit}".strip() for unit, amount in (flat["cost"] or {}).items())
        acts = " ".join(f"{name.replace(' ', '_')}:{count}" for name, count in flat["interventions"].items())
        cells = [*(flat[name] for name in _FLAT), " ".join(flat["returns"]), acts, cost]
        times = [round(piece.stages.get(name, 0.0), 3) for name in stages]
        writer.writerow([cell_of(cell) for cell in [*cells, *times]])
    return out.getvalue()


_FLAT = (
    "lane",
    "pull_request",
    "branch",
    "title",
    "author",
    "role",
    "task_type",
    "model",
    "tokens",
    "state",
    "submitted_at",
    "ended_at",
    "elapsed",
    "submissions",
    "review_fixes",
    "conflicts",
    "human_interventions",
    "commits_by_others",
    "candidates",
    "rebuilds",
    "gate_seconds",
    "runs",
    "failed_checks",
    "retries",
    "stopped_runs",
    "landed_healed",
)


def cell_of(value: object) -> object:
    """A cell that no spreadsheet computes: text that would begin a formula gets an apostrophe before it. Bytes that are
    not UTF-8 are escaped."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _time(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the second; None where a clock said what no calendar has."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
