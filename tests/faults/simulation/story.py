"""A history before it happens, as plain data: who works on what, what else happens when, what fails; and how one is
made from a seed. Leaving out any part of it gives another story, so that a failing one can be made smaller."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.faults.simulation.project import BRANCHES, BROKEN, RULES, VERSIONS, Policy

MODES = ("serial", "batch", "window", "speculate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A change that somebody makes: branched off main at `begun`, submitted at `at` (seconds from the start; None:
    never). It writes `marks` into each of `paths`; a path below the migrations' folder becomes a revision."""

    name: str
    role: str
    paths: tuple[str, ...]
    marks: tuple[str, ...] = ()
    begun: float = 0.0
    at: float | None = 0.0
    priority: int = 0
    depends_on: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        return f"{BRANCHES[self.role]}{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happens at `at`; `who` is a work or a replica, `value` as the kind wants it (see world.py)."""

    at: float
    kind: str
    who: str = ""
    value: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What happens at the `nth` call of `call` (`store.save`, of all replicas together): `crash` or `error` or
    `freeze`, before or `after` its effect. For the call `gates.run` it is how the nth run goes wrong."""

    call: str
    nth: int
    kind: str
    after: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """A whole history. `schedule` seeds what is left to chance: how long things take and which replica goes on.
    `switch` is how likely a replica loses its turn at a call. With `own_gates` runs die with
    their replica. `fenced`: one replica at a time holds
    the lock, and who lost it without knowing can save nothing; without, all believe all the time that they hold it."""

    seed: int
    policy: Policy
    replicas: int
    works: tuple[Work, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    schedule: int = 0
    switch: float = 0.05
    own_gates: bool = False
    fenced: bool = False


CRASHABLE = (
    "store.save", "git.move_ref", "git.commit", "forge.land", "gates.start", "gates.cancel", "gates.poll",
    "gates.sweep", "forge.branch_heads", "store.candidates",
)  # fmt: skip
FAILING = (
    "store.save", "git.move_ref", "git.commit", "git.merge", "forge.land", "forge.branch_heads", "forge.tip",
    "forge.obstacle", "gates.start", "gates.cancel", "gates.poll", "store.runs",
)  # fmt: skip
RUN_FAULTS = ("lost", "timeout", "empty", "127", "flaky", "late", "killed")
HORIZON = 900.0
"""In seconds: what happens, happens before; then everything heals and the lane has to come to rest."""


def story(seed: int, *, mode: str = "", calm: bool = False) -> Story:
    """The story of a seed: the same, always. `calm` leaves the faults out, but not what people do."""
    rng = Random(seed)
    chosen = rng.choice(MODES)
    replicas = rng.choice((1, 1, 1, 2, 2, 3))
    works = _works(rng)
    events = _events(rng, works, replicas)
    own = rng.random() < 0.3
    made = Story(
        seed=seed,
        policy=_policy(rng, mode or chosen, independent=Random(seed + 1).random() < 0.15),
        replicas=replicas,
        works=works,
        events=events,
        faults=_faults(rng),
        schedule=rng.randrange(1 << 30),
        switch=rng.choice((0.0, 0.02, 0.1, 0.4)) if replicas > 1 else rng.choice((0.0, 0.05)),
        own_gates=own,
        fenced=own or rng.random() < 0.6,
    )
    if calm:
        people = tuple(event for event in events if event.kind in PEOPLE)
        return _with(made, faults=(), events=people)
    return made


PEOPLE = frozenset({"withdraw", "push", "delete", "pause", "resume", "again"})
"""Events that are ordinary work, not faults."""


def _with(one: Story, **parts: object) -> Story:
    from dataclasses import replace

    return replace(one, **parts)  # type: ignore[arg-type]


def _policy(rng: Random, mode: str, *, independent: bool) -> Policy:
    return Policy(
        mode=mode,
        max_batch=rng.choice((None, 2, 3, 5)) if mode in ("batch", "speculate") else None,
        speculate=rng.choice((None, 0, 1, 3)),
        squash=rng.random() < 0.25,
        attempts=rng.choice((1, 1, 2)),
        running_gates=rng.choice((1, 2, 4, 8)),
        pause_after=rng.choice((0, 0, 0, 2)),
        independent=independent,
    )


def _works(rng: Random) -> tuple[Work, ...]:
    count = rng.choice((2, 3, 4, 5, 6, 8))
    spread = rng.choice((0.0, 60.0, 300.0, 600.0))
    made: list[Work] = []
    for number in range(count):
        role = rng.choices(("coder", "writer", "stranger"), (12, 5, 0.3))[0]
        at = rng.uniform(0, spread)
        name = f"w{number}"
        made.append(
            Work(
                name=name,
                role=role,
                paths=_paths(rng, role, name),
                marks=_marks(rng, name, role),
                begun=rng.uniform(0, at),
                at=at if rng.random() < 0.97 else None,
                priority=rng.choices((0, 5, 100), (10, 1, 1))[0],
                depends_on=_needs(rng, made, number, count),
            )
        )
    return tuple(made)


def _paths(rng: Random, role: str, name: str) -> tuple[str, ...]:
    folder = "docs/" if role == "writer" else "src/"
    paths = [f"{folder}{name}.txt"]
    if rng.random() < 0.2:
        paths.append(f"src/f{rng.randrange(4)}.py" if role == "coder" else f"docs/d{rng.randrange(2)}.md")
    if rng.random() < 0.15:
        paths.append("shared/s0.txt")
    if rng.random() < 0.06:
        paths.append("src/f0.py" if role == "writer" else "docs/d0.md")
    if role == "coder" and rng.random() < 0.25:
        paths.append(f"{VERSIONS}{name}.py")
    return tuple(dict.fromkeys(paths))


def _marks(rng: Random, name: str, role: str) -> tuple[str, ...]:
    marks = [f"by {name}"]
    kind = rng.random()
    if kind < 0.12:
        marks.append("red")
    elif kind < 0.2:
        marks.append("red:lint" if role == "writer" or rng.random() < 0.3 else "red:unit")
    elif kind < 0.35:
        marks.append(rng.choice(("is:X", "not:X", "is:Y", "not:Y")))
    return tuple(marks)


def _needs(rng: Random, made: list[Work], number: int, count: int) -> tuple[str, ...]:
    """A dependency mostly on an earlier change; sometimes on a later one, by which a cycle may come about."""
    if rng.random() > 0.15:
        return ()
    if made and rng.random() < 0.8:
        return (rng.choice(made).branch,)
    return (f"code/w{rng.randrange(count)}",)


def _events(rng: Random, works: tuple[Work, ...], replicas: int) -> tuple[Event, ...]:
    names = [work.name for work in works]
    events: list[Event] = []

    def some(mean: float) -> range:
        """Mostly none or one; so many on average, or nearly."""
        return range(min(4, int(rng.expovariate(1 / mean) + 0.5)))

    def when() -> float:
        return rng.uniform(0, HORIZON) * rng.choice((0.1, 0.3, 1.0))

    for kind, mean in (("withdraw", 0.4), ("push", 0.5), ("delete", 0.2), ("again", 0.4)):
        events += [Event(at=when(), kind=kind, who=rng.choice(names)) for _ in some(mean)]
    for kind, mean in (("green", 0.6), ("red", 0.15), ("is:X", 0.15), ("touch", 0.3)):
        events += [Event(at=when(), kind=f"outsider:{kind}") for _ in some(mean)]
    events += [Event(at=when(), kind="outsider:merge", who=rng.choice(names)) for _ in some(0.25)]
    for _ in some(0.3):
        events.append(Event(at=when(), kind="contract", value=rng.choice((*range(len(RULES)), BROKEN))))
    for _ in some(0.15):
        at = when()
        events += [Event(at=at, kind="pause"), Event(at=at + rng.uniform(1, 200), kind="resume")]
    for kind, mean in (("full", 0.2), ("down", 0.3), ("obstacle", 0.2), ("stale", 0.3)):
        events += [Event(at=when(), kind=kind, value=rng.uniform(1, 120)) for _ in some(mean)]
    for _ in some(0.5):
        events.append(
            Event(at=when(), kind="kill", who=str(rng.randrange(replicas)), value=rng.uniform(0, 90))
        )
    for _ in some(0.5):
        events.append(
            Event(at=when(), kind="freeze", who=str(rng.randrange(replicas)), value=rng.uniform(1, 400))
        )
    for _ in some(0.5) if replicas > 1 else ():
        events.append(Event(at=when(), kind="drop", who=str(rng.randrange(replicas))))
    for _ in some(0.25):
        jump = rng.choice((-86_400.0, -3600.0, -5.0, 5.0, 3600.0, 86_400.0))
        events.append(Event(at=when(), kind="jump", who=str(rng.randrange(replicas)), value=jump))
    return tuple(sorted(events, key=lambda event: event.at))


def _faults(rng: Random) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    if rng.random() < 0.15:
        return ()
    for _ in range(rng.choice((0, 1, 2, 4, 8))):
        call = rng.choice(CRASHABLE)
        faults.append(Fault(call=call, nth=_nth(rng, call), kind="crash", after=rng.random() < 0.5))
    for _ in range(rng.choice((0, 0, 2, 6))):
        call = rng.choice(FAILING)
        faults.append(Fault(call=call, nth=_nth(rng, call), kind="error", after=rng.random() < 0.5))
    for _ in range(rng.choice((0, 0, 1, 3))):
        call, seconds = rng.choice(CRASHABLE), rng.uniform(1, 300)
        faults.append(
            Fault(call=call, nth=_nth(rng, call), kind="freeze", after=rng.random() < 0.5, seconds=seconds)
        )
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        faults.append(Fault(call="gates.run", nth=1 + rng.randrange(12), kind=rng.choice(RUN_FAULTS)))
    return tuple({(fault.call, fault.nth): fault for fault in faults}.values())


def _nth(rng: Random, call: str) -> int:
    """Rare calls fail early, frequent ones anywhere."""
    usual = {
        "forge.land": 4,
        "gates.start": 8,
        "gates.cancel": 3,
        "git.commit": 10,
        "git.merge": 12,
        "gates.sweep": 4,
    }
    return 1 + int(rng.expovariate(1 / usual.get(call, 40)))
