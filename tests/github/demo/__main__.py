"""The command line of the demo: where it plays, and how it ends."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pointsman.cli.demo import folder_for, term_as_interrupt, tools_of_this_python
from pointsman.core.errors import PointsmanError, UserError
from tests.github.demo.story import ALL, SHORT
from tests.github.demo.tell import tell


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all came out as told; 1: it did not; 2: it could not be played there; 130: interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.github.demo",
        description="Watch the real app land agents' pull requests on a GitHub on loopback. Needs no account and no "
        "network.",
    )
    parser.add_argument(
        "--keep", metavar="DIR", type=Path, help="play in DIR (new or empty) and leave it there"
    )
    parser.add_argument("--short", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    try:
        return _play(chosen.keep, short=chosen.short)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except PointsmanError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, UserError) else 1


def _play(keep: Path | None, *, short: bool) -> int:
    started = time.monotonic()
    with folder_for(keep) as folder, tools_of_this_python(), term_as_interrupt():
        came_true = tell(
            folder,
            kept=keep is not None,
            elapsed=lambda: time.monotonic() - started,
            scenes=SHORT if short else ALL,
        )
    return 0 if came_true else 1


if __name__ == "__main__":
    sys.exit(main())
