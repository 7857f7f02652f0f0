"""Every sentence that the queue says to a user, one function a message; no rule stands here.

Each says what happened, the value seen and the next step.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pointsman.core.contract import AreaLimit, Check
from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, Change, Reason, Run
from pointsman.core.queue.observation import BaseCommit, Deployment

SHORT = 10


def short(sha: Sha | str) -> str:
    """The first digits of a SHA, for people; never used to look anything up."""
    return sha[:SHORT]


def name(change: Change) -> str:
    """How a change is called in every sentence."""
    return f"{change.label} {change.branch}"


def head_moved(change: Change, now: Sha) -> Reason:
    return Reason(
        code="head_moved",
        text=f"{change.branch} was submitted at {short(change.head)} and is now at {short(now)}; "
        "what was submitted is no longer what you have. Submit it again.",
        reproduce=_again(change),
    )


def dependency_cycle(change: Change, cycle: Sequence[str]) -> Reason:
    return Reason(
        code="dependency_cycle",
        text=f"these changes depend on each other, so none can be first: {' -> '.join(cycle)}. "
        "Remove one Depends-on and submit again.",
        reproduce=_again(change),
    )


def _again(change: Change) -> str:
    """What puts the change into the queue once more."""
    return f"pointsman submit {shlex.quote(change.branch)}" if change.number is None else "/queue"


def contract_unreadable(problem: str) -> str:
    return f"nothing lands under a contract that can't be read: {problem}"


def base_missing(lane: str) -> str:
    return f"the base branch {lane} does not exist; it goes on when there is one again"


def base_is_red(check: str, tip: Sha, run: Run) -> str:
    return (
        f"check {check!r} fails on the base itself at {short(tip)}, without any queued change "
        f"({run.why}; log: {run.log}). Mend the base, then resume: `pointsman resume`, or `/resume`."
    )


def too_many_failures(count: int) -> str:
    return f"{count} changes in a row were red. See why, then resume: `pointsman resume`, or `/resume`."


def deployment_failed(deployment: Deployment) -> str:
    return (
        f"the deployment of {short(deployment.commit)} failed: {deployment.why or 'no reason was given'}"
        f"{_see(deployment)}. Nothing lands on it. Mend it, then resume: `pointsman resume`, or `/resume`."
    )


def deployment_late(deployment: Deployment, timeout: float) -> str:
    return (
        f"the deployment of {short(deployment.commit)} has not ended after {duration(timeout)}{_see(deployment)} "
        "(deploy.timeout). See why, then resume: `pointsman resume`, or `/resume`."
    )


def deploying(deployment: Deployment) -> str:
    return (
        f"the deployment of {short(deployment.commit)} has not ended yet{_see(deployment)}; "
        "what is green by then lands together after it"
    )


def _see(deployment: Deployment) -> str:
    return f" ({deployment.url})" if deployment.url else ""


def duration(seconds: float) -> str:
    """As a contract writes it: `45m`, `1h30m`."""
    parts = [(int(seconds) // 86400, "d"), (int(seconds) // 3600 % 24, "h"), (int(seconds) // 60 % 60, "m")]
    return "".join(f"{number}{unit}" for number, unit in [*parts, (int(seconds) % 60, "s")] if number) or "0s"


def frozen(reason: str, ends: str) -> str:
    until = f"until {ends}" if ends else "for now"
    return f"nothing but a hotfix lands {until}: {reason}. It is tested meanwhile"


def role_full(role: str, most: int) -> str:
    return (
        f"{counted(most, 'change')} of the role {role} may be in the gate at once (limits.writers_per_role); "
        "it has its turn when one before it has landed or left"
    )


def area_full(limit: AreaLimit) -> str:
    return (
        f"{counted(limit.max, 'open change')} may touch {limit.area.text} (limits.open_prs_per_area, line "
        f"{limit.area.line}), and as many are before it. Land or withdraw those, or say with a priority which go first"
    )


def area_refused(change: Change, limit: AreaLimit, others: Sequence[Change]) -> Reason:
    return Reason(
        code="area_full",
        text=f"{counted(limit.max, 'open change')} may touch {limit.area.text} (limits.open_prs_per_area, line "
        f"{limit.area.line}), and {', '.join(map(name, others))} came before it. Submit it again when one of them "
        "has landed or left.",
        reproduce=_again(change),
    )


def counted(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def base_moved(candidate: Candidate, tip: Sha) -> str:
    return f"built on {short(candidate.base)}, but the base is now {short(tip)}"


def member_left() -> str:
    return "a change in it left the queue"


def red_elsewhere() -> str:
    """Of a candidate that was put on a base other than the one that it was tested on."""
    return "it was red on the base as it was before; it is tested on the one of now"


def contract_changed() -> str:
    return "the contract on the base changed"


def behind_red() -> str:
    return "it stands on a candidate that failed"


def red(run: Run, *, check: Check, commit: Sha, together: BaseCommit | None, alone: bool | None) -> Reason:
    """A failed check; `alone`: it fails on the change's own head, or there is nothing else to blame. None: whether it
    does was not found out."""
    failing = f" ({run.failing_test})" if run.failing_test else ""
    text = f"check {run.check!r} failed{failing}: {run.why}."
    if together is not None:
        other = f"#{together.change} " if together.change is not None else ""
        text += (
            f" The change is green alone and the base is green alone; together with {other}"
            f"{together.title!r} ({short(together.commit)}) it is red. Merge the base, mend, submit again."
        )
    elif alone is None:
        text += (
            " It is red on top of today's base; whether without it, too, was not tried, for no runner was free. "
            "Merge the base, mend, submit again."
        )
    elif alone:
        text += " Mend it on the branch and submit again."
    else:
        text += " It is green alone and red on today's base. Merge the base, mend, submit again."
    return Reason(
        code="red_together" if together is not None or alone is False else "red",
        text=text,
        reproduce=reproduce_check(commit, check),
    )


def reproduce_check(commit: Sha, check: Check) -> str:
    """The commands that run one check again on the exact commit that was tested, as the runner ran it; '' where
    only its owner knows what it runs."""
    if check.run is None:
        return ""
    folder = f"../pointsman-{short(commit)}"
    variables = "".join(f"{key}={shlex.quote(value)} " for key, value in sorted(check.env.items()))
    command = f"{variables}sh -e -c {shlex.quote(check.run)}"
    return f"git worktree add --detach {folder} {commit} && cd {folder} && {command}"


EACH_ALONE = "testing each alone"


def each_alone(run: Run) -> str:
    """A batch whose check gave no answer at all."""
    return f"check {run.check!r} gave no answer ({run.why}); {EACH_ALONE}"


def red_together(run: Run) -> str:
    return f"check {run.check!r} failed ({run.why}); which of its changes it is will be found out"


def red_batch(others: Sequence[str]) -> Reason:
    """Nobody knows which of them it is, and the contract says not to find out."""
    beside = f"together with {', '.join(others)}" if others else "with what has landed since"
    return Reason(
        code="red_batch",
        text=f"red {beside}; the contract's `queue.on_red: return` takes no red batch apart. Test it alone, then "
        "submit it again.",
    )


def red_alone(run: Run) -> str:
    return f"check {run.check!r} failed ({run.why})"


def hotfix_first() -> str:
    return "a hotfix is being tested and lands first"


def green_beside() -> str:
    return "green; its changes land with the others"


def given_up() -> str:
    return "another candidate is worth more"


def no_record() -> str:
    return "nothing is on record of its failure"


def no_role(author: str, branch: str, outcome: object) -> str:
    """`outcome` lists the roles that were looked at, each with why it is not this author's."""
    return f"{author} may not change anything on {branch}: {outcome}"


