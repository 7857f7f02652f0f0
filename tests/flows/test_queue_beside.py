"""What lands beside others without a test is never something that the bot made."""

from __future__ import annotations

from pathlib import Path

from tests.flows.world import World, contract
from tests.support.project import ENV_PY, INI, revision

FOLDERS = "version_locations = %(here)s/api/revs:%(here)s/web/revs\nversion_path_separator = :\n"
RULES = "independent: {api: ['api/**'], web: ['web/**']}"
GATE = "test ! -e web/revs/c_step.py || test -e api/revs/b_step.py || sleep 1"


def test_I1_a_heal_is_tested_before_it_lands_in_whatever_area(tmp_path: Path) -> None:
    """Two areas bring a migration each, into folders that by their name are none: the second is healed onto the
    first, and so is no longer what was tested."""
    files = {
        "alembic.ini": INI + FOLDERS,
        "migrations/env.py": ENV_PY,
        "migrations/script.py.mako": "",
        "api/revs/a_step.py": revision("a"),
    }
    rules = contract(
        GATE,
        queue=f"mode: speculate, {RULES}",
        more="limits: {running_gates: 2}\nmigrations: [{backend: alembic, proof: off}]",
    )
    world = World(tmp_path, rules, files)
    world.branch("agent/b", {"api/revs/b_step.py": revision("b", "'a'")})
    world.branch("agent/c", {"web/revs/c_step.py": revision("c", "'a'")})
    world.submit("agent/b", "agent/c")
    world.work(rewound=True)
    assert world.states() == {"agent/b": "landed", "agent/c": "landed"}
    tested = {row[0] for row in world.rows("select tree from runs where state = 'passed'")}
    assert {body["tree"] for body in world.journal("landed")} <= tested
