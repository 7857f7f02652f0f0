"""The migration tools that Pointsman knows; adding one is a line here and a package beside alembic/."""

from __future__ import annotations

from pointsman.core.migrations.alembic.backend import Alembic
from pointsman.core.migrations.backend import Backend
from pointsman.core.migrations.model import Layout

BACKENDS: tuple[Backend, ...] = (Alembic(),)


def backend_of(layout: Layout) -> Backend:
    """The tool whose environment that is."""
    return next(backend for backend in BACKENDS if backend.name == layout.backend)
