"""Replays forks that really happened through `pointsman heal` and judges each repair by Alembic's own map.

Run: `python -m bench.forks --repos DIR [--only OWNER/NAME|COMMIT] [--prove [--python PATH [--database WORD]]]
[--json]`; DIR holds clones (docs/replay.md).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.real.judge import Judgement, judge
from bench.real.repositories import RealFork, as_json, borrowed, complete, find, known_forks

POINTSMAN = Path(sys.executable).with_name("pointsman")
CONTRACT = ".pointsman.yml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """One fork. `answer` is the JSON of `heal`; `judgement` None: not healed, so there is nothing to judge."""

    fork: RealFork
    seconds: float
    answer: dict[str, Any]
    judgement: Judgement | None

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each["code"] for each in self.answer["refusals"]))

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each["sides"] for each in self.answer["environments"]))


def main(argv: Sequence[str] = ()) -> int:
    """Prints tables in Markdown; 1 if any repair is wrong."""
    options = _options(argv)
    if options.repos is None:
        print("bench.forks needs clones of public repositories: --repos DIR")
        return 0
    wanted = [fork for fork in known_forks() if options.only in (None, fork.repo, fork.commit[:10])]
    rows: list[Replayed] = []
    absent = []
    for repo in dict.fromkeys(fork.repo for fork in wanted):
        place = find(options.repos, repo)
        if place is None:
            absent.append(repo)
            continue
        with borrowed(place) as copy:
            for fork in (each for each in wanted if each.repo == repo):
                rows.append(
                    replay(copy, fork, prove=options.prove, python=options.python, database=options.database)
                )
                print(_line(rows[-1]), file=sys.stderr, flush=True)
    if options.json:
        print(as_json([asdict(row) for row in rows]))
    else:
        print("\n".join(report(rows)))
    for repo in absent:
        print(f"not here: {repo}", file=sys.stderr)
    return 1 if any(row.judgement and row.judgement.faults for row in rows) else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.forks", description=__doc__)
    parser.add_argument("--repos", type=Path, help="the folder with the clones")
    parser.add_argument(
        "--only", metavar="OWNER/NAME|COMMIT", help="one repository, or one fork by ten digits"
    )
    parser.add_argument("--prove", action="store_true", help="prove each repair on scratch databases")
    parser.add_argument(
        "--python", type=Path, help="an interpreter for the proofs, with the projects' packages"
    )
    parser.add_argument("--database", default="auto", help="with --python: as the contract's `database`")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def replay(
    repository: Path, fork: RealFork, *, prove: bool, python: Path | None = None, database: str = "auto"
) -> Replayed:
    """What `pointsman heal` says when the fork's commit lands on its first parent, and whether it is right."""
    base, head = f"{fork.commit}^1", fork.commit
    if prove:
        # A proof wants every file of both trees; the judge and `heal` alone only those with migrations.
        base, head = complete(repository, base, head, _contract(python, database))
    command = [POINTSMAN, "heal", "-C", repository, "--base", base, "--head", head, "--json"]
    begin = time.perf_counter()
    done = subprocess.run(
        [*map(str, command), "--prove" if prove else "--no-prove"],
        capture_output=True,
        check=False,
        env=os.environ | {"XDG_CACHE_HOME": str(repository.parent / "cache")},
    )
    seconds = time.perf_counter() - begin
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"{fork.name}: {done.stderr.decode(errors='replace')}")
    answer: dict[str, Any] = json.loads(done.stdout)
    judgement = None
    if answer["status"] == "healed":
        # The fork's commit stands on its first parent: merging it gives its own tree.
        judgement = judge(repository, fork.versions, base, head, answer["tree"])
    return Replayed(fork=fork, seconds=seconds, answer=answer, judgement=judgement)


def _contract(python: Path | None, database: str) -> dict[str, str]:
    """One that names the proof's interpreter and database, and else says no more than it has to."""
    if python is None:
        return {}
    people = "identities: {any: {permission: write}}\nroles: {any: {who: [any], owns: ['**']}}\n"
    proof = f"proof: when_possible, python: {python}, database: '{database}'"
    healing = f"migrations: {{backend: alembic, {proof}}}\n"
    return {CONTRACT: f"version: 1\nbase: main\n{people}{healing}"}


def _line(row: Replayed) -> str:
    faults = "; ".join(row.judgement.faults) if row.judgement else ""
    codes = ", ".join(row.codes)
    proof = row.answer["proof"]
    proved = ""
    if proof:
        proved = "proved " + proof["database"] if proof["passed"] else f"not proved: {proof['reason']}"
    verdict = f"WRONG {faults}" if faults else codes or ", ".join(row.sides)
    return f"{row.fork.name}: {row.answer['status']} {verdict} {row.seconds:.2f} s {proved}".rstrip()


def report(rows: Sequence[Replayed]) -> Iterator[str]:
    """Tables in Markdown: by repository, what was refused, and the proofs if there were any."""
    yield "| repository | forks | healed | judged right | left to people | outlived the push: healed | people | time |"
    yield "|---|---|---|---|---|---|---|---|"
    for repo in sorted({row.fork.repo for row in rows}, key=str.lower):
        yield _table_row(repo, [row for row in rows if row.fork.repo == repo])
    yield _table_row("together", rows)
    yield ""
    yield f"seconds a fork: {_median(row.seconds for row in rows):.2f} in the median"
    sides = Counter(side for row in rows for side in row.sides)
    yield f"sides of the healed: {_counted(sides)}"
    touched = Counter(row.judgement.files for row in rows if row.judgement)
    yield f"files edited: {', '.join(f'{n} in {count}' for n, count in sorted(touched.items()))}"
    for row in rows:
        for refusal in row.answer["refusals"]:
            yield f"- {row.fork.name}: {refusal['code']}: {refusal['message']}"
        if row.judgement and row.judgement.faults:
            yield f"- WRONG {row.fork.name}: {'; '.join(row.judgement.faults)}"
        if row.judgement and row.judgement.unreadable:
            yield f"- {row.fork.name}: Alembic can't load {'; '.join(row.judgement.unreadable)}"
    yield from _proofs(rows)


def _table_row(name: str, rows: Sequence[Replayed]) -> str:
    healed = [row for row in rows if row.judgement]
    right = sum(1 for row in healed if row.judgement and not row.judgement.faults)
    codes = Counter(code for row in rows for code in row.codes)
    stood = [row for row in rows if not row.fork.within_a_push]
    mended = sum(1 for row in stood if row.judgement)
    people = Counter(row.fork.fix or "never" for row in rows)
    hours = [row.fork.hours for row in stood if row.fork.hours is not None]
    return (
        f"| {name} | {len(rows)} | {len(healed)} | {right} | {_counted(codes)} | {mended} of {len(stood)} | "
        f"{_counted(people).replace('_', ' ')} | {f'{_median(hours):.1f} h' if hours else ''} |"
    )


def _proofs(rows: Sequence[Replayed]) -> Iterator[str]:
    proofs = [row.answer["proof"] for row in rows if row.answer["proof"]]
    if proofs:
        proved = Counter(proof["database"] for proof in proofs if proof["passed"])
        failed = Counter(
            "failed" if proof["ran"] else "could not run" for proof in proofs if not proof["passed"]
        )
        yield f"proofs: {_counted(proved)}; {_counted(failed)}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values) or [0.0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
