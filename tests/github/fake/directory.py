"""Who there is and what they hold: clock, accounts, teams, apps, installations and tokens; no repository's state."""

from __future__ import annotations

import functools
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tests.github.fake.shapes import people
from tests.github.fake.state import ACTIONS_APP, Account, App, Credential, Installation, Team
from tests.github.fake.webhooks import Webhooks

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository

HOUR = 3600
COMMITS_AT = 1_700_000_000
"""Commits the fake makes are dated from here on, a second apart."""

EVENTS = (
    *("pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "status"),
    *("workflow_run", "push", "merge_group", "deployment_status", "create", "delete", "repository"),
)
PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "actions": "write",
    "deployments": "read",
    "administration": "read",
    "members": "read",
}


@functools.cache
def key_pair() -> tuple[str, str]:
    """An RSA key pair (private, public; PEM), one for the process."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return private.decode(), public.decode()


class Directory:
    """The half of the hub that is about people and apps; FakeGitHub is the whole."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.started = time.time()
        self.accounts: dict[str, Account] = {}
        self.teams: dict[tuple[str, str], Team] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, FakeRepository] = {}
        self.tokens: dict[str, Credential] = {}
        self.manifest_codes: dict[str, App] = {}
        self.spent: dict[str, int] = {}
        self._offset = 0.0
        self._ids = 1000
        self._ticks = 0
        self.webhooks = Webhooks(self.now, self.new_id)
        self.actions_app = self._actions()

    @property
    def whole(self) -> FakeGitHub:
        from tests.github.fake.hub import FakeGitHub

        assert isinstance(self, FakeGitHub)
        return self

    # clock and numbers

    def now(self) -> float:
        """The fake's own clock: seconds since 1970, real time and what `advance` added."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Lets time pass: tokens expire, rate limits start anew."""
        with self.lock:
            if int(self.now() // HOUR) != int((self.now() + seconds) // HOUR):
                self.spent.clear()
            self._offset += seconds

    def new_id(self, count: int = 1) -> int:
        """A number nobody has had; `count` reserves as many."""
        with self.lock:
            self._ids += count
            return self._ids - count + 1

    def tick(self) -> int:
        """The date of the next commit."""
        with self.lock:
            self._ticks += 1
            return COMMITS_AT + self._ticks

    # people

    def user(self, login: str) -> Account:
        """That user, made at the first call."""
        with self.lock:
            if login.lower() not in self.accounts:
                self.accounts[login.lower()] = Account(login=login, id=self.new_id())
            return self.accounts[login.lower()]

    def who(self, who: str | Account) -> Account:
        """The account of a login; an account as it is."""
        return who if isinstance(who, Account) else self.user(who)

    def organization(self, login: str) -> Account:
        """That organisation, made at the first call."""
        account = self.user(login)
        account.type = "Organization"
        return account

    def team(self, org: str, slug: str, members: Sequence[str] | Mapping[str, str] = ()) -> Team:
        """A team; members are active, or as the mapping says (`active`, `pending`)."""
        states = dict(members) if isinstance(members, Mapping) else dict.fromkeys(members, "active")
        made = Team(id=self.new_id(), org=self.organization(org), slug=slug, members=states)
        self.teams[org.lower(), slug] = made
        for login in states:
            self.user(login)
        return made

    # apps and tokens

    def _actions(self) -> App:
        owner = Account(login="github", id=9919, type="Organization")
        bot = Account(login="github-actions[bot]", id=41898282, type="Bot")
        self.accounts |= {account.login: account for account in (owner, bot)}
        return self._new_app(ACTIONS_APP, "github-actions", owner, bot, {"checks": "write"}, [], None)

    def _new_app(
        self,
        number: int,
        slug: str,
        owner: Account,
        bot: Account,
        permissions: dict[str, str],
        events: list[str],
        hook_url: str | None,
    ) -> App:
        private, public = key_pair()
        made = App(
            id=number,
            slug=slug,
            owner=owner,
            bot=bot,
            permissions=permissions,
            events=events,
            private_key=private,
            public_key=public,
            webhook_secret=secrets.token_hex(16),
            hook_url=hook_url,
            created=self.started,
        )
        self.apps[made.id] = made
        return made

    def app(
        self,
        slug: str = "pointsman",
        *,
        permissions: Mapping[str, str] = PERMISSIONS,
        events: Sequence[str] = EVENTS,
        hook_url: str | None = None,
        owner: str = "maker",
    ) -> App:
        """A new app; its webhooks go to `hook_url` (may be set later on the App)."""
        number = self.new_id()
        bot = Account(login=f"{slug}[bot]", id=self.new_id(), type="Bot")
        self.accounts[bot.login] = bot
        return self._new_app(number, slug, self.user(owner), bot, dict(permissions), list(events), hook_url)

    def install(
        self,
        app: App,
        on: FakeRepository | str,
        *,
        permissions: Mapping[str, str] | None = None,
    ) -> Installation:
        """Installs the app on one repository, or on all of an account; tells it `installation` created."""
        with self.lock:
            repo = None if isinstance(on, str) else on
            account = repo.owner if repo else self.user(str(on))
            made = Installation(
                id=self.new_id(),
                app=app,
                account=account,
                permissions=dict(permissions or app.permissions),
                repositories={repo.id} if repo else None,
                created=self.now(),
            )
            self.installations[made.id] = made
            self.tell_installation(made, "created")
            return made

    def tell_installation(self, installation: Installation, action: str) -> None:
        """The `installation` webhook."""
        on = [repo for repo in self.repositories.values() if self.covers(installation, repo)]
        payload = {
            "action": action,
            "installation": people.installation(self.whole, installation),
            "repositories": [_short(repo) for repo in on],
            "requester": None,
            "sender": people.user(self.whole, installation.account),
        }
        self.webhooks.tell("installation", payload, installation=installation)

    def uninstall(self, installation: Installation) -> None:
        """Takes the app off again; its tokens answer 401 from now on."""
        with self.lock:
            self.tell_installation(installation, "deleted")
            del self.installations[installation.id]
            self.tokens = {t: who for t, who in self.tokens.items() if who.installation is not installation}

    def suspend(self, installation: Installation, *, suspended: bool = True) -> None:
        """Suspends an installation, or lets it work again."""
        with self.lock:
            installation.suspended = suspended
            self.tell_installation(installation, "suspend" if suspended else "unsuspend")

    def add_to(self, installation: Installation, repo: FakeRepository) -> None:
        """Gives an installation on chosen repositories one more."""
        with self.lock:
            assert installation.repositories is not None
            installation.repositories.add(repo.id)
            payload = {
                "action": "added",
                "installation": people.installation(self.whole, installation),
                "repository_selection": "selected",
                "repositories_added": [_short(repo)],
                "repositories_removed": [],
                "requester": None,
                "sender": people.user(self.whole, installation.account),
            }
            self.webhooks.tell("installation_repositories", payload, installation=installation)

    def covers(self, installation: Installation, repo: FakeRepository) -> bool:
        """Is the app installed on that repository, and not suspended?"""
        if installation.suspended or installation.account is not repo.owner:
            return False
        return installation.repositories is None or repo.id in installation.repositories

    def installations_on(self, repo: FakeRepository) -> list[Installation]:
        return [found for found in self.installations.values() if self.covers(found, repo)]

    def user_token(self, login: str) -> str:
        """A personal token of that user, with all scopes."""
        return self._keep("ghp_", Credential(kind="user", account=self.user(login)))

    def installation_token(
        self,
        installation: Installation,
        *,
        permissions: Mapping[str, str] | None = None,
        repositories: set[int] | None = None,
    ) -> str:
        """A token of the installation, good for an hour of the fake's clock."""
        credential = Credential(
            kind="installation",
            account=installation.app.bot,
            app=installation.app,
            installation=installation,
            permissions=dict(installation.permissions if permissions is None else permissions),
            repositories=installation.repositories if repositories is None else repositories,
            expires=self.now() + HOUR,
        )
        return self._keep("ghs_", credential)

    def actions_token(self, repo: FakeRepository, permissions: Mapping[str, str] | None = None) -> str:
        """A token like `GITHUB_TOKEN` of a job of that repository: its pushes start no workflow."""
        credential = Credential(
            kind="actions",
            account=self.actions_app.bot,
            app=self.actions_app,
            permissions={"metadata": "read", **(permissions or {"contents": "read"})},
            repositories={repo.id},
        )
        return self._keep("ghs_", credential)

    def _keep(self, prefix: str, credential: Credential) -> str:
        token = prefix + secrets.token_hex(20)
        with self.lock:
            self.tokens[token] = credential
        return token


def _short(repo: FakeRepository) -> dict[str, object]:
    names = {"name": repo.name, "full_name": repo.full_name, "private": repo.private}
    return {"id": repo.id, "node_id": people.node_id("Repository", repo.id), **names}
