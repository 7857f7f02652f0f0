"""Which files go with a numbered one: its way down, and Flyway's settings for it; by name alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pointsman.core.migrations.model import Layout
from pointsman.core.migrations.numbered.discover import is_within
from pointsman.core.migrations.numbered.names import Name, Style, Way, is_loaded, read
from pointsman.core.model import GitPath


def companions(
    layout: Layout, path: GitPath, new_path: GitPath, paths: Collection[GitPath]
) -> Mapping[GitPath, GitPath]:
    """See `Backend.companions`. A file that goes down belongs to the one of its number and title; else to the only one
    of its number that has none of its own, for tools go by the number."""
    own, moved = read(path), read(new_path)
    assert own is not None and moved is not None  # noqa: S101 - only numbered files are revisions
    name = own[1]
    ups, downs = _of_number(layout, name, paths)
    ours = [down for down in downs if downs[down].title == name.title]
    if not ours:
        titles = {up.title for up in ups.values()}
        lonely = [up for up, of in ups.items() if not any(d.title == of.title for d in downs.values())]
        ours = [down for down, of in downs.items() if of.title not in titles] if lonely == [path] else []
    found = {down: downs[down].numbered(moved[1].written) for down in ours}
    if f"{path}.conf" in paths:
        found[f"{path}.conf"] = f"{new_path}.conf"
    return found


def _of_number(
    layout: Layout, name: Name, paths: Collection[GitPath]
) -> tuple[dict[GitPath, Name], dict[GitPath, Name]]:
    style = Style(layout.file_template)
    ups: dict[GitPath, Name] = {}
    downs: dict[GitPath, Name] = {}
    for path in paths:
        found = read(path) if path.endswith(".sql") and is_within(layout, path) else None
        if found is None or found[1].version != name.version:
            continue
        if is_loaded(style, path):
            ups[path] = found[1]
        elif found[1].way is Way.DOWN:
            downs[path] = found[1]
    return ups, downs
