"""Plays a story: people, faults and replicas take turns on one seeded clock; out comes a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from random import Random
from typing import Any

from pointsman.core.contract import Contract, load
from pointsman.core.errors import EnvironmentProblem, LaneLost
from pointsman.core.model import Sha, Signature
from pointsman.core.queue.model import ChangeState
from pointsman.service.consent import Consents
from pointsman.service.observe import ContractReading
from pointsman.service.submit import Desk, NotSubmitted
from pointsman.service.submit import Submission as Asked
from tests.faults.simulation import project
from tests.faults.simulation.memory_git import MemoryGit
from tests.faults.simulation.memory_store import MemoryStore
from tests.faults.simulation.ports import HEADS, OwnedGates, SimForge, SimGates, Weather, failure
from tests.faults.simulation.project import BROKEN, CONTRACT, LANE, RULES, VERSIONS
from tests.faults.simulation.replica import CONTRACTS, Replica
from tests.faults.simulation.story import HORIZON, Event, Fault, Story, Work
from tests.faults.simulation.trace import Commit, Execution, MainMove, Submission, Trace

BEGIN = 1_800_000_000.0
MAIN = HEADS + LANE
PATIENCE = 25
"""So often every replica has to have looked for news, between rounds and in vain, before the lane counts as at rest."""
SILENT_SECONDS = 30.0
"""How long the lock's keeper waits for a word of who holds it."""
CALLS = 15_000
"""A lane this small that calls its ports more often than this after the faults have stopped never comes to rest."""
LATEST = 3 * HORIZON
MENDS = 12
"""How often somebody mends the base and resumes the lane at the end."""


class Endless(Exception):
    """The lane keeps working without coming to rest."""


class NoCheckouts:
    """Nobody has anything checked out."""

    def of_branch(self, branch: str) -> None:
        return None

    def dirt(self, worktree: object) -> str:
        return ""


