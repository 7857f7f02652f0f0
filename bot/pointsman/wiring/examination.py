"""Puts the doctor's questions to GitHub and to the app's state folder together; what they mean is judged in core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from pointsman.adapters.app_state import app_state
from pointsman.adapters.clock import SystemClock
from pointsman.adapters.github.client import Client
from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.examination import MOST_INSTALLATIONS, MOST_REPOSITORIES, Examination, Place
from pointsman.adapters.github.examination_repository import read_repository
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, UserError
from pointsman.core.pulls.diagnosis import (
    AppFacts,
    Gate,
    InstallationFacts,
    Unread,
    judge_app,
    judge_branch,
    judge_contract,
    judge_gate,
    judge_hook,
    judge_installations,
)
from pointsman.ports import Clock

MOST_EXAMINED = 50
"""Repositories in one go, twelve requests each."""


def examine_app(
    credentials: AppCredentials,
    *,
    state: Path,
    repository: str | None = None,
    gate: Gate | None = None,
    admin_token: str = "",
    clock: Clock | None = None,
) -> tuple[Finding, ...]:
    """What there is to know of the app on GitHub and of its state folder here. `repository`: only that one, of the
    name `owner/name`; `admin_token` reads bypass lists, which are not shown to the app."""
    clock = clock or SystemClock()
    try:
        examination = Examination(credentials, clock=clock, admin_token=admin_token)
    except UserError as problem:
        told = Sheet(area="app").broken("credentials", str(problem))
        return (told, *app_state(state, now=clock.now()))
    seen = Seen()
    with closing(examination):
        there = tuple(_on_github(examination, repository, gate or Gate(), seen))
    known = seen.ids if seen.whole and repository is None else None
    return (*there, *app_state(state, now=clock.now(), known=known))


@dataclass(kw_only=True)
class Seen:
    """The ids of the repositories that were listed; `whole` where those are all."""

    ids: set[int] = field(default_factory=set)
    whole: bool = False


def _on_github(examination: Examination, repository: str | None, gate: Gate, seen: Seen) -> Iterator[Finding]:
    try:
        app = examination.app()
    except ForgeUnavailable as problem:
        mend = "see that this machine reaches GitHub, and that `api_url` in the credentials is right"
        yield Sheet(area="app").broken("api", str(problem), mend=mend)
        return
    except (ForgeRefused, UserError) as problem:
        mend = "make a new private key on the app's page, and put it into the credentials"
        yield Sheet(area="app").broken("key", str(problem), mend=mend)
        return
    yield from judge_app(app, api_url=examination.api_url, skew=examination.skew)
    yield from judge_hook(app, examination.hook(), examination.deliveries(), now=examination.now)
    found = _installations(examination, repository)
    if found is None:
        yield _not_installed(app, repository or "")
        return
    yield from _installed(examination, app, found, repository, gate, seen)


def _installations(
    examination: Examination, repository: str | None
) -> tuple[InstallationFacts, ...] | Unread | None:
    """All, or the one that reaches the repository; None where none does."""
    if repository is None:
        return examination.installations()
    one = examination.installation_of(repository)
    return (one,) if isinstance(one, InstallationFacts) else one


def _installed(
    examination: Examination,
    app: AppFacts,
    found: tuple[InstallationFacts, ...] | Unread,
    repository: str | None,
    gate: Gate,
    seen: Seen,
) -> Iterator[Finding]:
    if isinstance(found, Unread):
        yield from judge_installations(app, found, everywhere=repository is None)
        return
    clients = {each.id: examination.client_of(each) for each in found if not each.suspended}
    known = tuple(_with_limits(examination, each, clients.get(each.id)) for each in found)
    yield from judge_installations(app, known, everywhere=repository is None)
    left, seen.whole = MOST_EXAMINED, len(clients) == len(found) < MOST_INSTALLATIONS
    for each in known:
        client, sheet = clients.get(each.id), Sheet(area="installation", subject=each.account)
        if client is None:
            continue
        app = app if app.account else replace(app, account=examination.account(app.slug, client))
        places = _places(examination, client, repository)
        if isinstance(places, Unread):
            seen.whole = False
            yield sheet.broken("repositories", f"can't be read: {places.why}")
            continue
        seen.ids |= {place.id for place in places}
        seen.whole = seen.whole and len(places) < MOST_REPOSITORIES
        living = [place for place in places if not place.archived]
        for place in living[:left]:
            facts = read_repository(client, place, site=app.site, admin=examination.admin)
            yield from (*judge_contract(facts, app), *judge_branch(facts, app), *judge_gate(facts, gate))
        if len(living) > left:
            text = f"{len(living) - left} were not looked at; name one with --repository OWNER/NAME"
            yield sheet.missing("repositories", text)
        left = max(left - len(living), 0)


def _places(examination: Examination, client: Client, repository: str | None) -> tuple[Place, ...] | Unread:
    if repository is None:
        return examination.repositories(client)
    one = examination.repository(client, repository)
    return (one,) if isinstance(one, Place) else one


def _with_limits(
    examination: Examination, found: InstallationFacts, client: Client | None
) -> InstallationFacts:
    limits = examination.limits(client) if client is not None else None
    return found if limits is None else replace(found, limit=limits[0], remaining=limits[1])


def _not_installed(app: AppFacts, repository: str) -> Finding:
    return Sheet(area="app").broken(
        "installations",
        f"the app is not installed on {repository}, or there is no such repository",
        mend="install it there, or add the repository to those that it was installed on",
        url=f"{app.site}/apps/{app.slug}/installations/new",
    )
