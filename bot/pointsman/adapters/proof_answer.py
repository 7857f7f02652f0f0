"""Reads what a proof's first process answered; of its form it believes nothing."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.core.proof import Proof, Route
from pointsman.runner.answer import STARTED

if TYPE_CHECKING:
    from pointsman.core.gates import JobResult
    from pointsman.core.proof import ProofRequest

LOG_SHOWN = 2000
LONGEST_LINE = 400


@dataclass(frozen=True, slots=True)
class Answered:
    """`started`: the project's code may have run. `found` is the answer as it came, None where there is none."""

    started: bool = False
    found: Any = None


def read_answer(path: Path) -> Answered:
    """What the supervisor kept of the channel; it is no longer than a megabyte."""
    try:
        said = path.read_bytes()
    except OSError:
        return Answered()
    started, text = said.startswith(STARTED), said.removeprefix(STARTED)
    with contextlib.suppress(ValueError, RecursionError):
        return Answered(started, json.loads(text))
    return Answered(started)


def proof_of(answered: Answered, result: JobResult, request: ProofRequest) -> Proof | None:
    """None where it is no answer at all. What says that it passed has to name the routes by which it did, and what was
    asked of rows to have been tried."""
    found = answered.found
    if not isinstance(found, dict) or not isinstance(found.get("routes"), list):
        return None
    routes = tuple(_route(one) for one in found["routes"])
    known = tuple(route for route in routes if route is not None)
    ran, passed, reason = found.get("ran") is True, found.get("passed") is True, found.get("reason")
    if len(known) < len(routes) or not isinstance(reason, str | None):
        return None
    if passed and not (ran and answered.started and known and all(route.ok for route in known)):
        return None
    if passed and request.both_orders and request.seed is not None and found.get("rows") is not True:
        ran, passed, reason = False, False, "both orders were not run on the rows of the contract's seed"
    return Proof(
        ran=ran,
        passed=passed,
        routes=known,
        reason=reason,
        environment="bare" if found.get("environment") == "bare" else "env.py",
        database="postgresql" if found.get("database") == "postgresql" else "sqlite",
        isolated=result.isolated,
    )


def _route(found: Any) -> Route | None:
    if not isinstance(found, dict):
        return None
    name, ok, detail, seconds = (found.get(key) for key in ("name", "ok", "detail", "seconds"))
    if not isinstance(name, str) or not isinstance(ok, bool) or not isinstance(detail, str | None):
        return None
    return Route(
        name=name,
        ok=ok,
        detail=detail,
        seconds=seconds if isinstance(seconds, float | int) else 0.0,
        ended=found.get("ended") is not False,
    )


def no_answer(log: Path, result: JobResult, request: ProofRequest, processes: int) -> str:
    """Why there is none, as far as the supervisor saw."""
    if result.timed_out:
        return f"it took longer than {request.timeout:g} s"
    if result.process_limit:
        return f"it started more than {processes} processes"
    if result.error:
        return result.error
    said = log.read_text(errors="replace")[-LOG_SHOWN:].strip() if log.exists() else ""
    last = said.splitlines()[-1][:LONGEST_LINE] if said else "it said nothing"
    how = f"signal {result.signal}" if result.signal else f"exit code {result.exit_code}"
    return f"the process that runs the migrations ended with {how}: {last}"
