"""What the migration tools are called, for whoever lists them without loading any; no rules."""

from __future__ import annotations

from typing import Final

NAMES: Final = ("alembic", "django", "numbered")
"""In the order in which their environments are looked for; each is the `name` of one of `backends.BACKENDS`."""

UNMARKED: Final = ("numbered",)
"""Those that may leave no mark by which their environments are found, so that a contract has to name them."""

NEEDED: Final = {"alembic": "Alembic"}
"""Packages that have to stand beside Pointsman, with what they are called: it reads its own state with them too."""

ENVIRONMENT_FILES: Final = (
    "alembic.ini",
    "script.py.mako",
    "**/*alembic*/env.py",
    "**/*migration*/env.py",
    "**/flyway.conf",
    "**/flyway.toml",
    "**/atlas.hcl",
)
"""Patterns of the files that decide where migrations are and how they run, as contracts write patterns."""
