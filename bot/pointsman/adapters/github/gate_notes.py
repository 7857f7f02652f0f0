"""What is remembered of gate runs on GitHub, as notes of the store: who asked for what, and which branch was pushed;
it reads and writes them and starts nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES
from pointsman.core.queue.model import Note
from pointsman.ports import Clock, Store

RUN = "gate:"
BRANCH = "gate-branch:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A run of the check `check` (its name in the contract): a check run `name` of the app `app` (None: of any) is
    waited for, `timeout` seconds long. `branch` is the branch whose push asked for it."""

    run: int
    commit: Sha
    branch: str
    check: str
    name: str
    app: int | None
    min_tests: int | None
    timeout: float
    at: float
    ended: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """A branch of ours on which a commit is tested, named after the run that first needed it.

    `earlier`: the ids of what was reported on the commit before, None while that is not known. `at` is when it was
    pushed (and, where that is needed, the workflow dispatched), 0 until then; `refused` says why it never will be.
    `judged`: the checks of which an attempt has ended. `gone`: the branch was taken away again; `stopped`: before all
    that ran there had ended.
    """

    run: int
    commit: Sha
    made_at: float
    earlier: tuple[int, ...] | None = None
    on_remote: bool = False
    at: float = 0.0
    refused: str = ""
    judged: tuple[str, ...] = ()
    gone: bool = False
    stopped: bool = False

    def serves(self, check: str) -> bool:
        """Whether what this push has started, or will start, answers for that check, too."""
        will_run = not self.gone or (self.at > 0 and not self.stopped)
        return will_run and not self.refused and check not in self.judged

    @property
    def branch(self) -> str:
        return f"{CANDIDATES}{self.run}-{self.commit[:12]}"


Kept = TypeVar("Kept", Asked, Pushed)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateNotes:
    """The notes of one repository's store. One that can't be read counts as missing: its run is lost, never green."""

    store: Store
    clock: Clock

    def asked(self, run_id: int) -> Asked | None:
        return _read(Asked, self.store.note(f"{RUN}{run_id}"))

    def all_asked(self) -> tuple[Asked, ...]:
        return _all(Asked, self.store.notes(RUN).values())

    def pushed(self, asked: Asked) -> Pushed | None:
        """The branch that a run waits on."""
        return next((one for one in self.of_commit(asked.commit) if one.branch == asked.branch), None)

    def of_commit(self, commit: Sha) -> tuple[Pushed, ...]:
        """Oldest first."""
        return _oldest_first(_all(Pushed, self.store.notes(f"{BRANCH}{commit}:").values()))

    def all_pushed(self) -> tuple[Pushed, ...]:
        return _oldest_first(_all(Pushed, self.store.notes(BRANCH).values()))

    def keep(self, *notes: Asked | Pushed) -> None:
        """On disk when this returns."""
        self._save(*(Note(key=_key(note), value=json.dumps(asdict(note))) for note in notes))

    def forget(self, *notes: Asked | Pushed) -> None:
        self._save(*(Note(key=_key(note), value="") for note in notes))

    def end(self, asked: Asked) -> None:
        """An attempt is over: the next one of that check needs a push of its own."""
        pushed = self.pushed(asked)
        ended: list[Asked | Pushed] = [replace(asked, ended=True)]
        if pushed is not None and asked.check not in pushed.judged:
            ended.append(replace(pushed, judged=(*pushed.judged, asked.check)))
        self.keep(*ended)

    def _save(self, *notes: Note) -> None:
        if notes:
            self.store.save(*notes, at=self.clock.now())


def _key(note: Asked | Pushed) -> str:
    return f"{RUN}{note.run}" if isinstance(note, Asked) else f"{BRANCH}{note.commit}:{note.run}"


def _oldest_first(notes: Iterable[Pushed]) -> tuple[Pushed, ...]:
    return tuple(sorted(notes, key=lambda one: one.run))


def _all(kind: type[Kept], texts: Iterable[str]) -> tuple[Kept, ...]:
    return tuple(note for text in texts if (note := _read(kind, text)) is not None)


def _read(kind: type[Kept], text: str | None) -> Kept | None:
    try:
        data: dict[str, Any] = json.loads(text or "null")
        known = {each.name for each in fields(kind)}
        values: dict[str, Any] = {name: data[name] for name in known & data.keys()}
        for name, value in values.items():
            values[name] = tuple(value) if isinstance(value, list) else value
        return kind(**values)
    except (ValueError, TypeError, AttributeError):
        return None
