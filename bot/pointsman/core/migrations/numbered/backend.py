"""Numbered SQL files as one `Backend`: their names are the graph, so nothing of them is read to know it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.core.migrations.backend import NewFile, Runner, Uneditable, Words
from pointsman.core.migrations.model import Layout, Parsed, Revision
from pointsman.core.migrations.numbered import discover as discovery
from pointsman.core.migrations.usual import Usual
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.backend import Naming
    from pointsman.core.migrations.environment import Environment
    from pointsman.core.migrations.operations import Footprint


class Numbered(Usual):
    """See `Backend`. The rules are those that Flyway, golang-migrate, goose and dbmate share: a number is there once,
    and what comes new comes above all that is there.

    Flyway's checksums see comments too, so nothing but line ends may differ in a published file (`same_meaning`).
    `layout` is the environment at which it works; None where it has none yet."""

    name = "numbered"
    words = Words(parents="its number", needs="its number", nameless="has no number that can be read")
    runner = Runner("prove_numbered", None)
    suffixes = (".sql", ".go")
    one_lineage = True
    joins = False
    by_name = True

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout

    def at(self, layout: Layout) -> Numbered:
        return Numbered(layout)

    def in_context(
        self, files: Mapping[GitPath, Parsed], base: Environment | None = None
    ) -> Mapping[GitPath, Parsed]:
        from pointsman.core.migrations.numbered.context import in_context
        from pointsman.core.migrations.numbered.names import Style

        assert self.layout is not None  # noqa: S101 - only an environment has files
        return in_context(Style(self.layout.file_template), files, base)

    def naming(self, when: int) -> Naming:
        from pointsman.core.migrations.numbered.follow import NextNumber

        return NextNumber()

    def footprint(self, blob: bytes, path: GitPath, environment: Environment) -> Footprint:
        from pointsman.core.migrations.numbered.sections import up
        from pointsman.core.migrations.operations import Footprint, Unknown, footprint

        if path.endswith(".go"):
            return Footprint(operations=(), unknown=(Unknown(line=1, text=path, why="Go is not read"),))
        return footprint(up(blob), path)

    def may_configure(self, path: GitPath) -> bool:
        return discovery.may_configure(path)

    def configs_among(self, paths: Iterable[GitPath]) -> list[GitPath]:
        return discovery.configs_among(paths)

    def may_matter(self, path: GitPath) -> bool:
        return discovery.may_matter(path)

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        ours = [layout for layout in layouts if layout.backend == self.name]
        return discovery.may_move(path, new=new, layouts=ours)

    def discover(
        self, paths: Collection[GitPath], configs: Mapping[GitPath, bytes], named: Collection[GitPath] = ()
    ) -> tuple[Layout, ...]:
        return discovery.discover(paths, configs, named)

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        return discovery.is_revision_file(layout, path)

    def companions(
        self, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
    ) -> Mapping[GitPath, GitPath]:
        from pointsman.core.migrations.numbered.pairs import companions

        assert self.layout is not None  # noqa: S101 - only an environment has files
        return companions(self.layout, path, new_path, paths)

    def parse(self, blob: bytes) -> Parsed:
        return Parsed(None, None)

    def set_parents(self, blob: bytes, parents: Sequence[str]) -> bytes | Uneditable:
        return blob

    def rename(self, blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
        return blob

    def merge_revision(
        self, layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
    ) -> NewFile:
        """Never asked: nothing joins two numbers."""
        raise TypeError("numbered migrations have no merge")
