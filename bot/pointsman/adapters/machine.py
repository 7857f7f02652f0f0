"""Looks at this machine and at a repository's state folder: tools, protections, sizes; it changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.accounts import account
from pointsman.adapters.git.opening import OLDEST_GIT
from pointsman.adapters.jail import Protection, jail_of
from pointsman.adapters.postgresql.programs import find_driver, find_programs
from pointsman.adapters.sandbox import Capabilities, Sandbox
from pointsman.adapters.weights import weigh, weigh_cache, weigh_objects, weigh_refs, weigh_scratch
from pointsman.core.diagnosis import Finding, State
from pointsman.core.migrations.names import NEEDED

if TYPE_CHECKING:
    from pointsman.core.contract.model import Sandbox as Policy

SECONDS = 10.0
MEANINGS = {
    Protection.NETWORK: "no network but a loopback",
    Protection.READ_ONLY: "folders that it can't write to",
    Protection.HIDDEN: "the queue's state, keys and tokens look empty",
    Protection.PROCESSES: "sees, signals and outlives nothing of ours",
    Protection.PRIVILEGES: "no way to more rights",
    Protection.USER: "an account of its own, for root",
    Protection.PROCESSORS: "so many processors",
    Protection.MEMORY: "so much memory",
}


def tools() -> Iterator[Finding]:
    """git, Python and the databases."""
    yield _git()
    text = f"Python {platform.python_version()}, {sys.executable}"
    yield Finding(area="tools", name="python", state=State.OK, text=text)
    yield Finding(area="tools", name="sqlite", state=State.OK, text=f"SQLite {sqlite3.sqlite_version}")
    yield from (_package(name, called) for name, called in NEEDED.items())
    yield _postgresql()


def protections(sandbox: Sandbox, policy: Policy | None) -> Iterator[Finding]:
    """What a job can lose here, tried; BROKEN where the contract demands what this machine does not have."""
    able = sandbox.capabilities()
    demanded = jail_of(policy).demanded
    missing = dict(able.missing)
    if policy is not None and policy.user is not None and account(policy.user) is None:
        missing[Protection.USER] = f"there is no account {policy.user!r} here"
    for each in Protection:
        held = each in able.in_force and each not in missing
        text = MEANINGS[each] if held else f"{MEANINGS[each]}: {missing.get(each, 'not possible here')}"
        state = State.OK if held else State.BROKEN if each in demanded else State.MISSING
        if each in demanded:
            text += (
                " (the contract demands it)" if held else "; the contract demands it: nothing will pass here"
            )
        yield Finding(area="protections", name=each.value, state=state, text=text)
    yield _proof_account(able)


def state(folder: Path, refs: int, cache: Path | None) -> Iterator[Finding]:
    """The parts of a state folder and what they weigh; `refs` is how many refs the queue keeps, `cache` where parse
    results are."""
    if not folder.is_dir():
        yield Finding(
            area="state", name="folder", state=State.MISSING, text=f"{folder}: no queue ran here yet"
        )
        return
    yield from weigh(folder, now=time.time())
    yield weigh_refs(folder, refs)
    yield weigh_objects(folder.parent / "objects")
    yield weigh_scratch()
    yield weigh_cache(cache)


def _git() -> Finding:
    words = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=SECONDS, check=False)
    version = words.stdout.strip().removeprefix("git version ")
    numbers = tuple(int(part) for part in version.split()[0].split(".")[:2]) if version else (0, 0)
    oldest = ".".join(map(str, OLDEST_GIT))
    if numbers < OLDEST_GIT:
        return Finding(
            area="tools", name="git", state=State.BROKEN, text=f"git {version}: {oldest} is needed"
        )
    return Finding(area="tools", name="git", state=State.OK, text=f"git {version}")


def _package(name: str, called: str) -> Finding:
    try:
        text = f"{called} {importlib.metadata.version(name)}, beside Pointsman"
    except importlib.metadata.PackageNotFoundError:
        return Finding(area="tools", name=name, state=State.MISSING, text="not installed beside Pointsman")
    return Finding(area="tools", name=name, state=State.OK, text=text)


def _postgresql() -> Finding:
    """Only whether a proof could have a server of its own; a named one is tried by the proof."""
    programs, driver = find_programs(), find_driver()
    if programs is None or driver is None:
        lacking = "no server" if programs is None else "no psycopg"
        text = f"{lacking}: proofs run on SQLite only, or where the contract says (pip install pointsman[postgres])"
        return Finding(area="tools", name="postgresql", state=State.MISSING, text=text)
    done = subprocess.run(
        [str(programs / "postgres"), "--version"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    version = done.stdout.strip().removeprefix("postgres (PostgreSQL) ")
    text = f"PostgreSQL {version} for proofs, {programs}"
    return Finding(area="tools", name="postgresql", state=State.OK if version else State.MISSING, text=text)


def _proof_account(able: Capabilities) -> Finding:
    lacking = sorted(
        each.value for each in able.missing if each in (Protection.NETWORK, Protection.READ_ONLY)
    )
    if lacking:
        text = f"migrations run in a scrubbed process, but with {' and '.join(lacking)} not taken away"
        return Finding(area="protections", name="proofs", state=State.MISSING, text=text)
    whose = "another account" if os.geteuid() == 0 else "this account"
    text = (
        f"migrations run jailed, under {whose}; no sight of homes and temporary folders; time, processor time, memory, "
        "processes, file size, disk and output bounded"
    )
    return Finding(area="protections", name="proofs", state=State.OK, text=text)
