"""Plays merged changes of public repositories through the queue, once per strategy; plain git judges what lands.

A stretch of first-parent merges becomes branches that all leave one old commit, as if they had been worked on at once;
each brings the diff that its merge brought, and migrations that stood on each other stand beside each other, so that
they fork. Some changes are marked to be red alone, some pairs to be red together only.
Run: `python -m bench.real.queue --repos DIR [--only OWNER/NAME] [--mode MODE]`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.real.repositories import blob, changed, find, git, tree_with

POINTSMAN = Path(sys.executable).with_name("pointsman")
MODES = ("serial", "batch", "window", "speculate")
REPOSITORIES = {
    "Netflix/lemur": "alembic",
    "getredash/redash": "alembic",
    "HyphaApp/hypha": "django",
    "bookwyrm-social/bookwyrm": "django",
    "onaio/onadata": "django",
}
"""Each with the tool that its migrations are written for."""

ALONE, PAIRED = 12, 15
"""One change in so many is red by itself; of so many, two are red together only."""

CONTROLLED = re.compile(
    r"(^|/)(\.github/|CODEOWNERS|\.git\w+$|CLAUDE|AGENTS|GEMINI|\.claude|\.cursor|env\.py$|alembic\.ini$)"
)
MIGRATION = re.compile(r"(^|/)(versions|migrations)/[^/]+\.py$")
ALEMBIC = re.compile(r"^(down_)?revision(?:\s*:[^=]+)?\s*=\s*['\"]([\w]+)['\"]", re.MULTILINE)

CONTRACT = """\
version: 1
base: main
identities: {{fleet: {{email: fleet@example.org}}}}
roles: {{coder: {{who: [fleet], owns: ["**"]}}}}
checks: {{unit: {{run: "python3 tools/marks.py", timeout: 5m}}}}
migrations: [{{backend: {backend}, proof: off, same_table: prove, two_heads: commit_order}}]
queue: {{mode: {mode}, retry: {{max: 1, rerun_on_base: true}}}}
limits: {{running_gates: {gates}}}
"""

MARKS = """\
import collections, pathlib, sys, time
time.sleep({seconds})
marks = [path.name for path in pathlib.Path("marks").glob("*")]
pairs = collections.Counter(name.rpartition("-")[0] for name in marks if name.startswith("pair-"))
red = [name for name in marks if name.startswith("alone-")] + [name for name, count in pairs.items() if count > 1]
print("red:", *red) if red else print("green")
sys.exit(bool(red))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A merged change as a branch of its own. `mark` names what makes it red, '' where nothing does; it stands on the
    branch `below`, or on main where that is ''."""

    name: str
    commit: str
    paths: frozenset[str]
    below: str
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A repository whose main is at `start`, with these branches on it."""

    folder: Path
    start: str
    branches: Sequence[Branch]


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What came of one stretch under one strategy. Seconds on the clock; `own` and `children` are processor seconds
    of the queue itself and of all that it started (git and the checks)."""

    mode: str
    landed: int
    returned: Mapping[str, int]
    open: int
    runs: int
    healed: int
    seconds: float
    own: float
    children: float
    faults: Sequence[str]


def main(argv: Sequence[str] = ()) -> int:
    """Prints a table in Markdown; 1 where a judgement found a fault."""
    options = _options(argv)
    print(
        "| repository | changes | mode | landed | returned | heals | runs/landed | s/landed "
        "| CPU s/landed, own + git and checks | faults |"
    )
    print(f"{'|---' * 10}|")
    faulty = False
    for repo in [one for one in REPOSITORIES if options.only in (None, one)]:
        place = find(options.repos, repo)
        if place is None:
            print(f"{repo}: no clone in {options.repos}", file=sys.stderr)
            continue
        for mode in options.mode or MODES:
            with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as name:
                folder = Path(options.keep or name) / f"{repo.replace('/', '+')}-{mode}"
                stretch = prepare(place, folder, REPOSITORIES[repo], mode, options)
                played = play(stretch, mode)
                faulty |= bool(played.faults)
                print(_row(repo, stretch, played), flush=True)
                for fault in played.faults:
                    print(f"  FAULT {fault}", flush=True)
    return int(faulty)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=Path, required=True)
    parser.add_argument("--only")
    parser.add_argument("--mode", action="append", choices=MODES)
    parser.add_argument("--changes", type=int, default=40)
    parser.add_argument("--skip", type=int, default=0, help="so many of the newest merges are left out")
    parser.add_argument("--gates", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a check takes")
    parser.add_argument("--keep", type=Path)
    return parser.parse_args(argv or None)


def prepare(place: Path, folder: Path, backend: str, mode: str, options: argparse.Namespace) -> Stretch:
    """A clone in `folder` whose main is as it was before the stretch, with a contract and a check on top."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", "--shared", "--no-checkout", str(place), str(folder)], check=True)
    for key, value in (("user.name", "Fleet"), ("user.email", "fleet@example.org"), ("gc.auto", "0")):
        git(folder, "config", key, value)
    merges = git(
        folder,
        "log",
        "--first-parent",
        "--merges",
        f"-{options.changes}",
        f"--skip={options.skip}",
        "--format=%H",
    ).split()
    merges.reverse()
    origin = git(folder, "rev-parse", f"{merges[0]}^1").strip()
    texts = {
        ".pointsman.yml": CONTRACT.format(backend=backend, mode=mode, gates=options.gates),
        "tools/marks.py": MARKS.format(seconds=options.seconds),
    }
    start = _commit(folder, _with(folder, origin, texts), origin, "Begin")
    branches = list(_branches(folder, merges, start))
    git(folder, "symbolic-ref", "HEAD", "refs/heads/elsewhere")
    git(folder, "update-ref", "refs/heads/main", start)
    return Stretch(folder=folder, start=start, branches=branches)


