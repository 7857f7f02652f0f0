"""What docs/performance.md says around its figures, and on how much work they rest; it computes none."""

from __future__ import annotations

SEEDS = (301, 302)
"""Never used while the strategy was tuned."""

CHANGES, LIMIT = 400, 120
UBER_CHANGES, STRICT_CHANGES = 150, 100

SHOWN = 4
"""The fleet whose turnarounds are drawn."""

NAMES = {
    "speculate": "ours",
    "window": "window",
    "batch": "batch",
    "subsets": "every subset",
    "serial": "serial",
}
HARDER_LABELS = {
    ("harder", 0): "a red run ends with the gate, not early",
    ("harder", 1): "nothing tells a risky change",
    ("harder", 2): "1 % of green runs red by chance, two attempts",
    ("retry", SHOWN): "two attempts, though nothing flakes",
}
UBER_LABELS = {
    ("uber", 0): "areas independent",
    ("strict", 0): "one chain, everything tested together",
}
COMMAND = "pointsman simulate --report docs"
INTRODUCTION = f"""
# Performance: strategies on paper

Made by `{COMMAND}`: tables, plots and this text. Nothing here was measured on a forge. `pointsman simulate`
does the same for other loads, or for the past of a repository (`--from-queue`, `--history FILE`).

A discrete-event simulation puts made-up changes through the very function by which a real lane decides
(`core.queue.decide`); only git, the store and the runners are made up. A change is returned as in production:
after a run of it alone. Its risk is foretold by the queue's own forecast, which starts knowing nothing and
learns as changes end.

The **oracle** knows every outcome beforehand: it returns at arrival what can't land and tests all that waits as
one batch on each free runner. Turnaround is from submitted to landed. All figures are multiples of the oracle's
on the same work.
"""
FLEET_NOTES = f"""
{CHANGES} changes, {len(SEEDS)} seeds ({", ".join(map(str, SEEDS))}, not used for tuning), mean. Arrivals at
random; gates log-normal (standard deviation of the logarithm 0.25); a quarter of the changes is red five times
as often as the others; a red run ends early, at a time that is uniform over the gate; `retry: {{max: 1}}`.
Rivals: Zuul's window (20, at least 3), bors' batches of 8, every subset of what is ahead, one at a time; all of
them in our engine, so they gain from what it keeps (what passed whole lands whole, a tree is not tested twice).

*load*: gate time that arrives per runner and time. *bits*: load times the entropy of a change's outcome. *in
flight*: bits times runners. Cells: P50 / P95 (ours also P99), then landed an hour while changes arrived, gate
runs per landed change. *Fell behind*: more than {LIMIT} changes were waiting and the run was ended; what it had
landed an hour by then stands beside it (where 40 changes arrive in a gate, 120 are three gates' worth). With
two seeds of {CHANGES} changes a P95 is good to some 10 %, less so near the limit.
"""
PLOTS = """
![P50 of turnaround by cell and strategy](images/fleets-p50.png)

![P95 of turnaround by cell and strategy](images/fleets-p95.png)

![Turnaround in one cell](images/turnaround.png)

Strategies that fell behind have no mark. The same as SVG, and the figures as JSON, are beside the pictures.
"""
WHY = """
## Where the goal is missed, and why

In {missed} cells. A run tells whether a set is green: one bit at most. Where more than one bit arrives per run
that there is time for, nobody keeps up who has to learn the outcomes; the oracle does not have to. Below that,
what counts is how many bits are in flight: while a change runs, so many outcomes of others are open, and the
likeliest of the worlds in which they end has a probability of about 2 to the minus of them. A first run in the
wrong world has to be followed by finding the culprit and by a second one, which is P95 above 1.5 by itself;
more runners don't help, since worlds double with each bit. The goal was reached with up to {within} bits in
flight; {above} of the missed cells have more than that. This is a heuristic, not a proven lower bound. The rest
is paid for certainty: a change is only returned after it was red alone, which the oracle knows for nothing.
"""
HARDER_NOTES = """
One cell, with one help less at a time; multiples of the oracle, which sees none of it.
"""
UBER_NOTES = f"""
{UBER_CHANGES} changes ({STRICT_CHANGES} for the one chain), one seed. 40 areas with a falling share; within an
area conflicts follow the published curve (5 % at two concurrent changes, 40 % at sixteen). *Areas independent*
is `queue.independent`: a change lands beside those of other areas without a retest of the two together, which
is what it gives up. The published 1.2 of SubmitQueue is against another oracle, with one build for each change;
the figures here can't be compared with it. The oracle tests all areas as one chain, in which whatever ends
first lands all that came before it, so that it takes less than a gate: areas that land by themselves can't, and
even a run that is never wrong is some 1.3 times as long. A run this short is also the forecast's first hour.
"""
LIMITS = """
## What is not simulated

Time to build a candidate, to push and to be told; conflicts of text and of migrations; checks of several jobs;
priorities; deployments. Arrivals don't depend on how fast the queue is. Pairs that are red together are drawn
beforehand, whatever a strategy makes of them.

## How long it takes

10,000 changes of the cell with 30 an hour and 6 runners took 41 s of one processor: 73,061 decisions, of 0.56
ms each with everything around them (2 cores, Python 3.11, a busy machine).
"""
