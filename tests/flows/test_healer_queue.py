"""R12 in the queue: a change that mechanics refuse, a healer command that mends it, and what main says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flows.world import QUEUE, World, contract
from tests.support.project import ENV_PY, INI, VERSIONS, revision

COLUMN = 'op.add_column("t_a", sa.Column("%s", sa.Integer()))'
TOOL = """\
import json, os, subprocess, sys
request = json.load(sys.stdin)
path = request["may_edit"][0]
os.chdir(os.environ["POINTSMAN_MERGED"])
with open(path) as file:
    text = file.read()
with open(path, "w") as file:
    file.write(text.replace('"n"', '"m"'))
sys.exit(subprocess.run(["git", "diff"]).returncode)
"""
MORE = "migrations: [{backend: alembic, proof: off}]\nhealer: {run: python3 tools/heal.py, network: host}"


def forked(folder: Path) -> World:
    """Both sides add the column `n`. The change brings a healer of its own, which would leave it all as it is."""
    files = {
        "alembic.ini": INI,
        "migrations/env.py": ENV_PY,
        "migrations/script.py.mako": "",
        f"{VERSIONS}/a_step.py": revision("a"),
        "tools/heal.py": TOOL,
    }
    world = World(folder, contract("true", queue=QUEUE, more=MORE), files)
    first = world.first
    world.branch("main", {f"{VERSIONS}/b_step.py": revision("b", "'a'", up=COLUMN % "n")})
    own = {
        f"{VERSIONS}/c_step.py": revision("c", "'a'", up=COLUMN % "n"),
        "tools/heal.py": "raise SystemExit(9)\n",
    }
    world.branch("agent/c", own, at=first)
    return world


@pytest.mark.slow
def test_R12_a_healer_command_mends_what_the_queue_would_return(tmp_path: Path) -> None:
    world = forked(tmp_path)
    told = world.cli("check", "--base", "main", "--head", "agent/c", "--branch", "agent/c")
    assert told.code == 1 and "The contract names a healer command" in told.out
    alone = world.cli("heal", "--base", "main", "--head", "agent/c", "--no-healer", "--json")
    assert (alone.json["status"], alone.json["healer"]["attempts"]) == ("refused", [])
    world.land("agent/c")
    assert world.order() == ["agent/c"]
    text = world.on_main(f"{VERSIONS}/c_step.py") or ""
    assert 'sa.Column("m"' in text and "down_revision = 'b'" in text
    assert world.on_main("tools/heal.py") == "raise SystemExit(9)\n", (
        "the change's own healer landed, but did not run"
    )
    trailers = world.repo.git("log", "-1", "--format=%(trailers:only)", "main")
    assert "Pointsman-Healed-By: healer command" in trailers
    assert f"the healer command wrote {VERSIONS}/c_step.py" in trailers
    assert "Pointsman-Proof: proved on scratch SQLite" in trailers, (
        "a patch is proved, whatever the contract says"
    )
    ((healed,),) = [body["healed"] for body in world.journal("built")]
    assert healed["strategy"] == "reparent+healer_command"
    ((value,),) = world.rows("select value from notes where key like 'healer:%'")
    assert [one["outcome"] for one in json.loads(value)["attempts"]] == ["accepted"]
