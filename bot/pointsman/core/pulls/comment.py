"""Lays out the one comment that Pointsman keeps on a pull request; the words stand in `words`, no rule here.

The same story gives the same bytes: nothing here reads a clock, and durations are rounded.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pointsman.core.migrations.drawing.model import HealedGraph
from pointsman.core.migrations.drawing.quotes import Quote, quotes
from pointsman.core.migrations.drawing.text import draw_before_after
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import Sha
from pointsman.core.pulls import words
from pointsman.core.pulls.markdown import code, fence, fold, joined, pre
from pointsman.core.pulls.story import (
    BeingTested,
    CheckTold,
    Held,
    Judged,
    LandedAs,
    Landing,
    Passed,
    PullStory,
    Queued,
    Returned,
    Withdrawn,
)
from pointsman.core.queue.model import Reason

MARKER = "<!-- pointsman:comment v1 -->"
"""The first line of the comment, by which it is found again."""
MAX_BYTES = 60_000
MAX_LINES = 10
MAX_LINE = 2_000
"""Bytes of one line; ten of them leave room for the rest."""
MAX_PAIRS = 6
MAX_GRAPHS = 4
WIDTH = 100


def compose_comment(story: PullStory) -> str:
    """The comment, at most MAX_BYTES of UTF-8: the marker, a headline, at most ten lines, then folded details, of
    which those are left out that there is no room for."""
    head = f"{MARKER}\n\n{compose_status(story)}"
    text, skipped = joined([head, *_folds(story)], MAX_BYTES - 200)
    return f"{text}\n\n{words.left_out(skipped)}\n" if skipped else f"{text}\n"


def compose_status(story: PullStory) -> str:
    """An answer to `/status`: headline and lines, nothing folded."""
    lines = [f"- {line}" for line in _lines(story) if line and len(line.encode()) <= MAX_LINE][:MAX_LINES]
    return "\n\n".join([words.headline(story), *_why(story), *(["\n".join(lines)] if lines else [])])


def is_ours(body: str) -> bool:
    """Whether a comment (of our own account) is the one that is kept."""
    return body.lstrip("\ufeff").startswith("<!-- pointsman:comment ")


def unpaced(story: PullStory) -> PullStory:
    """The story without what moves all the time: places in the line, the commit that is tested, checks that begin or
    pass, the drawing of a fork whose other side grows. Stories that are equal after this are no news to each other."""
    stage = story.stage
    match stage:
        case Queued():
            stage = replace(stage, position=min(stage.position, 1), of=1)
        case BeingTested():
            stage = _testing(tuple(one for one in stage.checks if one.state == "failed"))
        case Passed() | Landing():
            stage = _testing(())
        case _:
            pass
    judged = story.judged
    if judged is not None:
        migrations = replace(judged.migrations, graphs=())
        judged = replace(judged, base=judged.head, migrations=migrations)
    return replace(story, stage=stage, judged=judged)


def _testing(failed: tuple[CheckTold, ...]) -> BeingTested:
    return BeingTested(commit=Sha("0" * 40), checks=tuple(replace(one, url="") for one in failed))


def _why(story: PullStory) -> Iterator[str]:
    """Sentences that hold text from outside, in boxes."""
    match story.stage:
        case Queued(waits=waits) if waits:
            yield box(waits)
        case Held(why=why):
            yield box(why)
        case Returned(reason=reason):
            yield box("\n".join([reason.text, *_first_clash(story, reason)]))
        case _:
            pass
    if story.paused and not story.is_final:
        yield f"{words.paused()}\n{box(story.paused)}"


def _first_clash(story: PullStory, reason: Reason) -> Iterator[str]:
    """What the first two operations that are quoted do, where the reason ends before it says so."""
    told = story.judged.migrations.refusals if story.judged and reason.text.endswith(":") else ()
    found = [quote for refusal in told if refusal.code == reason.code for quote in quotes(refusal)]
    yield from (quote.why.rpartition(" [")[0] or quote.why for quote in found[:1])


def box(text: str, limit: int = 4000) -> str:
    """Sentences in a fence, wrapped so that they can be read without scrolling."""
    wrapped = (textwrap.fill(line, WIDTH, break_on_hyphens=False) for line in text.strip().splitlines())
    return fence("\n".join(wrapped), limit=limit)


def _lines(story: PullStory) -> Iterator[str]:
    if story.same_head:
        yield words.same_head((story.number, *story.same_head))
    yield words.place(story)
    match story.stage:
        case BeingTested(checks=checks, together=others):
            yield words.checks(checks)
            yield words.together(others)
        case Returned(failed=failed):
            yield from (words.failed(one) for one in failed[:3])
        case _:
            pass
    if story.heal is not None:
        yield words.healed(story.heal)
        yield words.proof(story.heal)
        yield words.early(story.heal.graphs)
    if story.judged is not None and not isinstance(story.stage, LandedAs | Withdrawn):
        yield from _judged_lines(story.judged, is_healed=story.heal is not None)
    yield words.next_step(story)


def _judged_lines(judged: Judged, *, is_healed: bool) -> Iterator[str]:
    yield words.contract_line(judged)
    if judged.contract is not None:
        yield from (words.approval(need) for need in judged.contract.waiting_for[:4])
    if judged.migrations.status == "healed" and not is_healed:
        yield words.will_heal()
        yield words.early(judged.migrations.graphs)


def _folds(story: PullStory) -> Iterator[str]:
    stage = story.stage
    if isinstance(stage, Returned):
        if stage.reason.reproduce:
            yield fold("The command that shows it again", fence(stage.reason.reproduce, "sh"))
        if stage.reason.code not in _refusal_codes(story.judged):
            yield from _details(stage)
    graphs = _graphs(story)
    if graphs:
        title = "The fork" if all(graph.refused for graph in graphs) else "The migrations before and after"
        yield fold(title, graph_text(graphs))
    if story.judged is not None and not isinstance(stage, LandedAs | Withdrawn):
        yield from _judged_folds(story.judged)


def _graphs(story: PullStory) -> Sequence[HealedGraph]:
    if story.heal is not None:
        return story.heal.graphs
    if story.judged is None or isinstance(story.stage, LandedAs | Withdrawn):
        return ()
    return story.judged.migrations.graphs


def graph_text(graphs: Sequence[HealedGraph]) -> str:
    """Each environment drawn, then every file that is changed."""
    return "\n\n".join([*drawings(graphs), *files(graphs)])


def drawings(graphs: Sequence[HealedGraph]) -> list[str]:
    """The first few environments, each in a fence."""
    return [fence(draw_before_after(graph)) for graph in graphs[:MAX_GRAPHS]]


def files(graphs: Sequence[HealedGraph]) -> list[str]:
    """What becomes of each file, in one fence; none where nothing is repaired."""
    repaired = [graph for graph in graphs if not graph.refused]
    lines = [
        f"{move.new_path}: {move.new_revision} follows {', '.join(move.new_parents) or 'nothing'}, "
        f"was {', '.join(move.old_parents) or 'nothing'}"
        for graph in repaired
        for move in graph.plan.moves
    ]
    lines += [
        f"{gone.path}: dropped, nothing is left to merge" for graph in repaired for gone in graph.plan.drops
    ]
    lines += [
        f"{path}: added, {id} merges {' and '.join(parents)}"
        for graph in repaired
        for (id, path), parents in zip(graph.added, graph.plan.joins, strict=False)
    ]
    return [fence("\n".join(lines), limit=4000)] if lines else []


def _refusal_codes(judged: Judged | None) -> frozenset[str]:
    """What is told of the migrations anyway."""
    return frozenset(refusal.code for refusal in judged.migrations.refusals) if judged else frozenset()


def _details(stage: Returned) -> Iterator[str]:
    logs = [one for one in stage.failed if one.log_tail]
    for one in logs[:3]:
        yield fold("The end of the log", f"{code(one.name)}\n\n{log(one)}")
    if stage.reason.details and not logs:
        is_log = stage.reason.code.startswith("red")
        title = "The end of the log" if is_log else "Both sides, and what is missing"
        yield fold(title, fence(stage.reason.details, tail=is_log))


def log(check: CheckTold) -> str:
    """The end of a check's output."""
    return fence(check.log_tail, tail=True)


