"""What the migration tools are called, for whoever lists them without loading any; no rules."""

from __future__ import annotations

from typing import Final

NAMES: Final = ("alembic", "django", "numbered")
"""In the order in which their environments are looked for; each is the `name` of one of `backends.BACKENDS`."""
