"""Finds folders of numbered SQL migrations in a list of paths and Flyway's settings; on strong signs only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from pointsman.core.migrations.model import Layout
from pointsman.core.migrations.numbered.names import Name, Style, Version, Way, is_loaded, read
from pointsman.core.model import GitPath

_CONFIGS = ("flyway.conf", "flyway.toml")
_FOLDERS = frozenset({"migration", "migrations", "migrate"})
"""What folders of plain numbered files are called where they are migrations."""
_ASIDE = frozenset(
    {
        "test",
        "tests",
        "testdata",
        "testing",
        "fixtures",
        "fixture",
        "node_modules",
        "vendor",
        "third_party",
        "examples",
    }
)
_OTHER_TOOLS = frozenset(
    {
        "env.py", "script.py.mako", "alembic.ini", "__init__.py", "migration_lock.toml", "atlas.sum", "_journal.json",
        "schema.prisma", "mix.exs",
    }
)  # fmt: skip
_VENDORS = frozenset(
    {
        "common", "db2", "derby", "h2", "hsqldb", "mariadb", "mssql", "mysql", "oracle", "pg", "postgres", "postgresql",
        "snowflake", "sqlite", "sqlserver",
    }
)  # fmt: skip


class _File(NamedTuple):
    style: Style
    name: Name
    path: GitPath


def may_configure(path: GitPath) -> bool:
    return path.endswith(_CONFIGS) and path.rpartition("/")[2] in _CONFIGS


def configs_among(paths: Iterable[GitPath]) -> list[GitPath]:
    return [path for path in paths if path.endswith(_CONFIGS) and may_configure(path)]


def may_matter(path: GitPath) -> bool:
    return (path.endswith((".sql", ".go")) and read(path) is not None) or may_configure(path)


def may_move(path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
    """Numbered files beside an environment's own join it; others may be the first of one."""
    if may_configure(path):
        return True
    if not new:
        return False
    if path.rpartition("/")[2] in _OTHER_TOOLS:
        return True
    return may_matter(path) and not any(is_within(layout, path) for layout in layouts)


def is_revision_file(layout: Layout, path: GitPath) -> bool:
    return (
        path.endswith((".sql", ".go"))
        and is_within(layout, path)
        and is_loaded(Style(layout.file_template), path)
    )


def is_within(layout: Layout, path: GitPath) -> bool:
    folder = path.rpartition("/")[0]
    if folder in layout.versions:
        return True
    return layout.recursive and any(not place or folder.startswith(f"{place}/") for place in layout.versions)


def discover(
    paths: Collection[GitPath], configs: Mapping[GitPath, bytes], named: Collection[GitPath]
) -> tuple[Layout, ...]:
    """A layout for each folder, in order of path. `config` and `home` are the folder (the first of several that one
    Flyway setting names), `file_template` is the style of its names."""
    folders: defaultdict[GitPath, list[_File]] = defaultdict(list)
    sql: Counter[GitPath] = Counter()
    for path in paths:
        if not path.endswith((".sql", ".go")):
            continue
        folder = path.rpartition("/")[0]
        sql[folder] += path.endswith(".sql")
        if found := read(path):
            folders[folder].append(_File(*found, path))
    if not folders:
        return ()
    claimed = list(_configured(configs, folders))
    claimed += _asked_for(named, folders, claimed)
    rest = {f: files for f, files in folders.items() if not any(_covers(one, f) for one in claimed)}
    claimed += _flyways(rest)
    signs = _signs(paths, rest)
    for folder, files in rest.items():
        style = _counted_style(folder, files, sql[folder])
        if style is not None and not any(_covers(one, folder) for one in claimed) and folder not in signs:
            claimed.append(_layout(style, (folder,)))
    return tuple(sorted(claimed, key=lambda layout: layout.config))


def _layout(style: Style, versions: tuple[GitPath, ...]) -> Layout:
    recursive = style is Style.FLYWAY
    return Layout("numbered", versions[0], "", versions[0], versions, recursive, style.value)


def _covers(layout: Layout, folder: GitPath) -> bool:
    return is_within(layout, f"{folder}/_" if folder else "_")


def _configured(configs: Mapping[GitPath, bytes], folders: Mapping[GitPath, list[_File]]) -> Iterator[Layout]:
    """Where Flyway's own settings say that its migrations are."""
    if not configs:
        return
    from pointsman.core.migrations.numbered.flyway import locations

    known = {folder for folder, files in folders.items() if any(f.style is Style.FLYWAY for f in files)}
    seen: set[GitPath] = set()
    for path, blob in sorted(configs.items()):
        found = tuple(place for place in locations(path, blob, known) if place not in seen)
        if found:
            seen |= set(found)
            yield _layout(Style.FLYWAY, found)


