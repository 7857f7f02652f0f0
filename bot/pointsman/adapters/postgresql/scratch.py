"""Gets a proof its PostgreSQL: a named server or our own, and the door through which a jailed process comes to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pointsman.adapters.postgresql.lease import Lease, Unusable, leased, redacted
from pointsman.adapters.postgresql.programs import find_driver
from pointsman.adapters.postgresql.relay import relayed
from pointsman.adapters.postgresql.server import OwnServer
from pointsman.adapters.sandbox import Sandbox
from pointsman.adapters.scratch import scratch
from pointsman.core.proof import VARIABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server as one proof may use it: a socket in the folder `sockets`, a role, databases of its own.

    `hidden` is what the proof must not see of it, None for a server that is not ours."""

    sockets: Path
    lease: Lease
    hidden: Path | None

    def as_json(self, *, driver: Path | None) -> dict[str, Any]:
        """What runner/prove_alembic reads; `driver` is the folder of ours to lend a driver from."""
        user, word = quote(self.lease.name, safe=""), quote(self.lease.password, safe="")
        return {
            "url": f"postgresql://{user}:{word}@/?host={quote(str(self.sockets), safe='')}",
            "home": self.lease.name,
            "sockets": str(self.sockets),
            "driver": str(driver) if driver is not None else None,
        }


class PostgresScratch:
    """`folder` is where a server of our own may stay; None: in the temporary folder, until it stops."""

    def __init__(self, sandbox: Sandbox, folder: Path | None) -> None:
        self._own = OwnServer(sandbox, folder)

    def close(self) -> None:
        self._own.stop()

    @contextlib.contextmanager
    def for_proof(self, word: str | None, *, seconds: float) -> Iterator[Server]:
        """`word` is an address, or `env:NAME`; None is our own server. Unusable where there is none.

        What was lent is taken back when the block ends, and by the next proof where it never does."""
        if find_driver() is None:
            raise Unusable("psycopg is not installed beside Pointsman (`pip install pointsman[postgres]`)")
        if word is None:
            url = self._own.url()
            sockets, hidden = _sockets_of(url), self._own.folder
            with leased(url, seconds=seconds) as lease:
                yield Server(sockets=sockets, lease=lease, hidden=hidden)
            return
        url = _address(word)
        with leased(url, seconds=seconds) as lease, _door(url) as door:
            yield Server(sockets=door, lease=lease, hidden=None)


def _address(word: str) -> str:
    """The variable's name may be said, what is in it never."""
    if not word.startswith(VARIABLE):
        return word
    name = word[len(VARIABLE) :]
    found = os.environ.get(name)
    if not found:
        raise Unusable(
            f"the contract names {name} as the variable with the database's address; it is not set"
        )
    if not found.startswith(("postgresql://", "postgres://")):
        raise Unusable(f"{name} does not hold an address of PostgreSQL (postgresql://...)")
    return found


def _parts(url: str) -> dict[str, str]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error as problem:
        raise Unusable(redacted(str(problem), url)) from None


def _sockets_of(url: str) -> Path:
    return Path(_parts(url)["host"])


@contextlib.contextmanager
def _door(url: str) -> Iterator[Path]:
    """A folder whose socket leads to that server: a jailed process has no network to reach it by."""
    with scratch("pg") as made:
        made.path.chmod(0o755)
        with relayed(made.path, _parts(url)):
            yield made.path
