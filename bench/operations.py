"""Times reading what 500 revisions touch and comparing two sides, against parsing alone as the limit.

Nothing that reads Python can be faster than `ast.parse`. Run: `python -m bench.operations`.
"""

from __future__ import annotations

import ast
import statistics
import time
from collections.abc import Callable

from pointsman.core.migrations.operations import compare_footprints, footprint

REVISIONS = 500
ROUNDS = 5
SCHEMA = '''
"""Add things to table {n}.

Revision ID: {n:012x}
"""
from alembic import op
import sqlalchemy as sa

revision = "{n:012x}"


def upgrade():
    op.create_table(
        "table_{n}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id"), index=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_{n}")),
    )
    with op.batch_alter_table("shared_{n}") as batch:
        batch.add_column(sa.Column("extra", sa.Text(), nullable=True))
        batch.create_index(batch.f("ix_shared_{n}_extra"), ["extra"], unique=False)


def downgrade():
    op.drop_table("table_{n}")
'''
SQL = SCHEMA.replace(
    "def downgrade",
    '    op.execute("UPDATE shared_{n} SET extra = (SELECT max(id) FROM users)")\n\n\ndef downgrade',
)


def main() -> None:
    """Prints one table, in milliseconds a revision at the median, and the command that made it."""
    schema = [SCHEMA.format(n=n).encode() for n in range(REVISIONS)]
    data = [SQL.format(n=n).encode() for n in range(REVISIONS)]
    footprint(data[0], "x.py")
    limit = _median(lambda: [ast.parse(source) for source in schema])
    plain = _median(lambda: [footprint(source, "x.py") for source in schema])
    sql = _median(lambda: [footprint(source, "x.py") for source in data])
    left = [(f"l{n}.py", footprint(source, "l.py")) for n, source in enumerate(schema)]
    right = [(f"r{n}.py", footprint(source, "r.py")) for n, source in enumerate(data)]
    pairs = _median(lambda: compare_footprints(left, right))
    print(f"{REVISIONS} revisions, median of {ROUNDS} rounds, ms a revision (times ast.parse)")
    print(f"  ast.parse alone               {_shown(limit, limit)}")
    print(f"  footprint, schema only        {_shown(plain, limit)}")
    print(f"  footprint, one SQL statement  {_shown(sql, limit)}")
    print(f"  compare, {REVISIONS} against {REVISIONS}      {_shown(pairs, limit)}")
    print("made by: python -m bench.operations")


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _shown(seconds: float, limit: float) -> str:
    return f"{seconds * 1000 / REVISIONS:8.3f}  ({seconds / limit:.1f}x)"


if __name__ == "__main__":
    main()
