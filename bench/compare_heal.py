"""Ends forks that really happened with four tools, and judges each result by Alembic's own map.

`alembic merge heads`, alembic-linear-migrations (re-parents), alembic-converger (merge revisions) and `pointsman heal`.
The first three run in a virtual environment made for the purpose, in a checkout, in the jail: once as the project
stands, and once helped by a plain alembic.ini and by stubs for every module that is missing.
Run: `python -m bench.compare_heal --repos DIR [--only OWNER/NAME] [--venv DIR] [--json]`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import forks
from bench.real.jailed import run_jailed
from bench.real.judge import graph_faults, views
from bench.real.repositories import RealFork, as_json, borrowed, changed, find, git, known_forks, run

PINS = ("alembic==1.20.0", "alembic-linear-migrations==2026.7.0", "alembic-converger==0.1.4")
OURS = "pointsman heal"
STUBS = Path(__file__).with_name("real") / "stubs.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one tool made of one fork. `why`: its last line where it did not run to the end. `faults` are the judge's,
    of what it left behind; `published` counts files of the base that it edited."""

    fork: RealFork
    tool: str
    helped: bool
    ran: bool
    why: str
    seconds: float
    files: int
    published: int
    faults: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.ran and not self.faults and not self.published


def main(argv: Sequence[str] = ()) -> int:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare_heal")
    parser.add_argument("--repos", type=Path)
    parser.add_argument("--only", metavar="OWNER/NAME")
    parser.add_argument("--venv", type=Path, help="keep the tools' environment here")
    parser.add_argument("--most", metavar="N", type=int, help="at most so many forks of one repository")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    if options.repos is None:
        print("bench.compare_heal needs clones of public repositories: --repos DIR")
        return 0
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="pointsman-tools-") as folder:
        tools = install(options.venv or Path(folder) / "venv")
        for repo in dict.fromkeys(fork.repo for fork in known_forks() if options.only in (None, fork.repo)):
            place = find(options.repos, repo)
            if place is None:
                print(f"not here: {repo}", file=sys.stderr)
                continue
            with borrowed(place) as copy:
                for fork in [each for each in known_forks() if each.repo == repo][: options.most]:
                    results += compare(copy, fork, tools)
                    print(f"{fork.name}: {_line(results)}", file=sys.stderr, flush=True)
    print(as_json([asdict(each) for each in results]) if options.json else "\n".join(report(results)))
    return 0


def install(venv: Path) -> Path:
    """The folder with the tools' programs; raises CalledProcessError with pip's words where they can't be had."""
    if not (venv / "bin/alembic-converger").exists():
        run([sys.executable, "-m", "venv", str(venv)])
        run([str(venv / "bin/pip"), "install", "--quiet", *PINS])
    return venv.resolve() / "bin"


@dataclass(frozen=True, slots=True)
class _Case:
    """One fork, as the tools have to be told of it: `onto` is the base's head that was met, `point` where the sides
    part; `seen` is Alembic's view of base and merge."""

    repository: Path
    fork: RealFork
    onto: str
    point: str
    seen: dict[str, Any]


def compare(repository: Path, fork: RealFork, tools: Path) -> list[Result]:
    seen = views(repository, fork.versions, {"base": f"{fork.commit}^1", "merged": fork.commit})
    case = _Case(repository, fork, *_met(seen), seen)
    results = [_ours(case)]
    for helped in (False, True):
        results += [
            _theirs(
                case,
                "alembic merge",
                [str(tools / "alembic"), "-c", "INI", "merge", "-m", "merge", "heads"],
                helped,
            ),
            _theirs(
                case,
                "linear",
                [str(tools / "alembic-linear"), "-c", "INI", "rebase", "--onto", case.onto],
                helped,
            ),
            _theirs(
                case,
                "converger",
                [
                    *(str(tools / "alembic-converger"), "converge", "--from-revision", case.point),
                    *("--alembic-config", "INI", "--skip-validation"),
                ],
                helped,
            ),
        ]
    return results


