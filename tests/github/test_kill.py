"""`pointsman serve` killed with -9 again and again while pull requests land: nothing is lost or lands twice."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.adapters.github.credentials import AppCredentials, save
from tests.github.fake import FakeGitHub, FakeRepository
from tests.github.world import CONTRACT, PROJECT

CHANGES = 6
KILLS = 8
SECONDS = 120.0


class Serve:
    """The real process, started again on the same state and port."""

    def __init__(self, folder: Path, hub: FakeGitHub) -> None:
        self.app = hub.app()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        secrets = AppCredentials(
            app_id=self.app.id,
            slug=self.app.slug,
            private_key=self.app.private_key,
            webhook_secret=self.app.webhook_secret,
            api_url=hub.api_url,
            html_url=hub.url,
        )
        save(folder / "app.json", secrets)

    def start(self) -> None:
        command = [sys.executable, "-m", "pointsman", "serve", "--prove", "here", "--port", str(self._port)]
        command += ["--credentials", str(self._folder / "app.json"), "--state", str(self._folder / "state")]
        with (self._folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        _await_port(self._port)
        self.app.hook_url = f"http://127.0.0.1:{self._port}/webhook"

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("it does not listen")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[FakeGitHub, FakeRepository, Serve]]:
    (folder / "github").mkdir()
    with FakeGitHub(folder / "github") as hub:
        repo = hub.repository("acme/depot", files={**PROJECT, ".pointsman.yml": CONTRACT})
        repo.permission("ada", "write")
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"], commands={"unit": "test ! -e red"})
        serve = Serve(folder, hub)
        serve.start()
        hub.install(serve.app, repo)
        yield hub, repo, serve


@pytest.mark.soak
def test_i5_kill_9_at_random_instants_loses_nothing_and_lands_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    with serving(tmp_path) as (_, repo, serve):
        numbers = []
        for at in range(CHANGES):
            repo.push("ada", f"f{at}", {f"f{at}.txt": "x\n"}, f"Add {at}")
            numbers.append(repo.open_pull("ada", f"f{at}", f"Add {at}", ""))
            repo.comment(numbers[-1], "ada", "/queue")
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 2.5))
            serve.kill()
            serve.start()
        deadline = time.monotonic() + SECONDS
        while not all(repo.pull(n).merged for n in numbers) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)
        assert serve.kill(signal.SIGTERM) == 0
        log = repo.bare.git("log", "--first-parent", "--format=%s", "main").splitlines()
        assert sorted(log) == sorted([*(f"Add {at} (#{n})" for at, n in enumerate(numbers)), "Start"])
        for number in numbers:
            ours = [c.body for c in repo.comments(number) if c.author.login == serve.app.bot.login]
            assert len([body for body in ours if "pointsman:comment" in body]) <= 1