def _judged_folds(judged: Judged) -> Iterator[str]:
    if judged.problem:
        yield fold("What is wrong with the contract", fence(judged.problem))
    elif judged.contract is None:
        yield fold("The roles that were looked at", fence(judged.why_no_role))
    elif judged.contract.outcome != "allowed":
        yield fold("What the contract says", fence(str(judged.contract)))
    for refusal in judged.migrations.refusals[:6]:
        yield fold("Both operations" if quotes(refusal) else "The migrations", refusal_text(refusal))


def refusal_text(refusal: Refusal) -> str:
    """A refusal with its quotes two by two, side by side; as it is written where it quotes no pairs."""
    written = f"{code(refusal.code)}\n\n{fence(refusal.message)}"
    found = quotes(refusal)
    pairs = list(zip(found[::2], found[1::2], strict=False))
    first, *reasons = [line for line in refusal.message.splitlines() if not line.startswith("  ")]
    if not pairs or len(found) % 2 or len(pairs) > MAX_PAIRS or reasons != [a.why for a, _ in pairs]:
        return written
    table = "\n\n".join([box(first), *(_side_by_side(a, b) for a, b in pairs)])
    return table if len(table.encode()) <= 20_000 else written


def _side_by_side(a: Quote, b: Quote) -> str:
    """Two quotes as a table of one row, under why they are quoted."""
    heads = "".join(f'<th align="left">{pre(f"{one.path}:{one.line}", 800)}</th>' for one in (a, b))
    cells = "".join(f'<td valign="top">{pre(one.text, 2000)}</td>' for one in (a, b))
    return f"{code(a.why)}\n\n<table><tr>{heads}</tr><tr>{cells}</tr></table>"
