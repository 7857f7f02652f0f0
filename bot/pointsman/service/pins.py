"""Refs that keep submitted heads and candidates from git's garbage collection, for as long as they matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.core.bounds import BOUNDS
from pointsman.core.model import Sha
from pointsman.core.queue.model import LIVE, Candidate, Change, ChangeState
from pointsman.ports import Git, Store
from pointsman.service.restore import has

CANDIDATE_REFS = "refs/pointsman/candidates/"
CHANGE_REFS = "refs/pointsman/changes/"


@dataclass(kw_only=True)
class Pins:
    """One ref a change and one a candidate, named by id; each moves by compare-and-swap."""

    git: Git
    store: Store

    def renew(self, *, kept: int = BOUNDS.pins) -> None:
        """Pin whatever is queued or live (also after a crash between saving and pinning), unpin the oldest of
        what has ended but for the newest `kept` heads and as many candidates."""
        pinned = self.git.refs("refs/pointsman/")
        changes = self.store.changes(states=(ChangeState.QUEUED,))
        live = [one for lane in self.store.lanes() for one in self.store.candidates(lane, states=tuple(LIVE))]
        wanted = {f"{CHANGE_REFS}{change.id}": change.head for change in changes}
        wanted |= {f"{CANDIDATE_REFS}{candidate.id}": candidate.commit for candidate in live}
        for ref, commit in wanted.items():
            if pinned.get(ref) != commit and has(self.git, commit):
                self.git.move_ref(ref, new=commit, expected=pinned.get(ref))
        for prefix in (CHANGE_REFS, CANDIDATE_REFS):
            self._drop_oldest(prefix, pinned, wanted, kept)

    def add_candidate(self, candidate: Candidate) -> None:
        self.git.move_ref(f"{CANDIDATE_REFS}{candidate.id}", new=candidate.commit, expected=None)

    def move_candidate(self, old: Candidate, new: Candidate) -> None:
        self.git.move_ref(f"{CANDIDATE_REFS}{new.id}", new=new.commit, expected=old.commit)

    def drop_candidate(self, candidate: Candidate) -> None:
        self.git.move_ref(f"{CANDIDATE_REFS}{candidate.id}", new=None, expected=candidate.commit)

    def drop_change(self, change: Change) -> None:
        self.git.move_ref(f"{CHANGE_REFS}{change.id}", new=None, expected=change.head)

    def _drop_oldest(
        self, prefix: str, pinned: Mapping[str, Sha], wanted: Mapping[str, Sha], kept: int
    ) -> None:
        """What has ended stays for a while, so that its reproduction works, but not for ever."""
        ended = [ref for ref in pinned if ref.startswith(prefix) and ref not in wanted]
        newest_first = sorted(ended, key=lambda ref: int(ref.removeprefix(prefix)), reverse=True)
        for ref in newest_first[kept:]:
            self.git.move_ref(ref, new=None, expected=pinned[ref])
