"""Cuts every test off from the configuration and repository of whoever runs it; offers `repo`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.repo import ISOLATED, Repo

for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
os.environ.update(ISOLATED)

# Real git on a loaded machine has no steady pace: a deadline per example would only measure the machine.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository on branch main."""
    return Repo(tmp_path / "repo").init()
