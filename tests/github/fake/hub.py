"""The whole fake: who there is, which repositories, tokens and apps, the clock, and starting and stopping."""

from __future__ import annotations

import functools
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.github.fake.faults import Faults
from tests.github.fake.repository import FakeRepository
from tests.github.fake.state import (
    ACTIONS_APP,
    Account,
    App,
    CheckRun,
    Credential,
    Installation,
    RefUpdate,
    Request,
    Status,
    Team,
)
from tests.github.fake.webhooks import Webhooks

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


class FakeGitHub:
    """See the package's docstring. `folder` must exist; what it holds belongs to the fake."""

    def __init__(self, folder: Path, *, check: bool = True) -> None:
        self.folder = folder
        self.checked = check
        self.lock = threading.RLock()
        self.started = time.time()
        self.accounts: dict[str, Account] = {}
        self.teams: dict[tuple[str, str], Team] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, FakeRepository] = {}
        self.tokens: dict[str, Credential] = {}
        self.manifest_codes: dict[str, App] = {}
        self.requests: list[Request] = []
        self.git_log: list[RefUpdate] = []
        self.violations: list[str] = []
        self.threads: list[threading.Thread] = []
        self.faults = Faults()
        self.null_reads = 1
        self.retry_after = 1
        self.debug = False
        self.rate_limit = 5000
        self.spent: dict[str, int] = {}
        self._offset = 0.0
        self._ids = 1000
        self._ticks = 0
        self.webhooks = Webhooks(self.now, self.new_id)
        self.actions_app = self._actions()
        self.host = ""

    # starting and stopping

    def __enter__(self) -> Self:
        from tests.github.fake.web import Server

        (self.folder / "repos").mkdir(parents=True, exist_ok=True)
        self._server = Server(self)
        self.host = f"127.0.0.1:{self._server.start()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.close()
        self.webhooks.close()
        for thread in self.threads:
            thread.join(30)
        self._server.stop()
        if self.violations and kind is None:
            raise AssertionError("against GitHub's description:\n" + "\n".join(self.violations))

    @property
    def url(self) -> str:
        """Where pages and git repositories are: `{url}/{owner}/{name}.git`."""
        return f"http://{self.host}"

    @property
    def api_url(self) -> str:
        """The REST API's root, as on GitHub Enterprise."""
        return f"{self.url}/api/v3"

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
            repo = on if isinstance(on, FakeRepository) else None
            account = repo.owner if repo else self.who(str(on))
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
        from tests.github.fake.shapes import people

        on = [repo for repo in self.repositories.values() if self.covers(installation, repo)]
        short = [{"id": r.id, "name": r.name, "full_name": r.full_name, "private": r.private} for r in on]
        payload = {
            "action": action,
            "repositories": short,
            "requester": None,
            "sender": people.user(self, installation.account),
        }
        from tests.github.fake.shapes.people import installation as shape

        self.webhooks.tell(
            "installation", payload | {"installation": shape(self, installation)}, installation=installation
        )

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

    # repositories

    def repository(
        self,
        full_name: str = "acme/widgets",
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        private: bool = False,
        default_branch: str = "main",
    ) -> FakeRepository:
        """A new repository with one commit of those files on its default branch, made by its owner."""
        owner, name = full_name.split("/")
        with self.lock:
            made = FakeRepository(
                self, self.user(owner), name, private=private, default_branch=default_branch
            )
            self.add_repository(made)
            content = {"README.md": f"# {name}\n"} if files is None else files
            made.push(owner, default_branch, content, "Start", base=None)
            return made

    def add_repository(self, repo: FakeRepository) -> FakeRepository:
        with self.lock:
            self.repositories[repo.id] = repo
            return repo

    def find(self, owner: str, name: str) -> FakeRepository | None:
        """The repository of that name, now or once: compare `full_name` to see which."""
        wanted = f"{owner}/{name}".lower()
        known = list(self.repositories.values())
        now = next((repo for repo in known if repo.full_name.lower() == wanted), None)
        return now or next((repo for repo in known if wanted in repo.old_names), None)

    # checks

    def finish_check(
        self,
        repo: FakeRepository,
        ref: str,
        name: str,
        conclusion: str = "success",
        *,
        text: str = "",
        title: str | None = None,
    ) -> CheckRun:
        """Completes the check run of that name on a branch or commit (one not yet completed before others)."""
        with self.lock:
            sha = repo.bare.commit(ref)
            found = [run for run in repo.check_runs(sha or "", newest=False) if run.name == name]
            assert found, f"no check {name} on {ref}"
            run = next((run for run in found if run.status != "completed"), found[-1])
            repo.end_check(run, conclusion, text, title=title)
            return run

    def start_check(self, repo: FakeRepository, ref: str, name: str) -> CheckRun:
        """Sets the newest check run of that name to `in_progress`."""
        with self.lock:
            sha = repo.bare.commit(ref)
            run = [run for run in repo.check_runs(sha or "", newest=False) if run.name == name][-1]
            repo.start_check(run)
            return run

    def spoof_check(
        self, repo: FakeRepository, ref: str, name: str, app_id: int, conclusion: str = "success"
    ) -> CheckRun:
        """A completed check run of another app (made up where the id is unknown)."""
        with self.lock:
            if app_id not in self.apps:
                bot = Account(login=f"app-{app_id}[bot]", id=self.new_id(), type="Bot")
                self._new_app(
                    app_id, f"app-{app_id}", self.user("stranger"), bot, {"checks": "write"}, [], None
                )
            sha = repo.bare.commit(ref)
            assert sha, f"no commit {ref}"
            app = self.apps[app_id]
            run = repo.new_check(repo.need_suite(app, sha), name, sender=app.bot)
            repo.end_check(run, conclusion)
            return run

    def status(
        self, repo: FakeRepository, ref: str, context: str, state: str = "success", by: str = "ci"
    ) -> Status:
        """Sets a commit status (`pending`, `success`, `failure`, `error`)."""
        with self.lock:
            sha = repo.bare.commit(ref)
            assert sha, f"no commit {ref}"
            return repo.add_status(sha, context, state, self.user(by))

    # what was seen

    def count(
        self,
        *,
        installation: int | None = None,
        method: str | None = None,
        route: str | None = None,
        since: int = 0,
    ) -> int:
        """How many API requests were answered (304s included), from the `since`th of `requests` on."""
        wanted = [("installation", installation), ("method", method), ("route", route)]
        seen = self.requests[since:]
        return sum(all(v is None or getattr(r, name) == v for name, v in wanted) for r in seen)

    def settle(self, timeout: float = 20.0) -> None:
        """Waits (seconds) until all webhooks made so far are delivered; AssertionError when it takes longer."""
        assert self.webhooks.settled(timeout), "webhooks are still on their way"

    def fail_next(
        self, method: str, path: str, status: int | str = 502, *, times: int = 1, after: int = 0
    ) -> None:
        """Spoils the next API requests of that method (`*`: any) whose path matches the regular expression.

        `status`: a code (5xx, 429, ...), `timeout` (no answer, nothing done), `timeout_after_apply` (done, no answer),
        `502_after_apply`, `secondary_limit`, `primary_limit`. The first `after` matching requests pass."""
        self.faults.add(method, path, status, times=times, after=after)
