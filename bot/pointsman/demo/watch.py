"""Turns what the queue writes into its journal into steps of the story on screen; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pointsman.core.messages import short
from pointsman.core.queue.model import Change, Entry
from pointsman.demo.show import Show

BEHIND = "behind"
"""The code of a wait for another change only: it is over when that one has its answer."""

ChangeById = Callable[[int], Change | None]


class Watch:
    """Listens to one repository's queue. `find` gives a change as it is now."""

    def __init__(self, show: Show, find: ChangeById) -> None:
        self._show = show
        self._find = find
        self._proofs: dict[int, str] = {}
        self._checks: dict[int, Sequence[str]] = {}
        self._landed_as: dict[str, int] = {}
        self.healed: dict[int, str] = {}

    def hear(self, entry: Entry) -> None:
        """One entry, just after it is on disk."""
        body = entry.body
        match entry.kind:
            case "building":
                self._show.now(f"building {self._names(body['changes'])}")
            case "built":
                self._built(body)
            case "run_started":
                self._show.now(f"testing {self._names([body['change']])}: {body['check']}")
            case "run_ended" if body["probe"]:
                self._asked(body)
            case "landed":
                self._landed(body)
            case "returned":
                self._returned(body)
            case "waiting" if body["code"] != BEHIND:
                self._told("waiting", body)
            case "paused":
                self._show.step("paused", "", body["why"])

    def _built(self, body: Mapping[str, Any]) -> None:
        for one in body["healed"]:
            self.healed[one["change"]] = one["summary"]
            self._proofs[one["change"]] = one["proof"]
        for change_id in body["changes"]:
            self._checks[change_id] = body["checks"]

    def _asked(self, body: Mapping[str, Any]) -> None:
        """A question about blame that the queue put to itself, and its answer."""
        kind, _, commit = body["probe"].partition(":")
        answer = {"passed": "green", "failed": "red"}.get(body["state"], body["state"])
        if kind == "onto":
            landed = self._landed_as.get(commit)
            where = f"up to #{landed}" if landed is not None else f"at {short(commit)}"
            question = f"red with main {where}?"
        else:
            question = {"base": "red without it?", "alone": "red on its own?"}.get(kind, kind)
        self._step("asked", body["change"], f"{question} {body['check']} is {answer}")

    def _landed(self, body: Mapping[str, Any]) -> None:
        for change_id in body["changes"]:
            self._landed_as[body["commit"]] = change_id
            if change_id in self.healed:
                self._step("healed", change_id, f"{self.healed[change_id]}; {self._proofs[change_id]}")
            checks = " and ".join(self._checks.get(change_id, ())) or "no check"
            self._step(
                "landed", change_id, f"as {short(body['commit'])}: {checks} passed on exactly this tree"
            )

    def _returned(self, body: Mapping[str, Any]) -> None:
        self._told("returned", body)
        change = self._find(body["change"])
        details = change.reason.details if change is not None and change.reason is not None else ""
        self._show.quote(details, end=body["code"].startswith("red"))

    def _told(self, word: str, body: Mapping[str, Any]) -> None:
        """The first line as a step, what comes below it as a quotation."""
        first, _, rest = body["text"].partition("\n")
        self._step(word, body["change"], first)
        self._show.quote(rest)

    def _step(self, word: str, change_id: int, text: str) -> None:
        self._show.step(word, self._names([change_id]), text)

    def _names(self, ids: Sequence[int | None]) -> str:
        found = [self._find(change_id) for change_id in ids if change_id is not None]
        return ", ".join(f"#{change.id} {agent_of(change)}" for change in found if change is not None)


def agent_of(change: Change) -> str:
    """The agent's name, out of `agent/NAME/topic`."""
    return change.branch.split("/")[1] if change.branch.count("/") > 1 else change.author
