"""The parts that need the forge's API, named where wiring has them; nothing is decided here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.ports import Pulls


class Hub(Protocol):
    """The queue of one repository, ready to be woken."""

    def round(self, now: float) -> int:
        """Work off every lane once; how many things were done."""
        ...


def hub(around: Surroundings) -> AbstractContextManager[Hub]:
    """The queue with everything it needs; its lane lives on a ref of the repository."""
    opened: Callable[..., AbstractContextManager[Hub]] = importlib.import_module(
        "pointsman.wiring"
    ).action_hub
    return opened(
        around.temp / "pointsman-queue",
        repository=around.repository,
        token=_token(around),
        api_url=around.api,
        event_name=around.event_name,
        event=around.raw_event,
    )


def pulls(around: Surroundings) -> AbstractContextManager[Pulls]:
    """Pull requests and people of the repository, as this run's token sees them."""
    opened: Callable[..., AbstractContextManager[Pulls]] = importlib.import_module(
        "pointsman.wiring"
    ).action_pulls
    return opened(repository=around.repository, token=_token(around), api_url=around.api)


def _token(around: Surroundings) -> str:
    if not around.inputs.token:
        raise UserError(f"`{around.inputs.command}` asks the forge: set the input `token`")
    if not around.repository:
        raise UserError("GITHUB_REPOSITORY does not say which repository this is")
    return around.inputs.token
