"""What a strategy is told of waiting changes: read from real git and a real state file, kept, and only ever a hint."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from pointsman.core.contract import Author, Contract
from pointsman.core.errors import ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change, ChangeState, Entry, LaneState
from pointsman.core.queue.observation import Pace, Touch
from pointsman.ports import Git, Store
from pointsman.service.facts import Facts, LaneFacts
from pointsman.service.recorded import LocalPeople
from pointsman.service.touches import Touches
from pointsman.wiring import local_queue
from tests.flows.world import World
from tests.support.repo import Repo

Line = tuple[float, str, dict[str, Any]]


@dataclass
class Counted:
    """The real git, with a count of what it was asked for."""

    git: Git
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.git, name)


@dataclass(kw_only=True)
class Desk:
    """One lane's facts over a world: real git, real state file, a clock that stands still."""

    git: Counted
    store: Store
    contract: Contract
    facts: Facts
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def queued(self) -> tuple[Change, ...]:
        return self.store.changes("main", states=(ChangeState.QUEUED,))

    def read(self) -> LaneFacts:
        tip = self.git.git.read_ref("refs/heads/main")
        assert tip is not None
        return self.facts.read("main", tip, self.contract, self.queued())

    def restart(self) -> None:
        self.facts = Facts(git=self.git, store=self.store, clock=self)

    def journal(self, *lines: Line) -> None:
        """What a lane writes down while it works."""
        for at, then in groupby(lines, key=lambda line: line[0]):
            entries = tuple(Entry(lane="main", kind=kind, body=body) for _, kind, body in then)
            self.store.save(LaneState(name="main"), entries=entries, at=at)

    def end(self, change: int, code: str = "") -> None:
        """The change lands, or is returned with that code."""
        known = self.store.change(change)
        assert known is not None
        state = ChangeState.RETURNED if code else ChangeState.LANDED
        self.store.save(replace(known, state=state), at=self.at)
        if code:
            self.journal((self.at, "returned", {"change": change, "branch": known.branch, "code": code}))
        else:
            self.journal((self.at, "landed", {"changes": [change]}))


