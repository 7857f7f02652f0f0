"""Changes, candidates, runs, lanes, approvals, grants, and the append-only journal with its ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")

APPEND_ONLY = """
CREATE TRIGGER journal_no_{verb} BEFORE {verb} ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
"""

REFUSE = """
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
"""
APPEND_ONLY_POSTGRESQL = """
CREATE TRIGGER journal_no_{verb} BEFORE {verb} ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()
"""


def upgrade() -> None:
    _create_changes()
    _create_candidates()
    _create_runs()
    _create_lanes_and_permissions()
    _create_journal()


def downgrade() -> None:
    if not _is_postgresql():  # there a trigger goes with its table
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER journal_no_{verb}")
    for table in ("ledger", "journal", "grants", "approvals", "lanes", "runs", "candidates", "changes"):
        op.drop_table(table)
    if _is_postgresql():
        op.execute("DROP FUNCTION journal_is_append_only()")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("worktree", sa.Text),
        sa.Column("priority", WHOLE, nullable=False),
        sa.Column("depends_on", sa.Text, nullable=False),
        sa.Column("submitted_at", sa.Float, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("wait", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("landed", sa.Text),
        sa.Column("ended_at", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_index("changes_by_lane", "changes", ["lane", "state"])
    op.create_index("changes_by_state", "changes", ["state"])


def _create_candidates() -> None:
    op.create_table(
        "candidates",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("checks", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("candidates_by_lane", "candidates", ["lane", "state"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("candidate", WHOLE, sa.ForeignKey("candidates.id")),
        sa.Column("change", WHOLE, sa.ForeignKey("changes.id")),
        sa.Column("probe", sa.Text, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("tree", sa.Text, nullable=False),
        sa.Column("attempt", WHOLE, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("tests", WHOLE),
        sa.Column("failing_test", sa.Text),
        sa.Column("signature", sa.Text),
        sa.Column("log", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_by_candidate", "runs", ["candidate"])
    op.create_index("runs_by_change", "runs", ["change"])
    op.create_index("runs_by_state", "runs", ["state"])
    op.create_index("runs_by_tree", "runs", ["tree", "digest"])


def _create_lanes_and_permissions() -> None:
    op.create_table(
        "lanes",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("paused", sa.Text),
        sa.Column("failures", WHOLE, nullable=False),
        sa.Column("resumed_at", sa.Float, nullable=False),
    )
    op.create_table(
        "approvals",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("change", WHOLE, sa.ForeignKey("changes.id"), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("human", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("approvals_by_change", "approvals", ["change"])
    op.create_table(
        "grants",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("change", WHOLE, sa.ForeignKey("changes.id"), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("pattern", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("grants_by_change", "grants", ["change"])


def _create_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("journal_by_lane", "journal", ["lane", "seq"])
    _forbid_edits()
    ledger = op.create_table(
        "ledger",
        sa.Column("id", WHOLE, sa.CheckConstraint("id = 1", name="one_row"), primary_key=True),
        sa.Column("writes", WHOLE, nullable=False),
        sa.Column("lines", WHOLE, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
    )
    op.bulk_insert(ledger, [{"id": 1, "writes": 0, "lines": 0, "head": "0" * 64}])


def _forbid_edits() -> None:
    if not _is_postgresql():
        for verb in ("update", "delete"):
            op.execute(APPEND_ONLY.format(verb=verb))
        return
    op.execute(REFUSE)
    for verb in ("update", "delete", "truncate"):
        op.execute(APPEND_ONLY_POSTGRESQL.format(verb=verb))
