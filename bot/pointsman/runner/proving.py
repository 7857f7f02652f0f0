"""What every tool's proof shares: the routes that were tried, how one fails, and the start inside the sandbox.

Kept to Python 3.9's language. It knows no tool and decides nothing beyond what each route showed.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pointsman.runner import answer
from pointsman.runner.databases import Databases, NoDriver, SqliteFiles, lend_driver
from pointsman.runner.redirect import close_doors
from pointsman.runner.schema import Schema, differences
from pointsman.runner.verdict import Failed, NotProved, shortened

Json = dict[str, Any]


class Routes:
    """One proof: `run` is called once, and each database is one route's own. A tool's own class fills in `try_all`."""

    environment = "env.py"

    def __init__(self, job: Json, databases: Databases) -> None:
        self.job = job
        self.databases = databases
        self.routes: list[Json] = []
        self.compared_rows = False

    def try_all(self) -> None:
        """Try every route; NotProved where this machine can't tell, Failed where one does not hold."""
        raise NotImplementedError

    def run(self) -> Json:
        begin = time.monotonic()
        ran, reason = True, None
        try:
            self.try_all()
        except NotProved as outcome:
            ran, reason = False, str(outcome)
        except Failed as outcome:
            reason = str(outcome)
        return {
            "ran": ran,
            "passed": reason is None,
            "reason": reason,
            "routes": self.routes,
            "rows": self.compared_rows,
            "environment": self.environment,
            "database": self.databases.kind,
            "seconds": round(time.monotonic() - begin, 3),
        }

    def same(self, one: Schema, other: Schema, names: tuple[str, str]) -> None:
        """Leave where the schemas differ."""
        told = differences(one, other, names)
        if told:
            self.fail(shortened(told))

    def fail(self, why: str) -> NoReturn:
        """The last route does not hold after all."""
        self.routes[-1].update(ok=False, detail=why)
        raise Failed(f"{self.routes[-1]['name']}: {why}")

    def add(self, name: str, seconds: float, detail: str | None, *, ok: bool = True) -> None:
        """Write a route down."""
        self.routes.append({"name": name, "ok": ok, "detail": detail, "seconds": seconds})


def prove(
    tool: str,
    proving: Callable[[Json, Any], Routes],
    warm_up: Callable[[str], None],
    postgresql: Callable[[str, str], Any],
) -> None:
    """Read the job that argv names, run its proof and tell the answer. `warm_up` is given the kind of database and
    raises ImportError where `tool` is missing; `postgresql` makes the databases of a server (address, home)."""
    answer.keep_apart()
    job = json.loads(Path(sys.argv[-1]).read_text())
    server = job["postgresql"]
    found: Json = {"ran": False, "passed": False, "routes": [], "environment": "env.py", "seconds": 0.0}
    found["database"] = "postgresql" if server else "sqlite"
    gc.disable()  # nothing that is loaded here goes away again
    try:
        warm_up(found["database"])
        if server and server["driver"]:
            lend_driver(server["driver"])
        databases = postgresql(server["url"], server["home"]) if server else SqliteFiles(Path(job["scratch"]))
    except ImportError as problem:
        found["reason"] = f"{sys.executable} has no {tool}: {problem}"
    except NoDriver as problem:
        found["reason"] = str(problem)
    else:
        close_doors(Path(os.path.realpath(job["scratch"])), sockets=server["sockets"] if server else None)
        gc.freeze()  # a fork shares what nobody touches
        gc.enable()
        answer.begin()
        found = proving(job, databases).run()
    answer.tell(found)
