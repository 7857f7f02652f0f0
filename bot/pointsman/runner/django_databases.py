"""Scratch databases of a Django proof, made and cloned with nothing but Django's own driver; it reads no schema.

A project of Django's has no SQLAlchemy, so databases.py makes only its files. Kept to Python 3.9's language. Imports
nothing of Pointsman outside this package.
"""

from __future__ import annotations

import importlib
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pointsman.runner.databases import SQLITE, Database, NoDriver, PostgresDatabases, on_database

DRIVERS = ("psycopg", "psycopg2")
"""Those that Django knows, in the order in which it looks for them itself."""
KEPT_OPTIONS = ("options", "isolation_level")
"""What changes how migrations run; what only says how to reach the real server would fail here."""


class DjangoPostgres(PostgresDatabases):
    """The same, cloned through Django's own driver."""

    def __init__(self, url: str, home: str) -> None:
        self.home = home
        self._url = url
        self._driver = _driver()

    def _clone(self, template: str, name: str) -> Database:
        found = self.at(name)
        parts = _parts(on_database(self._url, self.home))
        words = {"dbname": parts["NAME"], "user": parts["USER"], "host": parts["HOST"]}
        with closing(self._driver.connect(password=parts["PASSWORD"], **words)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(f'DROP DATABASE IF EXISTS "{found.name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{found.name}" TEMPLATE "{template}"')
        return found


def _driver() -> Any:
    for name in DRIVERS:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise NoDriver(f"the interpreter has no PostgreSQL driver that Django knows ({', '.join(DRIVERS)})")


def _parts(url: str) -> dict[str, str]:
    """One of our own addresses in Django's words."""
    found = urlsplit(url)
    return {
        "NAME": found.path.lstrip("/"),
        "USER": unquote(found.username or ""),
        "PASSWORD": unquote(found.password or ""),
        "HOST": parse_qs(found.query)["host"][0],
    }


def as_setting(database: Database, configured: Any) -> dict[str, Any]:
    """An entry of DATABASES that leads to the scratch database. `configured` is what the project has in its place:
    an engine of its own for PostgreSQL is kept, for its migrations may need what that adds."""
    if database.kind == SQLITE:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": database.name}
    engine, options = str(configured.get("ENGINE", "")), configured.get("OPTIONS") or {}
    own = "postg" in engine or "psql" in engine
    return {
        **_parts(database.url),
        "ENGINE": engine if own else "django.db.backends.postgresql",
        "PORT": "",
        "OPTIONS": {name: options[name] for name in KEPT_OPTIONS if name in options},
    }


def as_environment(database: Database) -> dict[str, str]:
    """For code that connects without Django, by libpq's own variables."""
    if database.kind == SQLITE:
        return {}
    parts = _parts(database.url)
    names = {"PGHOST": "HOST", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    return {name: parts[key] for name, key in names.items()}
