"""Reads and moves refs in the real repository, with its hooks off; it creates no objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.adapters.git.opening import Location
from pointsman.adapters.git.process import Runner, ordinary_environment
from pointsman.core.errors import EnvironmentProblem, GitFailed, UserError
from pointsman.core.model import Sha

LOCK_WAIT = 5.0
"""Seconds to wait for somebody else's lock before it is named in an error."""

_PSEUDO = "HEAD|@|FETCH_HEAD|ORIG_HEAD|MERGE_HEAD|CHERRY_PICK_HEAD|REVERT_HEAD|REBASE_HEAD|BISECT_HEAD"
_AS_IS = re.compile(rf"(?:refs/|:|(?:{_PSEUDO})(?:$|[~^@:])|[0-9a-f]{{40}}$|[0-9a-f]{{64}}$)")
_HEADS = "refs/heads/"
_LOCK = re.compile(r"Unable to create '(?P<path>[^\n]+\.lock)': File exists")
_QUIET = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "advice.graftFileDeprecated=false",
)


class Refs:
    """The refs of one repository, and HEAD of the worktree that it was opened in."""

    def __init__(self, location: Location, *, lock_wait: float = LOCK_WAIT) -> None:
        self._location = location
        self._zero = "0" * (40 if location.object_format == "sha1" else 64)
        millis = int(lock_wait * 1000)
        waits = (f"core.filesRefLockTimeout={millis}", f"core.packedRefsTimeout={millis}")
        options = (*_QUIET, *(part for wait in waits for part in ("-c", wait)))
        env = ordinary_environment() | {
            "GIT_COMMITTER_NAME": "pointsman",
            "GIT_COMMITTER_EMAIL": "pointsman@localhost",
        }
        env["GIT_DIR"] = str(location.common_dir)
        self._lock_wait = lock_wait
        self._git = Runner(options=options, env=env, cwd=location.common_dir)
        # HEAD, @{-1} and the like are the worktree's own.
        self._here = Runner(
            options=options, env=env | {"GIT_DIR": str(location.git_dir)}, cwd=location.git_dir
        )

    def resolve(self, rev: str) -> Sha:
        """See ports.Git.resolve: refs/heads/REV, then refs/remotes/REV, then what git takes REV for."""
        if not rev or re.search(r"[\0-\x1f]", rev):
            raise UserError(f"{rev!r} is no name of a commit; give a branch, a tag or a commit id")
        as_is = _AS_IS.match(rev) is not None or "@{" in rev
        spelled = [] if as_is else [f"{_HEADS}{rev}^{{commit}}", f"refs/remotes/{rev}^{{commit}}"]
        spelled += [
            f"{rev}^{{commit}}",
            rev,
        ]  # the last for `:/text`, which takes all that follows for its pattern
        done = self._here.run("cat-file", "--batch-check", input=_lines(spelled), ok=range(256))
        for answer in done.stdout.decode(errors="replace").splitlines():
            oid, _, kind = answer.partition(" ")
            if kind.startswith("commit ") and len(oid) == len(self._zero):
                return Sha(oid)
        raise self._unresolved(rev, ambiguous=f"{rev}^{{commit}} ambiguous\n".encode() in done.stdout)

    def _unresolved(self, rev: str, *, ambiguous: bool) -> UserError:
        where = self._location.common_dir
        if ambiguous:
            return UserError(f"{rev!r} is short for several objects in {where}; give more digits")
        if rev in ("HEAD", "@"):
            return UserError(f"{rev} in {where} has no commit yet; make one, or name a branch that has one")
        return UserError(
            f"{rev!r} names no branch, tag or commit in {where}; `git branch --all` lists the branches,"
            " `git fetch` brings those of the remote"
        )

    def branch_of(self, rev: str) -> str | None:
        """The branch that REV names, without refs/heads/ (for HEAD, the one checked out); None for a tag,
        a remote branch, a commit id or a detached HEAD."""
        if rev in ("HEAD", "@"):
            full = self._here.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).stdout.decode(
                errors="surrogateescape"
            )
            return full.strip().removeprefix(_HEADS) if full.startswith(_HEADS) else None
        name = rev.removeprefix(_HEADS)
        if not name or name.startswith("refs/") or re.search(r"[\0- ~^:?*\[\\]|@\{|\.\.", name):
            return None
        return name if self.read(_HEADS + name) is not None else None

    def read(self, ref: str) -> Sha | None:
        """What the full ref name holds (an annotated tag's ref holds the tag); None where there is none."""
        return self._listed(_full(ref)).get(ref)

    def under(self, *prefixes: str) -> Mapping[str, Sha]:
        """Every ref whose full name starts with one of the prefixes, by name."""
        folders = [_full(prefix).rpartition("/")[0] + "/" for prefix in prefixes]
        return {ref: sha for ref, sha in self._listed(*folders).items() if ref.startswith(prefixes)}

    def commits_of(self, refs: Sequence[str]) -> Mapping[str, Sha]:
        """See ports.Git.commits_of."""
        asked = _lines([f"{_full(ref)}^{{commit}}" for ref in refs])
        done = self._git.run("cat-file", "--batch-check", input=asked, ok=range(256))
        answers = (line.split(" ") for line in done.stdout.decode(errors="replace").splitlines())
        return {
            ref: Sha(answer[0])
            for ref, answer in zip(refs, answers, strict=False)
            if len(answer) == 3 and answer[1] == "commit" and len(answer[0]) == len(self._zero)
        }

    def _listed(self, *patterns: str) -> dict[str, Sha]:
        done = self._git.run("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
        if "broken ref" in done.stderr:  # git leaves it out: that is not the same as absent
            raise GitFailed(self._git.command(("for-each-ref", *patterns)), done.code, done.stderr)
        lines = done.stdout.decode(errors="surrogateescape").splitlines()
        return {ref: Sha(oid) for oid, _, ref in (line.partition(" ") for line in lines)}

    def move(self, ref: str, *, new: Sha | None, expected: Sha | None) -> bool:
        """See ports.Git.move_ref. A symbolic ref is replaced, never followed.

        Waits for a lock that somebody holds; EnvironmentProblem names one that outlasts the wait. A lock is
        never deleted: git writes no owner into it, so nobody can tell that its owner is dead.
        """
        if new is None and expected is None:
            return self.read(ref) is None
        values = ["-d", ref] if new is None else [ref, new]
        args = (
            "update-ref",
            "--no-deref",
            "-m",
            "pointsman",
            *values[:1],
            *values[1:],
            expected or self._zero,
        )
        try:
            self._git.run(*args)
        except GitFailed as failed:
            if self.read(_full(ref)) != expected:
                return False
            raise lock_problem(failed, self._lock_wait) or failed from failed
        return True

    def config(self, key: str) -> str | None:
        """The last value of that key for this repository, as git itself would see it; None where unset."""
        done = self._git.run("config", "-z", "--get", key, ok=(0, 1))
        return done.stdout.decode(errors="surrogateescape").removesuffix("\0") if done.code == 0 else None


def lock_problem(failed: GitFailed, waited: float) -> EnvironmentProblem | None:
    """The error that names the lock which stood in the way; None if it was something else."""
    found = _LOCK.search(failed.stderr)
    if found is None:
        return None
    lock = Path(found["path"])
    return EnvironmentProblem(
        f"{lock} was held by another git process for {waited:g} s;"
        f" try again, and if no git runs in this repository any more, delete the file: rm {str(lock)!r}"
    )


def _full(ref: str) -> str:
    if not ref.startswith("refs/"):
        raise ValueError(f"not a full ref name: {ref!r}")
    return ref


def _lines(spelled: list[str]) -> bytes:
    return "".join(f"{name}\n" for name in spelled).encode("utf-8", "surrogateescape")
