"""Which strategy a contract's `queue.mode` names."""

from __future__ import annotations

from pointsman.core.queue.strategies.batch import batch, serial
from pointsman.core.queue.strategies.model import Strategy
from pointsman.core.queue.strategies.speculate import speculate
from pointsman.core.queue.strategies.subsets import subsets
from pointsman.core.queue.strategies.window import window

STRATEGIES: dict[str, Strategy] = {
    "serial": serial,
    "batch": batch,
    "window": window,
    "speculate": speculate,
    "subsets": subsets,
}
"""`subsets` is for simulations only: the contract's reader lets all others through."""


def strategy_named(mode: str) -> Strategy:
    """The strategy of that name. KeyError for another."""
    return STRATEGIES[mode]
