"""Brings back what a mirror has lost, or a fresh one never had: heads of queued changes and commits of live candidates.

What is nowhere any more is given up and built again; nothing is landed or tested here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pointsman.core.errors import MissingObject
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES
from pointsman.core.queue.model import LIVE, Candidate, CandidateState, ChangeState, Entry
from pointsman.ports import Clock, Forge, Git, Remote, Store

BRANCHES = f"refs/heads/{CANDIDATES}"


@dataclass(frozen=True, kw_only=True)
class Restorer:
    """For one repository; cheap where nothing is missing but one look at the remote."""

    git: Git
    remote: Remote
    forge: Forge
    store: Store
    clock: Clock

    def bring_back(self) -> None:
        queued = self.store.changes(states=(ChangeState.QUEUED,))
        lanes = self.store.lanes()
        if lanes:
            self.forge.branch_heads([*lanes, *(change.source for change in queued)])
        live = [one for lane in lanes for one in self.store.candidates(lane, states=tuple(LIVE))]
        lost = [one for one in live if not has(self.git, one.commit)]
        if lost:
            self._fetch({one.commit for one in lost})
        for candidate in lost:
            if not has(self.git, candidate.commit):
                self._give_up(candidate)

    def _fetch(self, wanted: set[Sha]) -> None:
        """Candidates stand on branches of their own while they are tested."""
        there = self.remote.listed([BRANCHES])
        found = {ref: commit for ref, commit in there.items() if commit in wanted}
        if found:
            self.remote.fetch(found)

    def _give_up(self, candidate: Candidate) -> None:
        why = "its commit is nowhere any more; it is built again"
        changes = [member.change for member in candidate.members]
        body = {"candidate": candidate.id, "changes": changes, "why": why}
        self.store.save(
            replace(candidate, state=CandidateState.DISCARDED, reason=why),
            entries=(Entry(lane=candidate.lane, kind="discarded", body=body),),
            at=self.clock.now(),
        )


def has(git: Git, commit: Sha) -> bool:
    """Is the commit in the repository?"""
    try:
        git.commit_facts(commit)
    except MissingObject:
        return False
    return True