def _met(seen: Mapping[str, Any]) -> tuple[str, str]:
    """The base's head that the change's new head forks from, and their nearest common revision."""
    revisions = seen["merged"]["revisions"]

    def below(id: str) -> set[str]:
        found, pending = set(), [id]
        while pending:
            each = pending.pop()
            if each not in found and each in revisions:
                found.add(each)
                pending += revisions[each]
        return found

    new = [head for head in seen["merged"]["heads"] if head not in seen["base"]["heads"]]
    ours = below(new[0]) if new else set()
    rivals = {head: below(head) & ours for head in seen["base"]["heads"] if head in seen["merged"]["heads"]}
    onto = max(rivals, key=lambda head: len(rivals[head]), default="")
    common = rivals.get(onto, set())
    top = [id for id in common if not any(id in revisions[other] for other in common)]
    return onto, min(top, default="")


def _ours(case: _Case) -> Result:
    done = forks.replay(case.repository, case.fork, prove=False)
    judged = done.judgement
    return Result(
        fork=case.fork,
        tool=OURS,
        helped=False,
        ran=judged is not None,
        why=", ".join(done.codes),
        seconds=done.seconds,
        files=judged.files if judged else 0,
        published=judged.published_edited if judged else 0,
        faults=judged.faults if judged else (),
    )


def _theirs(case: _Case, tool: str, command: Sequence[str], helped: bool) -> Result:
    with tempfile.TemporaryDirectory(prefix="pointsman-compare-") as name:
        folder = Path(name).resolve()
        tree = folder / "tree"
        tree.mkdir()
        archive = run(["git", "-C", str(case.repository), "archive", case.fork.commit, "--", *_needed(case)])
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
        ini = _helping_ini(folder, tree, case.fork.versions) if helped else _own_ini(tree, case.fork.versions)
        env = {}
        if helped:
            (folder / "stubs").mkdir()
            (folder / "stubs/stubs.py").write_bytes(STUBS.read_bytes())
            (folder / "stubs/sitecustomize.py").write_text("import stubs\nstubs.fill_gaps()\n")
            env["PYTHONPATH"] = str(folder / "stubs")
        if ini is None:
            return _result(case, tool, helped, "no alembic.ini in the tree", 0.0, case.fork.commit)
        begin = time.perf_counter()
        code, said = run_jailed(
            [ini.name if a == "INI" else a for a in command], folder, cwd=ini.parent, env=env
        )
        seconds = time.perf_counter() - begin
        why = "" if code == 0 else _reason(said) or f"exit code {code}"
        return _result(case, tool, helped, why, seconds, _tree_of(case, tree, folder / "index"))


