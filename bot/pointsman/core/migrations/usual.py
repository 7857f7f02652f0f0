"""The answers that most migration tools share, to start a backend from; it is no tool and is never listed as one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from pointsman.core.migrations.backend import Naming, Runner, Uneditable, Words
from pointsman.core.migrations.model import Layout, Parsed, Problem
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment
    from pointsman.core.migrations.operations import Footprint


class Usual:
    """A `Backend` but for `name`, `discover`, `parse`, `set_parents` and `merge_revision`, for tools whose revisions
    name their parents in files of their own. `suffixes` are the endings of such files."""

    name = ""
    suffixes: tuple[str, ...] = (".py", ".sql")
    words = Words(parents="its parents", needs="its needs", nameless="names no revision")
    runner: Runner | None = None
    one_lineage = False
    crosses = False
    joins = True
    by_name = False

    def at(self, layout: Layout) -> Self:
        return self

    def may_configure(self, path: GitPath) -> bool:
        return False

    def configs_among(self, paths: Iterable[GitPath]) -> list[GitPath]:
        return [path for path in paths if self.may_configure(path)]

    def may_matter(self, path: GitPath) -> bool:
        return path.endswith(self.suffixes) or self.may_configure(path)

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        """A file of an environment that is known moves none; any other that comes or goes may be the first of one."""
        if self.may_configure(path):
            return True
        ours = [layout for layout in layouts if layout.backend == self.name]
        return new and self.may_matter(path) and not any(self.is_revision_file(each, path) for each in ours)

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        return path.endswith(self.suffixes) and path.rpartition("/")[0] in layout.versions

    def in_context(
        self, files: Mapping[GitPath, Parsed], base: Environment | None = None
    ) -> Mapping[GitPath, Parsed]:
        return files

    def between(self, environments: Sequence[Environment]) -> Mapping[tuple[str, str], tuple[Problem, ...]]:
        return {}

    def naming(self, when: int) -> Naming | None:
        return None

    def revision_from_name(self, path: GitPath) -> str | None:
        return None

    def companions(
        self, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
    ) -> Mapping[GitPath, GitPath]:
        return {}

    def footprint(self, blob: bytes, path: GitPath, environment: Environment) -> Footprint:
        """Of Python with Alembic's operations, and of SQL; what is neither comes out as unknown."""
        from pointsman.core.migrations.operations import footprint

        return footprint(blob, path)

    def rename(self, blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
        named = next((id for id in ids if id.encode() in blob), None)
        return blob if named is None else Uneditable(f"it names {named}, and this tool's ids are not renamed")

    def is_empty(self, blob: bytes) -> bool:
        return False

    def same_meaning(self, a: bytes, b: bytes) -> bool:
        return a.splitlines() == b.splitlines()

    def builds_same(self, before: Sequence[bytes], after: bytes) -> bool:
        return False
