"""Finds the apps of Django projects that have migrations, in a list of paths and a few files; it reads no graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pointsman.core.migrations.model import Code, Layout, Problem
from pointsman.core.model import GitPath

_FOLDER = "migrations"
_NUMBERED = re.compile(r"\d{4}_\w*\.py")
_EARLY = re.compile(r"(?:0001_\w*|\d*_?initial|\w*_squashed_\w*)\.py")
"""One of these is looked into to tell Django's migrations from another tool's of the same shape."""
_CLASS = re.compile(rb"^class Migration\s*\(", re.MULTILINE)
_SOUTH = re.compile(rb"^(?:from|import) south\b", re.MULTILINE)
"""The tool before Django had migrations of its own: the same folder, class and numbers, but no dependencies."""
_MAX_APPS = 200_000


def may_configure(path: GitPath) -> bool:
    """apps.py, which may give the app its label, settings, which may say where migrations are, and the first ones."""
    if path.endswith("apps.py"):
        return path == "apps.py" or path.endswith("/apps.py")
    if "settings" in path and _may_be_settings(path):
        return True
    return (
        _FOLDER in path and _place(path) is not None and _EARLY.fullmatch(path.rpartition("/")[2]) is not None
    )


def configs_among(paths: Iterable[GitPath]) -> list[GitPath]:
    # Most paths of every tree end at these words, which a call for each would take longer to say.
    near = (path for path in paths if path.endswith("apps.py") or _FOLDER in path or "settings" in path)
    return [path for path in near if may_configure(path)]


def may_matter(path: GitPath) -> bool:
    """Also what settings may name as a folder of migrations, and settings themselves."""
    if not path.endswith(".py"):
        return False
    folder, _, name = path.rpartition("/")
    if name == "apps.py" or "migration" in folder or _NUMBERED.fullmatch(name) is not None:
        return True
    return "settings" in path and _may_be_settings(path)


def _may_be_settings(path: GitPath) -> bool:
    from pointsman.core.migrations.django.modules import may_be_settings

    return may_be_settings(path)


def may_move(path: GitPath, *, new: bool) -> bool:
    """Files that come and go may make or end an app's migrations; of others, what is read to find them."""
    if new and path.rpartition("/")[2] in ("manage.py", "env.py"):
        return True
    return may_configure(path) or (new and may_matter(path))


def discover(paths: Collection[GitPath], configs: Mapping[GitPath, bytes]) -> tuple[Layout, ...]:
    """A layout for each folder `migrations` that is a package with Django's migrations in it, and each folder that
    settings name as one, in order of path.

    `config`, `home` and `versions` are that folder, `name` is the app's label."""
    named, doubts = _named(paths, configs)
    names: dict[GitPath, set[str]] = {}
    for path in paths if named else [path for path in paths if _FOLDER in path]:
        folder = path.rpartition("/")[0]
        if (folder in named and path.endswith(".py")) or (_FOLDER in path and (folder := _place(path) or "")):
            names.setdefault(folder, set()).add(path.rpartition("/")[2])
    if not names:
        return ()
    managed = any(path == "manage.py" or path.endswith("/manage.py") for path in paths)
    found = [
        Layout("django", folder, label, folder, (folder,))
        for folder in sorted(names)
        if (folder in named or _is_django(folder, names[folder], configs, managed))
        and (label := named.get(folder) or _label(folder, configs)) is not None
    ]
    # An app whose migrations are named has none where they would be looked for else.
    moved = set(named.values())
    kept = [each for each in found if each.home in named or each.name not in moved]
    return (replace(kept[0], problems=doubts), *kept[1:]) if kept and doubts else tuple(kept)


def _named(
    paths: Collection[GitPath], configs: Mapping[GitPath, bytes]
) -> tuple[Mapping[GitPath, str], tuple[Problem, ...]]:
    if not any(b"MIGRATION_MODULES" in blob for path, blob in configs.items() if "settings" in path):
        return {}, ()
    from pointsman.core.migrations.django.modules import named_modules

    labels, doubts = named_modules(paths, configs)
    texts = (
        (path, f"{path} {why}; migrations are read where Django would look for them else.")
        for path, why in doubts
    )
    return labels, tuple(Problem(Code.BAD_CONFIG, (path,), text) for path, text in texts)


def is_revision_file(layout: Layout, path: GitPath) -> bool:
    folder, _, name = path.rpartition("/")
    return folder in layout.versions and is_loaded(name)


def _place(path: GitPath) -> GitPath | None:
    """The folder, where the path is a Python file straight in one called `migrations`."""
    folder = path.rpartition("/")[0]
    named = folder == _FOLDER or folder.endswith("/" + _FOLDER)
    return folder if named and path.endswith(".py") else None


def _is_django(
    folder: GitPath, names: Collection[str], configs: Mapping[GitPath, bytes], managed: bool
) -> bool:
    if "__init__.py" not in names or "env.py" in names:
        return False
    early = [configs[path] for name in sorted(names) if (path := f"{folder}/{name}") in configs]
    if early:
        return any(_CLASS.search(blob) and b"django" in blob and not _SOUTH.search(blob) for blob in early)
    return managed and any(_NUMBERED.fullmatch(name) for name in names)


def _label(folder: GitPath, configs: Mapping[GitPath, bytes]) -> str | None:
    """What apps.py says, else the package's name; None for a package that has none here."""
    package = folder.rpartition("/")[0]
    apps = configs.get(f"{package}/apps.py" if package else "apps.py")
    folder_name = package.rpartition("/")[2] or None
    if apps is None or b"Config" not in apps:
        return folder_name
    from pointsman.core.migrations.django.labels import label_in

    return label_in(apps[:_MAX_APPS], package) or folder_name


def is_loaded(name: str) -> bool:
    """Whether the loader takes a module of that file name as a migration (pkgutil.iter_modules and its own rule)."""
    bare = name.removesuffix(".py")
    return name != bare and bool(bare) and bare != "__init__" and bare[0] not in "_~" and "." not in bare
