"""The store as a document on a git ref, moved by compare-and-swap, for where no disk outlives a run; it adds no rule.

In memory it is an `SqlStore` on a private file. A save is applied there first, then written as blob, tree and commit
and pushed with the lease, all inside the file's transaction: whoever loses the race has saved nothing.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pointsman.adapters.store import rows
from pointsman.adapters.store.sql import SqlStore
from pointsman.adapters.store.sqlite import SqliteHome
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.model import Sha, Signature

if TYPE_CHECKING:
    from pointsman.core.queue.model import Entry
    from pointsman.ports import Git, PushRefused, Record, Remote

STATE_REF = "refs/pointsman/state"
FILE = "state.json"
EMPTY_TREE = Sha("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""git knows it without storing it; the forges that need this store have SHA-1 repositories only."""
BUSY = "another run has the lane; it works off everything that waits, and nothing of this run was performed"


class LaneTaken(EnvironmentProblem):
    """Another run moved the state: what this one decided is void, and none of it was saved."""


class DocumentStore(SqlStore):
    """`ports.Store` whose durable form is one document on `ref` of the remote.

    Reads are of the document that was opened, and what was saved since. `version` looks at the remote again: after
    it every read is of the newest document. A save on anything but the newest raises `LaneTaken`.
    """

    def __init__(self, home: SqliteHome, *, git: Git, remote: Remote, ref: str) -> None:
        super().__init__(home)
        self._file = home.path
        self._git = git
        self._remote = remote
        self._ref = ref
        self._head: Sha | None = None
        self._turn = threading.RLock()
        self._entries: Sequence[Entry] = ()
        self._at = 0.0

    @classmethod
    def at(
        cls, git: Git, remote: Remote, *, ref: str = STATE_REF, folder: Path | None = None
    ) -> DocumentStore:
        """The store as the remote has it now; an empty one where there is none yet. Its private file is made in
        `folder` (the system's temporary one if None) and goes with `close`.

        EnvironmentProblem for a document of a newer program, or one that can't be read."""
        place = Path(tempfile.mkdtemp(prefix="pointsman-state-", dir=folder))
        try:
            head, path = remote.listed([ref]).get(ref), place / "state.db"
            store = cls(_loaded(git, remote, ref, head, path), git=git, remote=remote, ref=ref)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        store._head = head
        return store

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._file.parent, ignore_errors=True)

    def save(self, *records: Record, entries: Sequence[Entry] = (), at: float) -> tuple[Record, ...]:
        """See ports.Store. `LaneTaken` when the state has moved since it was read."""
        with self._turn:
            self._entries, self._at = entries, at
            return super().save(*records, entries=entries, at=at)

    def version(self) -> int:
        with self._turn:
            self._refresh()
            return super().version()

    @contextlib.contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[Connection]:
        """What is written is out, as a document, before its transaction ends."""
        with super()._transaction(write=write) as connection:
            yield connection
            if write:
                self._publish(rows.written(connection))

    def _publish(self, document: bytes) -> None:
        who = Signature(name="Pointsman", email="pointsman@localhost", when=max(0, int(self._at)))
        commit = self._git.commit(
            tree=self._git.edit(EMPTY_TREE, {FILE: document}),
            parents=(self._head,) if self._head is not None else (),
            message=_message(self._entries),
            author=who,
            committer=who,
        )
        refused = self._remote.push(self._ref, new=commit, expected=self._head)
        if refused is not None:
            raise _why(self._ref, refused)
        self._head = commit

    def _refresh(self) -> None:
        head = self._remote.listed([self._ref]).get(self._ref)
        if head == self._head:
            return
        if head is None:
            raise EnvironmentProblem(
                f"The state on {self._ref} is gone: somebody deleted the ref while a run used it. Nothing was written; "
                "the next run begins with an empty queue unless the ref is put back."
            )
        # The journal's rows can't be taken away again, so another state is another file.
        path = self._file.with_name(f"{head}.db")
        newer = _loaded(self._git, self._remote, self._ref, head, path)
        self._home.close()
        self._home, self._head = newer, head


def _loaded(git: Git, remote: Remote, ref: str, head: Sha | None, path: Path) -> SqliteHome:
    """The state at that commit (None: nothing yet), as a file of the present schema."""
    if head is not None:
        where = f"The state on {ref} ({head[:12]})"
        remote.fetch({ref: head})
        entry = git.entry(git.tree_of(head), FILE)
        if entry is None:
            raise EnvironmentProblem(f"{where} holds no {FILE}: something else uses this ref. {rows.NEXT}")
        rows.filled(path, rows.read(next(iter(git.read([entry.oid])))[1], where), where)
    return SqliteHome.open(path)


def _why(ref: str, refused: PushRefused) -> EnvironmentProblem:
    if refused.code == "moved":
        return LaneTaken(f"{ref} moved: {BUSY}")
    return EnvironmentProblem(
        f"The state could not be written to {ref} ({refused.why}); nothing was performed. "
        "The token needs `contents: write`, and no ruleset may guard refs/pointsman/."
    )


def _message(entries: Sequence[Entry]) -> str:
    kinds = dict.fromkeys(f"{entry.kind} ({entry.lane})" for entry in entries)
    return (", ".join(kinds) or "state")[:200].encode("ascii", "backslashreplace").decode("ascii") + "\n"
