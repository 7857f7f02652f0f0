"""`pointsman replay`: what contract and healer would have said of past merges; it prints and changes nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, note, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.core.contract import Contract
    from pointsman.core.migrations.heal.model import Refusal
    from pointsman.core.replay import Summary
    from pointsman.service.replay import Line, Replayed

SHORT = 10
SUBJECT = 50
SILENCE = 5.0
"""Seconds without a line on the terminal after which progress is told on stderr."""
COLOURS = {
    "allowed": "green",
    "waiting": "yellow",
    "refused": "red",
    "no_role": "red",
    "clean": "green",
    "healed": "yellow",
}


@click.command()
@click.option(
    "--rev",
    metavar="REV",
    help="The line of commits to replay.  [default: the contract's base, else main, master or HEAD]",
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many landed changes, counted from the newest.",
)
@click.option(
    "--contract",
    "contract_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Try this contract before committing it.  [default: the one at REV]",
)
@click.option(
    "--prove/--no-prove", default=False, help="Prove each heal on scratch databases too.  [default: no-prove]"
)
@repository_option
@json_option
def replay(
    directory: Path, rev: str | None, last: int, contract_file: Path | None, prove: bool, as_json: bool
) -> int:
    """What today's contract and healer would have said of the merges that really happened.

    Goes along the first parents of REV, oldest of the last N first. A merge is its second parent landing on its
    first; a commit with one parent (squashed, rebased, pushed) is a change of its own. Whose change it was is
    read off the author's e-mail and the branch that the merge names. Without a contract only the migrations
    are judged.

    Approvals of the past are not known: `waiting` says that one would have been asked for.

    Exit codes: 0 it ran, whatever it found; 2 no such revision, contract unreadable. Ctrl-C ends it with the
    summary so far (130).
    """
    from pointsman.core.replay import Summary
    from pointsman.service.replay import Replay, find_line
    from pointsman.wiring import open_git, open_prover

    contract = _read(contract_file) if contract_file else None
    with open_git(directory) as git:
        line = find_line(git, rev=rev, last=last, contract=contract)
        run = Replay(
            git=git, line=line, now=time.time(), prover=open_prover(git, directory) if prove else None
        )
        if not as_json:
            _say_what(line, contract_file)
        summary, began = Summary(), time.monotonic()
        merges: list[dict[str, Any]] = []
        interrupted = True
        with suppress(KeyboardInterrupt):
            for one in _told(run.run(), len(line.commits)):
                summary.add(one.said)
                if as_json:
                    merges.append(one.to_json())
                else:
                    _say(one)
            interrupted = False
        figures = summary.to_json(seconds=time.monotonic() - began, interrupted=interrupted)
    if as_json:
        print_json({"rev": line.tip, "contract": _named(line.contract), "merges": merges, "summary": figures})
    else:
        _sum_up(summary, figures, len(line.commits))
    return 130 if interrupted else 0


def _read(path: Path) -> Contract:
    from pointsman.core import contract as contracts
    from pointsman.core.errors import UserError

    loaded = contracts.load(path.read_bytes(), source=str(path))
    if isinstance(loaded, contracts.ContractErrors):
        raise UserError("\n".join(str(error) for error in loaded.errors))
    return loaded


def _named(contract: Contract | None) -> dict[str, Any] | None:
    if contract is None:
        return None
    return {"source": contract.source, "digest": contract.digest, "base": contract.base}


def _told(run: Iterator[Replayed], total: int) -> Iterator[Replayed]:
    """Passes the changes on, and counts them on stderr where stdout shows nobody a line for long."""
    shown = sys.stdout.isatty()
    told = time.monotonic()
    for number, one in enumerate(run, 1):
        yield one
        if not shown and time.monotonic() - told > SILENCE:
            told = time.monotonic()
            note(f"replayed {number} of {total}")


def _say_what(line: Line, contract_file: Path | None) -> None:
    count = len(line.commits)
    click.echo(f"{count} landed change{'' if count == 1 else 's'} of {line.name} up to {line.tip[:SHORT]}")
    if line.contract is None:
        click.echo("No contract: only what the healer would have said. --contract FILE tries one.")
    else:
        click.echo(f"Contract: {contract_file or f'{line.contract.source} of {line.tip[:SHORT]}'}")


def _say(one: Replayed) -> None:
    from datetime import UTC, datetime

    from pointsman.core.contract.reasons import shown

    said = one.said
    day = datetime.fromtimestamp(one.facts.committer.when, UTC).date()
    words: list[str] = [said.outcome] if said.outcome else []
    words.append(said.healer or "not judged")
    verdicts = " ".join(click.style(word.ljust(7), fg=COLOURS.get(word)) for word in words)
    subject = shown(one.facts.message.partition("\n")[0])
    subject = subject if len(subject) <= SUBJECT else subject[: SUBJECT - 1] + "…"
    reasons = "; ".join(_reasons(one))
    click.echo(f"{one.facts.sha[:SHORT]} {day} {verdicts} {subject.ljust(SUBJECT)}  {reasons}".rstrip())


def _reasons(one: Replayed) -> Iterator[str]:
    """All that is out of the ordinary, a clause each."""
    from pointsman.core.proof import in_words
    from pointsman.service.heal.commit import summary

    if one.trouble:
        yield one.trouble.partition("\n")[0]
    for fork in one.forks:
        yield click.style(f"a fork landed in {fork.config}: {', '.join(fork.heads)}", fg="red")
    for fix in one.fixes:
        yield f"ends the fork of {fix.fork.commit[:SHORT]} after {_duration(fix.seconds)} ({fix.how})"
    if one.contract:
        yield from _contract_reasons(one)
    if one.migrations:
        healing = one.migrations.healing
        yield from _refusals(healing.refusals)
        if healing.status == "healed":
            yield summary(healing)
        if one.migrations.proof:
            yield in_words(one.migrations.proof).partition("\n")[0]


def _refusals(refusals: Sequence[Refusal]) -> Iterator[str]:
    """The first of each code, by its first clause: what to do about it is of no use to the past."""
    by_code: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        by_code.setdefault(refusal.code, []).append(refusal)
    for code, (first, *others) in by_code.items():
        clause = first.message.partition("\n")[0].partition(": ")[0].rstrip(":")
        yield f"{code}: {clause}{f' (and {len(others)} more)' if others else ''}"


def _contract_reasons(one: Replayed) -> Iterator[str]:
    from pointsman.core.contract import reasons

    answer = one.contract
    if answer is None or answer.verdict is None:
        yield answer.note if answer else ""
        return
    verdict = answer.verdict
    yield from (problem.message for problem in verdict.problems)
    refused = verdict.refused_paths
    for path in refused[:1]:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        yield f"{reasons.shown(path.path)}: {path.reason}{more}"
    if not refused:
        yield from (f"waits for {reasons.approval(need)}" for need in verdict.waiting_for)


def _sum_up(summary: Summary, figures: dict[str, Any], total: int) -> None:
    """The summary as a person reads it; every figure is that of the JSON."""
    click.echo()
    pace = f", {figures['seconds_per_merge']:.3f} s each" if summary.merges else ""
    count = f"interrupted: {summary.merges} of {total}" if figures["interrupted"] else f"{summary.merges}"
    click.echo(f"{count} replayed in {figures['seconds']:.1f} s{pace}")
    contract, migrations = figures["contract"], figures["migrations"]
    if contract:
        click.echo(f"contract  {_counts(contract, ('allowed', 'waiting', 'refused', 'no_role'))}")
        if contract["role_by_identity_alone"]:
            click.echo(
                f"          role by identity alone, no branch named: {contract['role_by_identity_alone']}"
            )
        for title in ("top_rules", "top_paths"):
            _top(title, contract[title])
    click.echo(
        f"healer    {_counts(migrations, ('clean', 'healed', 'refused'))}; "
        f"read no migration for {migrations['read_nothing']}"
    )
    for title in ("strategies", "refused_by_code"):
        if migrations[title]:
            named = ", ".join(f"{count} {name}" for name, count in migrations[title].items())
            click.echo(f"          {title.replace('_', ' ')}: {named}")
    _forks(figures["forks"], summary)
    if summary.not_judged:
        click.echo(f"not judged, for want of objects: {summary.not_judged}")


def _counts(figures: dict[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(f"{figures[name]} {name.replace('_', ' ')}" for name in names)


def _top(title: str, top: list[dict[str, Any]]) -> None:
    from pointsman.core.contract.reasons import shown

    for each in top:
        click.echo(
            f"          {each['merges']:>5}  {'path ' if title == 'top_paths' else ''}{shown(each['name'])}"
        )


def _forks(forks: dict[str, Any], summary: Summary) -> None:
    click.echo(f"forks     {forks['found']} found, {forks['landed']} landed")
    for fork, said in summary.forks:
        codes = f" ({', '.join(dict.fromkeys(said.codes))})" if said.codes else ""
        fix = next((each for each in summary.fixes if each.fork == fork), None)
        how = f"ended after {_duration(fix.seconds)} by {fix.commit[:SHORT]} ({fix.how})" if fix else "open"
        click.echo(
            f"          {fork.commit[:SHORT]} {fork.config}: {', '.join(fork.heads)}; "
            f"healer: {said.healer or 'not judged'}{codes}; {how}"
        )
    if forks["median_hours"] is not None:
        click.echo(f"          ended after {forks['median_hours']} h (median)")


def _duration(seconds: int) -> str:
    if abs(seconds) < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if abs(seconds) < 48 * 3600 else f"{seconds / 86400:.1f} days"
