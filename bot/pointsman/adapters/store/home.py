"""What a store needs of the database that its tables are in; which one that is makes no other difference."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection


class Home(Protocol):
    """The tables of one repository, at the program's schema. Safe to share between threads."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        ...

    @property
    def what(self) -> str:
        """How a message names it, after "the"."""
        ...

    @property
    def file(self) -> Path | None:
        """The file that the tables are in, beside which the journal's first lines may be archived; None on a server."""
        ...

    def transaction(self, *, write: bool) -> AbstractContextManager[Connection]:
        """One transaction: all of it is there when it ends, or nothing. Of two with `write` the second waits until
        the first has ended, at the latest when it looks at the ledger; without, it is for one question.

        EnvironmentProblem when the database fails; LookupError where a record names one that is not there."""
        ...

    def close(self) -> None: ...
