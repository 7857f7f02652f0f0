"""Turns what the queue writes into its journal into steps of the story on screen; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
        self.healed: dict[int, str] = {}

    def hear(self, entry: Entry) -> None:
        """One entry, just after it is on disk."""
        body = entry.body
        match entry.kind:
            case "building":
                self._show.now(f"building {self._names(body['changes'])}")
            case "built":
                self.healed |= {one["change"]: one["summary"] for one in body["healed"]}
            case "run_started":
                self._show.now(f"testing {self._names([body['change']])}: {body['check']}")
            case "run_ended" if body["probe"]:
                self._asked(body)
            case "landed":
                self._landed(body)
            case "returned":
                self._returned(body)
            case "waiting" if body["code"] != BEHIND:
                self._step("waiting", body["change"], body["text"])
            case "paused":
                self._show.step("paused", "", body["why"])

    def _asked(self, body: Mapping[str, Any]) -> None:
        """A question about blame that the queue asked of itself, and its answer."""
        probe = body["probe"]
        colour = {"passed": "green", "failed": "red"}.get(body["state"], body["state"])
        question = {"base": "the base without it", "alone": "on its own"}.get(
            probe, f"with main as of {probe[5:15]}"
        )
        self._step("asked", body["change"], f"{question}, {body['check']} is {colour}")

    def _landed(self, body: Mapping[str, Any]) -> None:
        for change_id in body["changes"]:
            if change_id in self.healed:
                self._step("healed", change_id, self.healed[change_id])
            change = self._find(change_id)
            self._step("landed", change_id, change.title if change is not None else "")

    def _returned(self, body: Mapping[str, Any]) -> None:
        first, _, rest = body["text"].partition("\n")
        self._step("returned", body["change"], first)
        self._show.quote(rest)
        change = self._find(body["change"])
        details = change.reason.details if change is not None and change.reason is not None else ""
        self._show.quote(details, end=body["code"].startswith("red"))

    def _step(self, word: str, change_id: int, text: str) -> None:
        self._show.step(word, self._names([change_id]), text)

    def _names(self, ids: list[int | None]) -> str:
        found = [self._find(change_id) for change_id in ids if change_id is not None]
        return ", ".join(f"#{change.id} {agent_of(change)}" for change in found if change is not None)


def agent_of(change: Change) -> str:
    """The agent's name, out of `agent/NAME/topic`."""
    return change.branch.split("/")[1] if change.branch.count("/") > 1 else change.author
