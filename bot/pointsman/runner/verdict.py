"""How a proof is left in the middle, and how differences are cut short; it decides nothing.

Kept to Python 3.9's language. Imports nothing of Pointsman.
"""

from __future__ import annotations

SHOWN_DIFFERENCES = 3


class NotProved(Exception):
    """Nothing can be shown on this machine; the text says why."""


class Failed(Exception):
    """A route does not hold; it is the last one in the list."""


def shortened(told: list[str]) -> str:
    """The first few clauses, and how many more there are."""
    rest = len(told) - SHOWN_DIFFERENCES
    return "; ".join([*told[:SHOWN_DIFFERENCES], *([f"and {rest} more"] if rest > 0 else [])])
