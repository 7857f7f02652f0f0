"""Builds the source of a revision for tests from what its upgrade() does."""

from __future__ import annotations

import textwrap

from pointsman.core.migrations.operations import ComparePolicy, Comparison, Footprint, compare, footprint

HEAD = "from alembic import op\nimport sqlalchemy as sa\n"


def revision(body: str, *, before: str = "") -> bytes:
    """A revision whose `upgrade()` is `body`, after the module level code `before`."""
    above = textwrap.dedent(before)
    return (
        f"{HEAD}{above}\ndef upgrade():\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n".encode()
    )


def read(body: str, *, before: str = "") -> Footprint:
    return footprint(revision(body, before=before), "versions/a1_one.py")


def compared(left: str, right: str, policy: ComparePolicy | None = None) -> Comparison:
    """Two revisions, `versions/a1_left.py` and `versions/b1_right.py`, set against each other."""
    sides = [("versions/a1_left.py", revision(left))], [("versions/b1_right.py", revision(right))]
    return compare(*sides, policy) if policy is not None else compare(*sides)


def sql(text: str) -> str:
    """The statement that executes the text."""
    return f"op.execute({text!r})"
