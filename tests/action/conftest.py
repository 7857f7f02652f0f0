"""A machine of Actions for every test of a step; caches stay out of the home of whoever runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.action.steps import Runner


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(folder=tmp_path)
