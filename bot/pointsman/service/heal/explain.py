"""Turns a verdict on a heal into what is to be told and drawn of it; it writes and prints nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.model import HealedGraph, Told
from pointsman.core.migrations.drawing.words import done, early_databases, next_step

if TYPE_CHECKING:
    from pointsman.service.heal.model import Healing
    from pointsman.service.heal.verdict import Verdict


def told_of(verdict: Verdict, *, base: str, head: str) -> Told:
    """Headline, sentences and drawings. `base` and `head` are what the two commits were called."""
    healing = verdict.healing
    graphs = graphs_of(healing)
    onto = called(base) if healing.onto == healing.head else f"{called(head)} onto {called(base)}"
    titles = {
        "clean": f"No migration fork: {onto}",
        "healed": f"{'Migration fork healed' if healing.environments else 'Conflicts settled'}: {onto}",
        "refused": f"Left to people: {onto}",
    }
    hints = [hint for graph in graphs if (hint := early_databases(graph))]
    if healing.status == "refused":
        itself = healing.onto == healing.head
        steps = (next_step(each, published=itself) for each in healing.refusals)
        hints = list(dict.fromkeys(step for step in steps if step))
    return Told(
        status=healing.status,
        title=titles[healing.status],
        lines=(*_done(graphs), *_besides(verdict)),
        graphs=graphs,
        proof=verdict.proof,
        refusals=healing.refusals,
        hints=(
            *hints,
            *(shown(remark) for each in healing.environments for remark in each.remarks),
            *_unread(verdict),
        ),
    )


def _done(graphs: tuple[HealedGraph, ...]) -> Iterator[str]:
    for graph in graphs:
        if not graph.refused:
            yield from (f"Tried: {line}" if graph.tried else line for line in done(graph))


def _besides(verdict: Verdict) -> Iterator[str]:
    """What was done to other files than migrations, and by others than the rules."""
    healing = verdict.healing
    for one in healing.resolved:
        yield f"{shown(one.words)}{f' ({shown(one.note)})' if one.note else ''}."
    for path in healing.by_command:
        yield f"{shown(path)} was written by the healer command."
    if healing.refusals and verdict.healer is not None:
        from pointsman.core.healer.model import in_words

        yield shown(in_words(verdict.healer))


def called(name: str) -> str:
    """A revision as it was named, a whole object id in it shortened."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b", r"\1", shown(name))


def graphs_of(healing: Healing) -> tuple[HealedGraph, ...]:
    """The repairs to be drawn, and the forks that were refused."""
    itself = healing.onto == healing.head
    tried = bool(healing.refusals)
    repaired = (
        HealedGraph(plan=each.plan, added=each.added, published=itself, tried=tried)
        for each in healing.environments
    )
    refused = (HealedGraph(plan=plan, published=itself, refused=True) for plan in healing.forks)
    return (*repaired, *refused)


def _unread(verdict: Verdict) -> Iterator[str]:
    """That some operations could not be read, and what speaks for them then."""
    count = sum(len(each.known.unknown) for each in verdict.healing.environments)
    if not count or verdict.healing.status != "healed":
        return
    what = "1 operation" if count == 1 else f"{count} operations"
    proved = verdict.proof is not None and verdict.proof.passed
    them = "it" if count == 1 else "them"
    yield f"{what} can't be read without running {them}" + (
        ": only the proof tells that no harm is done." if proved else f", and no proof did: look at {them}."
    )
