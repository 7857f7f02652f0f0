"""What docs/operations.md promises of the process: ready, alone on its state, ended in order, restored."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from pointsman.adapters.github.credentials import AppCredentials, save
from pointsman.core.errors import UserError
from pointsman.wiring import extras
from tests.github.fake import FakeGitHub
from tests.github.fake.state import App
from tests.github.world import CONTRACT, PROJECT

SECONDS = 90.0


class Process:
    """One `pointsman serve` on a free port."""

    def __init__(self, credentials: Path, state: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "pointsman",
            "serve",
            "--port",
            "0",
            "--credentials",
            str(credentials),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [*command, "--state", str(state)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._said: str | None = None

    def listen(self) -> str:
        """Where it listens."""
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        return found[0]

    def end(self, how: signal.Signals | None = None) -> tuple[int, str]:
        if how is not None:
            self._process.send_signal(how)
        if self._said is None:
            self._said = self._process.communicate(timeout=SECONDS)[1]
        return self._process.returncode, self._said


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with FakeGitHub(tmp_path_factory.mktemp("github")) as hub:
        yield hub


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes, none of which outlives the test."""
    with ExitStack() as stack:

        def begin(credentials: Path, state: Path) -> Process:
            process = Process(credentials, state)
            stack.callback(process.end, signal.SIGKILL)
            return process

        yield begin


def credentials(github: FakeGitHub, app: App, path: Path) -> Path:
    known = AppCredentials(
        app_id=app.id,
        slug=app.slug,
        private_key=app.private_key,
        webhook_secret=app.webhook_secret,
        api_url=github.api_url,
        html_url=github.url,
    )
    save(path, known)
    return path


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=30)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def queued(url: str, repository: str) -> bool:
    return (
        f'pointsman_queued_changes{{lane="main",repository="{repository}"}} 1.0' in get(f"{url}/metrics").text
    )


def test_ready_alone_and_ended_in_order(github: FakeGitHub, tmp_path: Path, start: Start) -> None:
    app = github.app("alone")
    file = credentials(github, app, tmp_path / "app.json")
    first = start(file, tmp_path / "state")
    url = first.listen()
    until(lambda: get(f"{url}/readyz").status_code == 200)
    assert get(f"{url}/healthz").status_code == 200
    code, err = start(file, tmp_path / "state").end()
    assert (code, "another process" in err) == (2, True)
    assert get(f"{url}/healthz").status_code == 200
    code, err = first.end(signal.SIGTERM)
    assert (code, "Traceback" in err) == (0, False)
    assert app.webhook_secret not in err


def test_credentials_that_others_can_read_are_refused(
    github: FakeGitHub, tmp_path: Path, start: Start
) -> None:
    file = credentials(github, github.app("shown"), tmp_path / "app.json")
    file.chmod(0o644)
    code, err = start(file, tmp_path / "state").end()
    assert (code, "chmod 600" in err) == (2, True)
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
@pytest.mark.soak
def test_a_queue_comes_back_from_its_backup(github: FakeGitHub, tmp_path: Path, start: Start) -> None:
    app = github.app("restored")
    repo = github.repository("acme/depot", files={**PROJECT, ".pointsman.yml": CONTRACT})
    repo.permission("ada", "write")
    repo.permission("grace", "maintain")
    file = credentials(github, app, tmp_path / "app.json")
    first = start(file, tmp_path / "state")
    url = first.listen()
    app.hook_url = f"{url}/webhook"
    github.install(app, repo)
    repo.push("ada", "change", {"new.txt": "x\n"}, "Change")
    number = repo.open_pull("ada", "change", "Change", "")
    repo.comment(number, "ada", "/queue")
    repo.comment(number, "grace", "/hold until the backup is there")
    until(lambda: queued(url, "acme/depot"))

    (folder,) = (tmp_path / "state" / "repositories").iterdir()
    backup = tmp_path / "backup"
    backup.mkdir()
    with (
        closing(sqlite3.connect(folder / "state.db")) as live,
        closing(sqlite3.connect(backup / "state.db")) as copy,
    ):
        live.backup(copy)
    shutil.copytree(folder / "git", backup / "git", symlinks=True)
    first.end(signal.SIGKILL)
    shutil.rmtree(tmp_path / "state")

    (tmp_path / "state" / "repositories").mkdir(parents=True)
    shutil.copytree(backup, tmp_path / "state" / "repositories" / folder.name, symlinks=True)
    second = start(file, tmp_path / "state")
    url = second.listen()
    until(lambda: queued(url, "acme/depot"))
    assert second.end(signal.SIGTERM)[0] == 0
    assert repo.tip("main") != repo.tip("change")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "GITHUB", ("no_such_package",))
    with pytest.raises(UserError, match=r"no_such_package\): pip install 'pointsman\[github\]'"):
        extras.require_github()
