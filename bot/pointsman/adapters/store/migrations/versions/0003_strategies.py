"""What strategies add: why a candidate runs, what a change is like, and claims of tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.add_column("changes", sa.Column("features", sa.Text, nullable=False, server_default=sa.text("'[]'")))
    op.add_column(
        "candidates", sa.Column("purpose", sa.Text, nullable=False, server_default=sa.text("'chain'"))
    )
    op.add_column("candidates", sa.Column("tested", sa.Text))
    op.create_table(
        "claims",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("resources", sa.Text, nullable=False),
        sa.Column("modifies", sa.Text, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("creates", sa.Text, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'ready'")),
        sa.Column("claimed_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("outcome", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("claims_by_end", "claims", ["ended_at"])
    op.create_index("claims_by_task", "claims", ["task"])


def downgrade() -> None:
    op.drop_index("claims_by_task", "claims")
    op.drop_index("claims_by_end", "claims")
    op.drop_table("claims")
    op.drop_column("candidates", "tested")
    op.drop_column("candidates", "purpose")
    op.execute("UPDATE candidates SET state = 'discarded' WHERE state = 'cleared'")
    op.drop_column("changes", "features")
