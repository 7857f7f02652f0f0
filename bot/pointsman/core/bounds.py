"""How much of everything is kept, with the reason for each number; nothing is removed or measured here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What a repository's upkeep leaves. It takes the oldest of what has ended; what is queued, live or evidence for a
    queued change counts against no bound and stays.

    Rows of the state: a change is about 1.5 KB, a candidate 0.8 KB and a run 0.6 KB, so these hold a state file under
    some 400 MB. At 2,400 landings a day they reach back 40 days.
    """

    changes: int = 100_000
    candidates: int = 100_000
    runs: int = 200_000
    claims: int = 100_000
    notes: int = 20_000
    """Of one kind, such as commands that were obeyed: a forge repeats nothing that is so long ago."""
    reviews: int = 50_000
    """Of which it is remembered on what head they were made; an older one has to be given again."""
    asked_heads: int = 1_000
    """Of so many ended changes the healer command's answers are remembered, for one that comes again."""

    journal: int = 50_000
    """Lines that stay in the state file. Older ones are archived by whole segments, and never removed."""
    segment: int = 10_000

    logs: int = 10_000
    """Of gate runs. A log is bounded by itself, see the runner."""
    log_bytes: int = 2_000_000_000

    pins: int = 100
    """Heads, and as many commits of candidates, that stay pinned after they ended, so that reproducing works."""

    state_bytes: int = 1_000_000_000
    archive_bytes: int = 1_000_000_000
    """Above these `doctor` says what to do: nothing is taken away for them."""


BOUNDS = Bounds()
"""What holds everywhere: there is no setting, for nobody is to be asked how much rubbish they want."""

CACHE_FILES = 200
CACHE_BYTES = 2_000_000_000
CACHE_SECONDS = 90 * 86_400.0
"""Parse results of so many repositories, and of those used so lately."""
