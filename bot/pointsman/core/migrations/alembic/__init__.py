"""Alembic: how it lays out, reads and names revisions, told from its text alone."""
