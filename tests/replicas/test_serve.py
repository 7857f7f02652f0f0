"""Several `pointsman serve` over one PostgreSQL: one is killed, another goes on; webhooks reach whoever works."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from pointsman.adapters.github.credentials import AppCredentials, save
from pointsman.adapters.replicas.share import schema_of
from pointsman.adapters.store.address import Address
from pointsman.adapters.store.postgresql import Database
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.journal import Intact, verify
from tests.github.fake import FakeGitHub, FakeRepository
from tests.github.fake.state import App
from tests.github.world import CONTRACT, PROJECT

SECONDS = 90.0
REPLICAS = 3
CHANGES = 6


class Replica:
    """One real process with a folder of its own."""

    def __init__(self, folder: Path, credentials: Path, database: str) -> None:
        folder.mkdir()
        self.log = folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
        command = [sys.executable, "-m", "pointsman", "serve", "--port", str(self.port), "--prove", "here"]
        command += ["--credentials", str(credentials), "--state", str(folder / "state")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PM_TEST_URL": database}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--database", "env:PM_TEST_URL"], stdout=log, stderr=log, env=environment
            )

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhook"

    def listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        return self.process.wait(30)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def holder(database: str) -> int | None:
    """The process that has the turn of some repository, as the server sees it."""
    query = """SELECT split_part(l.holder, ':', 2)::int FROM {}.ledger l"""
    with psycopg.connect(database) as connection:
        names = [name for (name,) in connection.execute(SCHEMAS)]
        for name in names:
            found = connection.execute(query.format(f'"{name}"').encode()).fetchone()
            if found is not None and found[0] is not None:
                return int(found[0])
    return None


SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^pointsman_r[0-9]+$'"


@contextmanager
def replicas(folder: Path, database: str) -> Iterator[tuple[FakeRepository, App, list[Replica]]]:
    (folder / "github").mkdir()
    with FakeGitHub(folder / "github") as hub, ExitStack() as stack:
        repo = hub.repository("acme/depot", files={**PROJECT, ".pointsman.yml": CONTRACT})
        repo.permission("ada", "write")
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"], commands={"unit": "test ! -e red"})
        app = hub.app()
        secrets = AppCredentials(
            app_id=app.id,
            slug=app.slug,
            private_key=app.private_key,
            webhook_secret=app.webhook_secret,
            api_url=hub.api_url,
            html_url=hub.url,
        )
        save(folder / "app.json", secrets)
        hub.install(app, repo)
        started = []
        for number in range(REPLICAS):
            started.append(Replica(folder / str(number), folder / "app.json", database))
            stack.callback(started[-1].end, signal.SIGKILL)
        for each in started:
            until(each.listens, "it does not listen")
        yield repo, app, started


@pytest.mark.slow
@pytest.mark.soak
def test_i2_i5_a_replica_that_is_killed_or_stopped_is_followed_by_another(
    tmp_path: Path, database: str
) -> None:
    with replicas(tmp_path, database) as (repo, app, started):
        until(lambda: holder(database) is not None, "nobody takes the repository")
        numbers = []
        for at in range(CHANGES):
            working = holder(database)
            others = [each for each in started if each.process.poll() is None and each.process.pid != working]
            app.hook_url = others[0].hook  # who hears of it does not work it
            repo.push("ada", f"f{at}", {f"f{at}.txt": "x\n"}, f"Add {at}")
            numbers.append(repo.open_pull("ada", f"f{at}", f"Add {at}", ""))
            repo.comment(numbers[-1], "ada", "/queue")
            if at == 2:
                (first,) = [each for each in started if each.process.pid == working]
                first.end(signal.SIGKILL)
                until(lambda gone=working: holder(database) != gone, "nobody follows")  # type: ignore[misc]
        until(lambda: all(repo.pull(n).merged for n in numbers), "not all landed")
        log = repo.bare.git("log", "--first-parent", "--format=%s", "main").splitlines()
        assert sorted(log) == sorted([*(f"Add {at} (#{n})" for at, n in enumerate(numbers)), "Start"])
        for each in started:
            if each.process.poll() is None:
                assert each.end(signal.SIGTERM) == 0
            assert "Traceback" not in each.log.read_text()
        with contextlib.closing(Database.open(Address(database, source="the test's"))) as opened:
            assert isinstance(verify(SqlStore(opened.home(schema_of(repo.id))).journal()), Intact)
