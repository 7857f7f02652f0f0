"""Opens the repository under test as the adapter does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository

Open = Callable[[Path], GitRepository]


@pytest.fixture
def open_git() -> Iterator[Open]:
    """Opens any number of repositories, with a short wait for locks, and closes them after the test."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(GitRepository.open(path, lock_wait=0.3))
