"""Where `pointsman simulate` gets a repository's own past from: a file, the queue's state, or the base branch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.core.errors import UserError
from pointsman.core.simulate.history import Past

if TYPE_CHECKING:
    from pointsman.core.queue.model import Change
    from pointsman.wiring import LocalQueue

FEWEST = 2
LONGEST = 4096
"""Characters of a line of a history; no field of it is long."""


def past_of_file(name: str, most: int) -> tuple[list[Past], str]:
    """The first `most` lines of a file, `-` is stdin. UserError names file, line and value."""
    try:
        if name == "-":
            return _parsed(sys.stdin, "stdin", most), "stdin"
        with Path(name).open(encoding="utf-8") as lines:
            return _parsed(lines, name, most), Path(name).name
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--history {name}: {error}") from error


def _parsed(lines: Iterable[str], source: str, most: int) -> list[Past]:
    past: list[Past] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and len(past) < most:
            past.append(_past(line[:LONGEST], f"{source}:{number}"))
    return _enough(past, source)


def _past(line: str, where: str) -> Past:
    from pointsman.cli.simulate import parse_line

    value = parse_line(line, where)
    at = _number(value, "at", where)
    if at is None:
        raise UserError(f"{where}: no 'at': when the change was submitted, in seconds")
    seconds = _number(value, "seconds", where)
    if seconds is not None and seconds <= 0:
        raise UserError(f"{where}: seconds: expected more than 0, got {seconds}")
    return Past(
        at=at, seconds=seconds, red=_flag(value, "red", where), together=_flag(value, "together", where)
    )


def _number(value: dict[str, Any], key: str, where: str) -> float | None:
    found = value.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e12:
        raise UserError(f"{where}: {key}: expected seconds, got {found!r}")
    return float(found)


def _flag(value: dict[str, Any], key: str, where: str) -> bool | None:
    found = value.get(key)
    if found is not None and not isinstance(found, bool):
        raise UserError(f"{where}: {key}: expected true or false, got {found!r}")
    return found


def past_of_repository(directory: Path, most: int) -> tuple[list[Past], str]:
    """What the queue saw of its last `most` changes; without a queue, when the base branch moved."""
    from pointsman.wiring import local_queue, open_git, state_folder

    with open_git(directory) as git:
        known = state_folder(git).is_dir()
    if known:
        with local_queue(directory, contract_needed=False) as queue:
            past = _past_of_queue(queue, most)
        if len(past) >= FEWEST:
            return past, f"{len(past)} changes that the queue saw"
    return _past_of_git(directory, most)


def _past_of_queue(queue: LocalQueue, most: int) -> list[Past]:
    from pointsman.core.queue.model import ChangeState

    ends = (ChangeState.LANDED, ChangeState.RETURNED)
    ended = [one for lane in queue.store.lanes() for one in queue.store.changes(lane, states=ends)]
    took = _gates(queue)
    return [_past_of(change, took.get(change.id)) for change in ended[-most:]]


def _past_of(change: Change, seconds: float | None) -> Past:
    code = change.reason.code if change.reason is not None else ""
    return Past(at=change.submitted_at, seconds=seconds, red=code == "red", together=code == "red_together")


def _gates(queue: LocalQueue) -> dict[int, float]:
    """By change the seconds of the green candidate that landed it."""
    from pointsman.core.queue.model import CandidateState, RunState

    took: dict[int, float] = {}
    for lane in queue.store.lanes():
        for candidate in queue.store.candidates(lane, states=(CandidateState.LANDED,)):
            runs = queue.store.runs(candidates=[candidate.id])
            spent = [run.seconds for run in runs if run.state is RunState.PASSED and run.seconds]
            for member in candidate.members if spent else ():
                took[member.change] = sum(spent)
    return took


def _past_of_git(directory: Path, most: int) -> tuple[list[Past], str]:
    from pointsman.service.replay import find_line
    from pointsman.wiring import open_git

    with open_git(directory) as git:
        line = find_line(git, rev=None, last=most, contract=None)
        times = [git.commit_facts(commit).committer.when for commit in line.commits]
    past = [Past(at=float(at)) for at in times]
    return _enough(past, str(directory)), f"{len(past)} changes that landed on {line.name}"


def _enough(past: Sequence[Past], source: str) -> list[Past]:
    if len(past) < FEWEST:
        raise UserError(f"{source}: {len(past)} changes; a simulation takes {FEWEST} at least")
    return list(past)
