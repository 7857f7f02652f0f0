"""A second repository on disk as `ports.Remote`, and document stores upon it; it asserts nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.store.document import DocumentStore
from pointsman.core.model import Sha
from pointsman.ports import PushRefused
from tests.support.repo import Repo


@dataclass(kw_only=True)
class DiskRemote:
    """`ports.Remote` by real git over a bare repository on disk. `before_push` runs between building and pushing."""

    mirror: Repo
    remote: Repo
    refusal: PushRefused | None = None
    pushed: list[str] = field(default_factory=list)

    def listed(self, refs: Collection[str]) -> Mapping[str, Sha]:
        answer = self.mirror.git(
            "ls-remote", str(self.remote.path), *(f"{r}*" if r.endswith("/") else r for r in refs)
        )
        return {ref: Sha(oid) for oid, _, ref in (line.partition("\t") for line in answer.splitlines())}

    def fetch(self, commits: Mapping[str, Sha]) -> None:
        specs = [f"{oid}:refs/pointsman/remote/{ref.removeprefix('refs/')}" for ref, oid in commits.items()]
        self.mirror.git("fetch", "-q", "--force", "--no-tags", str(self.remote.path), *specs)

    def push(self, ref: str, *, new: Sha | None, expected: Sha | None, url: str = "") -> PushRefused | None:
        if self.refusal is not None:
            return self.refusal
        lease = f"--force-with-lease={ref}:{expected or ''}"
        place = str(self.remote.path)
        self.mirror.git("push", "-q", "--porcelain", lease, place, f"{new or ''}:{ref}", check=False)
        if self.listed([ref]).get(ref) == new:
            self.pushed.append(ref)
            return None
        return PushRefused(code="moved", why="stale info")


def disk_remote(folder: Path, name: str = "mirror") -> DiskRemote:
    """A remote in `folder/remote.git` (made where it is missing) and a mirror of its own."""
    remote, mirror = Repo(folder / "remote.git"), Repo(folder / f"{name}.git")
    for repo in (remote, mirror):
        if not repo.path.exists():
            repo.init(bare=True)
    return DiskRemote(mirror=mirror, remote=remote)


def open_document(folder: Path) -> DocumentStore:
    """The document of `folder/remote.git`, each time through another mirror, as another run would."""
    number = len(list(folder.glob("mirror*.git")))
    remote = disk_remote(folder, f"mirror{number}")
    return DocumentStore.at(GitRepository.open(remote.mirror.path), remote, folder=folder)
