"""Every sentence that Pointsman writes on a pull request, one function a message; no layout stands here.

They are Markdown: what comes from outside is put in by `code`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from pointsman.core.contract import ApprovalNeeded, ContractVerdict
from pointsman.core.healer.model import STRATEGY
from pointsman.core.migrations.drawing.model import HealedGraph
from pointsman.core.migrations.drawing.words import early_databases
from pointsman.core.migrations.drawing.words import next_step as next_step_of
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import Sha
from pointsman.core.pulls.markdown import code, codes
from pointsman.core.pulls.story import (
    BeingTested,
    CheckTold,
    HealTold,
    Held,
    Judged,
    LandedAs,
    Landing,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Withdrawn,
)

_RETURNED = {
    "head_moved": "its head moved after it was queued",
    "dependency_cycle": "its dependencies go in a circle",
    "wrong_target": "its role may not land here",
    "merge_conflict": "git can't merge it",
    "contract": "the contract does not allow it",
    "no_role": "no role of the contract is its author's",
    "evidence": "its description lacks what the contract asks for",
    "already_landed": "it is on the base branch already",
    "nothing_new": "it changes nothing",
    "red": "a check failed",
    "red_together": "a check fails together with what is on the base branch",
    "conflict": "its migrations clash with those on the base branch",
    "same_table": "its migrations and those on the base branch touch one table",
    "unreadable_operations": "nothing tells whether its migrations clash with those on the base branch",
    "proof_failed": "the repair of its migration fork was proved wrong",
    "not_proved": "the repair of its migration fork could not be proved",
    "two_heads": "its migrations end in several heads of its own",
    "second_base": "it starts a second migration history",
    "ambiguous_parent": "the base branch itself is forked where its migrations belong",
    "still_forked": "no move ends its migration fork",
    "too_many_heads": "the contract allows one migration head",
    "stopped_by_policy": "the contract leaves its migration fork to people",
    "cannot_edit": "its migration can't be edited in place",
    "edits_published": "it edits a migration that is on the base branch already",
    "deletes_published": "it deletes a migration that is on the base branch",
    "parent_removed": "its migration follows one that the base branch has removed",
    "missing_parent": "its migration follows one that is not there",
    "duplicate_revision": "two migration files have one id",
    "conflict_markers": "a migration file holds conflict markers",
    "unparsable": "a migration file can't be read",
    "needs_regenerating": "a file has to be made anew, and nothing here may do that",
    "not_regenerated": "a file could not be made anew",
}
_ENDED = {"reparent": "hanging its revisions behind the base's", "merge_revision": "a merge revision"}
"""How a fork was ended, by the words of a heal's strategy, which stand joined by `+`."""
_SETTLED = {
    "additive": "keeping the lines of both",
    "regenerated": "making files anew",
    STRATEGY: "the healer command",
}
"""How conflicts were settled, by such words: alone they speak of no fork."""
_MARKS = {"passed": "✓", "failed": "✗", "running": "…", "due": "·"}


def headline(story: PullStory) -> str:
    """The first sentence: where it stands."""
    lane = code(story.lane)
    match story.stage:
        case NotQueued():
            return f"**Not in the queue.** Comment `/queue` to land it on {lane}."
        case Queued(position=0):
            return f"**In the queue for {lane}, and it waits.**"
        case Queued(position=position, of=of, waits=waits):
            return (
                f"**In the queue for {lane}: number {position} of {of}{', and it waits' if waits else ''}.**"
            )
        case Held():
            return "**Held.** It keeps its place and is not tested; `/unhold` lets it go on."
        case BeingTested(commit=commit):
            return f"**Being tested** as {sha(commit)}, for {lane}."
        case Passed(commit=commit):
            return (
                f"**Every check passed** on {sha(commit)}; it lands on {lane} when what is ahead has landed."
            )
        case Landing(commit=commit):
            return f"**Landing** on {lane} as {sha(commit)}."
        case LandedAs(commit=commit):
            return f"**Landed on {lane}** as {sha(commit)}."
        case Returned(reason=reason):
            return f"**Returned: {_RETURNED.get(reason.code) or code(reason.code)}.**"
        case Withdrawn():
            return "**Taken out of the queue.** `/queue` puts it back."
        case _:
            assert_never(story.stage)


def sha(commit: Sha) -> str:
    """The commit in full, which the forge makes a link of; a code span where it is no SHA."""
    is_id = len(commit) in (40, 64) and all(each in "0123456789abcdef" for each in commit)
    return commit if is_id else code(commit)


def paused() -> str:
    return "The lane is paused; `/resume` lets it go on:"


