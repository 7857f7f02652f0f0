"""The fix commit of a healed change and its words; what is repaired was decided elsewhere, and no ref moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.model import CommitFacts, Sha, Signature
from pointsman.ports import Git

if TYPE_CHECKING:
    from pointsman.service.heal.model import Healing

TRAILER = "Pointsman-Healed-Head"
"""The last line of a fix commit names the head that it healed, so that a later run can start from that again."""


def commit(git: Git, healing: Healing, *, author: Signature, committer: Signature) -> Sha:
    """The fix commit of a healed change: parents are the base and the change's head, its tree the healed merge."""
    assert healing.tree is not None and healing.status == "healed"  # noqa: S101 - the caller asks only then
    parents = (healing.onto,) if healing.onto == healing.head else (healing.onto, healing.head)
    return git.commit(
        tree=healing.tree, parents=parents, message=message(healing), author=author, committer=committer
    )


def message(healing: Healing) -> str:
    """What was done, one line a move, and the head that it was done for."""
    what = "Heal the migration fork" if healing.environments else "Settle what both sides changed"
    lines = [f"{what}: {summary(healing)}", ""]
    for each in healing.environments:
        for move in each.plan.moves:
            renamed = f" (now {move.new_revision})" if move.new_revision != move.revision else ""
            lines.append(
                f"{move.revision}{renamed}: follows {', '.join(move.new_parents) or 'nothing'}, "
                f"was {', '.join(move.old_parents) or 'nothing'} ({move.new_path})"
            )
        lines += [f"{gone.id}: dropped, nothing is left to merge ({gone.path})" for gone in each.plan.drops]
        for (id, path), parents in zip(each.added, each.plan.joins, strict=True):
            lines.append(f"{id}: merges {' and '.join(parents)} ({path})")
        lines += each.remarks
    lines += [f"{one.words}{f' ({one.note})' if one.note else ''}" for one in healing.resolved]
    lines += [f"{path}: written by the healer command" for path in healing.by_command]
    by = []
    if healing.by_command:
        from pointsman.core.healer.model import TRAILER as BY_COMMAND

        by = [BY_COMMAND]
    return "\n".join([*lines, "", *by, f"{TRAILER}: {healing.head}", ""])


def summary(healing: Healing) -> str:
    """One clause for a merge record, such as `ab12 now follows cd34`."""
    parts: list[str] = []
    for each in healing.environments:
        parts += [
            f"{move.new_revision} now follows {', '.join(move.new_parents)}" for move in each.plan.moves[:2]
        ]
        if len(each.plan.moves) > 2:
            parts.append(f"and {len(each.plan.moves) - 2} more")
        parts += [f"{gone.id} dropped" for gone in each.plan.drops]
        parts += [
            f"{id} merges {' and '.join(p)}" for (id, _), p in zip(each.added, each.plan.joins, strict=True)
        ]
    parts += [one.words for one in healing.resolved[:4]]
    if len(healing.resolved) > 4:
        parts.append(f"and {len(healing.resolved) - 4} more files")
    if healing.by_command:
        more = f" and {len(healing.by_command) - 2} more" if len(healing.by_command) > 2 else ""
        parts.append(f"the healer command wrote {', '.join(healing.by_command[:2])}{more}")
    return ", ".join(parts)


def claimed_head(facts: CommitFacts) -> Sha | None:
    """The head that a commit says it healed, None if it says nothing of the kind; a claim, not a proof."""
    last = facts.message.rstrip().rpartition("\n")[2]
    name, _, value = last.partition(": ")
    if name != TRAILER or len(facts.parents) != 2 or facts.parents[1] != value:
        return None
    return facts.parents[1]
