"""git's object commands in a sterile git directory over the real objects; it never sees a ref or a work tree.

Nothing of the repository but its objects is in reach here: its configuration, replace refs, grafts, hooks,
`info/attributes`, and the `.gitattributes` of any work tree cannot bend an answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import count
from pathlib import Path

from pointsman.adapters.git.objects import ObjectReader, missing_object
from pointsman.adapters.git.opening import Location
from pointsman.adapters.git.process import Completed, Runner, sterile_environment
from pointsman.adapters.git.scratch import scratch_folder, write_git_dir
from pointsman.core.errors import GitFailed
from pointsman.core.model import Sha

_FULL_ID = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")


class Plumbing:
    """Object commands and the object reader. Every command may run in several threads at once."""

    def __init__(self, location: Location) -> None:
        self.object_format = location.object_format
        self.source = location.objects
        self.folder = scratch_folder()
        git_dir = self.folder / "git"
        write_git_dir(
            git_dir,
            object_format=location.object_format,
            head="ref: refs/heads/none",
            bare=True,
            objects=location.objects,
        )
        sterile = {"GIT_DIR": str(git_dir), "GIT_OBJECT_DIRECTORY": str(location.objects)}
        self._git = Runner(env=sterile_environment() | sterile, cwd=git_dir)
        self._numbers = count()
        self.objects = ObjectReader(self._git, self.folder / "cat-file.stderr")

    def run(
        self,
        *args: str,
        input: bytes = b"",
        ok: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Raises MissingObject where that is why git failed, else GitFailed."""
        try:
            return self._git.run(*args, input=input, ok=ok, env=env)
        except GitFailed as failed:
            self.raise_if_missing(failed)
            raise

    def failed(self, done: Completed, *args: str) -> GitFailed:
        """The failure for an answer that has an allowed exit code and makes no sense."""
        failed = GitFailed(self._git.command(args), done.code, done.stderr)
        self.raise_if_missing(failed)
        return failed

    def raise_if_missing(self, failed: GitFailed) -> None:
        """git says in many wordings what it lacks, so the ids are looked up rather than the words read."""
        named = dict.fromkeys(
            Sha(oid) for oid in _FULL_ID.findall(f"{failed.stderr} {' '.join(failed.command)}")
        )
        for oid in self.objects.missing(list(named)):
            raise missing_object(oid) from failed

    def scratch_file(self) -> Path:
        """A new name in the scratch folder."""
        return self.folder / f"file-{next(self._numbers)}"
