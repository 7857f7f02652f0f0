"""`heal`: makes the fix commit of a pull request's migration fork; with `push` it also puts it on the branch.

It reads objects and runs nothing of the change. Whoever pushes makes the commit again and compares (I7).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from pointsman.action import forge
from pointsman.action.events import Subject, branch, number_of, sha, subject
from pointsman.action.fix import Fix, fix
from pointsman.action.objects import mirrored, objects
from pointsman.action.speech import Result
from pointsman.core.errors import UserError
from pointsman.core.pulls.markdown import code, fence
from pointsman.core.pulls.model import Account, Annotation, Pull, PullState, Severity

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.model import Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    """There is nothing to heal for, and why."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The heal that is asked for, and the repository (`owner/name`, '' for this one) that the branch is in."""

    subject: Subject
    repository: str = ""


def run(around: Surroundings) -> Result:
    """Exit code 0 clean or healed (or nothing was asked for), 1 refused."""
    asked = _asked(around)
    if isinstance(asked, Nothing):
        return Result(code=0, outcome="nothing", lines=(asked.why,), outputs={"summary": asked.why})
    from pointsman.service.heal.patch import patch_of

    one = asked.subject
    with ExitStack() as stack:
        git = stack.enter_context(objects(around, one.refs))
        made = fix(git, one.base, one.head, prover=None)
        patch = patch_of(git, made.verdict.healing)
        pushed = _push(around, stack, git, asked, made, patch) if around.inputs.push == "true" else ""
    return _said(asked, made, patch, pushed)


def _asked(around: Surroundings) -> Asked | Nothing:
    if around.event_name == "issue_comment" and not around.inputs.head:
        return _by_comment(around, forge.desk(around))
    repository = around.inputs.repository
    return Asked(subject=subject(around), repository="" if repository == around.repository else repository)


def _by_comment(around: Surroundings, desk: forge.Desk) -> Asked | Nothing:
    from pointsman.core.pulls.commands import Heal, parse_commands

    event = around.event
    comment, issue = event.get("comment"), event.get("issue")
    if event.get("action") != "created" or not isinstance(comment, dict) or not isinstance(issue, dict):
        return Nothing(why="only a comment that was just made holds commands")
    body, user = comment.get("body"), comment.get("user")
    if "pull_request" not in issue or not isinstance(body, str) or not isinstance(user, dict):
        return Nothing(why="it is no comment on a pull request")
    command = next((one for one in parse_commands(body) if isinstance(one, Heal)), None)
    if command is None:
        return Nothing(why="the comment does not ask for a heal")
    pull = desk.pulls.pull(number_of(issue.get("number"), "issue.number"))
    if pull is None or pull.state is not PullState.OPEN:
        return Nothing(why="there is no such open pull request")
    who = Account(
        login=str(user.get("login")),
        id=number_of(user.get("id"), "comment.user.id"),
        bot=user.get("type") == "Bot",
    )
    no = _may_not(around, desk, pull, who)
    return Nothing(why=no) if no else _of(around, pull)


def _may_not(around: Surroundings, desk: forge.Desk, pull: Pull, who: Account) -> str | None:
    """Why this person may not ask for it, looked up now (rule 12)."""
    from pointsman.core.contract import RoleFound
    from pointsman.core.pulls.commands import Heal, may
    from pointsman.service.contracts import contract_at
    from pointsman.service.judging import Subject as Change
    from pointsman.service.judging import role_of

    tip = _tip(around, pull)
    with objects(around, {f"refs/heads/{pull.base}": tip}) as git:
        contract = contract_at(git, tip)
    change = Change(
        author=pull.author.login,
        branch=pull.branch,
        head=pull.head,
        target=pull.base,
        who=desk.people.author(pull.author.login, pull.author.id, contract),
    )
    return may(
        contract,
        Heal(),
        desk.people.author(who.login, who.id, contract, live=True),
        own_change=who.id == pull.author.id,
        has_role=isinstance(role_of(contract, change), RoleFound),
        bot=desk.pulls.itself.login,
    )


def _tip(around: Surroundings, pull: Pull) -> Sha:
    ref = f"refs/heads/{branch(pull.base, 'the base branch')}"
    with mirrored(around) as (_, remote):
        tip = remote.listed([ref]).get(ref)
    if tip is None:
        raise UserError(f"there is no branch {pull.base} any more")
    return tip


