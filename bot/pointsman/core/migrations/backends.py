"""The migration tools that Pointsman knows; adding one is a line here and a package beside alembic/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.core.migrations.alembic.backend import Alembic
from pointsman.core.migrations.backend import Backend
from pointsman.core.migrations.django.backend import Django
from pointsman.core.migrations.model import Layout, Problem
from pointsman.core.migrations.numbered.backend import Numbered

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment

BACKENDS: tuple[Backend, ...] = (Alembic(), Django(), Numbered())


def backend_of(layout: Layout) -> Backend:
    """The tool whose environment that is, at work there."""
    return next(backend for backend in BACKENDS if backend.name == layout.backend).at(layout)


def between(environments: Sequence[Environment]) -> Mapping[tuple[str, str], tuple[Problem, ...]]:
    """What is wrong between environments of one tree, by `Layout.key` of the one that shows it."""
    found: dict[tuple[str, str], tuple[Problem, ...]] = {}
    for backend in BACKENDS:
        ours = [each for each in environments if each.layout.backend == backend.name]
        if backend.crosses and ours:
            found |= backend.between(ours)
    return found
