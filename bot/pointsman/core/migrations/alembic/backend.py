"""Alembic as one `Backend`: it names the parts and loads the ones for editing only when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.core.migrations.alembic import discover as discovery
from pointsman.core.migrations.alembic import parse as parsing
from pointsman.core.migrations.backend import NewFile, Runner, Uneditable, Words
from pointsman.core.migrations.model import Layout, Parsed, Problem, Revision
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment
    from pointsman.core.migrations.operations import Footprint

_NAME_IS_ID = re.compile(r"([a-f0-9]+)\.py$")


class Alembic:
    """See `Backend`; the rules are Alembic's own (read off 1.20's script/base.py and script/revision.py)."""

    name = "alembic"
    words = Words(
        parents="down_revision",
        needs="depends_on",
        nameless="names no revision; Alembic stops at it, so it belongs outside the version folder",
    )
    one_lineage = False
    crosses = False
    joins = True
    by_name = False
    runner = Runner("prove_alembic", "alembic")

    def at(self, layout: Layout) -> Alembic:
        return self

    def in_context(
        self, files: Mapping[GitPath, Parsed], base: Environment | None = None
    ) -> Mapping[GitPath, Parsed]:
        return files

    def naming(self, when: int) -> None:
        return None

    def companions(
        self, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
    ) -> Mapping[GitPath, GitPath]:
        return {}

    def between(self, environments: Sequence[Environment]) -> Mapping[tuple[str, str], tuple[Problem, ...]]:
        return {}

    def footprint(self, blob: bytes, path: GitPath, environment: Environment) -> Footprint:
        from pointsman.core.migrations.operations import footprint

        return footprint(blob, path)

    def may_configure(self, path: GitPath) -> bool:
        return discovery.may_configure(path)

    def configs_among(self, paths: Iterable[GitPath]) -> list[GitPath]:
        return discovery.configs_among(paths)

    def may_matter(self, path: GitPath) -> bool:
        return path.endswith((".py", "script.py.mako")) or discovery.may_configure(path)

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        return discovery.may_move(path, new=new, layouts=layouts)

    def discover(
        self, paths: Collection[GitPath], configs: Mapping[GitPath, bytes], named: Collection[GitPath] = ()
    ) -> tuple[Layout, ...]:
        return discovery.discover(paths, configs)

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        return discovery.is_revision_file(layout, path)

    def parse(self, blob: bytes) -> Parsed:
        return parsing.parse(blob)

    def revision_from_name(self, path: GitPath) -> str | None:
        found = _NAME_IS_ID.match(path.rpartition("/")[2])
        return found.group(1) if found else None

    def set_parents(self, blob: bytes, parents: Sequence[str]) -> bytes | Uneditable:
        from pointsman.core.migrations.alembic import edit

        return edit.set_parents(blob, parents)

    def rename(self, blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
        from pointsman.core.migrations.alembic import edit

        return edit.rename(blob, ids)

    def is_empty(self, blob: bytes) -> bool:
        from pointsman.core.migrations.alembic import body

        return body.is_empty(blob)

    def same_meaning(self, a: bytes, b: bytes) -> bool:
        from pointsman.core.migrations.alembic import body

        return body.same_meaning(a, b)

    def builds_same(self, before: Sequence[bytes], after: bytes) -> bool:
        from pointsman.core.migrations.operations.schema import schema_of

        squashed = schema_of([after])
        return squashed is not None and squashed == schema_of(before)

    def merge_revision(
        self, layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
    ) -> NewFile:
        from pointsman.core.migrations.alembic import template

        return template.merge_revision(layout, parents, habit, id=id, when=when)
