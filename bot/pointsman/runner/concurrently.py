"""Notices what SQLite runs and PostgreSQL only outside a transaction: indexes that are built concurrently, VACUUM.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Optional  # noqa: UP035 - called at run time by 3.9

from pointsman.runner.failures import OTHER_DATABASE
from pointsman.runner.redirect import Elsewhere


def stop_at_concurrent(ours: set[str], versions: list[Path]) -> None:
    """From here on such a statement of one of these revisions ends the step: whether it can run where it stands,
    SQLite does not know. Published ones are taken as they are."""
    from alembic.ddl.impl import DefaultImpl
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def stop_if_ours(does: str) -> None:
        revision = _running(versions)
        if revision in ours:
            raise Elsewhere(f"{OTHER_DATABASE}: {revision} {does}")

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Any, index: Any, **words: Any) -> Any:
            if index.dialect_options["postgresql"].get("concurrently"):
                stop_if_ours("builds or drops an index concurrently")
            return original(self, index, **words)

        return run

    def look(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.lstrip()[:6].upper() == "VACUUM":
            stop_if_ours("runs VACUUM")

    event.listen(Engine, "before_cursor_execute", look)
    for name in ("create_index", "drop_index"):
        setattr(DefaultImpl, name, guarded(getattr(DefaultImpl, name)))


def _running(versions: list[Path]) -> Optional[str]:  # noqa: UP045
    """The revision whose file is being run."""
    frame: Optional[FrameType] = sys._getframe(1)  # noqa: UP045
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if any(folder in path.parents for folder in versions):
            found = frame.f_globals.get("revision")
            return found if isinstance(found, str) else None
        frame = frame.f_back
    return None
