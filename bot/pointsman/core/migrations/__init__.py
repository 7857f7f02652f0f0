"""Migrations as facts: what a tree's environments hold, where they fork and how to mend it; nothing here runs."""