def _of(around: Surroundings, pull: Pull) -> Asked:
    tip = _tip(around, pull)
    found = Subject(
        base=tip,
        head=pull.head,
        target=pull.base,
        branch=branch(pull.branch, "the pull request's branch"),
        author=pull.author.login,
        account=pull.author.id,
        number=pull.number,
        refs={f"refs/heads/{pull.base}": tip, f"refs/pull/{pull.number}/head": pull.head},
    )
    return Asked(
        subject=found, repository=pull.head_repository.full_name if pull.fork and pull.head_repository else ""
    )


def _push(
    around: Surroundings, stack: ExitStack, git: GitRepository, asked: Asked, made: Fix, patch: bytes
) -> str:
    """Put the fix commit on the branch, if it is the one that was proved; what came of it, in words."""
    if made.commit is None:
        return "not pushed: there is no fix commit"
    expected = sha(around.inputs.expect, "the input `expect`")
    if made.commit != expected:
        return f"not pushed: the heal gives {made.commit[:12]} here, and {expected[:12]} was proved"
    one = asked.subject
    if asked.repository:
        return _left_to_them(around, patch, "the branch is in a fork, and this token can't push there", one)
    ref = f"refs/heads/{branch(one.branch, 'the branch to push to')}"
    mirror, remote = stack.enter_context(mirrored(around))
    if mirror.git_common_dir != git.git_common_dir:
        remote.fetch(one.refs)
        made = fix(mirror, one.base, one.head, prover=None)
    refused = remote.push(ref, new=made.commit, expected=one.head)
    if refused is None:
        return f"pushed to {around.repository} {one.branch}"
    if refused.code == "moved":
        return f"not pushed: {refused.why}"
    return _left_to_them(around, patch, refused.why, one)


def _left_to_them(around: Surroundings, patch: bytes, why: str, one: Subject) -> str:
    """Where the branch is not ours to push to, a comment carries the patch (rule 13)."""
    from pointsman.core.pulls.telling import compose_patch

    given = around.inputs.number
    number = (
        number_of(int(given) if given.isdecimal() else given, "the input `number`") if given else one.number
    )
    if number is None:
        return f"not pushed: {why}"
    text = compose_patch(patch, why, base=one.target or one.base, head=one.branch or one.head)
    forge.desk(around).pulls.comment(number, text)
    return f"left as a patch on #{number}: {why}"


def _said(asked: Asked, made: Fix, patch: bytes, pushed: str) -> Result:
    from pointsman.core.pulls.comment import graph_text
    from pointsman.service.heal.explain import graphs_of

    one, healing = asked.subject, made.verdict.healing
    lines = [f"{healing.status}: {one.branch or one.head[:12]} onto {one.target or one.base[:12]}"]
    lines += [f"  {refusal.code}: {refusal.message}" for refusal in healing.refusals]
    if made.commit:
        lines.append(f"  fix commit {made.commit}")
    if pushed:
        lines.append(f"  {pushed}")
    parts = [
        f"### Heal: {code(healing.status)}",
        graph_text(graphs_of(healing)),
        fence("\n".join(lines)),
    ]
    if patch:
        parts.append(fence(patch.decode("utf-8", "backslashreplace"), "diff"))
    return Result(
        code=_code(made, pushed),
        outcome=healing.status,
        lines=lines,
        summary="\n\n".join(part for part in parts if part),
        outputs={
            "forked": "true" if healing.status == "healed" else "false",
            "commit": made.commit or "",
            "base": one.base,
            "head": one.head,
            "branch": one.branch,
            "repository": asked.repository,
            "number": "" if one.number is None else str(one.number),
            "pushed": pushed,
            "summary": lines[-1].strip(),
        },
        annotations=[
            Annotation(
                path="", line=1, end=1, severity=Severity.FAILURE, title=refusal.code, message=refusal.message
            )
            for refusal in healing.refusals
        ],
    )


def _code(made: Fix, pushed: str) -> int:
    match made.verdict.healing.status:
        case "refused":
            return 1
        case "clean" | "healed":
            return 1 if pushed.startswith("not pushed") else 0
        case other:
            assert_never(other)
