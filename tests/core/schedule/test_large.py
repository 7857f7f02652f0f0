"""Lists as large as they may be: every figure agrees with what it means, and nothing takes longer than it has to."""

from __future__ import annotations

import random

from pointsman.core.contract.model import Overlap
from pointsman.core.schedule.graph import ESTIMATE, chain_lengths, cycles, unblocks
from pointsman.core.schedule.meeting import Ground, additive, destructive
from pointsman.core.schedule.model import Paths, Task
from pointsman.core.schedule.rank import advise
from tests.core.schedule.facts import PLAIN, board, task


def reached(name: str, tasks: list[Task]) -> set[str]:
    direct = {one.id for one in tasks if name in one.depends_on}
    return direct.union(*(reached(one, tasks) for one in direct))


def longest(name: str, tasks: list[Task]) -> int:
    behind = [longest(one.id, tasks) for one in tasks if name in one.depends_on]
    own = next(one for one in tasks if one.id == name)
    return (own.estimate or ESTIMATE) + max(behind, default=0)


def test_R66_figures_of_random_lists_are_those_of_the_definition() -> None:
    pick = random.Random(66)
    for _ in range(30):
        tasks = [
            task(
                f"t{n}",
                *pick.sample([f"t{m}" for m in range(n)], min(n, pick.randrange(3))),
                estimate=pick.choice([None, 5, 50]),
            )
            for n in range(9)
        ]
        pick.shuffle(tasks)
        assert cycles(tasks) == ()
        assert unblocks(tasks) == {one.id: len(reached(one.id, tasks)) for one in tasks}
        assert chain_lengths(tasks) == {one.id: longest(one.id, tasks) for one in tasks}


def test_R64_R65_the_index_says_what_the_rule_says_of_each_pair() -> None:
    pick = random.Random(64)
    files = ["a", "a/b", "a/b/c", "a/bb", "d/e", "d/f"]

    def some() -> Paths:
        made = [pick.choice(["a/", "d/", "d/e", "a/new", ""]) for _ in range(2)]
        changed = pick.sample(files, pick.randrange(3))
        return Paths(modifies=tuple(changed), creates=tuple(one for one in made if one))

    strict = Overlap(destructive="serialize", additive="serialize")
    for _ in range(150):
        one, others = some(), [some() for _ in range(4)]
        mask = Ground(others, Overlap()).meeting(one)
        assert [bool(mask >> n & 1) for n in range(4)] == [bool(destructive(one, other)) for other in others]
        mask = Ground(others, strict).meeting(one)
        expected = [bool(destructive(one, other) or additive(one, other)) for other in others]
        assert [bool(mask >> n & 1) for n in range(4)] == expected


def test_a_list_of_two_thousand_tasks_is_ranked() -> None:
    chain = [task(f"c{n}", *([f"c{n - 1}"] if n else []), modifies=(f"src/{n}.py",)) for n in range(1000)]
    wide = [task(f"w{n}", modifies=("src/shared.py",), creates=(f"new/{n}.py",)) for n in range(1000)]
    advice = advise(board(*wide, *chain), PLAIN)
    assert advice.ranked[0].task.id == "c0"
    assert advice.ranked[0].figures.unblocks == 999
    assert "(c1, c2, c3, c4, c5 and 994 more)" in advice.says
    assert advice.ranked[1].figures.overlaps == 999
    assert advice.together == ("c0", "w0")
    assert len(advice.ranked) + len(advice.waiting) == 2000
