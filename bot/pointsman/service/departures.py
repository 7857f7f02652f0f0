"""What becomes of a change that does not land now: it is given back with a reason, or waits with one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pointsman.core.queue.actions import Return
from pointsman.core.queue.model import CandidateState, Change, ChangeState, Wait
from pointsman.ports import Clock, Record, Store
from pointsman.service.recorder import Recorder

LOG_TAIL_BYTES = 4000


@dataclass(kw_only=True)
class Departures:
    """Gives changes back and holds them; each is one transaction with its journal line."""

    store: Store
    clock: Clock
    recorder: Recorder

    def give_back(self, action: Return) -> None:
        """Give a change back. Its head and the tested commit stay pinned, so that the reproduction works."""
        reason = action.reason
        if action.run is not None and action.run.log is not None:
            reason = replace(reason, details=_ending(action.run.log))
        records: list[Record] = [
            replace(
                action.change, state=ChangeState.RETURNED, reason=reason, wait=None, ended_at=self.clock.now()
            )
        ]
        if action.candidate is not None:
            records.append(replace(action.candidate, state=CandidateState.FAILED, reason=reason.text))
        if action.run is not None:
            lane = self.store.lane(action.change.lane)
            records.append(replace(lane, failures=lane.failures + 1))
        self.recorder.save(
            *records,
            lane=action.change.lane,
            kind="returned",
            change=action.change.id,
            branch=action.change.branch,
            head=action.change.head,
            code=reason.code,
            text=reason.text,
            reproduce=reason.reproduce,
        )

    def hold(self, change: Change, wait: Wait) -> None:
        """Say what a change waits for; a wait that only has newer facts behind it is no news."""
        change = self.store.change(change.id) or change  # somebody may have raised its priority meanwhile
        news = change.wait is None or (change.wait.code, change.wait.text) != (wait.code, wait.text)
        if news:
            self.recorder.save(
                replace(change, wait=wait),
                lane=change.lane,
                kind="waiting",
                change=change.id,
                branch=change.branch,
                code=wait.code,
                text=wait.text,
            )
        else:
            self.store.save(replace(change, wait=wait), at=self.clock.now())


def _ending(log: str) -> str:
    """The end of a log that is kept here; of one that is kept elsewhere, where."""
    return f"log: {log}" if log.startswith(("https://", "http://")) else _tail(Path(log))


def _tail(log: Path) -> str:
    """The end of a log, as text."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - LOG_TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(log {log} can't be read: {error.strerror})"
