"""Says which optional packages are missing before anything needs them; it imports none."""

from __future__ import annotations

from importlib.util import find_spec

from pointsman.core.errors import UserError

POSTGRES = ("psycopg", "procrastinate")
GITHUB = ("github", "jwt", "prometheus_client", "starlette", "uvicorn")


def require_github() -> None:
    """UserError where Pointsman was installed without what GitHub takes."""
    _require(GITHUB, "github")


def require_postgres() -> None:
    """UserError where Pointsman was installed without what a state in PostgreSQL takes."""
    _require(POSTGRES, "postgres")


def _require(names: tuple[str, ...], extra: str) -> None:
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(
            f"This needs packages that are not installed ({', '.join(missing)}): pip install 'pointsman[{extra}]'"
        )
