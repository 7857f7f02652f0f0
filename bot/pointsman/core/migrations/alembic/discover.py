"""Finds Alembic environments in a list of paths and the text of their configs; it reads no revision."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pointsman.core.migrations.alembic.config import HERE, Settings, Unusable, settings
from pointsman.core.migrations.apart import AT_RUN_TIME
from pointsman.core.migrations.model import Code, Layout, Problem
from pointsman.core.model import GitPath

_SOURCE = re.compile(r"(?!\.#|__init__).*\.py$")
"""The names that Alembic loads as revisions, `sourceless` apart: bytecode in a repository is ignored."""
_DEFAULT_NAME = re.compile(r"[0-9a-f]{12}_\w*\.py$")
_CONFIG_BYTES = 1_000_000


class Folders:
    """The files and folders of a tree, for asking whether one is there."""

    def __init__(self, paths: Collection[GitPath]) -> None:
        self.files = paths
        self._all: frozenset[GitPath] | None = None

    @property
    def all(self) -> frozenset[GitPath]:
        if self._all is None:
            found: set[str] = {""}
            for folder in {path.rpartition("/")[0] for path in self.files}:
                while folder not in found:
                    found.add(folder)
                    folder = folder.rpartition("/")[0]
            self._all = frozenset(found)
        return self._all

    def has_file(self, folder: str, name: str) -> bool:
        return _join(folder, name) in self.files

    def ending_in(self, tail: str) -> list[str]:
        return sorted(f for f in self.all if f == tail or f.endswith("/" + tail))


_CONFIGS = (".ini", ".cfg", "pyproject.toml")


def may_configure(path: GitPath) -> bool:
    return path.endswith(_CONFIGS)


def configs_among(paths: Iterable[GitPath]) -> list[GitPath]:
    return [path for path in paths if path.endswith(_CONFIGS)]


def may_move(path: GitPath, *, new: bool, layouts: Collection[Layout]) -> bool:
    """Whether a change to this path (`new`: it comes or goes) could move, make or end an environment: settings and
    scripts do; other files where a folder of that name could be taken for one that settings mean."""
    if may_configure(path) or path.endswith(("env.py", "script.py.mako")):
        return True
    if not new:
        return False
    names = {"versions", "migrations"}
    for layout in layouts:
        if layout.problems:
            return True
        names |= {place.rpartition("/")[2] for place in (layout.home, *layout.versions)}
    return not names.isdisjoint(path.split("/"))


def discover(paths: Collection[GitPath], configs: Mapping[GitPath, bytes]) -> tuple[Layout, ...]:
    """The environments, each script folder and set of versions once, in order of config path."""
    folders = Folders(paths)
    found: list[Layout] = []
    for path in sorted(configs, key=lambda p: (p.rpartition("/")[2] != "alembic.ini", p)):
        for layout in _from_config(path, configs[path], folders):
            found.extend(_at_run_time(layout, folders))
    claimed = {layout.home for layout in found}
    for layout in _bare(folders, claimed):
        found.extend(_at_run_time(layout, folders))
    found.extend(_loose(folders, found))
    unique: dict[object, Layout] = {}
    for layout in found:
        # Two configs of one folder (one for tests, say) are one environment: it must not be healed twice.
        unique.setdefault(
            (layout.home, frozenset(layout.versions)) if not layout.problems else layout.key, layout
        )
    return tuple(sorted(unique.values(), key=lambda layout: layout.key))


def is_revision_file(layout: Layout, path: GitPath) -> bool:
    folder, _, name = path.rpartition("/")
    if not _SOURCE.match(name):
        return False
    if folder in layout.versions:
        return True
    if not layout.recursive or "/__pycache__" in folder:
        return False
    return any(not versions or folder.startswith(versions + "/") for versions in layout.versions)


def _from_config(path: GitPath, blob: bytes, folders: Folders) -> Iterator[Layout]:
    if len(blob) > _CONFIG_BYTES or (b"alembic" not in blob and b"script_location" not in blob):
        return
    read = settings(path, blob.decode("utf-8", "replace"))
    if isinstance(read, Unusable):
        if path.rpartition("/")[2] == "alembic.ini":
            problem = Problem(
                Code.BAD_CONFIG, (path,), f"{path} can't be read as an ini file: {read.reason}."
            )
            yield Layout("alembic", path, "", _folder(path), (), problems=(problem,))
        return
    for one in read:
        layout = _layout(path, one, folders)
        if layout is not None:
            yield layout


def _layout(config: GitPath, one: Settings, folders: Folders) -> Layout | None:
    here = _folder(config)
    if one.script_location is None:
        home = here if folders.has_file(here, "env.py") else None
        if home is None:
            return None
    else:
        home = resolve(one.script_location, here, one.search, folders)
    if home is None:
        if config.rpartition("/")[2] != "alembic.ini" and not one.version_locations:
            return None
        problem = Problem(
            Code.NO_SCRIPT_LOCATION,
            (config,),
            f"{config} names the script folder {one.script_location!r}, which is not in the tree.",
        )
        return Layout("alembic", config, one.name, here, (), problems=(problem,))
    places = [resolve(each, here, one.search, folders, near=home) for each in one.version_locations]
    problems = tuple(
        Problem(
            Code.NO_SCRIPT_LOCATION,
            (config,),
            f"{config} names the version folder {each!r}, outside the tree.",
        )
        for each, place in zip(one.version_locations, places, strict=True)
        if place is None
    )
    versions = tuple(dict.fromkeys(place for place in places if place is not None))
    return Layout(
        "alembic",
        config,
        one.name,
        home,
        versions if one.version_locations else (_join(home, "versions"),),
        one.recursive,
        one.file_template,
        problems,
    )


def resolve(
    location: str, here: GitPath, search: Iterable[str], folders: Folders, near: GitPath | None = None
) -> GitPath | None:
    """The folder of the tree that a setting means, None if it lies outside or is nowhere.

    `%(here)s` is the config's folder. Alembic takes a relative path from where it is started: that is the
    config's folder as a rule, else the root of the repository. `package:folder` is looked for where packages
    usually are. With `near` (a script folder that was found), a folder that is not there yet is taken at face
    value: Alembic makes it when it is needed.
    """
    if location.startswith(HERE):
        place = _inside(here, location[len(HERE) :].lstrip("/"))
        return place if place is not None and (near is not None or place in folders.all) else None
    if ":" in location and not posixpath.isabs(location):
        return _in_package(location, here, search, folders)
    if posixpath.isabs(location):
        # A path of some other machine, as in an image: the longest tail that the tree has is meant.
        parts = [part for part in location.split("/") if part]
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((tail for tail in tails if tail in folders.all), None)
    places = [place for start in (here, "") if (place := _inside(start, location)) is not None]
    return next(
        (place for place in places if place in folders.all),
        places[0] if near is not None and places else None,
    )


def _in_package(location: str, here: GitPath, search: Iterable[str], folders: Folders) -> GitPath | None:
    package, *rest = location.split(":")
    tail = "/".join([package.replace(".", "/"), *rest])
    starts = [here, "", _join(here, "src"), "src", *(_join(here, s.replace(HERE, ".")) for s in search)]
    for start in starts:
        place = _inside(start, tail)
        if place is not None and place in folders.all:
            return place
    elsewhere = folders.ending_in(posixpath.normpath(tail))
    return elsewhere[0] if elsewhere else None


def _bare(folders: Folders, claimed: Collection[GitPath]) -> Iterator[Layout]:
    """Script folders that no config names: env.py beside a `versions` folder with something in it."""
    for path in sorted(path for path in folders.files if path.endswith("env.py")):
        home, _, name = path.rpartition("/")
        if name != "env.py" or home in claimed:
            continue
        versions = _join(home, "versions")
        if versions in folders.all and (
            folders.has_file(home, "script.py.mako") or _has_sources(versions, folders)
        ):
            yield Layout("alembic", home, "", home, (versions,))


def _at_run_time(layout: Layout, folders: Folders) -> tuple[Layout, ...]:
    """The environment, or those that it is: where the usual version folder holds no revision but its subfolders do,
    `env.py` names these at run time, as for one history a database kind. Each subfolder is then taken for a history
    of its own; where revisions lie deeper, nothing tells what belongs together."""
    usual = _join(layout.home, "versions")
    start = usual + "/"
    if (
        layout.versions != (usual,)
        or layout.recursive
        or not any(folder.startswith(start) for folder in folders.all)
    ):
        return (layout,)
    within = {
        path.rpartition("/")[0] for path in folders.files if path.startswith(start) and _is_source(path)
    }
    places = sorted(folder for folder in within if "/__pycache__" not in folder)
    if not places or usual in within:
        return (layout,)
    direct = [folder for folder in places if "/" not in folder[len(start) :]]
    tops = {start + folder[len(start) :].partition("/")[0] for folder in places}
    if tops - set(direct):
        problem = Problem(Code.VERSION_FOLDERS, (layout.config,), AT_RUN_TIME.format(layout.config))
        return (replace(layout, versions=tuple(places), problems=(*layout.problems, problem)),)
    return tuple(
        replace(
            layout,
            name=folder.rpartition("/")[2],
            versions=(folder,),
            beside=tuple(other for other in direct if other != folder),
            section=layout.name,
        )
        for folder in direct
    )


def _is_source(path: GitPath) -> bool:
    return _SOURCE.match(path.rpartition("/")[2]) is not None


def _loose(folders: Folders, known: Collection[Layout]) -> Iterator[Layout]:
    """Folders of revisions that another package's environment loads at run time: named and filled as Alembic
    does it, outside every environment that is here."""
    taken = {place for layout in known for place in (layout.home, *layout.versions)}
    counts: dict[GitPath, int] = {}
    likely = (
        path
        for path in folders.files
        if path.endswith(".py") and ("versions/" in path or "migrations/" in path)
    )
    for path in likely:
        folder, _, name = path.rpartition("/")
        if _DEFAULT_NAME.match(name) and folder.rpartition("/")[2] in ("versions", "migrations"):
            counts[folder] = counts.get(folder, 0) + 1
    for folder, count in sorted(counts.items()):
        parts = folder.split("/")
        above = {"/".join(parts[:end]) for end in range(len(parts) + 1)}
        if count > 1 and not above & taken:
            yield Layout("alembic", folder, "", folder, (folder,))


def _has_sources(versions: GitPath, folders: Folders) -> bool:
    start = versions + "/"
    return any(f.startswith(start) and _SOURCE.match(f[len(start) :]) for f in folders.files)


def _folder(path: GitPath) -> GitPath:
    return path.rpartition("/")[0]


def _join(folder: GitPath, name: str) -> GitPath:
    return f"{folder}/{name}" if folder else name


def _inside(start: GitPath, relative: str) -> GitPath | None:
    """`start/relative` without dots; None where that leaves the tree."""
    place = posixpath.normpath(posixpath.join(start, relative)) if start or relative else ""
    if place in (".", ""):
        return ""
    return None if place == ".." or place.startswith(("../", "/")) else place