@contextmanager
def desk_of(world: World) -> Iterator[Desk]:
    with local_queue(world.path) as queue:
        assert queue.contract is not None
        git = Counted(queue.git)
        one = Desk(git=git, store=queue.store, contract=queue.contract, facts=None)  # type: ignore[arg-type]
        one.restart()
        yield one


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four branches: one modifies a file, one does and adds a migration, one adds, one stands on the first."""
    world = World(tmp_path_factory.mktemp("facts"))
    world.branch("agent/a", {"app.txt": "a\n"})
    world.branch("agent/b", {"app.txt": "b\n", "db/versions/b1.py": "revision = 'b1'\n"})
    world.branch("agent/c", {"docs/c.md": "c\n"})
    world.branch("agent/d", {"web/d.js": "d\n"}, at="agent/a")
    world.submit("agent/a", "agent/b", "agent/c", "agent/d")
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """That world, for one test alone."""
    mine = copy(made)
    mine.path = tmp_path / "repo"
    mine.repo = Repo(mine.path)
    mine.repo.commits_made = made.repo.commits_made
    copytree(made.path, mine.path)
    return mine


def touch(modified: str = "", added: str = "", *, migrations: bool = False) -> Touch:
    return Touch(modified=frozenset(modified.split()), added=frozenset(added.split()), migrations=migrations)


def test_touches_roles_and_odds_are_read_and_kept(world: World) -> None:
    with desk_of(world) as desk:
        found = desk.read()
        assert found.touches == {
            1: touch("app.txt"),
            2: touch("app.txt", "db/versions/b1.py", migrations=True),
            3: touch(added="docs/c.md"),
            4: touch("app.txt", "web/d.js"),
        }
        assert found.roles == dict.fromkeys((1, 2, 3, 4), "coder")
        assert (found.pace, found.odds[1].joint < found.odds[2].joint < found.odds[4].joint) == (Pace(), True)
        assert all(0.05 < odds.alone < 0.15 for odds in found.odds.values())
        assert found.changes == desk.queued(), (
            "what was found is in the state file, and in what is handed back"
        )
        assert found.changes[1].features == (
            *("role:coder", "size:2", "area:.", "area:db", "migration:yes", "retry:no"),
            "met:0:0:0:1",
            f"contract:{desk.contract.digest[:12]}",
        )


def test_I8_a_second_reading_asks_git_nothing_and_saves_nothing_and_no_file_is_ever_read(
    world: World,
) -> None:
    with desk_of(world) as desk:
        first = desk.read()
        assert {"read", "entries", "entry", "merge"}.isdisjoint(desk.git.calls)
        desk.git.calls.clear()
        version = desk.store.version()
        desk.read()
        assert desk.read() == first
        assert (desk.git.calls, desk.store.version()) == ([], version)


def test_what_has_landed_is_not_the_work_of_who_stands_on_it(world: World) -> None:
    with desk_of(world) as desk:
        desk.read()
        world.branch("main", {"other.txt": "by hand\n"})
        desk.git.calls.clear()
        assert desk.read().touches[4] == touch("app.txt", "web/d.js")
        assert set(desk.git.calls) == {"is_ancestor", "commits"}, "the base moved and nothing else did"
        world.repo.git("update-ref", "refs/heads/main", world.repo.rev("agent/a"))
        desk.end(1)
        assert desk.read().touches == {
            2: touch("app.txt", "db/versions/b1.py", migrations=True),
            3: touch(added="docs/c.md"),
            4: touch(added="web/d.js"),
        }


def test_it_learns_from_what_ended_and_a_new_process_knows_as_much(world: World) -> None:
    with desk_of(world) as desk:
        before = desk.read().odds[4]
        desk.end(1, "red")
        desk.end(2, "red_together")
        desk.end(3)
        after = desk.read()
        assert after.pace.ended == (False, False, True)
        assert after.odds[4].alone > before.alone, "a change of the same role was red"
        desk.restart()
        assert desk.read() == after


def test_a_branch_that_came_back_once_is_likelier_to_do_so_again(world: World) -> None:
    with desk_of(world) as desk:
        desk.read()
        desk.end(3, "merge_conflict")
    world.branch("agent/c", {"docs/c.md": "again\n"})
    world.submit("agent/c")
    with desk_of(world) as desk:
        found = desk.read()
        assert "retry:yes" in found.changes[-1].features
        assert found.odds[5].alone > found.odds[1].alone
        assert found.pace.ended == (), "a conflict says nothing of red or green"


def test_the_pace_is_that_of_the_gates_of_late(world: World) -> None:
    with desk_of(world) as desk:
        for number, seconds in enumerate((100.0, 200.0, 900.0), start=1):
            start = number * 1000.0
            desk.journal(
                (start, "run_started", {"candidate": number}),
                (start + 5, "run_started", {"candidate": number}),
                (start + seconds, "passed", {"candidate": number}),
            )
        assert desk.read().pace == Pace(gate=200.0, tell=1.0)
        red = range(10, 30)
        desk.journal(
            *((9000.0, "run_started", {"candidate": number}) for number in red),
            *((9200.0, "run_ended", {"candidate": number, "state": "failed"}) for number in red),
        )
        pace = desk.read().pace
        assert (pace.gate, round(pace.tell, 6)) == (200.0, 0.2), "red runs end with the gate"
        for body in ({"candidate": 10}, {"candidate": 99}):
            desk.journal((90_000.0, "passed", body))
        desk.journal((99.0, "run_started", {"candidate": 40}), (9.0, "passed", {"candidate": 40}))
        assert desk.read().pace == pace, "red before, a start that nobody saw, a clock that was set back"


# Hints never stop a lane


def test_a_commit_that_is_not_there_is_left_out(world: World) -> None:
    with desk_of(world) as desk:
        lost = replace(desk.queued()[2], head=Sha("5" * 40))
        desk.store.save(lost, at=0.0)
        found = desk.read()
        assert set(found.touches) == {1, 2, 4}
        assert found.changes[2].features == ()
        assert found.odds[3].joint == 0.02


def test_a_state_file_that_can_neither_be_read_nor_written_costs_only_what_it_would_have_told(
    world: World,
) -> None:
    with desk_of(world) as desk, closing(sqlite3.connect(world.path / ".git/pointsman/state.db")) as file:
        queued, tip = desk.queued(), Sha(world.repo.rev("main"))
        file.execute("alter table ledger rename to ledger_gone")
        found = desk.facts.read("main", tip, desk.contract, queued)
        assert (set(found.touches), set(found.odds), found.changes) == ({1, 2, 3, 4}, {1, 2, 3, 4}, queued)
        file.execute("alter table ledger_gone rename to ledger")
        assert all(change.features for change in desk.read().changes)
        assert desk.queued() == desk.read().changes


class Away(LocalPeople):
    """A forge that can't be asked."""

    def author(self, *_: Any, **__: Any) -> Author:
        raise ForgeUnavailable("rate limit")


