"""Commands that people give in comments and by labels: read, explained, and allowed or not. Pure text; nothing
here carries one out.

Rule 12: a command is a line of its own in a comment that was just made, outside quotes, code and HTML.
"""

from pointsman.core.pulls.commands.model import (
    WORDS,
    BadCommand,
    Command,
    Dequeue,
    Explain,
    Heal,
    Help,
    Hold,
    Hotfix,
    Pause,
    Priority,
    Queue,
    Resume,
    Retry,
    ScopeAdd,
    Status,
    Unhold,
    Word,
)
from pointsman.core.pulls.commands.parsing import label_command, parse_commands
from pointsman.core.pulls.commands.quoting import quote
from pointsman.core.pulls.commands.rights import contract_key, may, needed_permission

__all__ = [
    "WORDS",
    "BadCommand",
    "Command",
    "Dequeue",
    "Explain",
    "Heal",
    "Help",
    "Hold",
    "Hotfix",
    "Pause",
    "Priority",
    "Queue",
    "Resume",
    "Retry",
    "ScopeAdd",
    "Status",
    "Unhold",
    "Word",
    "contract_key",
    "label_command",
    "may",
    "needed_permission",
    "parse_commands",
    "quote",
]
