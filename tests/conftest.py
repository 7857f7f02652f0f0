"""Cuts every test off from the configuration and repository of whoever runs it; offers `repo`."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import MISSING, WHY, TestServer, shared_server
from tests.support.repo import ISOLATED, Repo

ROOT = Path(__file__).parents[1]

if threading.current_thread() is threading.main_thread():
    # A shell gives its background jobs an ignored SIGINT, which every process started here would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
os.environ.update(ISOLATED)

# The hundreds of processes that tests start are not to compile us again and again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Collecting tests makes very many objects that stay; looking through them again and again takes a tenth of the time.
gc.set_threshold(50_000, 20, 50)

# Real git on a loaded machine has no steady pace: a deadline per example would only measure the machine.
settings.register_profile(
    "suite", max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are processors: much of a story's time is waiting for a process or a socket."""
    return 2 * (os.cpu_count() or 2)


def pytest_collection(session: pytest.Session) -> None:
    """Where several processes collect, each imports its own share of the tests first.

    Preparing a test's asserts costs more than all else about its import, and is kept beside it (`__pycache__`): so each
    process prepares a share, and finds the others' prepared.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for path in sorted((ROOT / "tests").rglob("test_*.py"))[number::count]:
        with suppress(Exception):  # collecting tells what is wrong with it
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def pytest_collection_finish() -> None:
    gc.freeze()  # what collecting made stays: nobody is to look through it again


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository on branch main."""
    return Repo(tmp_path / "repo").init()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """One server for the whole session, however many processes run it."""
    if MISSING:
        pytest.skip(WHY)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with shared_server(folder) as server:
        yield server


@pytest.fixture
def database(postgres: TestServer) -> Iterator[str]:
    """The address of an empty database."""
    with postgres.database() as url:
        yield url
