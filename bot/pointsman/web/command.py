"""`pointsman serve`: the GitHub App in one process: webhooks in one thread, the queue in another."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.adapters.github.credentials import AppCredentials
    from pointsman.core.queue.model import Entry
    from pointsman.wiring.github import Where

QUIET = frozenset({"building", "run_started", "landing", "passed", "submitted"})
"""Kinds of journal entries that announce what the next line says."""


@click.command()
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that `pointsman app create` wrote.  [default: POINTSMAN_APP_ID and its companions]",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where queue, inbox and mirrors are kept.  [default: $STATE_DIRECTORY or ~/.local/state/pointsman]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--gate",
    type=click.Choice(["workflows", "here"]),
    default="workflows",
    show_default=True,
    help="Who runs the contract's checks: the repository's workflows on candidate branches, or the jailed runner here.",
)
@click.option(
    "--prove",
    type=click.Choice(["workflows", "here"]),
    default=None,
    help="Where heals are proved.  [default: as --gate]",
)
@click.option(
    "--also-secret",
    "also",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with another webhook secret that counts as well, while the secret is being replaced.",
)
@click.option(
    "--healer-env",
    "healer_env",
    multiple=True,
    metavar="NAME",
    help="A variable of this process that a contract's healer command may see, where heals are proved here.",
)
@click.option(
    "--database",
    metavar="WHERE",
    help="Keep queue and inbox in PostgreSQL, for several replicas: env:NAME, a file that holds the address, or an "
    "address without a password.  [default: $POINTSMAN_DATABASE, else SQLite in --state]",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def serve(
    credentials: Path | None,
    state: Path | None,
    host: str,
    port: int,
    gate: Where,
    prove: Where | None,
    also: tuple[Path, ...],
    healer_env: tuple[str, ...],
    database: str | None,
    quiet: bool,
) -> int:
    """Run the GitHub App: take webhooks in, work every repository's queue, answer on pull requests.

    Webhooks go to POST /webhook; /healthz, /readyz and /metrics tell how it does. One process works with a state
    folder; with --database several, each with a folder of its own, share the repositories. SIGTERM and Ctrl-C
    stop it after the current step; nothing is lost, not even by kill -9.
    """
    from pointsman.wiring.extras import require_github

    require_github()
    from pointsman.adapters.app_state import default_folder
    from pointsman.wiring.github import Ways, github_app

    known = _credentials(credentials)
    ways = Ways(gate=gate, prove=prove or gate, healer_env=healer_env)
    say = (lambda _name, _entry: None) if quiet else _say
    folder = state or default_folder(os.environ)
    with github_app(known, folder, ways=ways, say=say, database=database) as app:
        from pointsman.adapters.clock import SystemClock
        from pointsman.web.logs import log_to
        from pointsman.web.running import serve as listen
        from pointsman.web.server import make_app

        log_to(level=logging.WARNING if quiet else logging.INFO)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)

        worker = Worker(app.hub.run)
        pages = make_app(
            inbox=app.inbox,
            secrets=(known.webhook_secret, *(path.read_text().strip() for path in also)),
            figures=app.hub.figures,
            ready=lambda: app.hub.ready if worker.alive else "the queue's thread has died",
            wake=app.wake,
            clock=SystemClock(),
        )
        worker.start()
        try:
            listen(pages, host=host, port=port, stop=worker.ended, started=_started(host, quiet=quiet))
        finally:
            app.wake()
            worker.stop()
    return 2 if worker.failed else 0


class Worker:
    """The thread that works the queue; when it dies, `ended` stops the server too: better down than deaf."""

    def __init__(self, run: Callable[..., None]) -> None:
        self._run = run
        self._stop = threading.Event()
        self.ended = threading.Event()
        self.failed = False
        self._thread = threading.Thread(target=self._work, name="queue", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the step that is under way end."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._run(stop=self._stop.is_set)
        except BaseException:  # noqa: BLE001 - whatever it was, the process must not stay up deaf
            self.failed = True
            traceback.print_exc()
        finally:
            self.ended.set()


def _credentials(path: Path | None) -> AppCredentials:
    from pointsman.adapters.github.credentials import from_environment, load

    known = load(path) if path is not None else from_environment(os.environ)
    if known is None:
        raise UserError(
            "No credentials: name the file that `pointsman app create` wrote with --credentials FILE, or set "
            "POINTSMAN_APP_ID, POINTSMAN_PRIVATE_KEY_FILE and POINTSMAN_WEBHOOK_SECRET_FILE"
        )
    return known


def _started(host: str, *, quiet: bool) -> Callable[[int], None]:
    def tell(port: int) -> None:
        if not quiet:
            click.echo(
                f"listening on http://{host}:{port}  (POST /webhook, /healthz, /readyz, /metrics)", err=True
            )

    return tell


def _say(name: str, entry: Entry) -> None:
    from pointsman.core.narrate import narrate

    if entry.kind in QUIET or entry.body.get("state") == "cancelled":
        return
    told = narrate(entry.kind, entry.body)
    where = f"{name} " if name else ""
    click.echo(f"{where}{click.style(told.word.ljust(10), fg=told.colour)} {told.text}")
    sys.stdout.flush()
