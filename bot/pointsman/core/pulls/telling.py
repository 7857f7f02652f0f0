"""What Pointsman says on a pull request: the one place from which the others take it; nothing is composed here."""

from pointsman.core.migrations.drawing.model import HealedGraph
from pointsman.core.migrations.drawing.text import draw_before_after
from pointsman.core.pulls.comment import (
    MARKER,
    compose_comment,
    compose_status,
    is_ours,
    unpaced,
)
from pointsman.core.pulls.outputs import (
    CONTRACT_CHECK,
    MIGRATIONS_CHECK,
    OWN_CHECKS,
    QUEUE_CHECK,
    compose_checks,
    compose_group_checks,
    summary_markdown,
)
from pointsman.core.pulls.replies import (
    compose_explain,
    compose_help,
    compose_patch,
    compose_refusal,
)
from pointsman.core.pulls.sarif import sarif
from pointsman.core.pulls.story import (
    BeingTested,
    CheckTold,
    HealTold,
    Held,
    Judged,
    LandedAs,
    Landing,
    MigrationsTold,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Stage,
    Withdrawn,
)

__all__ = [
    "CONTRACT_CHECK",
    "MARKER",
    "MIGRATIONS_CHECK",
    "OWN_CHECKS",
    "QUEUE_CHECK",
    "BeingTested",
    "CheckTold",
    "HealTold",
    "HealedGraph",
    "Held",
    "Judged",
    "LandedAs",
    "Landing",
    "MigrationsTold",
    "NotQueued",
    "Passed",
    "PullStory",
    "Queued",
    "Returned",
    "Stage",
    "Withdrawn",
    "compose_checks",
    "compose_comment",
    "compose_explain",
    "compose_group_checks",
    "compose_help",
    "compose_patch",
    "compose_refusal",
    "compose_status",
    "draw_before_after",
    "is_ours",
    "sarif",
    "summary_markdown",
    "unpaced",
]