class Broken(LocalPeople):
    def author(self, *_: Any, **__: Any) -> Author:
        raise TypeError("a defect of ours")


def test_people_who_cannot_be_asked_for_are_asked_for_again_later(world: World) -> None:
    with desk_of(world) as desk:
        desk.facts.people = Away()
        found = desk.read()
        assert (found.roles, set(found.touches)) == ({}, {1, 2, 3, 4})
        assert not any(change.features for change in desk.queued()), "half of what it is like is not kept"
        desk.facts.people = LocalPeople()
        assert set(desk.read().roles.values()) == {"coder"}


def test_nobody_is_asked_for_twice_under_one_contract(world: World) -> None:
    with desk_of(world) as desk:
        roles = desk.read().roles
        desk.restart()
        desk.facts.people = Away()
        assert desk.read().roles == roles
        desk.contract = replace(desk.contract, digest="another")
        assert desk.read().roles == {}


def test_a_defect_is_not_swallowed(world: World) -> None:
    with desk_of(world) as desk:
        desk.facts.people = Broken()
        with pytest.raises(TypeError):
            desk.read()


def test_without_a_contract_there_are_no_roles_and_nothing_is_kept(world: World) -> None:
    with desk_of(world) as desk:
        found = desk.facts.read("main", Sha(world.repo.rev("main")), None, desk.queued())
        assert (found.roles, set(found.touches), set(found.odds)) == ({}, {1, 2, 3, 4}, {1, 2, 3, 4})
        assert not any(change.features for change in desk.queued())


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_touches_that_were_kept_are_those_that_a_fresh_look_finds(world: World, seed: int) -> None:
    """While branches stand on each other and merge main, and main takes some of their commits, or is rewound."""
    dice = random.Random(seed)
    names = ["agent/a", "agent/b", "agent/c", "agent/d"]
    with local_queue(world.path) as queue:
        kept = Touches(git=queue.git)
        for step in range(25):
            some, other = dice.sample([*names, "main"], 2)
            tree = world.repo.rev(f"{some}^{{tree}}")
            match dice.randrange(5):
                case 0:
                    world.branch(some, {f"{dice.choice('xyz')}/{dice.randrange(4)}.txt": str(step)})
                case 1:
                    merge = ("-p", world.repo.rev(some), "-p", world.repo.rev(other))
                    commit = world.repo.git("commit-tree", tree, *merge, "-m", f"merge {step}")
                    world.repo.git("update-ref", f"refs/heads/{some}", commit)
                case 2:
                    world.repo.git("update-ref", "refs/heads/main", world.repo.rev(dice.choice(names)))
                case 3:
                    squashed = world.repo.git(
                        "commit-tree", tree, "-p", world.repo.rev("main"), "-m", "squash"
                    )
                    world.repo.git("update-ref", "refs/heads/main", squashed)
                case 4:
                    world.branch("main", {"by/hand.txt": str(step)})
            heads = [Sha(world.repo.rev(name)) for name in names]
            tip = Sha(world.repo.rev("main"))
            assert kept.read(heads, tip=tip) == Touches(git=queue.git).read(heads, tip=tip)


# As somebody asks for it


def test_R67_queue_why_says_what_is_expected_of_a_change_and_saves_nothing(world: World) -> None:
    said = world.cli("queue", "--why", "agent/d")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "#4 agent/d, place 4: work of agent/d"
    assert "    changes the same files as #2 agent/b: app.txt" in said.out.splitlines()
    value = world.cli("queue", "--why", "4", "--json").json
    assert [one["change"] for one in value["together"]["meets"]] == [1, 2]
    assert (value["role"], value["alone"]["learnt_from"]) == ("coder", 0)
    assert world.rows("select distinct features from changes") == [("[]",)]
    unknown = world.cli("queue", "--why", "agent/x")
    assert (unknown.code, unknown.out) == (2, "")
    assert "agent/x is not in the queue" in unknown.err


def test_what_a_real_run_wrote_down_is_learnt(world: World) -> None:
    world.branch("agent/red", {"red": "x"})
    world.submit("agent/red")
    world.cli("withdraw", "agent/a", "agent/b", "agent/d")
    world.work()
    world.branch("agent/e")
    world.submit("agent/e")
    value = world.cli("queue", "--why", "agent/e", "--json").json
    assert value["alone"]["learnt_from"] == 2, "one landed and one was red"
    assert value["gate_seconds"] > 0
