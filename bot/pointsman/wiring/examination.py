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
    visit = _Visit(examination=examination, repository=repository, gate=gate or Gate())
    with closing(examination):
        there = tuple(visit.findings())
    known = visit.listed if visit.whole and repository is None else None
    return (*there, *app_state(state, now=clock.now(), known=known))


@dataclass(kw_only=True)
class _Visit:
    """One walk through what the app sees. `listed`: the ids of the repositories; `whole`: those are all there are."""

    examination: Examination
    repository: str | None
    gate: Gate
    listed: set[int] = field(default_factory=set)
    whole: bool = False
    left: int = MOST_EXAMINED

    def findings(self) -> Iterator[Finding]:
        ask = self.examination
        try:
            app = ask.app()
        except ForgeUnavailable as problem:
            mend = "see that this machine reaches GitHub, and that `api_url` in the credentials is right"
            yield Sheet(area="app").broken("api", str(problem), mend=mend)
            return
        except (ForgeRefused, UserError) as problem:
            mend = "make a new private key on the app's page, and put it into the credentials"
            yield Sheet(area="app").broken("key", str(problem), mend=mend)
            return
        yield from judge_app(app, api_url=ask.api_url, skew=ask.skew)
        yield from judge_hook(app, ask.hook(), ask.deliveries(), now=ask.now)
        found = self._installations()
        if found is None:
            yield _not_installed(app, self.repository or "")
        elif isinstance(found, Unread):
            yield from judge_installations(app, found, everywhere=self.repository is None)
        else:
            yield from self._installed(app, found)

    def _installations(self) -> tuple[InstallationFacts, ...] | Unread | None:
        """All, or the one that reaches the repository; None where none does."""
        if self.repository is None:
            return self.examination.installations()
        one = self.examination.installation_of(self.repository)
        return (one,) if isinstance(one, InstallationFacts) else one

    def _installed(self, app: AppFacts, found: tuple[InstallationFacts, ...]) -> Iterator[Finding]:
        clients = {each.id: self.examination.client_of(each) for each in found if not each.suspended}
        self.whole = len(clients) == len(found) < MOST_INSTALLATIONS
        known = tuple(self._with_limits(each, clients.get(each.id)) for each in found)
        yield from judge_installations(app, known, everywhere=self.repository is None)
        for each in known:
            client = clients.get(each.id)
            if client is not None:
                app = app if app.account else replace(app, account=self.examination.account(app.slug, client))
                yield from self._places(app, client, Sheet(area="installation", subject=each.account))

    def _places(self, app: AppFacts, client: Client, sheet: Sheet) -> Iterator[Finding]:
        places = self._reached(client)
        if isinstance(places, Unread):
            self.whole = False
            yield sheet.broken("repositories", f"can't be read: {places.why}")
            return
        self.listed |= {place.id for place in places}
        self.whole = self.whole and len(places) < MOST_REPOSITORIES
        living = [place for place in places if not place.archived]
        if len(living) < len(places):
            yield sheet.ok("archived", f"{len(places) - len(living)}: nothing happens in those")
        for place in living[: self.left]:
            facts = read_repository(client, place, site=app.site, admin=self.examination.admin)
            yield from (*judge_contract(facts, app), *judge_branch(facts, app), *judge_gate(facts, self.gate))
        if len(living) > self.left:
            text = f"{len(living) - self.left} were not looked at; name one with --repository OWNER/NAME"
            yield sheet.missing("repositories", text)
        self.left = max(self.left - len(living), 0)

    def _reached(self, client: Client) -> tuple[Place, ...] | Unread:
        if self.repository is None:
            return self.examination.repositories(client)
        one = self.examination.repository(client, self.repository)
        return (one,) if isinstance(one, Place) else one

    def _with_limits(self, found: InstallationFacts, client: Client | None) -> InstallationFacts:
        limits = self.examination.limits(client) if client is not None else None
        return found if limits is None else replace(found, limit=limits[0], remaining=limits[1])


def _not_installed(app: AppFacts, repository: str) -> Finding:
    return Sheet(area="app").broken(
        "installations",
        f"the app is not installed on {repository}, or there is no such repository",
        mend="install it there, or add the repository to those that it was installed on",
        url=f"{app.site}/apps/{app.slug}/installations/new",
    )
