"""Wake-ups between replicas, carried by procrastinate: a job in the queue of a lane's repository, for whoever holds it.

A wake-up is a hint: a timer comes round to every lane anyway. Nothing here decides whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pointsman.adapters.store.postgresql import MIGRATING

if TYPE_CHECKING:
    from procrastinate import App

    from pointsman.adapters.store.postgresql import Database

TASK = "wake"
GATHER_SECONDS = 0.05
"""For so long what is to be woken is gathered: a crowd of deliveries is one job a repository."""

AGAIN_SECONDS = 5.0
"""How long to wait after the database failed."""

CLOSE_SECONDS = 10.0
"""For how long an orderly end is waited for; the thread ends with the process in any case."""

POLL_SECONDS = 10.0
"""How often a job is looked for that no notification told of."""


class Wakeups:
    """One thread of its own. `heard` is called there, or in the sender's, with the name of each repository that was
    woken; it must not block. A name may be any text."""

    def __init__(self, database: Database, heard: Callable[[str], None]) -> None:
        """EnvironmentProblem when the tables for it can't be made."""
        self._database = database
        self._heard = heard
        self._schema = prepare(database)
        for chatty in ("procrastinate", "psycopg.pool"):  # a lost connection is told by whoever needs it
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        self._names: frozenset[str] = frozenset()
        self._to_wake: set[str] = set()
        self._asked = asyncio.Event()
        self._changed = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
        self._thread.start()

    def send(self, name: str) -> None:
        """Wake whoever works that repository; from any thread, and without waiting for it."""
        if name in self._names:
            self._heard(name)
            return

        def add() -> None:
            self._to_wake.add(name)
            self._asked.set()

        self._soon(add)

    def listen(self, names: Collection[str]) -> None:
        """From now on this process works these: it is woken for them, also by jobs that a dead process had begun."""
        wanted = frozenset(names)
        if wanted != self._names:
            self._names = wanted
            self._soon(self._changed.set)

    def close(self) -> None:
        """Wake-ups that are not sent yet are dropped."""
        self._soon(self._ended.set)
        self._thread.join(CLOSE_SECONDS)

    def _soon(self, call: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: so are we
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        while not self._ended.is_set():
            try:
                async with self._app() as app:
                    await self._first_of(self._ended.wait(), self._send(app), self._work(app))
            except Exception as problem:  # noqa: BLE001 - a hint that is lost costs some seconds, no more
                logging.getLogger("pointsman.replicas").info("wake-ups: %s", type(problem).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), AGAIN_SECONDS)

    @staticmethod
    async def _first_of(*works: Coroutine[Any, Any, Any]) -> None:
        """Until one of them has ended; none of them runs on. Its failure is raised."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    @contextlib.asynccontextmanager
    async def _app(self) -> AsyncIterator[App]:
        from procrastinate import App, PsycopgConnector

        connector = PsycopgConnector(
            conninfo=self._database.conninfo,
            kwargs={"options": f"-c search_path={self._schema}"},
            min_size=1,
            max_size=3,
        )
        app = App(connector=connector)

        @app.task(name=TASK)
        async def wake(name: str) -> None:
            self._heard(name)

        async with app.open_async():
            yield app

    async def _send(self, app: App) -> None:
        from procrastinate.exceptions import AlreadyEnqueued

        while True:
            await self._asked.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._asked.clear()
            while self._to_wake:
                name = self._to_wake.pop()
                job = app.configure_task(TASK, queue=queue_of(name), queueing_lock=name)
                with contextlib.suppress(AlreadyEnqueued):  # it will be woken as it is
                    await job.defer_async(name=name)

    async def _work(self, app: App) -> None:
        while True:
            self._changed.clear()
            names = self._names
            if not names:
                await self._changed.wait()
                continue
            await sweep(app, names)
            await self._first_of(self._changed.wait(), self._worker(app, names))

    async def _worker(self, app: App, names: Collection[str]) -> None:
        await app.run_worker_async(
            queues=[queue_of(name) for name in names],
            name="pointsman",
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=POLL_SECONDS,
            shutdown_graceful_timeout=1.0,
        )


async def sweep(app: App, names: Collection[str]) -> int:
    """Let jobs begin anew that were begun by somebody else in these repositories' queues; how many.

    Only who has the turn works such a queue, and the caller, who has it, has begun none: whoever did is dead or has
    lost its turn, however fresh its heartbeat is."""
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import Status

    swept = 0
    for name in names:
        stalled = await app.job_manager.get_stalled_jobs(queue=queue_of(name), seconds_since_heartbeat=0)
        for job in stalled:
            try:
                await app.job_manager.retry_job(job)
            except (
                ConnectorException
            ):  # another waits already and wakes as well: one job a repository may wait
                await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
            swept += 1
    return swept


def queue_of(name: str) -> str:
    """The name of the repository's queue: it becomes part of a channel's, which has at most 63 characters."""
    return sha256(name.encode()).hexdigest()[:32]


def prepare(database: Database) -> str:
    """The schema with procrastinate's tables, made where it is missing. Another form of the tables is another schema:
    what was waiting in the old one is not missed, and replicas of both versions run side by side meanwhile.

    EnvironmentProblem when the database fails."""
    from procrastinate.schema import SchemaManager

    tables = SchemaManager.get_schema()
    schema = f"pointsman_wakeups_{sha256(tables.encode()).hexdigest()[:8]}"
    found = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'procrastinate_jobs'"
    with database.explained(), database.connect() as connection:
        if connection.execute(found, [schema]).fetchone() is None:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATING])
                if connection.execute(found, [schema]).fetchone() is None:
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
                    connection.execute(f"SET LOCAL search_path TO {schema}".encode())
                    connection.execute(tables)
    return schema
