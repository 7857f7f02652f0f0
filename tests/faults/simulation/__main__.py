"""Plays random histories and judges each; a failing one is told by its seed, and made smaller where asked.

usage: python -m tests.faults.simulation [--seed N] [--histories N] [--minutes M] [--mode MODE] [--shrink] [--story]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from tests.faults.simulation.judge import judge
from tests.faults.simulation.shrink import shrink
from tests.faults.simulation.story import MODES, Story, story
from tests.faults.simulation.trace import Trace
from tests.faults.simulation.world import play

EVERY_SECONDS = 30.0
"""How often a long run says how far it is."""


@dataclass
class Tally:
    """What a run of many histories came to."""

    histories: int = 0
    submitted: int = 0
    moves: int = 0
    gates: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failing: list[int] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        self.histories += 1
        self.submitted += len(trace.submissions)
        self.moves += sum(1 for move in trace.moves if move.who != "outsider")
        self.gates += len(trace.executions)
        self.ends.update(str(row["state"]) for row in trace.changes)
        self.faults.update(trace.counts)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {state}" for state, count in sorted(self.ends.items()))
        lines = [
            f"{self.histories} histories, {self.submitted} changes submitted ({ends}), "
            f"{self.moves} moves of main, {self.gates} gate runs that ended, {len(self.failing)} failing"
        ]
        lines += [f"  {count:8} {kind}" for kind, count in sorted(self.faults.items())]
        return "\n".join(lines)


def main(argv: list[str]) -> int:
    """0: nothing was found, 1: something was, 130: interrupted; what was played until then is told in any case."""
    tally = Tally()
    try:
        _play(_asked(argv), tally)
    except KeyboardInterrupt:
        print(tally)
        return 130
    print(tally)
    return 1 if tally.failing else 0


def _play(asked: argparse.Namespace, tally: Tally) -> None:
    began = told = time.monotonic()
    for seed in _seeds(asked):
        if asked.minutes is not None and time.monotonic() - began > asked.minutes * 60:
            break
        one = story(seed, mode=asked.mode)
        trace = play(one)
        findings = judge(trace)
        tally.add(trace)
        if findings:
            tally.failing.append(seed)
            _tell(one, trace, findings, smaller=asked.shrink, whole=asked.story)
        elif asked.story:
            print("\n".join(trace.story))
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            print(
                f"... {tally.histories} histories, {len(tally.failing)} failing", file=sys.stderr, flush=True
            )


def _asked(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--histories", type=int, help="so many seeds in a row; one unless --minutes is given")
    parser.add_argument("--minutes", type=float, help="go on for so long")
    parser.add_argument("--mode", choices=MODES, default="", help="the queue's mode; by seed unless given")
    parser.add_argument("--shrink", action="store_true", help="make a failing story smaller")
    parser.add_argument("--story", action="store_true", help="tell the story in any case")
    return parser.parse_args(argv)


def _seeds(asked: argparse.Namespace) -> Iterator[int]:
    count = asked.histories if asked.histories is not None else (1 if asked.minutes is None else 1 << 60)
    return iter(range(asked.seed, asked.seed + count))


def _tell(one: Story, trace: Trace, findings: list[str], *, smaller: bool, whole: bool) -> None:
    """What is wrong with a history, and how it came about."""
    print(f"seed {one.seed} ({one.policy.mode}): {len(findings)} findings")
    if smaller:
        kind = kind_of(findings)
        one = shrink(one, lambda other: kind in kind_of(judge(play(other))) if kind else False)
        trace = play(one)
        findings = judge(trace)
        print(as_code(one))
    for finding in findings:
        print(f"  {finding}")
    if smaller or whole:
        print("\n".join(trace.story))
    print(
        f"again: python -m tests.faults.simulation --seed {one.seed} --mode {one.policy.mode} --shrink",
        flush=True,
    )


def kind_of(findings: list[str]) -> str:
    """What a smaller story has to be wrong in, too: the invariant of the first finding; '' when there is none."""
    return findings[0].partition(" ")[0] if findings else ""


def as_code(one: Story) -> str:
    """The story as an expression that makes it again, a part a line; what is usual is left out."""
    lines = [
        f"Story(seed={one.seed}, policy={_call(one.policy)}, replicas={one.replicas}, schedule={one.schedule},"
    ]
    lines.append(f"      switch={one.switch}, own_gates={one.own_gates}, fenced={one.fenced},")
    for name in ("works", "events", "faults"):
        parts = getattr(one, name)
        inner = "".join(f"\n          {_call(part)}," for part in parts)
        lines.append(f"      {name}=({inner}\n      ),")
    return "\n".join([*lines, ")"])


def _call(part: object) -> str:
    shown = [
        f"{one.name}={value!r}"
        for one in fields(part)  # type: ignore[arg-type]
        if (value := getattr(part, one.name)) != one.default
    ]
    return f"{type(part).__name__}({', '.join(shown)})"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
