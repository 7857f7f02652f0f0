"""A check's report in the words that pull requests are told in; it composes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.pulls.story import HealedGraph, Judged, MigrationsTold

if TYPE_CHECKING:
    from pointsman.service.check import CheckReport
    from pointsman.service.heal import Healing


def judged(report: CheckReport) -> Judged:
    """The report as summary, annotations and SARIF are made from it."""
    asked = report.question
    return Judged(
        base=asked.base,
        head=asked.head,
        branch=asked.branch or "",
        author=report.author,
        role=report.role,
        why_no_role=report.why_no_role,
        checks=report.checks,
        contract=report.contract,
        migrations=migrations(report.migrations.healing),
    )


def migrations(healing: Healing) -> MigrationsTold:
    """What the healing found and would mend."""
    return MigrationsTold(
        status=healing.status,
        graphs=tuple(HealedGraph(plan=each.plan, added=each.added) for each in healing.environments),
        refusals=healing.refusals,
    )
