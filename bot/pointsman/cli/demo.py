"""`pointsman demo`: plays the story of six agents on a real repository, then shows that it is true."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click

from pointsman.core.errors import UserError


@click.command()
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Build the repository in DIR (new or empty) and keep it.  [default: a folder that is removed]",
)
def demo(keep: Path | None) -> int:
    """Watch six agents' branches land on a real repository.

    Builds a small application with Alembic migrations on SQLite, lets six agents submit branches to it
    (forks, conflicts and other trouble among them), runs the real queue and shows each decision. Needs no
    account and no network. Exit code 1 if the story did not come out as it should.
    """
    from pointsman.demo.tell import tell

    with folder_for(keep) as directory, tools_of_this_python(), term_as_interrupt():
        started = time.monotonic()
        return 0 if tell(directory, kept=keep is not None, elapsed=lambda: time.monotonic() - started) else 1


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """The folder to build in: DIR as it is, or one that is gone afterwards whatever happens."""
    if keep is None:
        with TemporaryDirectory(prefix="pointsman-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder).resolve() / "depot"
        return
    if keep.exists() and any(keep.iterdir()):
        raise UserError(f"{keep} is not empty; name a new folder, or an empty one, with --keep DIR")
    yield keep.resolve()


@contextmanager
def tools_of_this_python() -> Iterator[None]:
    """The application's checks call `python`: let that be one that has SQLAlchemy and Alembic."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


@contextmanager
def term_as_interrupt() -> Iterator[None]:
    """SIGTERM unwinds as Ctrl-C does, so that running gates end and the folder goes, and neither shows a traceback."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def unraisable(problem: sys.UnraisableHookArgs) -> None:
        # GitPython's GitConfigParser.__del__ fails where the constructor was interrupted.
        if not str(getattr(problem.object, "__module__", "")).startswith("git."):
            told(problem)

    before = signal.signal(signal.SIGTERM, interrupt)
    told, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        yield
    finally:
        sys.unraisablehook = told
        signal.signal(signal.SIGTERM, before)
