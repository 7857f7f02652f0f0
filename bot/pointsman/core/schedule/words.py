"""Every sentence that scheduling says to a user, one function a message: what is so, the value seen, the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.core.narrate import printable
from pointsman.core.schedule.model import Claim, Queued, Refusal, Task

NAMES = 5
"""Names that are listed before the rest is only counted."""


def listed(names: Sequence[str], *, most: int = NAMES) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def span(seconds: float) -> str:
    """A duration for people: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown_task(name: str, known: Sequence[str]) -> Refusal:
    there = f"there are {listed(known)}" if known else "the list is empty"
    return Refusal(code="unknown_task", text=f"no task of the list is called {printable(name)}; {there}")


def complete(task: Task, by: str) -> Refusal:
    how = f": {by} landed" if by else ""
    return Refusal(code="complete", text=f"{task.id} is complete{how}", because=(by,) if by else ())


def taken(claim: Claim, at: float) -> Refusal:
    text = (
        f"{claim.task} is held by {claim.holder} (claim {claim.id}) for {span(at - claim.claimed_at)}; that ends in "
        f"{span(claim.expires_at - at)} at the latest, or with `pointsman release {claim.id}`"
    )
    return Refusal(code="taken", text=text, because=(claim.holder,))


def landing(claim: Claim) -> Refusal:
    text = f"{claim.holder} has done {claim.task}; it is complete when {claim.branch} has landed"
    return Refusal(code="landing", text=text, because=(claim.branch,))


def worked_on(task: Task) -> Refusal:
    text = f"{task.id} is {task.status.value} by the list, in no claim's hands; say ready there to let it be taken"
    return Refusal(code="in_progress", text=text)


def waits(task: Task, names: Sequence[str], *, unknown: Sequence[str], back: Mapping[str, str]) -> Refusal:
    """`back` says of those that the queue no longer has how they left it."""
    why = [f"{name} was {how}" for name, how in back.items()]
    why += [f"{name} is neither in the list nor in the queue" for name in unknown]
    rest = [name for name in names if name not in unknown and name not in back]
    if rest:
        why.append(f"{listed(rest)} {'is' if len(rest) == 1 else 'are'} not complete")
    return Refusal(code="dependency", text=f"{task.id} waits: {'; '.join(why)}", because=tuple(names))


def unknown_role(role: str, known: Sequence[str]) -> Refusal:
    text = f"the contract has no role {printable(role)}; it has {listed(sorted(known), most=20)}"
    return Refusal(code="unknown_role", text=text)


def other_role(task: Task, role: str) -> Refusal:
    return Refusal(code="wrong_role", text=f"{task.id} is for role {task.role}, not for {printable(role)}")


def no_role(task: Task) -> Refusal:
    return Refusal(code="no_role", text=f"neither the task nor you say a role for {task.id}; add --role ROLE")


def not_allowed(task: Task, role: str, path: str, why: str) -> Refusal:
    text = f"{task.id} names {printable(path)}, which role {role} can never change: {printable(why)}"
    return Refusal(code="not_allowed", text=text, because=(path,))


def unknown_resource(task: Task, name: str, known: Sequence[str]) -> Refusal:
    there = f"it has {listed(sorted(known))}" if known else "it has none"
    text = (
        f"{task.id} needs {name}, which is none of the contract's `writers` ({there}); write "
        f"`{name}: {{holder: ROLE}}` there, since what nobody holds nobody may write to"
    )
    return Refusal(code="unknown_resource", text=text, because=(name,))


def not_holder(task: Task, name: str, holder: str, role: str) -> Refusal:
    text = f"{task.id} needs {name}, which only {holder} writes to by the contract; role {role} does not"
    return Refusal(code="not_holder", text=text, because=(name,))


def branch_taken(task: Task, other: Claim) -> Refusal:
    text = f"{other.holder} works on {other.branch} (claim {other.id}); {task.id} needs a branch of its own"
    return Refusal(code="branch_taken", text=text, because=(other.holder,))


def resource_held(task: Task, name: str, other: str, holder: str) -> Refusal:
    who = f"{other} ({holder})" if holder else other
    text = f"{task.id} needs {name}, which {who} holds now; there is one writer at a time"
    return Refusal(code="resource_held", text=text, because=(other,))


def overlap(task: Task, other: str, holder: str, path: str, *, both_add: bool, landing: bool) -> Refusal:
    """`landing`: the other is done, and only not on the base branch yet."""
    who = f"{other} ({holder})" if holder else other
    does = "makes new files in" if both_add else "works on"
    ends = "landed" if landing else "ended"
    text = f"{task.id} would meet {who}, which {does} {printable(path)} too; it waits until that has {ends}"
    return Refusal(code="overlap", text=text, because=(other,))


