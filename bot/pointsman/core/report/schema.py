"""The JSON Schema of `pointsman report --jsonl`: what every line holds; it checks nothing itself."""

from __future__ import annotations

from typing import Any

from pointsman.core.report.model import Spent


def _text(description: str, *, nullable: bool = False) -> dict[str, Any]:
    return {"type": ["string", "null"] if nullable else "string", "description": description}


def _count(description: str, *, nullable: bool = False) -> dict[str, Any]:
    return {"type": ["integer", "null"] if nullable else "integer", "minimum": 0, "description": description}


def _seconds(description: str) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "description": description}


def _by_name(kind: str, description: str, *, nullable: bool = False) -> dict[str, Any]:
    values = {"type": kind, "minimum": 0}
    return {
        "type": ["object", "null"] if nullable else "object",
        "additionalProperties": values,
        "description": description,
    }


_PROPERTIES: dict[str, dict[str, Any]] = {
    "schema": {
        "type": "integer",
        "minimum": 1,
        "description": "Goes up when a key goes or changes its meaning.",
    },
    "lane": _text("The base branch."),
    "pull_request": _count("The pull request's number; null where there is no forge.", nullable=True),
    "changes": {
        "type": "array",
        "items": {"type": "integer"},
        "minItems": 1,
        "description": "The queue's number of each submission.",
    },
    "branch": _text("The branch that was submitted."),
    "title": _text("The title of the last submission."),
    "author": _text("Whose it is: a login or an e-mail address."),
    "role": _text("The contract's role for it; null: none is known.", nullable=True),
    "areas": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "description": "Top folders that it touches; null: not known.",
    },
    "task_type": _text("`Task-Type:`, else the type of a conventional title.", nullable=True),
    "model": _text("`Agent-Model:`; null: not stated.", nullable=True),
    "tokens": _count("`Agent-Tokens:`, summed over commits; null: not stated.", nullable=True),
    "cost": _by_name("number", "`Agent-Cost:` by currency; null: not stated.", nullable=True),
    "state": _text("`landed` in JSON lines; also `returned`, `withdrawn` and `queued` in the JSON object."),
    "submitted_at": _text("When it was first submitted, ISO 8601 in UTC.", nullable=True),
    "ended_at": _text("When it landed.", nullable=True),
    "elapsed": _seconds("Seconds from the first to the second."),
    "stages": _by_name("number", "Seconds in each stage; they add up to `elapsed`."),
    "submissions": _count("How often it was submitted."),
    "review_fixes": _count("Newer heads that took the place of a queued one."),
    "returns": {"type": "array", "items": {"type": "string"}, "description": "The code of each return."},
    "conflicts": _count("Submissions that came back, or waited, because they collided with other work."),
    "human_interventions": _count("All of `interventions` and `commits_by_others`."),
    "interventions": _by_name("integer", "What people did to it in the queue, by kind."),
    "commits_by_others": _count(
        "Commits by people who wrote nothing of the first submission; null: not known.", nullable=True
    ),
    "candidates": _count("Candidates that held it."),
    "rebuilds": _count("How often a submission was brought onto something again."),
    "gate_seconds": _seconds("Runner seconds; runs of several changes are shared evenly."),
    "gate": {
        "type": "object",
        "properties": {spent.value: _seconds(f"Seconds {spent.value}.") for spent in Spent},
        "description": "The same by what the runs came to.",
    },
    "runs": _count("Runs of checks, probes too."),
    "failed_checks": _count("Those that failed."),
    "retries": _count("Those that were a second or later try."),
    "stopped_runs": _count("Those that were cancelled or lost."),
    "heals": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"strategy": _text("How."), "seconds": _seconds("How long it took.")},
            "required": ["strategy", "seconds"],
        },
        "description": "Every repair that the bot made for it.",
    },
    "landed_healed": {"type": "boolean", "description": "What landed holds a repair."},
}

LANDED_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A piece of work that landed, as `pointsman report --jsonl` writes it",
    "type": "object",
    "properties": _PROPERTIES,
    "required": list(_PROPERTIES),
}