def _reason(said: str) -> str:
    """The line that says what went wrong, as a rule the last that names an error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line or "FAILED" in line or "No module" in line]
    return (errors or lines or [""])[-1][:200]


def _needed(case: _Case) -> list[str]:
    """The migrations and the settings; a partial clone may lack the rest, and no tool here asks for it."""
    names = git(case.repository, "ls-tree", "-r", "-z", "--name-only", case.fork.commit).split("\0")
    settings = [name for name in names if name.rpartition("/")[2] in ("alembic.ini", "pyproject.toml")]
    above = {folder.rpartition("/")[0] for folder in case.fork.versions}
    return [*settings, *sorted({*case.fork.versions, *(folder for folder in above if folder)})]


def _own_ini(tree: Path, versions: Sequence[str]) -> Path | None:
    """The alembic.ini nearest to the revisions, at or above them."""
    place = tree / versions[0]
    while place != tree.parent:
        if (place / "alembic.ini").is_file():
            return place / "alembic.ini"
        place = place.parent
    return None


def _helping_ini(folder: Path, tree: Path, versions: Sequence[str]) -> Path:
    places = os.pathsep.join(str(tree / each) for each in versions)
    script = (tree / versions[0]).parent
    if not (script / "script.py.mako").exists():
        script = folder / "script"
        script.mkdir()
        (script / "script.py.mako").write_text(
            "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
            "branch_labels = ${repr(branch_labels)}\ndepends_on = ${repr(depends_on)}\n"
        )
    ini = folder / "alembic.ini"
    ini.write_text(
        f"[alembic]\nscript_location = {script}\nversion_locations = {places}\npath_separator = os\n"
    )
    return ini


def _tree_of(case: _Case, work: Path, index: Path) -> str:
    """The revision folders as the tool left them, as a tree of the fork's commit."""
    environment = os.environ | {"GIT_INDEX_FILE": str(index)}
    command = ["git", f"--git-dir={case.repository}", f"--work-tree={work}"]
    steps = (
        ["read-tree", case.fork.commit],
        ["add", "-A", "-f", "--", *case.fork.versions],
        ["write-tree", "--missing-ok"],
    )
    for step in steps:
        done = subprocess.run([*command, *step], env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def _result(case: _Case, tool: str, helped: bool, why: str, seconds: float, tree: str) -> Result:
    files = {
        p: s
        for p, s in changed(case.repository, f"{case.fork.commit}^{{tree}}", tree).items()
        if p.endswith(".py")
    }
    faults: tuple[str, ...] = ()
    if not why:
        after = views(case.repository, case.fork.versions, {"healed": tree}) if files else {}
        faults = tuple(graph_faults({"healed": case.seen["merged"]} | case.seen | after))
    on_base = set(
        git(
            case.repository,
            "ls-tree",
            "-r",
            "-z",
            "--name-only",
            f"{case.fork.commit}^1",
            *case.fork.versions,
        ).split("\0")
    )
    return Result(
        fork=case.fork,
        tool=tool,
        helped=helped,
        ran=not why,
        why=why,
        seconds=seconds,
        files=len(files),
        published=sum(1 for path in files if path in on_base),
        faults=faults,
    )


def _line(results: Sequence[Result]) -> str:
    last = [each for each in results if each.fork == results[-1].fork]
    return "; ".join(
        f"{each.tool}{' helped' if each.helped else ''}: "
        + (
            "right"
            if each.right
            else each.why or ", ".join(each.faults) or f"{each.published} published edited"
        )
        for each in last
    )


def report(results: Sequence[Result]) -> Iterator[str]:
    """Markdown. What our own healer leaves to people is what the others are held to as well."""
    left = {each.fork.name for each in results if each.tool == OURS and not each.ran}
    yield "| tool | ran | heads as before | published edited | other faults | files | ended of those left | time |"
    yield "|---|---|---|---|---|---|---|---|"
    for tool, helped in dict.fromkeys((each.tool, each.helped) for each in results):
        rows = [each for each in results if (each.tool, each.helped) == (tool, helped)]
        ran = [each for each in rows if each.ran]
        heads = sum(1 for each in ran if not any("heads where" in fault for fault in each.faults))
        other = sum(1 for each in ran if any("heads where" not in fault for fault in each.faults))
        published = sum(1 for each in ran if each.published)
        files = statistics.median([each.files for each in ran] or [0])
        anyway = sum(1 for each in ran if each.fork.name in left)
        seconds = statistics.median([each.seconds for each in rows])
        yield (
            f"| {tool}{', helped' if helped else ''} | {len(ran)} of {len(rows)} | {heads} | {published} | "
            f"{other} | {files:g} | {anyway} of {len(left)} | {seconds:.2f} s |"
        )
    yield ""
    whys: dict[tuple[str, bool, str], int] = {}
    for each in results:
        if not each.ran:
            key = each.tool, each.helped, each.why.partition(":")[0][:80]
            whys[key] = whys.get(key, 0) + 1
    for (tool, helped, why), count in sorted(whys.items()):
        yield f"- {tool}{', helped' if helped else ''}: {count} x {why}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
