"""Where one Alembic environment lies in one tree, and the configuration that leads it to a scratch database.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pointsman.runner.redirect import Elsewhere, Redirected

Json = dict[str, Any]


class Place:
    """Where one environment lies in one tree."""

    def __init__(self, tree: Path, job: Json) -> None:
        self.tree = tree
        self.job = job
        self.home = tree / job["home"]
        self.versions = [tree / folder for folder in job["versions"]]

    def enter(self) -> None:
        """Stand where its own command would be started, and let the tree's code win over installed copies."""
        folder = self._start_folder()
        os.chdir(folder)
        places = [folder, self.tree, folder / "src", self.tree / "src"]
        sys.path[:0] = list(dict.fromkeys(str(place) for place in places if place.is_dir()))

    def config(self, seen: Redirected) -> tuple[Any, str | None]:
        """Alembic's configuration with the scratch database in it, and the kind of database it named before."""
        from alembic.config import Config

        path = self.tree / self.job["config"]
        options: Json = {"ini_section": self.job["name"] or "alembic", "stdout": sys.stderr}
        if path.suffix == ".toml":
            config = Config(toml_file=str(path), **options)
        elif path.is_file():
            config = Config(str(path), **options)
        else:
            config = Config(**options)
        target = _kind_of(config)
        if _option(config, "databases"):
            raise Elsewhere("one env.py serves several databases")
        config.set_main_option("sqlalchemy.url", seen.url.replace("%", "%%"))
        config.set_main_option("script_location", str(self.home).replace("%", "%%"))
        if self.versions != [self.home / "versions"]:
            for name in ("path_separator", "version_path_separator"):
                config.set_main_option(name, "os")
            joined = os.pathsep.join(str(folder) for folder in self.versions)
            config.set_main_option("version_locations", joined.replace("%", "%%"))
        if self.job["recursive"]:
            config.set_main_option("recursive_version_locations", "true")
        return config, target

    def _start_folder(self) -> Path:
        """Beside the configuration where the scripts lie below that, else the root: `prepend_sys_path = .`
        and the like are read from where the command is started."""
        beside = Path(self.tree / self.job["config"]).parent
        return beside if beside in self.home.parents else self.tree


def _option(config: Any, name: str) -> str | None:
    try:
        found: str | None = config.get_main_option(name)
    except Exception:  # noqa: BLE001 - an interpolation that only the project's own env.py can fill
        return None
    return found


def _kind_of(config: Any) -> str | None:
    """`sqlite`, `postgresql` ...; None for no address and for the template's `driver://`."""
    from sqlalchemy.engine import make_url

    try:
        kind = make_url(_option(config, "sqlalchemy.url") or "").get_backend_name()
    except Exception:  # noqa: BLE001 - not an address, so it says nothing
        return None
    return None if kind == "driver" else str(kind)
