"""Makes once in a process what each of the many worlds needs and no story is about: state files, a key's checks."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support import state

_load_key = cache(load_pem_private_key)
"""Reading a key checks its primes: 50 ms."""


@pytest.fixture(autouse=True)
def quick_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    state.copied(monkeypatch)
    monkeypatch.setattr("jwt.algorithms.load_pem_private_key", _load_key)
