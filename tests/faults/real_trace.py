"""Reads what happened in a real repository, with git alone, into the trace that the judge of the simulation reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.faults.simulation.project import CONTRACT, LANE, Rules
from tests.faults.simulation.trace import Commit, Execution, MainMove, Trace
from tests.support.repo import Repo


def read_trace(repo: Repo, start: str, evidence: Path, rules: Mapping[str, Rules], command: str) -> Trace:
    """All that git knows of it: every object, and each place that main was moved to (its reflog has to be on).

    `evidence` holds a line `TREE CHECK` for each check that really passed; `command` is what that check runs; `rules`
    are by the contract's blob."""
    commits = _commits(repo)
    trees = {tree: _tree(repo, tree) for tree in {commit.tree for commit in commits.values()}}
    trace = Trace(
        blobs=_blobs(repo, {blob for files in trees.values() for blob in files.values()}),
        trees=trees,
        commits=commits,
        start=start,
        moves=_moves(repo, commits, start),
        rules=dict(rules),
        contract_path=CONTRACT,
    )
    passed = [line.split() for line in evidence.read_text().splitlines()] if evidence.exists() else []
    trace.executions += [
        Execution(commit="", tree=tree, check=check, command=command, ended=0.0, passed=True)
        for tree, check in passed
    ]
    return trace


def _commits(repo: Repo) -> dict[str, Commit]:
    text = repo.git("log", "--all", "--reflog", "--format=%H%x00%T%x00%P%x00%B%x01")
    found: dict[str, Commit] = {}
    for record in text.split("\x01"):
        sha, *parts = record.lstrip("\n").split("\0")
        if parts:
            found[sha] = Commit(tree=parts[0], parents=tuple(parts[1].split()), message=parts[2])
    return found


def _tree(repo: Repo, tree: str) -> dict[str, str]:
    listed = repo.git("ls-tree", "-r", tree).splitlines()
    return {path: about.split()[2] for about, _, path in (line.partition("\t") for line in listed)}


def _blobs(repo: Repo, oids: set[str]) -> dict[str, bytes]:
    stream = repo.git_bytes("cat-file", "--batch", input="".join(f"{oid}\n" for oid in sorted(oids)))
    found: dict[str, bytes] = {}
    while stream:
        head, _, stream = stream.partition(b"\n")
        oid, _, size = head.decode().split()
        found[oid], stream = stream[: int(size)], stream[int(size) + 1 :]
    return found


def _moves(repo: Repo, commits: Mapping[str, Commit], start: str) -> list[MainMove]:
    """From the reflog; who moved it shows in the commit: the queue's own name the change."""
    log = Path(repo.path, "logs", "refs", "heads", LANE).read_text().splitlines()
    steps = [line.split()[:2] for line in log]
    first = next(number for number, (_, new) in enumerate(steps) if new == start)
    return [
        MainMove(
            at=float(number),
            who="replica" if "Pointsman-Head: " in commits[new].message else "outsider",
            old=old,
            new=new,
        )
        for number, (old, new) in enumerate(steps[first + 1 :])
    ]
