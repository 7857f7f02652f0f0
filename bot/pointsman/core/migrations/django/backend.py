"""Django as one `Backend`: it names the parts and loads the ones for editing only when they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.core.migrations.backend import Naming, NewFile, Runner, Uneditable, Words
from pointsman.core.migrations.django import discover as discovery
from pointsman.core.migrations.model import Layout, Parsed, Problem, Revision
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment
    from pointsman.core.migrations.operations import Footprint

_WORDS = Words(
    parents="dependencies",
    needs="dependencies",
    nameless="defines no class `Migration`; Django stops at it, so it belongs outside the migrations folder",
)


class Django:
    """See `Backend`; the rules are Django's own (read off 5.2's db/migrations/loader.py and graph.py).

    `label` is the app at which it works; '' where it has none yet."""

    def __init__(self, label: str = "") -> None:
        self.label = label

    @property
    def name(self) -> str:
        return "django"

    @property
    def words(self) -> Words:
        return _WORDS

    @property
    def one_lineage(self) -> bool:
        return True

    @property
    def crosses(self) -> bool:
        return True

    @property
    def joins(self) -> bool:
        return True

    @property
    def by_name(self) -> bool:
        return False

    @property
    def runner(self) -> Runner:
        return Runner("prove_django", "django")

    def at(self, layout: Layout) -> Django:
        return Django(layout.name)

    def may_configure(self, path: GitPath) -> bool:
        return discovery.may_configure(path)

    def configs_among(self, paths: Iterable[GitPath]) -> list[GitPath]:
        return discovery.configs_among(paths)

    def may_matter(self, path: GitPath) -> bool:
        return discovery.may_matter(path)

    def may_move(self, path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
        return discovery.may_move(path, new=new)

    def discover(
        self, paths: Collection[GitPath], configs: Mapping[GitPath, bytes], named: Collection[GitPath] = ()
    ) -> tuple[Layout, ...]:
        return discovery.discover(paths, configs)

    def is_revision_file(self, layout: Layout, path: GitPath) -> bool:
        return discovery.is_revision_file(layout, path)

    def parse(self, blob: bytes) -> Parsed:
        from pointsman.core.migrations.django import parse as parsing

        return parsing.parse(blob)

    def in_context(
        self, files: Mapping[GitPath, Parsed], base: Environment | None = None
    ) -> Mapping[GitPath, Parsed]:
        from pointsman.core.migrations.django.context import in_context

        return in_context(self.label, files)

    def between(self, environments: Sequence[Environment]) -> Mapping[tuple[str, str], tuple[Problem, ...]]:
        from pointsman.core.migrations.django.across import between

        return between(environments)

    def naming(self, when: int) -> Naming:
        from pointsman.core.migrations.django.names import Numbers

        return Numbers(when)

    def companions(
        self, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
    ) -> Mapping[GitPath, GitPath]:
        return {}

    def revision_from_name(self, path: GitPath) -> str | None:
        # `in_context` gives names: a file without the class has none, whatever it is called.
        return None

    def set_parents(self, blob: bytes, parents: Sequence[str]) -> bytes | Uneditable:
        from pointsman.core.migrations.django import edit

        return edit.set_parents(blob, self.label, parents)

    def rename(self, blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
        from pointsman.core.migrations.django import edit

        return edit.rename(blob, self.label, ids)

    def is_empty(self, blob: bytes) -> bool:
        from pointsman.core.migrations.django import body

        return body.is_empty(blob)

    def same_meaning(self, a: bytes, b: bytes) -> bool:
        from pointsman.core.migrations.django import body

        return body.same_meaning(self.label, a, b)

    def footprint(self, blob: bytes, path: GitPath, environment: Environment) -> Footprint:
        from pointsman.core.migrations.django.footprint import footprint
        from pointsman.core.migrations.django.tables import tables_of

        return footprint(blob, tables_of(environment))

    def builds_same(self, before: Sequence[bytes], after: bytes) -> bool:
        return False

    def merge_revision(
        self, layout: Layout, parents: Sequence[Revision], habit: Sequence[bytes], *, id: str, when: int
    ) -> NewFile:
        from pointsman.core.migrations.django import template

        return template.merge_revision(self.label, parents, habit, id=id, when=when)