def next_step(story: PullStory) -> str:
    """What its author does now, '' where nothing is to be done."""
    if not isinstance(story.stage, Returned):
        return ""
    if story.stage.reason.code in ("already_landed", "nothing_new"):
        return ""
    first = next_step_of(Refusal(story.stage.reason.code, ""))
    mend = f"{first} Then push" if first else "Mend it, push"
    return f"{mend} and comment `/queue`; `/retry` queues the same head again."


def same_head(numbers: Sequence[int]) -> str:
    """Numbers of pull requests are the forge's own, so they may be links."""
    listed = " and ".join(f"#{number}" for number in sorted(numbers))
    return (
        f"{listed} have the very same head commit, so nothing says whose change it is. "
        "Close one of them, or push another commit to it."
    )


def place(story: PullStory) -> str:
    """Role, priority and dependencies, '' where there are none."""
    parts = [f"role {code(story.judged.role)}"] if story.judged and story.judged.role else []
    if story.priority:
        parts.append(f"priority {story.priority}")
    if story.depends_on:
        parts.append(f"depends on {codes(story.depends_on)}")
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def checks(told: Sequence[CheckTold], most: int = 8) -> str:
    """The gate on one line, in the contract's order."""
    listed = [f"{_MARKS.get(one.state, '?')} {named(one)} {_state(one.state)}" for one in told[:most]]
    more = [f"and {len(told) - most} more"] if len(told) > most else []
    return f"Checks: {', '.join([*listed, *more])}." if told else "No check has to run."


def _state(state: str) -> str:
    return state if state in ("due", "running", "passed", "failed", "cancelled", "lost") else code(state)


def named(check: CheckTold) -> str:
    """The check's name, a link where there is a page of it."""
    address = link(check.url)
    return f"[{code(check.name)}]({address})" if address else code(check.name)


def link(url: str) -> str:
    """The address if it can stand in Markdown's round brackets as it is, else ''."""
    allowed = url.startswith("https://") and len(url) <= 500 and url.isascii() and url.isprintable()
    return url if allowed and not set(url) & set(" ()<>[]\\\"'`") else ""


def together(others: Sequence[str]) -> str:
    return f"Tested together with {codes(others)}." if others else ""


def failed(check: CheckTold) -> str:
    return f"{named(check)} failed{f': {code(check.why)}' if check.why else ''}."


def healed(heal: HealTold) -> str:
    """What was mended, in one line."""
    took = f" in {heal.seconds:.1f} s" if heal.seconds is not None else ""
    parts = heal.strategy.split("+")
    settled = [how for part, how in _SETTLED.items() if part in parts]
    if len(settled) == len(parts):
        return f"What both sides changed was settled{took} by {' and '.join(settled)}: {code(heal.summary)}."
    ended = [how for part, how in _ENDED.items() if part in parts]
    how = f" by {' and '.join(ended)}" if ended else ""
    return f"The migration fork was healed{took}{how}: {code(heal.summary)}."


def proof(heal: HealTold) -> str:
    return f"Proof: {code(heal.proof)}." if heal.proof else ""


def will_heal() -> str:
    return "Its migrations fork from those on the base branch; the fork is healed when it lands."


def early(graphs: Sequence[HealedGraph]) -> str:
    """What to know of databases that ran it before the repair, '' where there is nothing; of the first environment."""
    said = (early_databases(graph, code) for graph in graphs if not graph.refused)
    return next((each for each in said if each), "")


def contract_line(judged: Judged) -> str:
    """The contract's answer in one line, '' where it just allows it."""
    if judged.problem:
        return "Nothing can land: the contract on the base branch can't be read."
    if judged.contract is None:
        return f"The contract gives {code(judged.author)} no role on {code(judged.branch)}."
    return _verdict_line(judged.contract)


def _verdict_line(verdict: ContractVerdict) -> str:
    if verdict.shadow_until is not None:
        return f"The contract would refuse it; until {code(verdict.shadow_until)} it only says so."
    if verdict.outcome == "refused":
        paths = codes([one.path for one in verdict.refused_paths], 3)
        return f"The contract does not allow it{f': {paths}' if paths else ''}."
    return ""


def approval(need: ApprovalNeeded) -> str:
    """One class that waits."""
    who = codes(need.by) if need.by else "anyone the contract knows"
    person = " (a person)" if need.human else ""
    count = need.count - len(need.have)
    said = f"Waits for {count} approval{'s' if count != 1 else ''} of {code(need.name)} by {who}{person}"
    if need.stale:
        said += f"; {codes(need.stale)} approved an older head"
    return f"{said}."


def left_out(count: int) -> str:
    return f"{count} section{'s' if count != 1 else ''} left out here for length; the check runs have more."
