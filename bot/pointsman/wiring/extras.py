"""Says which optional packages are missing before anything needs them; it imports none."""

from __future__ import annotations

from importlib.util import find_spec

from pointsman.core.errors import UserError

GITHUB = ("github", "jwt", "prometheus_client", "starlette", "uvicorn")


def require_github() -> None:
    """UserError where Pointsman was installed without what GitHub takes."""
    missing = [name for name in GITHUB if find_spec(name) is None]
    if missing:
        raise UserError(
            f"This needs packages that are not installed ({', '.join(missing)}): pip install 'pointsman[github]'"
        )