def _branches(folder: Path, merges: Sequence[str], start: str) -> Iterator[Branch]:
    """Those whose diff fits onto `start`, or onto one of them that changed a file of theirs before."""
    ids: dict[str, str] = {}
    known: list[Branch] = []
    for number, merge in enumerate(merges):
        paths = changed(folder, f"{merge}^1", merge)
        if not paths or any(CONTROLLED.search(path) for path in paths):
            continue
        below = [one for one in reversed(known) if not one.paths.isdisjoint(paths)]
        for name, ground in [("", start), *((one.name, one.commit) for one in below[:3])]:  # noqa: B007
            tree = _merged(folder, f"{merge}^1", ground, merge)
            if tree is not None:
                break
        else:
            continue
        texts = _unstacked(folder, tree, [path for path, how in paths.items() if how == "A"], ids)
        mark = _mark(number)
        if mark:
            texts[f"marks/{mark}"] = "\n"
        title = git(folder, "log", "-1", "--format=%s", merge).strip()
        title += f"\n\nDepends-on: {name}" if name else ""
        commit = _commit(folder, _with(folder, tree, texts), ground, title)
        branch = Branch(
            name=f"change/{number:03}", commit=commit, paths=frozenset(paths), below=name, mark=mark
        )
        git(folder, "update-ref", f"refs/heads/{branch.name}", commit)
        known.append(branch)
        yield branch


def _mark(number: int) -> str:
    if number % ALONE == 5:
        return f"alone-{number}"
    place, rest = divmod(number, PAIRED)
    return {2: f"pair-{place}-a", 9: f"pair-{place}-b"}.get(rest, "")


def _unstacked(folder: Path, tree: str, added: Sequence[str], ids: dict[str, str]) -> dict[str, str]:
    """The texts of added migrations, on the parent that they have once all others of the stretch are away. `ids` has
    the parents of those so far."""
    texts: dict[str, str] = {}
    for path in (one for one in added if MIGRATION.search(one)):
        text = git(folder, "cat-file", "blob", f"{tree}:{path}")
        old = _parent(path, text)
        if old is None:
            continue
        new = old[1]
        while new in ids:
            new = ids[new]
        ids[old[0]] = new
        if new != old[1]:
            texts[path] = text.replace(old[1].rpartition("/")[2], new.rpartition("/")[2])
    return texts


def _parent(path: str, text: str) -> tuple[str, str] | None:
    """A migration's name and its parent's; a Django one's with its application in front."""
    found = {bool(down): name for down, name in ALEMBIC.findall(text)}
    if len(found) == 2:
        return found[False], found[True]
    app = Path(path).parent.parent.name
    django = re.search(rf"\(\s*['\"]{re.escape(app)}['\"],\s*['\"](\w+)['\"]", text)
    return (f"{app}/{Path(path).stem}", f"{app}/{django[1]}") if django else None


