"""The parts that need the forge's API, opened with this run's token; nothing is decided here."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.ports import People, Pulls
    from pointsman.service.hub import Hub


def hub(around: Surroundings) -> AbstractContextManager[Hub]:
    """The queue with everything it needs; its lane lives on a ref of the repository."""
    from pointsman.wiring.github import action_hub

    return action_hub(
        around.temp / "pointsman-queue",
        repository=around.repository,
        token=_token(around),
        api_url=around.api,
        html_url=around.server,
        event_name=around.event_name,
        event=around.raw_event,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Pull requests and people of the repository, as this run's token sees them."""

    pulls: Pulls
    people: People


def desk(around: Surroundings) -> Desk:
    """Errors: UserError without a token, `ForgeUnavailable`, `ForgeRefused`."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.github.directory import open_with_token
    from pointsman.adapters.github.people import GitHubPeople

    clock = SystemClock()
    opened = open_with_token(
        _token(around), around.repository, clock=clock, api_url=around.api, html_url=around.server
    )
    return Desk(pulls=opened.pulls, people=GitHubPeople(opened.pulls, clock))


def _token(around: Surroundings) -> str:
    if not around.inputs.token:
        raise UserError(f"`{around.inputs.command}` asks the forge: set the input `token`")
    if not around.repository:
        raise UserError("GITHUB_REPOSITORY does not say which repository this is")
    return around.inputs.token