def _asked_for(
    named: Iterable[GitPath], folders: Mapping[GitPath, list[_File]], claimed: Collection[Layout]
) -> Iterator[Layout]:
    for place in sorted(named):
        within = [f for folder, files in folders.items() if folder == place for f in files]
        deep = [
            f for folder, files in folders.items() if folder.startswith(f"{place}/") for f in files
            if f.style is Style.FLYWAY
        ]  # fmt: skip
        files = within or deep
        if files and not any(layout.config == place for layout in claimed):
            yield _layout(_main_style(files), (place,))


def _main_style(files: Collection[_File]) -> Style:
    """The style of most of them; a folder with one file that says `up` is not one of pairs by that."""
    counted = Counter(file.style for file in files)
    ups = sum(1 for f in files if f.style is Style.PAIRED and f.name.way is Way.UP)
    plain = counted[Style.PLAIN]
    if counted[Style.FLYWAY] > ups + plain:
        return Style.FLYWAY
    return Style.PAIRED if ups > plain else Style.PLAIN


def _flyways(folders: Mapping[GitPath, list[_File]]) -> list[Layout]:
    """Folders with two or more of Flyway's names, those under one folder for migrations together."""
    roots: defaultdict[GitPath, dict[GitPath, set[Version]]] = defaultdict(dict)
    for folder, files in folders.items():
        versions = {f.name.version for f in files if f.style is Style.FLYWAY and f.name.way is Way.UP}
        if versions and not _is_aside(folder):
            roots[_root(folder)][folder] = versions
    found: list[Layout] = []
    for root, inside in roots.items():
        places = list(inside) if _are_apart(root, inside) else [root]
        for place in places:
            count = sum(
                len(inside[f]) for f in inside if f == place or f.startswith(f"{place}/") or not place
            )
            if count > 1:
                found.append(_layout(Style.FLYWAY, (place,)))
    return found


def _root(folder: GitPath) -> GitPath:
    """The nearest folder above that is called after migrations, else the folder itself."""
    parts = folder.split("/")
    for end in range(len(parts), 0, -1):
        if parts[end - 1].lower() in _FOLDERS:
            return "/".join(parts[:end])
    return folder


def _are_apart(root: GitPath, inside: Mapping[GitPath, set[Version]]) -> bool:
    """Whether the folders are histories of their own: named after databases, or counting side by side."""
    if any(
        folder[len(root) :].strip("/").partition("/")[0].lower() in _VENDORS
        for folder in inside
        if folder != root
    ):
        return True
    groups = list(inside.values())
    return any(
        len(a & b) > 1 and 2 * len(a & b) >= min(len(a), len(b))
        for index, a in enumerate(groups)
        for b in groups[index + 1 :]
    )


def _counted_style(folder: GitPath, files: Collection[_File], sql: int) -> Style | None:
    if _is_aside(folder):
        return None
    ups = {f.name.version for f in files if f.style is Style.PAIRED and f.name.way is Way.UP}
    downs = {f.name.version for f in files if f.style is Style.PAIRED and f.name.way is Way.DOWN}
    plain = [f for f in files if f.style is Style.PLAIN and f.path.endswith(".sql")]
    if ups & downs and len(ups) >= len(plain):
        return Style.PAIRED
    last = folder.rpartition("/")[2].lower()
    others = sql - len(plain) - sum(1 for f in files if f.style is Style.PAIRED)
    counting = 2 * len({f.name.version for f in plain}) > len(plain) > 1
    if last in _FOLDERS and counting and 2 * others <= len(plain):
        return Style.PLAIN
    return None


def _is_aside(folder: GitPath) -> bool:
    return not _ASIDE.isdisjoint(folder.lower().split("/"))


def _signs(paths: Iterable[GitPath], folders: Mapping[GitPath, object]) -> set[GitPath]:
    """The folders that another tool's files stand in, or beside, or just below."""
    found: set[GitPath] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in _OTHER_TOOLS or name.startswith("drizzle.config."):
            parent = folder.rpartition("/")[0]
            places = {folder, parent} if name == "_journal.json" else {folder}
            found |= {each for each in folders if each in places or _is_beside(each, folder, name)}
    return found


def _is_beside(folder: GitPath, other: GitPath, name: str) -> bool:
    """Whether a file of that name in `other` says what the folder right below it is for."""
    tells = name in ("env.py", "script.py.mako", "schema.prisma") or name.startswith("drizzle.config.")
    return tells and folder.rpartition("/")[0] == other
