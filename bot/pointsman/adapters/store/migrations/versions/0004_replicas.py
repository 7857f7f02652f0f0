"""What several replicas add: who may save as the one writer of the lanes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ledger", sa.Column("holder", sa.Text))


def downgrade() -> None:
    op.drop_column("ledger", "holder")
