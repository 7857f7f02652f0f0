"""Judges how the app is set up on GitHub, from what was read there: each finding says how to mend it. Pure."""

from pointsman.core.pulls.diagnosis.app import judge_app, judge_hook, judge_installations
from pointsman.core.pulls.diagnosis.branch import judge_branch
from pointsman.core.pulls.diagnosis.facts import (
    Actor,
    AppFacts,
    Classic,
    DeliveryFacts,
    Gate,
    HookFacts,
    InstallationFacts,
    RepositoryFacts,
    Rule,
    Ruleset,
    Unread,
    WorkflowFile,
)
from pointsman.core.pulls.diagnosis.gate import CANDIDATE, judge_contract, judge_gate
from pointsman.core.pulls.diagnosis.needs import EVENTS, PERMISSIONS

__all__ = [
    "CANDIDATE",
    "EVENTS",
    "PERMISSIONS",
    "Actor",
    "AppFacts",
    "Classic",
    "DeliveryFacts",
    "Gate",
    "HookFacts",
    "InstallationFacts",
    "RepositoryFacts",
    "Rule",
    "Ruleset",
    "Unread",
    "WorkflowFile",
    "judge_app",
    "judge_branch",
    "judge_contract",
    "judge_gate",
    "judge_hook",
    "judge_installations",
]
