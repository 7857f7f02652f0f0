"""`pointsman serve` as a process of its own, its lines as they come and its end; it knows nothing of pull requests."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from pointsman.adapters.github.credentials import AppCredentials, save
from pointsman.core.errors import EnvironmentProblem
from tests.github.fake import App, FakeGitHub

START_SECONDS = 60.0
END_SECONDS = 20.0


class Serving:
    """The real app with its state in `folder`, while the block is open; `lines` is what it says, in order.

    Errors: `EnvironmentProblem` where it does not come up."""

    def __init__(self, folder: Path, hub: FakeGitHub, app: App) -> None:
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.complaints: list[str] = []
        self.address = ""
        self._up = threading.Event()
        self._folder = folder
        self._app = app
        secrets = AppCredentials(
            app_id=app.id,
            slug=app.slug,
            private_key=app.private_key,
            webhook_secret=app.webhook_secret,
            api_url=hub.api_url,
            html_url=hub.url,
        )
        self.credentials = folder / "app.json"
        save(self.credentials, secrets)

    @property
    def command(self) -> list[str]:
        """As it is typed, after `python -m`."""
        kept = ["--credentials", str(self.credentials), "--state", str(self._folder / "state")]
        return ["pointsman", "serve", "--gate", "workflows", "--prove", "here", "--port", "0", *kept]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> Self:
        # A session of its own: Ctrl-C at the terminal is for us, who then end it in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self.command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._readers = [self._read(self._process.stdout, self.lines.put)]
        self._readers.append(self._read(self._process.stderr, self._complained))
        try:
            if not self._up.wait(START_SECONDS) or not self.address:
                raise EnvironmentProblem("\n".join(["`pointsman serve` did not come up:", *self.complaints]))
        except BaseException:
            self.stop()
            raise
        self._app.hook_url = f"{self.address}/webhook"
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as a service manager does, by force if need be; its exit code."""
        if self.alive:
            self._process.terminate()
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for reader in self._readers:
            reader.join()
        return code

    def _read(self, stream: IO[str] | None, take: Callable[[str], None]) -> threading.Thread:
        def run() -> None:
            assert stream is not None
            with stream:
                for line in stream:
                    take(line.rstrip("\n"))
            self._up.set()

        reader = threading.Thread(target=run, daemon=True)
        reader.start()
        return reader

    def _complained(self, line: str) -> None:
        """One line that is not about the queue: where it listens, what was done (JSON lines), or what is wrong."""
        if line.startswith("listening on "):
            self.address = line.split()[2]
            self._up.set()
        elif not routine(line):
            self.complaints.append(line)


def routine(line: str) -> bool:
    """Is it a line of the log that nobody has to act on?"""
    try:
        return json.loads(line)["level"] in ("debug", "info")
    except (ValueError, KeyError, TypeError):
        return False
