"""Forks that really happened in public repositories, and a judge of repairs that shares no code with ours."""