def play(stretch: Stretch, mode: str) -> Played:
    """Submit all, run once, judge."""
    pointsman(stretch.folder, "submit", *(branch.name for branch in stretch.branches))
    code = (
        "import resource, sys, time; from pointsman.cli.main import entry\ntry: entry()\nfinally:\n"
        " one, all = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))\n"
        " print('CPU', one.ru_utime + one.ru_stime, all.ru_utime + all.ru_stime)"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--once", "-q", "-C", str(stretch.folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    own, children = (float(part) for part in done.stdout.split("CPU")[-1].split())
    faults = [f"run: exit {done.returncode}: {done.stderr}"] if done.returncode or done.stderr.strip() else []
    changes = _changes(stretch.folder)
    log = json.loads(pointsman(stretch.folder, "log", "--json"))["lines"]
    landed = [one for one in changes if one["state"] == "landed"]
    returned = [one for one in changes if one["state"] == "returned"]
    return Played(
        mode=mode,
        landed=len(landed),
        returned=Counter(one["reason"]["code"] for one in returned),
        open=len(changes) - len(landed) - len(returned),
        runs=sum(1 for one in log if one["kind"] == "run_started"),
        healed=sum(len(one["body"].get("healed", ())) for one in log if one["kind"] == "landed"),
        seconds=seconds,
        own=own,
        children=children,
        faults=[*faults, *judge(stretch, changes)],
    )


def _changes(folder: Path) -> list[dict[str, Any]]:
    lanes = json.loads(pointsman(folder, "queue", "--all", "--json"))["lanes"]
    return [change for lane in lanes for change in lane["changes"]]


def judge(stretch: Stretch, changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with the end, by git and the marks alone."""
    state = {one["branch"]: one["state"] for one in changes}
    if len(changes) != len(stretch.branches):
        yield f"{len(stretch.branches)} were submitted, {len(changes)} are known"
    if _is_red(_marked(stretch, "main")):
        yield "main is red"
    for one in changes:
        if one["state"] not in ("landed", "returned"):
            below = next(branch.below for branch in stretch.branches if branch.name == one["branch"])
            if state.get(below) in (None, "landed"):
                yield f"{one['branch']} is {one['state']}: {one.get('wait')}"
        elif one["state"] == "returned" and not _is_true(stretch, one):
            yield f"{one['branch']} was returned: {one['reason']['code']}: {one['reason']['message']}"
    yield from _tree_faults(stretch)


def _marked(stretch: Stretch, commit: str) -> set[str]:
    return set(git(stretch.folder, "ls-tree", "--name-only", commit, "marks/").split())


def _is_red(marks: set[str]) -> bool:
    """What `tools/marks.py` says."""
    pairs = Counter(mark.rpartition("-")[0] for mark in marks if "/pair-" in mark)
    return any("/alone-" in mark for mark in marks) or any(count > 1 for count in pairs.values())


def _is_true(stretch: Stretch, one: Mapping[str, Any]) -> bool:
    """Whether the reason that it was returned for holds on main as it ended."""
    code, head = one["reason"]["code"], one["head"]
    if code in ("red", "red_together"):
        alone = _is_red(_marked(stretch, head))
        together = _is_red(_marked(stretch, head) | _marked(stretch, "main"))
        said = "not tried" if "was not tried" in one["reason"]["message"] else code
        return {"red": alone, "red_together": together and not alone, "not tried": together}[said]
    if code == "merge_conflict":
        command = ["git", "-C", str(stretch.folder), "merge-tree", "--write-tree", "main", one["head"]]
        return subprocess.run(command, check=False, capture_output=True).returncode == 1
    return not code.startswith("red")


def _tree_faults(stretch: Stretch) -> Iterator[str]:
    """Main against plain merges of what landed, in the order of landing: they differ in migrations only."""
    folder = stretch.folder
    tip = tree = plain = stretch.start
    for line in git(
        folder, "rev-list", "--reverse", "--first-parent", "--parents", f"{tip}..main"
    ).splitlines():
        landing, before, *others = line.split()
        if before != tip or len(others) != 1:
            yield f"{landing} is no merge onto {tip}"
            return
        tip = landing
        command = ["git", "-C", str(folder), "merge-tree", "--write-tree", plain, others[0]]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            yield f"{landing} has no plain merge: {done.stdout}"
            return
        tree = done.stdout.split()[0]
        plain = git(folder, "commit-tree", "-p", plain, "-p", others[0], "-m", "plain", tree).strip()
    different = [path for path in changed(folder, tree, "main") if not MIGRATION.search(path)]
    if different:
        yield f"main is not the plain merge of what landed: {', '.join(different[:5])}"
    heads = subprocess.run(
        [POINTSMAN, "heads", "--rev", "main", "-C", str(folder), "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    before_ = subprocess.run(
        [POINTSMAN, "heads", "--rev", stretch.start, "-C", str(folder), "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if _counted(heads.stdout) != _counted(before_.stdout):
        yield f"heads: {_counted(before_.stdout)} before, {_counted(heads.stdout)} after"


def _counted(said: str) -> dict[str, int]:
    environments = json.loads(said)["environments"]
    return {" ".join(each["versions"]): len(each["heads"]) for each in environments}


def pointsman(folder: Path, *args: str) -> str:
    command = [str(POINTSMAN), *args, "-C", str(folder)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _with(folder: Path, tree: str, texts: Mapping[str, str]) -> str:
    lines = "".join(f"100644 {blob(folder, text)}\t{path}\0" for path, text in texts.items())
    return tree_with(folder, tree, lines)


def _merged(folder: Path, base: str, one: str, other: str) -> str | None:
    """The tree of a plain merge of two trees over a commit; None where they conflict."""
    sides = [_commit(folder, f"{side}^{{tree}}", base, "side") for side in (one, other)]
    command = ["git", "-C", str(folder), "merge-tree", "--write-tree", *sides]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.split()[0] if done.returncode == 0 else None


def _commit(folder: Path, tree: str, parent: str, text: str) -> str:
    return git(folder, "commit-tree", "-p", parent, "-m", text or "A change", tree).strip()


def _row(repo: str, stretch: Stretch, played: Played) -> str:
    each = max(1, played.landed)
    returned = ", ".join(f"{code} {count}" for code, count in sorted(played.returned.items()))
    return (
        f"| {repo} | {len(stretch.branches)} | {played.mode} | {played.landed} | {returned} | {played.healed} | "
        f"{played.runs / each:.2f} | {played.seconds / each:.2f} | {played.own / each:.2f} + "
        f"{played.children / each:.2f} | {len(played.faults)} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
