"""What a lane learns of the deployment of what landed last, and what it remembers of it in a real state file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pointsman.adapters.store.sql import SqlStore
from pointsman.core.contract import Contract
from pointsman.core.contract.model import Deploy
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.queue.deploys import Answer, DeployReport, Question
from pointsman.core.queue.model import CandidateState
from pointsman.core.queue.observation import Deployment, DeployState
from pointsman.service.deployments import Deployments
from tests.core.contract.facts import contract
from tests.core.queue.facts import candidate, sha

OLD, OURS, THEIRS = sha("old"), sha("commit0-1"), sha("theirs")
ROLES = "roles: {coder: {who: alice, owns: ['**']}}\n"
PENDING, SUCCEEDED, FAILED = DeployState.PENDING, DeployState.SUCCEEDED, DeployState.FAILED


@dataclass
class Clock:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Reports:
    """A forge: what it says now, and how often it was asked."""

    says: DeployReport | Exception | None = None
    asked: list[Sha] = field(default_factory=list)

    def report(self, commit: Sha, deploy: Deploy) -> DeployReport | None:
        self.asked.append(commit)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@dataclass
class Answers:
    """A runner: how each command ends, None while it runs; and which were started."""

    ends: dict[str, int | None] = field(default_factory=dict)
    started: list[Question] = field(default_factory=list)
    running: dict[str, Question] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return bool(self.running)

    @property
    def ended(self) -> bool:
        return any(self.ends[one.command] is not None for one in self.running.values())

    def ask(self, question: Question) -> Answer | None:
        if self.running.get(question.lane) != question:
            self.running[question.lane] = question
            self.started.append(question)
            return None
        code = self.ends[question.command]
        if code is None:
            return None
        del self.running[question.lane]
        return Answer(exit_code=code, why=f"exit code {code}")

    def forget(self, lane: str) -> None:
        self.running.pop(lane, None)


@dataclass
class Lane:
    """A lane whose queue has looked at OLD before and then landed OURS."""

    store: SqlStore
    name: str
    clock: Clock = field(default_factory=Clock)
    forge: Reports = field(default_factory=Reports)
    runner: Answers = field(default_factory=Answers)

    def __post_init__(self) -> None:
        made = candidate(0, 1, lane=self.name, state=CandidateState.LANDED, created_at=900.0)
        self.store.save(made, at=900.0)
        self.service = self.anew()

    def anew(self) -> Deployments:
        """As after a restart."""
        self.service = Deployments(
            store=self.store, clock=self.clock, source=self.forge, questions=self.runner
        )
        return self.service

    def see(self, policy: Contract, tip: Sha = OURS) -> Deployment | None:
        return self.service.read(self.name, tip, policy)

    def landed(self, policy: Contract) -> None:
        """OLD was looked at and settled; now OURS is there."""
        self.see(policy, OLD)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """One for all: making it takes longer than all that is asked of it. Each test has a lane of its own."""
    made = SqlStore.open(tmp_path_factory.mktemp("deployments") / "state.db")
    yield made
    made.close()


@pytest.fixture
def lane(store: SqlStore, request: pytest.FixtureRequest) -> Lane:
    return Lane(store, request.node.name)


def deploys(text: str) -> Contract:
    return contract(f"{ROLES}deploy: {{{text}}}\n")


PRODUCTION = deploys("environment: production")
COMMAND = deploys("command: ./status")
CHECKED = deploys("environment: production, post_check: ./count")


def test_R21_what_we_landed_is_waited_for_until_it_is_reported(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    lane.clock.at = 2000.0
    assert lane.see(PRODUCTION) == Deployment(commit=OURS, since=2000.0, state=PENDING)
    lane.forge.says = DeployReport(state=PENDING, url="https://ci/7")
    lane.clock.at = 2020.0
    assert lane.see(PRODUCTION) == Deployment(commit=OURS, since=2000.0, state=PENDING, url="https://ci/7")
    lane.forge.says = DeployReport(state=SUCCEEDED)
    lane.clock.at = 2040.0
    assert lane.see(PRODUCTION) is None
    assert lane.anew().read(lane.name, OURS, PRODUCTION) is None
    assert lane.forge.asked == [OLD, OURS, OURS, OURS], "a settled one is not asked about again, by nobody"


def test_R21_a_failure_is_told_with_its_reason_as_of_when_it_was_seen(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    lane.see(PRODUCTION)
    lane.clock.at = 1500.0
    lane.forge.says = DeployReport(state=FAILED, url="https://ci/7", why="health check")
    failed = Deployment(commit=OURS, since=1500.0, state=FAILED, url="https://ci/7", why="health check")
    assert lane.see(PRODUCTION) == failed
    lane.clock.at = 9000.0
    assert lane.anew().read(lane.name, OURS, PRODUCTION) == failed


def test_what_an_outsider_pushed_is_waited_for_only_where_a_deployment_is_reported(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    assert lane.see(PRODUCTION, THEIRS) is None
    lane.forge.says = DeployReport(state=PENDING)
    lane.clock.at += 30
    found = lane.see(PRODUCTION, THEIRS)
    assert found is not None
    assert found.state is PENDING
    lane.forge.says = None
    lane.clock.at += 30
    assert lane.see(PRODUCTION, THEIRS) == found, "what was reported once is waited for"


def test_an_outsiders_commit_of_which_nothing_is_reported_is_not_asked_about_for_ever(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    for _ in range(100):
        lane.see(PRODUCTION, THEIRS)
        lane.clock.at += 60
    asked = lane.forge.asked.count(THEIRS)
    assert asked <= 60 + 1
    lane.see(PRODUCTION, THEIRS)
    assert lane.forge.asked.count(THEIRS) == asked


def test_the_tip_of_a_queue_that_never_looked_before_holds_nothing_up(lane: Lane) -> None:
    """The contract has just come to speak of deployments: nobody knows of that of the tip."""
    assert lane.see(PRODUCTION) is None
    assert lane.see(PRODUCTION) is None


def test_the_forge_is_asked_every_twenty_seconds_at_most_and_at_once_when_it_speaks(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    lane.forge.asked.clear()
    for _ in range(60):
        lane.see(PRODUCTION)
        lane.clock.at += 1
    assert len(lane.forge.asked) == 3
    lane.service.hint(THEIRS)
    lane.see(PRODUCTION)
    lane.service.hint(OURS)
    lane.see(PRODUCTION)
    lane.see(PRODUCTION)
    assert len(lane.forge.asked) == 5
    lane.clock.at += 59
    lane.see(PRODUCTION)
    assert len(lane.forge.asked) == 5, "where hints come, nothing but they and a slow timer asks"


def test_where_the_forge_cannot_be_asked_nothing_is_forgotten_and_it_is_left_alone(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    lane.forge.says = ForgeUnavailable("no answer", again_at=1500.0)
    first = lane.see(PRODUCTION)
    lane.clock.at = 1499.0
    assert first is not None
    assert lane.see(PRODUCTION) == first
    assert lane.forge.asked.count(OURS) == 1
    lane.clock.at = 1501.0
    lane.forge.says = ForgeRefused("the app may not read deployments", status=403)
    found = lane.see(PRODUCTION)
    assert found is not None
    assert (found.state, found.why) == (FAILED, "the app may not read deployments")


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, None), (75, PENDING), (1, FAILED), (127, FAILED)],
    ids=["done", "not yet", "no", "none"],
)
def test_a_command_says_how_it_stands_and_is_never_waited_for(
    lane: Lane, code: int, state: DeployState | None
) -> None:
    lane.runner.ends = {"./status": None}
    lane.landed(COMMAND)
    assert lane.see(COMMAND) == Deployment(commit=OURS, since=1000.0, state=PENDING)
    assert len(lane.runner.running) == 1
    assert (lane.runner.started[-1].commit, lane.runner.started[-1].command) == (OURS, "./status")
    lane.runner.ends = {"./status": code}
    found = lane.see(COMMAND)
    assert (found.state if found else None) is state
    assert found is None or state is PENDING or found.why == f"deploy.command: exit code {code}"
    assert lane.runner.running == {}
    started = len(lane.runner.started)
    lane.see(COMMAND)
    assert len(lane.runner.started) == started
    lane.clock.at += 21
    lane.see(COMMAND)
    assert len(lane.runner.started) == started + (state is PENDING)


def test_R25_a_post_check_runs_once_after_a_success_and_its_no_is_a_failed_deployment(lane: Lane) -> None:
    lane.landed(CHECKED)
    lane.forge.says = DeployReport(state=SUCCEEDED)
    lane.runner.ends = {"./count": None}
    found = lane.see(CHECKED)
    assert found is not None
    assert found.state is PENDING, "what is not checked yet is not done"
    lane.runner.ends = {"./count": 3}
    found = lane.see(CHECKED)
    assert found is not None
    assert (found.state, found.why) == (FAILED, "it is deployed, and deploy.post_check says no: exit code 3")
    assert lane.anew().read(lane.name, OURS, CHECKED) == found
    assert len(lane.runner.started) == 1


def test_R25_a_post_check_that_passed_is_not_asked_again(lane: Lane) -> None:
    lane.landed(CHECKED)
    lane.forge.says = DeployReport(state=SUCCEEDED)
    lane.runner.ends = {"./count": 0}
    assert [lane.see(CHECKED) is None for _ in range(4)] == [False, True, True, True]
    lane.anew().read(lane.name, OURS, CHECKED)
    assert len(lane.runner.started) == 1


def test_where_no_command_can_be_run_that_is_a_failure_and_not_a_silent_yes(lane: Lane) -> None:
    lane.landed(CHECKED)
    lane.forge.says = DeployReport(state=SUCCEEDED)
    for policy, key in ((CHECKED, "post_check"), (COMMAND, "command")):
        alone = Deployments(store=lane.store, clock=lane.clock, source=lane.forge)
        found = alone.read(key, OURS, policy) or alone.read(key, OURS, policy)
        assert found is not None
        assert (found.state, found.why.split(":")[0]) == (FAILED, f"deploy.{key}")


def test_without_a_forge_an_environment_means_nothing(lane: Lane) -> None:
    alone = Deployments(store=lane.store, clock=lane.clock, questions=lane.runner)
    assert alone.read(lane.name, OLD, CHECKED) is None
    assert alone.read(lane.name, OURS, CHECKED) is None
    assert lane.runner.started == []


def test_what_runs_for_a_commit_that_is_not_the_tip_any_more_is_ended(lane: Lane) -> None:
    lane.runner.ends = {"./status": None}
    lane.landed(COMMAND)
    lane.see(COMMAND)
    lane.see(contract(ROLES))
    assert not lane.service.busy


def test_it_says_when_there_is_something_to_ask_or_to_hear(lane: Lane) -> None:
    lane.landed(PRODUCTION)
    lane.see(PRODUCTION)
    due = [lane.service.due]
    lane.clock.at += 20
    due.append(lane.service.due)
    lane.forge.says = DeployReport(state=SUCCEEDED)
    lane.runner.ends = {"./count": None}
    lane.see(CHECKED)
    due.append(lane.service.due)
    lane.runner.ends = {"./count": 0}
    due.append(lane.service.due)
    lane.see(CHECKED)
    lane.clock.at += 1000
    due.append(lane.service.due)
    assert due == [False, True, False, True, False]


def test_a_clock_that_is_set_back_neither_holds_the_lane_for_a_year_nor_stops_asking(lane: Lane) -> None:
    lane.clock.at = 5e7
    lane.landed(PRODUCTION)
    lane.see(PRODUCTION)
    lane.clock.at = 1000.0
    asked = len(lane.forge.asked)
    assert lane.see(PRODUCTION) == Deployment(commit=OURS, since=1000.0, state=PENDING)
    assert len(lane.forge.asked) == asked + 1


def test_nothing_is_written_while_nothing_changes(lane: Lane) -> None:
    """A write wakes everybody who waits for the state to change."""
    lane.landed(PRODUCTION)
    lane.see(PRODUCTION)
    version = lane.store.version()
    for _ in range(5):
        lane.clock.at += 30
        lane.see(PRODUCTION)
    assert lane.store.version() == version
