"""Public repositories on this machine, and plain git on them: no code of ours between the judge and the objects."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FORKS = Path(__file__).with_name("forks.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class RealFork:
    """A fork as an independent reading of the history names it. `hours` are how long people took to end it, by
    `fix`; None where it never ended. With `within_a_push` later commits of the same push ended it."""

    repo: str
    versions: tuple[str, ...]
    commit: str
    fix: str | None
    hours: float | None
    fixed_commit: str | None
    within_a_push: bool

    @property
    def name(self) -> str:
        return f"{self.repo} {self.commit[:10]}"


def known_forks() -> list[RealFork]:
    """All of forks.json, in its order."""
    return [
        RealFork(
            repo=each["repo"],
            versions=tuple(each["versions"]),
            commit=each["fork_commit"],
            fix=each["fix"],
            hours=each["hours"],
            fixed_commit=each["fixed_commit"],
            within_a_push=each["transient"],
        )
        for each in json.loads(FORKS.read_text())
    ]


def find(folder: Path, repo: str) -> Path | None:
    """Where a repository `owner/name` is: as `owner+name/repo`, `owner/name`, `name`, or these with `.git`."""
    owner, name = repo.split("/")
    places = [f"{owner}+{name}/repo", repo, f"{repo}.git", name, f"{name}.git", f"{owner}+{name}"]
    return next((folder / p for p in places if (folder / p).is_dir()), None)


@contextmanager
def borrowed(repository: Path) -> Iterator[Path]:
    """A bare repository with the same refs that writes objects of its own, so that the original stays as it is."""
    with TemporaryDirectory(prefix="pointsman-bench-") as name:
        run(["git", "clone", "--quiet", "--bare", "--shared", str(repository), f"{name}/repo"])
        yield Path(name) / "repo"


def run(command: list[str], *, stdin: bytes | None = None) -> bytes:
    """What the command prints; raises CalledProcessError."""
    return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout


def git(repository: Path, *args: str) -> str:
    return run(["git", "-C", str(repository), *args]).decode("utf-8", "surrogateescape")


def complete(repository: Path, base: str, head: str, more: Mapping[str, str]) -> tuple[str, str]:
    """Base and head again, head with base as its parent, as commits without the files whose contents a partial clone
    lacks, and with `more` (path -> text) on both; the same two where that changes nothing."""
    lacking = {commit: _lacking(repository, commit) for commit in (base, head)}
    if not more and not any(lacking.values()):
        return base, head
    lines = [f"100644 {blob(repository, text)}\t{path}\0" for path, text in more.items()]
    lines_of = {
        commit: "".join([*lines, *(f"0 {'0' * 40}\t{path}\0" for path in paths)])
        for commit, paths in lacking.items()
    }
    root = _commit(repository, tree_with(repository, base, lines_of[base]))
    return root, _commit(repository, tree_with(repository, head, lines_of[head]), "-p", root)


def _lacking(repository: Path, commit: str) -> list[str]:
    entries = [
        line for line in git(repository, "ls-tree", "-r", "-z", commit).split("\0") if " blob " in line
    ]
    asked = "".join(f"{entry.split()[2]}\n" for entry in entries).encode()
    said = run(["git", "-C", str(repository), "cat-file", "--batch-check"], stdin=asked).splitlines()
    return [
        entry.partition("\t")[2]
        for entry, word in zip(entries, said, strict=True)
        if word.endswith(b" missing")
    ]


def tree_with(repository: Path, commit: str, lines: str) -> str:
    """The commit's tree with lines for `update-index --index-info`."""
    stdin = lines.encode("utf-8", "surrogateescape")
    with TemporaryDirectory(prefix="pointsman-index-") as name:
        environment = os.environ | {"GIT_INDEX_FILE": f"{name}/index"}
        steps = (
            ["read-tree", commit],
            ["update-index", "-z", "--index-info"],
            ["write-tree", "--missing-ok"],
        )
        for step in steps:
            command = ["git", "-C", str(repository), *step]
            done = subprocess.run(command, input=stdin, env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def blob(repository: Path, text: str) -> str:
    command = ["git", "-C", str(repository), "hash-object", "-w", "--stdin"]
    return run(command, stdin=text.encode()).decode().strip()


def _commit(repository: Path, tree: str, *parents: str) -> str:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    return git(repository, *who, "commit-tree", "-m", "bench", *parents, tree).strip()


def changed(repository: Path, old: str, new: str) -> dict[str, str]:
    """Path -> status letter, between two trees or commits."""
    fields = git(repository, "diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new).split("\0")
    return dict(zip(fields[1::2], fields[0::2], strict=False))


def write_out(repository: Path, tree: str, folders: Iterable[str], into: Path) -> list[Path]:
    """The .py files directly in each folder of the tree, a folder each."""
    places = []
    for number, folder in enumerate(folders):
        place = into / str(number)
        place.mkdir(parents=True)
        places.append(place)
        listed = git(repository, "ls-tree", "-z", tree, f"{folder.rstrip('/')}/").split("\0")
        entries = [line.partition("\t") for line in listed if line]
        blobs = [(meta.split()[2], Path(path).name) for meta, _, path in entries if path.endswith(".py")]
        for name, content in zip(
            [name for _, name in blobs], contents(repository, [oid for oid, _ in blobs]), strict=True
        ):
            (place / name).write_bytes(content)
    return places


def contents(repository: Path, oids: list[str]) -> Iterator[bytes]:
    """The blobs, in order."""
    if not oids:
        return
    out = run(
        ["git", "-C", str(repository), "cat-file", "--batch"], stdin="".join(f"{o}\n" for o in oids).encode()
    )
    at = 0
    for _ in oids:
        end = out.index(b"\n", at)
        size = int(out[at:end].split()[2])
        yield out[end + 1 : end + 1 + size]
        at = end + 2 + size


def as_json(rows: Any) -> str:
    return json.dumps(rows, indent=1)
