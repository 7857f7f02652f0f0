"""The owner's policy on real git: deployments that landings wait for, freezes and hotfixes, and who resumes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.world import World, contract

BURST = tuple(f"agent/{letter}" for letter in "abcdefgh")
ROOM = "limits: {running_gates: 4}"


class Production:
    """What is deployed where, as files that the contract's commands look at; tests deploy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def policy(self) -> str:
        here = self.folder
        status = f"test -e {here}/broken && {{ echo no room; exit 1; }}; test -e {here}/$POINTSMAN_COMMIT || exit 75"
        count = f"test ! -e {here}/lost || {{ echo 12 rows, there were 40; exit 3; }}"
        return f"deploy: {{command: '{status}', post_check: '{count}'}}\n{ROOM}"

    def deployed(self, world: World) -> None:
        (self.folder / world.repo.rev("main")).touch()

    def say(self, what: str) -> None:
        (self.folder / what).touch()


@pytest.fixture
def production(tmp_path: Path) -> Production:
    return Production(tmp_path / "production")


@pytest.fixture
def world(tmp_path: Path, production: Production) -> World:
    """A queue that has looked at main, which is deployed."""
    queue = "mode: batch, max_batch: 8, retry: {max: 1}"
    made = World(tmp_path, contract(queue=queue, more=production.policy))
    production.deployed(made)
    return made


def burst(world: World) -> None:
    for name in BURST:
        world.branch(name)
    world.submit(*BURST)


def test_R22_a_burst_during_a_deployment_is_tested_meanwhile_and_lands_as_one(
    world: World, production: Production
) -> None:
    world.branch("agent/first")
    world.land("agent/first")
    burst(world)
    world.work()
    assert world.order() == ["agent/first"]
    wait = world.waiting("agent/a")
    assert wait["code"] == "deploy"
    assert world.repo.rev("main")[:10] in wait["message"]
    tested = len(world.journal("run_started"))
    production.deployed(world)
    world.work()
    assert world.order() == ["agent/first", *BURST]
    assert [len(body["changes"]) for body in world.journal("landed")] == [1, 8], "one landing, one deployment"
    assert len(world.journal("run_started")) == tested, "all of them were green by then"


def test_R21_R25_a_deployment_that_lost_something_pauses_the_lane_until_a_person_resumes_it(
    world: World, production: Production
) -> None:
    world.branch("agent/first")
    world.land("agent/first")
    production.deployed(world)
    production.say("lost")
    world.branch("agent/next")
    world.land("agent/next")
    (paused,) = world.journal("paused")
    assert (
        "it is deployed, and deploy.post_check says no: exit code 3 (12 rows, there were 40)" in paused["why"]
    )
    world.work()
    assert world.order() == ["agent/first"], "time alone resumes nothing"
    assert world.cli("resume").code == 0
    production.say("broken")
    world.work()
    assert world.order() == ["agent/first", "agent/next"]
    (_, again) = world.journal("paused")
    assert "failed: deploy.command: exit code 1 (no room)" in again["why"], (
        "what landed then is another deployment"
    )


def test_in_a_freeze_changes_are_tested_and_only_a_hotfix_lands(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    days = f"since: {today - timedelta(days=1)}, until: {today + timedelta(days=2)}"
    world = World(tmp_path, contract(queue=f"freeze: {{{days}, reason: the holidays}}", more=ROOM))
    for name in ("agent/a", "agent/urgent"):
        world.branch(name)
    world.land("agent/a")
    assert world.order() == []
    assert world.waiting("agent/a")["code"] == "frozen"
    assert "the holidays" in world.waiting("agent/a")["message"]
    assert world.cli("submit", "agent/urgent", "--hotfix").code == 0
    world.work()
    assert world.order() == ["agent/urgent"]
    assert world.cli("submit", "--hotfix", "agent/a").code == 0
    assert world.changes()["agent/a"]["priority"] == 100, "one that is queued is raised"
