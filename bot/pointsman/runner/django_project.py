"""Loads a Django project in this process with one scratch database in place of all that it names; runs no migration.

For the process that it is called in; there is no way back. Kept to Python 3.9's language. Imports nothing of
Pointsman outside this package.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from pointsman.runner.databases import SQLITE, Database
from pointsman.runner.django_databases import as_environment, as_setting
from pointsman.runner.redirect import URL_NAMES

Json = dict[str, Any]
_IN_PYTHON = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*[,\]=)\s]+\s*["']([\w.]+)["']""")
_IN_INI = re.compile(r"""^\s*(?:--ds|DJANGO_SETTINGS_MODULE)\s*=\s*["']?([\w.]+)""", re.MULTILINE)
_NAMING_SETTINGS = ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "runtests.py", "conftest.py")
"""Where a project without a manage.py says which settings to use, in the order in which they are looked at."""
_SECRETS = ("SECRET_KEY", "DJANGO_SECRET_KEY")
MAX_READ = 1 << 20


def load_project(job: Json, tree: Path, database: Database) -> str:
    """Stand beside manage.py and take the settings that it names; the engine that they have by default.

    Every alias of DATABASES becomes the one scratch connection and every router is left out, so that whatever a
    migration asks for is the scratch database. Raises whatever the project raises."""
    folder = _beside_manage(tree, tree / job["home"])
    os.chdir(folder)
    places = [folder, tree, folder / "src", tree / "src"]
    sys.path[:0] = list(dict.fromkeys(str(place) for place in places if place.is_dir()))
    for name in (*URL_NAMES, *job["url_env"]):
        os.environ[name] = database.url
    os.environ.update(as_environment(database))
    for name in _SECRETS:
        os.environ.setdefault(name, "only-for-a-proof-" + "0" * 50)
    module = _settings_module(folder, tree)
    if module is None:
        raise LookupError("no manage.py above the app says which settings to use")
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    importlib.import_module(module)
    return _configure(database)


def _configure(database: Database) -> str:
    from django.conf import settings

    named = dict(settings.DATABASES)
    default = dict(named.get("default") or {})
    scratch = as_setting(database, default)
    settings.DATABASES = {alias: dict(scratch) for alias in {"default": 0, **named}}
    settings.DATABASE_ROUTERS = []
    settings.LOGGING_CONFIG = None
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    import django
    from django.db import connections

    django.setup()
    for alias in named:
        if alias != "default":
            connections[alias] = connections["default"]
    if database.kind == SQLITE:
        _trust_the_disk()
    return str(default.get("ENGINE", ""))


def _trust_the_disk() -> None:
    """A scratch file need not survive a power cut, and waiting for the disk is most of a small migration."""
    from django.db.backends.signals import connection_created

    def relax(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")

    connection_created.connect(relax, weak=False)


def _settings_module(folder: Path, tree: Path) -> str | None:
    found = _named_in(folder / "manage.py", _IN_PYTHON)
    for name in () if found else _NAMING_SETTINGS:
        pattern = _IN_PYTHON if name.endswith(".py") else _IN_INI
        found = found or _named_in(folder / name, pattern) or _named_in(tree / name, pattern)
    return found


def _named_in(path: Path, pattern: re.Pattern[str]) -> str | None:
    if not path.is_file():
        return None
    found = pattern.search(path.read_text(errors="replace")[:MAX_READ])
    return found.group(1) if found else None


def _beside_manage(tree: Path, home: Path) -> Path:
    folder = home
    while folder != tree and tree in folder.parents:
        folder = folder.parent
        if (folder / "manage.py").is_file():
            return folder
    found = sorted(tree.glob("*/manage.py"))
    return found[0].parent if len(found) == 1 else tree
