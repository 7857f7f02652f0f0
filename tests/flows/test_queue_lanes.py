"""Two base branches, one ceiling on running gates: each lane gets its turn."""

from __future__ import annotations

from pathlib import Path

from tests.flows.world import QUEUE, World, contract

ROLES = 'roles: {coder: {who: [ada], branches: ["agent/**"], owns: ["**"], targets: [main, zone]}}'


def test_a_lane_that_is_always_full_leaves_the_other_its_turn(tmp_path: Path) -> None:
    rules = contract(
        "sleep 0.3", queue=f"mode: serial, {QUEUE}", roles=ROLES, more="limits: {running_gates: 1}"
    )
    world = World(tmp_path, rules)
    world.repo.git("branch", "zone", "main")
    busy = [world.branch(f"agent/{number}") and f"agent/{number}" for number in range(3)]
    world.branch("agent/zone", at="zone")
    world.submit(*busy)
    assert world.cli("submit", "--base", "zone", "agent/zone").code == 0
    world.work(rewound=True)  # the invariants are looked for on main alone
    landed = [body["branches"] for body in world.journal("landed")]
    assert len(landed) == 4
    assert landed.index(["agent/zone"]) <= 1