def queued_overlap(task: Task, other: Queued, path: str, *, both_add: bool) -> Refusal:
    does = "makes new files in" if both_add else "changes"
    text = (
        f"{task.id} would meet {other.label} {printable(other.branch)} in the queue, which {does} {printable(path)} "
        "too; it waits until that has landed or come back"
    )
    return Refusal(code="overlap", text=text, because=(other.label,))


def role_full(task: Task, role: str, names: Sequence[str], limit: int) -> Refusal:
    text = (
        f"role {role} has {len(names)} at work ({listed(names)}); the contract's limits.writers_per_role allows "
        f"{limit}"
    )
    return Refusal(code="role_full", text=f"{task.id} waits: {text}", because=tuple(names))


def agents_full(task: Task, names: Sequence[str], limit: int) -> Refusal:
    text = f"{len(names)} are at work ({listed(names)}); the contract's limits.agents allows {limit}"
    return Refusal(code="agents_full", text=f"{task.id} waits: {text}", because=tuple(names))


def unknown_claim(number: int) -> Refusal:
    return Refusal(code="unknown_claim", text=f"there is no claim {number}; `pointsman claims` lists them")


def ended(claim: Claim) -> Refusal:
    how = claim.outcome.value if claim.outcome is not None else "released"
    text = f"claim {claim.id} of {claim.task} has ended: {how} by {claim.holder}"
    return Refusal(code="ended", text=text)


def overtaken(claim: Claim, newer: Claim) -> Refusal:
    text = (
        f"claim {claim.id} of {claim.task} had expired, and {newer.holder} has it since (claim {newer.id}); "
        "hand over what you have to them"
    )
    return Refusal(code="overtaken", text=text, because=(newer.holder,))


def expired(claim: Claim, at: float) -> Refusal:
    text = f"claim {claim.id} of {claim.task} expired {span(at - claim.expires_at)} ago; claim the task again"
    return Refusal(code="expired", text=text)


def not_yours(claim: Claim, holder: str) -> Refusal:
    text = f"claim {claim.id} of {claim.task} is {claim.holder}'s, not {printable(holder)}'s"
    return Refusal(code="not_yours", text=text, because=(claim.holder,))


def illegal_step(claim: Claim, then: str, why: str) -> Refusal:
    text = f"{claim.task} (claim {claim.id}) is {claim.status.value} and can't be {then} now: {why}"
    return Refusal(code="illegal_step", text=text)


def dirty(where: str, lines: str) -> Refusal:
    text = f"{where} has changes that are not committed:\n{lines}\nCommit or stash them, then claim again."
    return Refusal(code="dirty_tree", text=text)


def no_branch(task: Task, expected: Sequence[str]) -> Refusal:
    like = f", matching {' or '.join(expected)}" if expected else ""
    text = f"{task.id} changes files; say on which branch: --branch BRANCH{like}"
    return Refusal(code="no_branch", text=text)


def wrong_branch(role: str, branch: str, expected: Sequence[str]) -> Refusal:
    text = f"{printable(branch)} is no branch of role {role}; it has to match {' or '.join(expected)}"
    return Refusal(code="wrong_branch", text=text)


def wrong_worktree(role: str, where: str, expected: str) -> Refusal:
    text = f"role {role} works in the worktree {expected}, not in {where}; claim from there"
    return Refusal(code="wrong_worktree", text=text)


def on_base(branch: str) -> Refusal:
    text = f"{branch} is the base branch; work on a branch of its own: git switch -c BRANCH, then claim again"
    return Refusal(code="is_base", text=text)


def first_by_priority(first: int, other: str, second: int) -> str:
    return f"its priority is {first}, that of {other} is {second}"


def first_by_unblocks(first: int, names: Sequence[str], other: str, second: int) -> str:
    """`names` are the first of them, NAMES at most."""
    more = f" and {first - len(names)} more" if first > len(names) else ""
    return (
        f"it unblocks {count(first, 'task')} ({', '.join(names)}{more}), {other} unblocks {second or 'none'}"
    )


def first_by_critical_path(first: int, other: str, second: int) -> str:
    return f"the longest chain that begins with it takes {first} min, that of {other} {second} min"


def first_by_overlaps(first: int, other: str, second: int) -> str:
    return f"it is in the way of {count(first, 'task') if first else 'none'} that could start, {other} of {second}"


def first_by_place(other: str) -> str:
    return f"it came before {other}, and nothing else tells them apart"


def only_one() -> str:
    return "it is the only task that may start now"


def last_of_all() -> str:
    return "all others that may start now go before it"


def recommended(task: Task, why: str) -> str:
    title = f" ({printable(task.title)})" if task.title else ""
    return f"{task.id}{title} is next: {why}."


def nothing_starts(open_ones: int, working: int) -> str:
    if not open_ones:
        return "Nothing may start: no task of the list is open."
    return f"Nothing may start now: {count(open_ones, 'task')} not complete, {working} being worked on."
