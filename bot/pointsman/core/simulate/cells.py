"""The workloads that the published figures are of: fleets as users describe them, and Uber's published load."""

from __future__ import annotations

from pointsman.core.simulate.workloads import Fleet, Monorepo

_FLEETS = (
    (10, 5, 3, 0.05, 0.03),
    (20, 5, 3, 0.08, 0.03),
    (40, 2, 3, 0.08, 0.05),
    (10, 20, 3, 0.15, 0.10),
    (30, 10, 6, 0.08, 0.03),
    (30, 20, 12, 0.15, 0.10),
    (60, 10, 12, 0.08, 0.05),
    (60, 5, 12, 0.10, 0.05),
    (60, 20, 12, 0.03, 0.01),
    (120, 2, 6, 0.15, 0.10),
    (120, 5, 12, 0.10, 0.05),
    (120, 5, 12, 0.03, 0.01),
    (120, 20, 12, 0.03, 0.01),
    (60, 10, 3, 0.05, 0.03),
    (120, 20, 12, 0.10, 0.05),
)

FLEETS = tuple(
    Fleet(per_hour=per_hour, gate=gate, runners=runners, red=red, together=together)
    for per_hour, gate, runners, red, together in _FLEETS
)
"""By load, lightest first in each pace; the last two bring more than any strategy can learn."""

MONOREPO = Monorepo(per_hour=100, gate=30, runners=100)
"""The lightest of Uber's loads; the others take hours to simulate."""

HARDER = (
    Fleet(per_hour=30, gate=10, runners=6, red=0.08, together=0.03, fail_fast=False),
    Fleet(per_hour=30, gate=10, runners=6, red=0.08, together=0.03, kinds=False),
    Fleet(per_hour=30, gate=10, runners=6, red=0.08, together=0.03, flaky=0.01),
)
"""One cell without what helps: red runs that end early, changes that can be told apart, checks that don't flake."""
