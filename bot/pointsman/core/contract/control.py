"""The control class: the files that steer the queue, the forge, git and the agents themselves.

It is built in. A contract may add to it and name who approves; it cannot take anything out.
"""

from __future__ import annotations

from typing import Literal

from pointsman.core.contract.model import CONTRACT_PATH, ApprovalRule, Contract, PathClass, Pattern
from pointsman.core.migrations.names import ENVIRONMENT_FILES
from pointsman.core.model import GitPath

CONTROL: Literal["control"] = "control"
BUILT_IN = "built in"

_RULES = (
    f"/{CONTRACT_PATH}",
    "/.github/",
    "CODEOWNERS",
    ".gitattributes",
    ".gitmodules",
)
_AGENT_INSTRUCTIONS = (
    "CLAUDE.md",
    "CLAUDE.local.md",
    ".claude/",
    ".mcp.json",
    "AGENTS.md",
    "AGENTS.override.md",
    "AGENT.md",
    ".agents/",
    ".codex/",
    "GEMINI.md",
    ".gemini/",
    ".cursor/",
    ".cursorrules",
    "copilot-instructions.md",
    ".windsurf/",
    ".windsurfrules",
    ".clinerules",
    ".roo/",
    ".roorules",
    ".junie/",
    ".kiro/",
    ".amazonq/",
    ".continue/",
    ".goosehints",
    ".aider.conf.yml",
)
ENVIRONMENT_FILE = "env.py"
TEMPLATE_FILE = "script.py.mako"


def control_class(contract: Contract) -> PathClass:
    """The built-in patterns, those of the declared migration environments, and what the contract adds."""
    added = contract.classes.get(CONTROL)
    texts = dict.fromkeys([*_RULES, *ENVIRONMENT_FILES, *_AGENT_INSTRUCTIONS, *_declared(contract)])
    built_in = tuple(Pattern(text=text, key=BUILT_IN) for text in texts)
    if added is None:
        return PathClass(name=CONTROL, match=built_in, approve=ApprovalRule(human=True, by_author=True))
    return PathClass(
        name=CONTROL,
        line=added.line,
        match=built_in + added.match,
        approve=added.approve or ApprovalRule(human=True, by_author=True),
    )


def _declared(contract: Contract) -> list[str]:
    found = []
    for policy in contract.migrations:
        is_file = policy.config is not None and "." in policy.config.rpartition("/")[2]
        if is_file and not str(policy.config).endswith("pyproject.toml"):
            found.append(f"/{policy.config}")
        for versions in policy.versions:
            parent = versions.rpartition("/")[0]
            found.append(f"/{parent}/{ENVIRONMENT_FILE}" if parent else f"/{ENVIRONMENT_FILE}")
    return found


def is_environment_file(path: GitPath, names: frozenset[GitPath]) -> bool:
    """Is this a migration environment's `env.py`, whatever its folder is called? Its template tells."""
    parent, _, name = path.rpartition("/")
    template = f"{parent}/{TEMPLATE_FILE}" if parent else TEMPLATE_FILE
    return name == ENVIRONMENT_FILE and template in names
