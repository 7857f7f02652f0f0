"""Pointsman: a merge queue for repositories that many agents and people write to at once."""

__version__ = "0.1.0"
