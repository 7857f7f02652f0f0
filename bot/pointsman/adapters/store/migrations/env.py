"""Runs the state file's own migrations on the connection that the caller holds; knows no file or URL."""

from __future__ import annotations

from alembic import context

from pointsman.adapters.store.tables import metadata

# One transaction around all of them, held by the caller: SQLite takes DDL back like anything else.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