class World:
    """One history under way."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.rng = Random(story.schedule)
        self.time = 0.0
        self.git = MemoryGit(moved=self._moved)
        self.store = MemoryStore()
        self.weather = Weather()
        self.forge = SimForge(git=self.git, weather=self.weather, time=lambda: self.time)
        self.trace = Trace(blobs={}, trees={}, commits={}, start="", contract_path=CONTRACT)
        self.trace.unfenced = story.replicas > 1 and not story.fenced
        odd = {fault.nth: fault.kind for fault in story.faults if fault.call == "gates.run"}
        self.gates = SimGates(
            git=self.git,
            rng=Random(story.schedule + 1),
            time=lambda: self.time,
            odd=odd,
            own=story.own_gates,
            ran=self._ran,
        )
        self.replicas = [Replica(f"replica {number}", self) for number in range(story.replicas)]
        self.faults = {(fault.call, fault.nth): fault for fault in story.faults if fault.call != "gates.run"}
        self.works = {work.name: work for work in story.works}
        self.calm = False
        self._last_call = 0
        self.written = 0.0
        self._calls: Counter[str] = Counter()
        self._who = "outsider"
        self._events = sorted(self._happenings(), key=lambda one: one.at)
        self._naps = 0
        self._turn = self._fence = ""
        self._begin()

    # What a replica asks of the world

    def gates_of(self, name: str) -> OwnedGates:
        return OwnedGates(gates=self.gates, owner=name)

    def now(self) -> float:
        return BEGIN + self.time

    def called(self, replica: Replica, name: str) -> None:
        """On the way into a call: time passes, the turn may be lost, the call's fault may strike before its effect."""
        self.time += 0.01 * self.rng.random()
        self._calls[name] += 1
        fault = self.faults.get((name, self._calls[name])) if not self.calm else None
        if fault is not None and not fault.after:
            self._strike(replica, fault)
        if name == "store.save" and self.time < self.weather.full_until:
            self.trace.counts["save on a full disk"] += 1
            raise EnvironmentProblem("database or disk is full")
        if self.rng.random() < self.story.switch:
            replica.ready = self.time
            replica.yield_turn()
        if name == "store.save" and self.story.fenced and self._fence != replica.name:
            raise LaneLost("another process has these lanes now")
        self._who = replica.name

    def returned(self, replica: Replica, name: str) -> None:
        """On the way out of a call: the effect is there."""
        self._who = "outsider"
        if name == "store.save":
            self.written = self.time
        fault = self.faults.get((name, self._calls[name])) if not self.calm else None
        if fault is not None and fault.after:
            self._strike(replica, fault)

    def sleeps(self, replica: Replica, seconds: float) -> None:
        """Sleep until something may have changed: a poll that finds nothing new is not worth a turn."""
        later = [when for when in self._interesting() if when > self.time]
        replica.ready = max(self.time + seconds, min([*later, self.time + 5.0]))
        others = [one.ready for one in self.replicas if one is not replica]
        self._naps += 1
        if (not self.calm or self._naps % 10) and replica.ready < min(
            [*others, *(event.at for event in self._events[:1])], default=replica.ready + 1
        ):
            self.time = replica.ready  # nobody else would get the turn
            return
        replica.yield_turn()

    def takes_turn(self, replica: Replica) -> bool:
        """The lock of the lanes, and with it the fence of the store."""
        if not self.story.fenced:
            return True
        if self._turn not in ("", replica.name):
            return False
        self._turn = self._fence = replica.name
        return True

    def has_turn(self, replica: Replica) -> bool:
        return not self.story.fenced or self._turn == replica.name

    def gives_turn(self, replica: Replica) -> None:
        if self._turn == replica.name:
            self._turn = ""

    def said(self, who: str, text: str) -> None:
        self.trace.story.append(f"{self.time:8.1f}  {who:10}  {text}")

    # The course of the history

    def play(self) -> Trace:
        """Play it to the end; the trace holds all that a judge wants to know."""
        try:
            while self._events:
                self._step()
            self._calm_down()
            self._come_to_rest()
        except Endless as problem:
            self.trace.defects.append(str(problem))
        finally:
            for replica in self.replicas:
                replica.kill()
        return self._closed()

    def _step(self) -> None:
        """The next thing that happens: an event, or some replica's turn."""
        if self.calm and self._calls.total() > self._last_call:
            raise Endless(f"it did not come to rest in {CALLS} calls")
        event = self._events[0] if self._events else None
        replica = self._next_replica()
        if event is not None and (replica is None or event.at <= max(self.time, replica.ready)):
            self._events.pop(0)
            self.time = max(self.time, event.at)
            self._happen(event)
        elif replica is not None:
            self.time = max(self.time, replica.ready)
            replica.turn()

    def _next_replica(self) -> Replica | None:
        """One of those that could go on now, by chance; else the first that will."""
        if not self.replicas:
            return None
        ready = [one for one in self.replicas if one.ready <= self.time]
        return self.rng.choice(ready) if ready else min(self.replicas, key=lambda one: one.ready)

    def _calm_down(self) -> None:
        """From here on nothing fails."""
        self.calm = True
        self.weather.clear()
        for replica in self.replicas:
            replica.ready = min(replica.ready, self.time + 1)
        self.said("world", "from here on nothing fails")
        self._last_call, self.written = self._calls.total() + CALLS, self.time

    def _come_to_rest(self) -> None:
        mended = 0
        while True:
            self._until_quiet()
            if mended == MENDS or not self._mend():
                break
            mended += 1
        self.trace.rested = True

    def _until_quiet(self) -> None:
        rounds = {replica.name: replica.rounds for replica in self.replicas}
        before = self.written
        while True:
            self._step()
            if self.written != before or self.gates.busy():
                before = self.written
                rounds = {replica.name: replica.rounds for replica in self.replicas}
            elif all(one.alive and one.rounds - rounds[one.name] >= PATIENCE for one in self.replicas):
                return

    def _mend(self) -> bool:
        """Somebody looks after the lane: a contract that can be read, a green base, and on it goes."""
        mended = False
        tip = self._tip()
        files = self._files(tip)
        if self.trace.rules.get(self.git.trees[self.git.tree_of(tip)][CONTRACT]) is None:
            self._push_main("mend the contract", {CONTRACT: project.contract(self.story.policy, 0)})
            mended = True
        if any(project.red(files.values(), check) for check in ("unit", "lint")):
            marks = ("red", "not:", "is:")
            bad = {path: b"mended\n" for path, data in files.items() if _marked(data, marks)}
            self._push_main("mend the base", bad)
            mended = True
        if self.store.lane(LANE).paused is not None:
            Consents(store=self.store, clock=self._clock()).resume(LANE, by="lead")
            self.said("lead", "resumes the lane")
            mended = True
        self.written = self.time
        return mended

    # What happens besides

    def _happenings(self) -> list[Event]:
        begun = [Event(at=work.begun, kind="begin", who=work.name) for work in self.story.works]
        asked = [Event(at=w.at, kind="submit", who=w.name) for w in self.story.works if w.at is not None]
        return [*begun, *asked, *self.story.events]

    def _happen(self, event: Event) -> None:
        self._who = "outsider"
        kind, _, what = event.kind.partition(":")
        if event.kind not in ("begin", "submit"):
            self.trace.counts[event.kind] += 1
        try:
            _HAPPENINGS[kind](self, event, what)
        except EnvironmentProblem:
            self._again(event)

    def _again(self, event: Event) -> None:
        """What could not be done now is done later; in the end somebody sees to it that it can be."""
        if self.time > LATEST:
            self._mend()
        self._events.append(replace(event, at=self.time + 20))
        self._events.sort(key=lambda one: one.at)

    def _begin_work(self, event: Event, _what: str) -> None:
        work = self.works[event.who]
        if self.git.read_ref(HEADS + work.branch) is None:
            self._commit_work(work, self._tip(), version=1)

    def _push_work(self, event: Event, _what: str) -> None:
        work = self.works.get(event.who)
        head = self.git.read_ref(HEADS + work.branch) if work is not None else None
        if work is not None and head is not None:
            self._commit_work(work, head, version=len(self.trace.heads[work.branch]) + 1)

    def _delete(self, event: Event, _what: str) -> None:
        work = self.works.get(event.who)
        head = self.git.read_ref(HEADS + work.branch) if work is not None else None
        if work is not None and head is not None:
            self.git.move_ref(HEADS + work.branch, new=None, expected=head)
            self.said("agent", f"deletes {work.branch}")

    def _submit(self, event: Event, _what: str) -> None:
        work = self.works.get(event.who)
        if work is None:
            return
        self._check_disk()
        contract = self._contract_now()
        if contract is None:
            self._again(event)
            return
        asked = Asked(branch=work.branch, priority=work.priority, depends_on=work.depends_on)
        asked = replace(asked, author=project.AUTHORS[work.role])
        outcome = self._desk().submit(asked, lane=LANE, contract=contract)
        if isinstance(outcome, NotSubmitted):
            self.said("agent", f"submits {work.branch}: refused, {outcome.code}")
            return
        change = outcome.change
        self.said("agent", f"submits {work.branch} at {change.head[:10]} as #{change.id}")
        if outcome.replaced is not None:
            self.trace.withdrawn.add(outcome.replaced)
        if not outcome.again:
            self.written = self.time
            self.trace.submissions.append(
                Submission(
                    change=change.id,
                    branch=work.branch,
                    head=change.head,
                    role=work.role,
                    at=self.time,
                    depends_on=change.depends_on,
                )
            )

    def _withdraw(self, event: Event, _what: str) -> None:
        work = self.works.get(event.who)
        change = self._desk().find(work.branch) if work is not None else None
        if change is not None and change.state is ChangeState.QUEUED:
            self._check_disk()
            self._desk().withdraw(change, by="agent")
            self.trace.withdrawn.add(change.id)
            self.written = self.time
            self.said("agent", f"withdraws {change.branch}")

    def _pause(self, event: Event, _what: str) -> None:
        self._check_disk()
        consents = Consents(store=self.store, clock=self._clock())
        if event.kind == "pause":
            consents.pause(LANE, by="lead")
        else:
            consents.resume(LANE, by="lead")
        self.said("lead", f"{event.kind}s the lane")

    def _outsider(self, event: Event, what: str) -> None:
        number = len(self.trace.moves)
        match what:
            case "green":
                self._push_main("a push by hand", {f"src/outside{number}.py": b"fine\n"})
            case "touch":
                self._push_main("an edit by hand", {"src/f0.py": f"by hand {number}\n".encode()})
            case "merge":
                self._merge_main(event.who)
            case mark:
                self._push_main(f"a push by hand: {mark}", {f"src/outside{number}.py": f"{mark}\n".encode()})

    def _contract(self, event: Event, _what: str) -> None:
        self._push_main(
            f"contract {event.value:.0f}", {CONTRACT: project.contract(self.story.policy, int(event.value))}
        )

    def _bad_weather(self, event: Event, _what: str) -> None:
        until = self.time + event.value
        self.said("world", f"{event.kind} for {event.value:.0f} s")
        match event.kind:
            case "full":
                self.weather.full_until = until
            case "down":
                self.weather.down_until = until
            case "obstacle":
                self.weather.obstacle_until = until
            case _:
                self.weather.stale_until, self.weather.stale = until, dict(self.git.heads)

    def _trouble(self, event: Event, _what: str) -> None:
        if int(event.who) >= len(self.replicas):
            return
        replica = self.replicas[int(event.who)]
        self.said("world", f"{event.kind} {replica.name} ({event.value:.0f})")
        match event.kind:
            case "kill":
                replica.kill()
                self.gates.bury(replica.name)
                replica.ready = self.time + event.value
            case "freeze":
                replica.ready = max(replica.ready, self.time) + event.value
                self._forget(replica, event.value)
            case "drop":
                self.gives_turn(replica)
            case _:
                replica.skew += event.value

    # Parts

    def _strike(self, replica: Replica, fault: Fault) -> None:
        when = "after" if fault.after else "before"
        self.trace.counts[f"{fault.kind} {when} {fault.call}"] += 1
        self.said("world", f"{replica.name}: {fault.kind} {when} {fault.call} number {fault.nth}")
        match fault.kind:
            case "crash":
                self.gates.bury(replica.name)
                replica.ready = self.time + self.rng.uniform(0, 60)
                replica.crash()
            case "freeze":
                replica.ready = self.time + fault.seconds
                self._forget(replica, fault.seconds)
                replica.yield_turn()
            case _:
                raise failure(fault.call)

    def _forget(self, replica: Replica, seconds: float) -> None:
        """Who says nothing for long has its session ended: the lock is free, and it does not know."""
        if seconds > SILENT_SECONDS:
            self.gives_turn(replica)

    def _begin(self) -> None:
        tree = self.git.put(project.start(self.story.policy))
        signature = Signature(name="Lead", email="lead@example.org", when=int(BEGIN))
        commit = self.git.commit(
            tree=tree, parents=(), message="start\n", author=signature, committer=signature
        )
        self.trace.start = commit
        for version in range(len(RULES) + 1):
            blob = self.git.put({CONTRACT: project.contract(self.story.policy, version)})
            areas = project.AREAS if self.story.policy.independent else {}
            rules = replace(RULES[version], areas=areas) if version != BROKEN else None
            self.trace.rules[self.git.trees[blob][CONTRACT]] = rules
        self.git.move_ref(MAIN, new=commit, expected=None)
        for number, replica in enumerate(self.replicas):
            replica.ready = 0.5 * number

    def _commit_work(self, work: Work, onto: Sha, *, version: int) -> None:
        heads = project.heads(self._files(onto))
        edits: dict[str, bytes | None] = {}
        for number, path in enumerate(work.paths):
            marks = work.marks if number == 0 else (f"by {work.name}",)
            if not path.startswith(VERSIONS):
                edits[path] = "\n".join((*marks, f"version {version}", "")).encode()
            elif version == 1 and len(heads) == 1:
                edits[path] = project.revision(work.name, min(heads))
        head = self._commit(work.branch, onto, edits, project.AUTHORS[work.role])
        self.said("agent", f"{work.branch} is at {head[:10]}: {' '.join(work.paths)} {' '.join(work.marks)}")
        self.git.move_ref(HEADS + work.branch, new=head, expected=self.git.read_ref(HEADS + work.branch))
        self.trace.heads.setdefault(work.branch, []).append(head)

    def _push_main(self, title: str, edits: dict[str, bytes]) -> None:
        tip = self._tip()
        commit = self._commit(title, tip, dict(edits), "lead@example.org")
        if commit != tip:
            self.said("outsider", f"pushes to {LANE}: {title}")
            self.git.move_ref(MAIN, new=commit, expected=tip)

    def _merge_main(self, name: str) -> None:
        """Somebody merges the branch of a change by hand."""
        work, tip = self.works.get(name), self._tip()
        head = self.git.read_ref(HEADS + work.branch) if work is not None else None
        if head is None or self.git.is_ancestor(head, tip):
            return
        merged = getattr(self.git.merge(tip, head), "tree", None)
        if merged is None or len(project.heads(self._tree_files(merged))) != 1:
            return
        signature = Signature(name="Lead", email="lead@example.org", when=int(self.now()))
        commit = self.git.commit(
            tree=merged,
            parents=(tip, head),
            message=f"merge {name} by hand\n",
            author=signature,
            committer=signature,
        )
        self.said("outsider", f"merges the branch of {name} by hand")
        self.git.move_ref(MAIN, new=commit, expected=tip)

    def _commit(self, title: str, parent: Sha, edits: dict[str, bytes | None], email: str) -> Sha:
        tree = self.git.edit(self.git.tree_of(parent), edits)
        signature = Signature(name=email.partition("@")[0], email=email, when=int(self.now()))
        return self.git.commit(
            tree=tree, parents=(parent,), message=f"{title}\n", author=signature, committer=signature
        )

    def _tip(self) -> Sha:
        return self.git.heads[MAIN]

    def _files(self, commit: Sha) -> dict[str, bytes]:
        return self._tree_files(self.git.tree_of(commit))

    def _tree_files(self, tree: Sha) -> dict[str, bytes]:
        return {path: self.git.blobs[oid] for path, oid in self.git.trees[tree].items()}

    def _contract_now(self) -> Contract | None:
        """The contract on main, each read once; None where nobody can read it."""
        blob = self.git.trees[self.git.tree_of(self._tip())][CONTRACT]
        if blob not in CONTRACTS:
            loaded = load(self.git.blobs[blob], source=CONTRACT)
            found = loaded if isinstance(loaded, Contract) else None
            CONTRACTS[blob] = ContractReading(contract=found, problem="" if found else "it can't be read")
        return CONTRACTS[blob].contract

    def _desk(self) -> Desk:
        return Desk(
            git=self.git, store=self.store, forge=self.forge, checkouts=NoCheckouts(), clock=self._clock()
        )

    def _clock(self) -> WorldClock:
        return WorldClock(self.now)

    def _check_disk(self) -> None:
        if self.time < self.weather.full_until:
            raise EnvironmentProblem("database or disk is full")

    def _interesting(self) -> list[float]:
        """When something will have changed."""
        events = [self._events[0].at] if self._events else []
        return [*events, *self.gates.busy(), *self.weather.ends()]

    def _moved(self, ref: str, old: Sha | None, new: Sha | None) -> None:
        if ref == MAIN and old is not None and new is not None:
            self.trace.moves.append(MainMove(at=self.time, who=self._who, old=old, new=new))

    def _ran(self, execution: Execution) -> None:
        self.trace.executions.append(execution)
        if execution.odd:
            self.trace.counts[f"run {execution.odd}"] += 1

    def _closed(self) -> Trace:
        trace = self.trace
        trace.blobs.update((str(blob), data) for blob, data in self.git.blobs.items())
        trace.trees.update({tree: {**files} for tree, files in self.git.trees.items()})
        trace.commits = {
            sha: Commit(tree=facts.tree, parents=facts.parents, message=facts.message)
            for sha, facts in self.git.facts.items()
        }
        for replica in self.replicas:
            trace.defects += replica.defects
        trace.changes = [row(one) for one in self.store.changes()]
        trace.candidates = [row(one) for one in self.store.candidates(LANE)]
        trace.runs = [row(one) for one in self.store.runs(running=True)]
        trace.paused = self.store.lane(LANE).paused
        trace.journal = [row(one) for one in self.store.journal()]
        return trace


class WorldClock:
    """The true time, for people."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def sleep(self, seconds: float) -> None:
        """People do not wait here."""


def row(record: Any) -> dict[str, Any]:
    """A record as the store's own row would be read by a stranger."""
    return {
        one.name: row(value) if is_dataclass(value := getattr(record, one.name)) else value
        for one in fields(record)
    }


def _marked(data: bytes, marks: tuple[str, ...]) -> bool:
    return any(line.startswith(marks) for line in data.decode().split("\n"))


def play(story: Story) -> Trace:
    """Play a story to its end."""
    return World(story).play()


_HAPPENINGS: dict[str, Callable[[World, Event, str], None]] = {
    "begin": World._begin_work,
    "submit": World._submit,
    "again": World._submit,
    "push": World._push_work,
    "delete": World._delete,
    "withdraw": World._withdraw,
    "pause": World._pause,
    "resume": World._pause,
    "outsider": World._outsider,
    "contract": World._contract,
    "full": World._bad_weather,
    "down": World._bad_weather,
    "obstacle": World._bad_weather,
    "stale": World._bad_weather,
    "kill": World._trouble,
    "freeze": World._trouble,
    "jump": World._trouble,
    "drop": World._trouble,
}
