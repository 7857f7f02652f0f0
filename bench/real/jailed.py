"""Runs a tool on other people's revision files in the jail that proofs run in; it gives it nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.adapters.jail import WALLS, Jail
from pointsman.adapters.sandbox import Job, Sandbox, base_environment


def run_jailed(
    command: Sequence[str], folder: Path, *, cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    """Exit code (None: it was ended) and the end of what it said. Only `folder` can be written."""
    for each in ("home", "tmp"):
        (folder / each).mkdir(exist_ok=True)
    job = Job(
        command=list(command),
        cwd=cwd,
        env=base_environment(home=folder / "home", tmp=folder / "tmp") | dict(env or {}),
        log=folder / "log",
        result=folder / "result.json",
        timeout=300,
        jail=Jail(wanted=WALLS, everything=True, writable=(folder,)),
    )
    result = Sandbox().run(job)
    log = folder / "log"
    return result.exit_code, log.read_text(errors="replace")[-4000:] if log.exists() else ""