def wrong_target(reason: str) -> Reason:
    return Reason(code="wrong_target", text=f"{reason}. Submit it with --base, to a branch it may land on.")


def merge_conflict(change: Change, tip: Sha, text: str, quotes: str) -> Reason:
    """The command shows the conflict again from anywhere in the repository and touches no file of it."""
    return Reason(
        code="merge_conflict",
        text=f"{text} Merge {change.lane} into {change.branch}, resolve it and submit again.",
        details=quotes,
        reproduce=f"git merge-tree --write-tree {tip} {change.head}",
    )


def not_healed(change: Change, tip: Sha, *, code: str, text: str, details: str) -> Reason:
    command = f"pointsman heal --base {tip} --head {change.head}"
    return Reason(code=code, text=text, details=details, reproduce=command)


def not_owned(verdict: object, change: Change) -> Reason:
    return Reason(
        code="contract",
        text=f"the contract on {change.lane} does not allow it: {verdict}",
        reproduce=f"pointsman check --base {shlex.quote(change.lane)} --head {change.head} "
        f"--branch {shlex.quote(change.branch)} --author {shlex.quote(change.author)}",
    )


def evidence_missing(problem: str, template: str, change: Change) -> Reason:
    where = "the commit message or --body" if change.number is None else "the pull request's text"
    return Reason(code="evidence", text=f"{problem}. Say it in {where}.", details=template)


def gone_from_base(change: Change, tip: Sha) -> Reason:
    return Reason(
        code="already_landed",
        text=f"{short(change.head)} is already on the base ({short(tip)}); somebody landed it by hand.",
    )


def contract_lands_alone() -> str:
    return "a change to the contract lands by itself"


def behind(change: str, why: str) -> str:
    return f"{why} (as things stand behind {change}; tried again when that has landed or left)"


def depends_on(changes: Sequence[int]) -> str:
    return f"depends on {', '.join(f'#{change}' for change in changes)}, which has to land first"


def approvals_needed(change: Change, verdict: object, paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return f"{verdict}\nfor {shown}{_how_to_approve(change)}"


def _how_to_approve(change: Change) -> str:
    if change.number is None:
        return f". `pointsman approve {change.id}` gives one"
    return ". An approving review of the current head gives one"


def nothing_new(change: Change) -> Reason:
    return Reason(
        code="nothing_new",
        text=f"merging {change.branch} changes no file: what it brings is on the base already.",
    )
