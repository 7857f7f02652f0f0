"""Remembers, in a wait's key, on which facts and behind which changes a change could not be built; nothing else."""

from __future__ import annotations

from collections.abc import Collection

from pointsman.core.model import Sha
from pointsman.core.queue.model import Wait

MOST = 24
"""After so many different attempts on the same facts a change is only tried on the tip itself."""


def build_facts(tip: Sha, contract: str, consents: int) -> str:
    """Names the facts that building a change on the tip depends on: equal facts give equal outcomes."""
    return f"{tip}:{contract[:16]}:{consents}"


def behind_key(wait: Wait | None, facts: str, beneath: Collection[int]) -> str:
    """The key of a change that could not be built on top of the changes `beneath` (on the tip: none), with what was
    tried before on the same facts."""
    tried = {*barred(wait, facts), frozenset(beneath)}
    least = [one for one in tried if not any(other < one for other in tried)]
    texts = sorted("+".join(str(number) for number in sorted(one)) for one in least)
    return f"{facts}:" + "|".join(texts[:MOST] if len(texts) <= MOST else [*texts[: MOST - 1], "*"])


def barred(wait: Wait | None, facts: str) -> frozenset[frozenset[int]]:
    """Behind which sets of changes it could not be built as long as the facts are these: behind none of them, nor
    behind more than one of them holds. The empty set: it can't be built at all."""
    if wait is None or not wait.key.startswith(facts + ":"):
        return frozenset()
    found = set()
    for text in wait.key.removeprefix(facts + ":").split("|"):
        if text != "*":
            found.add(frozenset(int(number) for number in text.split("+") if number))
    return frozenset(found)


def is_barred(wait: Wait | None, facts: str, beneath: Collection[int]) -> bool:
    """Whether it is known that the change can't be built on top of those."""
    below = set(beneath)
    if any(one <= below for one in barred(wait, facts)):
        return True
    return bool(below) and wait is not None and wait.key.startswith(facts + ":") and wait.key.endswith("*")
