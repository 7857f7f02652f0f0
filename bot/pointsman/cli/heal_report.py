"""Prints what came of a heal: ten lines and a drawing, all of it with `-v`, a drawing in a file; it decides nothing."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.migrations.drawing.letters import Line, Tone
    from pointsman.core.migrations.drawing.model import HealedGraph, Told
    from pointsman.core.migrations.heal.model import Plan, Refusal
    from pointsman.core.proof import Proof
    from pointsman.service.heal.verdict import Verdict

SENTENCES, HINTS, GRAPHS = 3, 2, 3
QUOTED = 9
"""How many lines of a refusal are shown without `-v`."""
MORE = "-v tells more"
WIDTH = 100


def report(told: Told, *, verbose: bool) -> Iterator[str]:
    """The lines below the headline."""
    graphs = told.graphs if verbose else told.graphs[:GRAPHS]
    for graph in graphs:
        yield from _drawn(graph)
    if len(graphs) < len(told.graphs):
        yield f"  {len(told.graphs) - len(graphs)} more environments; {MORE}"
    yield from _sentences(told.lines, len(told.lines) if verbose else SENTENCES)
    for refusal in told.refusals:
        yield from _refusal(refusal, verbose=verbose)
    if told.proof and told.status != "refused":
        yield from _proof(told.proof, verbose=verbose)
    yield from _sentences(told.hints, len(told.hints) if verbose else HINTS)


def details(verdict: Verdict) -> Iterator[str]:
    """For `-v`: every file that is touched, what could not be read, what both sides touch."""
    from pointsman.core.contract.names import shown

    for each in verdict.healing.environments:
        yield from (f"  {shown(line)}" for line in _files(each.plan, each.added))
        yield from (f"  can't be read: {shown(place)}" for place in each.known.unknown)
        yield from (f"  touched by both: {shown(pair)}" for pair in each.known.shared)


def write_svg(told: Told, path: Path) -> None:
    """The drawing as a file, whole or not at all. UserError where it can't be written."""
    import tempfile

    from pointsman.core.migrations.drawing.svg import draw_svg

    text = draw_svg(told)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise UserError(f"The drawing can't be written to {path}: {problem.strerror}.") from problem


def _umask() -> int:
    known = os.umask(0o077)
    os.umask(known)
    return known


def _drawn(graph: HealedGraph) -> Iterator[str]:
    from pointsman.core.migrations.drawing.text import draw, in_ascii, name_of

    lines = draw(graph, width=_width() - 4)
    lines = lines if _can_draw() else in_ascii(lines)
    yield f"  {click.style(name_of(graph), bold=True)}"
    yield from (f"    {_coloured(line)}" for line in lines)


def _coloured(line: Line) -> str:
    return "".join(_styled(text, tone) for text, tone in line).rstrip()


def _styled(text: str, tone: Tone) -> str:
    colours = {"base": "blue", "change": "yellow", "new": "green", "gone": "red"}
    if tone.value == "quiet":
        return click.style(text, dim=True)
    colour = colours.get(tone.value)
    return click.style(text, fg=colour, bold=tone.value == "new") if colour else text


def _width() -> int:
    """Of the terminal; what goes elsewhere is as wide as code on a page."""
    if not sys.stdout.isatty():
        return WIDTH
    import shutil

    return max(40, shutil.get_terminal_size((WIDTH, 24)).columns)


def _can_draw() -> bool:
    """Whether the terminal has the characters to draw with."""
    try:
        "─┬└╮●◆".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _sentences(lines: Sequence[str], most: int) -> Iterator[str]:
    for line in lines[:most]:
        yield from _wrapped(line)
    if len(lines) > most:
        yield f"  and {len(lines) - most} more; {MORE}"


def _wrapped(line: str) -> list[str]:
    if not sys.stdout.isatty():
        return [f"  {line}"]
    return textwrap.wrap(
        line,
        _width(),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _refusal(refusal: Refusal, *, verbose: bool) -> Iterator[str]:
    from pointsman.core.pulls.markdown import printable_lines

    first, *rest = printable_lines(refusal.message).splitlines() or [""]
    yield from _wrapped(f"{click.style(refusal.code, fg='red')}: {first}")
    shown = rest if verbose or len(rest) <= QUOTED else rest[: QUOTED - 1]
    yield from (f"    {line}" for line in shown)
    if len(shown) < len(rest):
        yield f"    ({len(rest) - len(shown)} more lines; {MORE})"


def _proof(proof: Proof, *, verbose: bool) -> Iterator[str]:
    from pointsman.core.contract.names import shown
    from pointsman.core.proof import NAMES, in_words

    if not proof.passed:
        yield from _wrapped(shown(in_words(proof)))
        return
    note = "" if proof.environment == "env.py" else ", without the project's env.py"
    shown_by = sum(1 for route in proof.routes if not route.detail)
    count = f"{shown_by} route{'s' if shown_by != 1 else ''}, one schema"
    yield from _wrapped(f"proved on scratch {NAMES[proof.database]} in {proof.seconds:.1f} s{note}: {count}")
    if verbose:
        for route in proof.routes:
            yield f"    {route.seconds:.1f} s  {shown(route.name)}{f' ({shown(route.detail)})' if route.detail else ''}"


def _files(plan: Plan, added: Sequence[tuple[str, str]]) -> Iterator[str]:
    for move in plan.moves:
        now, was = ", ".join(move.new_parents) or "nothing", ", ".join(move.old_parents) or "nothing"
        from_where = f", was {move.path}" if move.path != move.new_path else ""
        yield f"{move.new_path}: {move.new_revision} follows {now}, was {was}{from_where}"
    for revision in plan.drops:
        yield f"{revision.path}: dropped"
    for id, path in added:
        yield f"{path}: added, {id}"
