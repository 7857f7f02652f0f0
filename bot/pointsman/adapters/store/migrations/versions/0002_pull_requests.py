"""What a forge adds: numbers of pull requests, ids of accounts, holds, revoked approvals, notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.add_column("changes", sa.Column("number", WHOLE))
    op.add_column("changes", sa.Column("account", WHOLE))
    op.add_column("changes", sa.Column("hold", sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_index("changes_by_number", "changes", ["number"])
    op.add_column("approvals", sa.Column("account", WHOLE))
    op.add_column("approvals", sa.Column("revoked", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("grants", sa.Column("account", WHOLE))
    op.create_table(
        "notes",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("notes")
    op.drop_column("grants", "account")
    op.drop_column("approvals", "revoked")
    op.drop_column("approvals", "account")
    op.drop_index("changes_by_number", "changes")
    op.drop_column("changes", "hold")
    op.drop_column("changes", "account")
    op.drop_column("changes", "number")
