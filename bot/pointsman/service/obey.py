"""Carries out the commands that people give in comments and by labels, once each, and answers; who may give which is
the contract's business, and what a line means was read before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from pointsman.core.contract import Author, Contract, RoleFound, explain, resolve_role
from pointsman.core.errors import UserError
from pointsman.core.pulls import commands as c
from pointsman.core.pulls.model import Account, Comment, Pull
from pointsman.core.pulls.replies import (
    compose_explain,
    compose_help,
    compose_patch,
    compose_refusal,
)
from pointsman.core.queue.model import HOTFIX, Change, Note, RecordedGrant
from pointsman.ports import Clock, People, Pulls, Store
from pointsman.service.consent import Consents
from pointsman.service.door import NotSubmitted
from pointsman.service.pull_desk import Base, PullDesk
from pointsman.service.repair import HeadMoved, NotHealed, NothingToHeal, Patched, Pushed, Repairs

DONE = "did:"
"""Notes of comments whose commands were carried out: a comment that is delivered twice counts once."""

HIGH = 10
"""What `/queue high` adds to nothing."""

ANSWER = 1000
"""Characters of an answer that echo what stands in a repository."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one command came to: `done` decides the reaction; `text` is Markdown, '' where the reaction says it all."""

    done: bool
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """One command in its place: who gave it, on which pull request, against which base."""

    pull: Pull
    base: Base
    by: Account
    who: Author


@dataclass(kw_only=True)
class Obedience:
    """Commands of one repository. `status` gives the Markdown of `/status` for a pull request."""

    store: Store
    pulls: Pulls
    people: People
    desk: PullDesk
    consents: Consents
    repairs: Repairs
    clock: Clock
    status: Callable[[int], str]

    def comment(self, comment: Comment) -> bool:
        """Obey a comment that was just made; False when there is no command in it, or it was obeyed before."""
        if comment.author.id == self.pulls.itself.id:
            return False
        found = c.parse_commands(comment.body)
        if not found or self.store.note(f"{DONE}{comment.id}") is not None:
            return False
        pull = self.pulls.pull(comment.number)
        if pull is None:
            return False
        answers = [self._obey(command, pull, comment.author) for command in found]
        self.pulls.react(comment.id, "+1" if all(answer.done for answer in answers) else "confused")
        text = "\n\n".join(answer.text for answer in answers if answer.text)
        if text:
            self.pulls.comment(comment.number, f"<!-- pointsman:reply {comment.id} -->\n{text}")
        self.store.save(Note(key=f"{DONE}{comment.id}", value="1"), at=self.clock.now())
        return True

    def label(self, label: str, number: int, by: Account) -> bool:
        """Obey a label that somebody put on a pull request; False when it is no command."""
        command = c.label_command(label)
        if command is None or by.id == self.pulls.itself.id:
            return False
        pull = self.pulls.pull(number)
        if pull is None:
            return False
        answer = self._obey(command, pull, by)
        if answer.text:
            self.pulls.comment(number, answer.text)
        return True

    def _obey(self, command: c.Command | c.BadCommand, pull: Pull, by: Account) -> Answer:
        if isinstance(command, c.BadCommand):
            return Answer(done=False, text=compose_refusal(command.text, f"{command.why}. {command.usage}"))
        written = f"/{command.word}"
        try:
            base = self.desk.base_of(pull)
        except UserError as problem:
            return Answer(done=False, text=compose_refusal(written, str(problem)))
        if base is None:
            return Answer(done=False, text=compose_refusal(written, f"there is no branch {pull.base}"))
        asked = _Asked(
            pull=pull, base=base, by=by, who=self.people.author(by.login, by.id, base.contract, live=True)
        )
        refusal = self._may(command, asked)
        if refusal is not None:
            return Answer(done=False, text=compose_refusal(written, refusal))
        answer = self._carry_out(command, asked)
        return (
            answer
            if isinstance(answer, Answer)
            else Answer(done=False, text=compose_refusal(written, answer))
        )

    def _may(self, command: c.Command, asked: _Asked) -> str | None:
        pull, contract = asked.pull, asked.base.contract
        author = self.people.author(pull.author.login, pull.author.id, contract)
        own = pull.author.id == asked.by.id
        if isinstance(command, c.Unhold):
            change = self.desk.current(pull.number)
            holder = change.hold.removeprefix("held by ").partition(":")[0] if change is not None else ""
            own = own and holder == asked.by.login
        return c.may(
            contract,
            command,
            asked.who,
            own_change=own,
            has_role=_is_known(contract, author, pull.branch),
            bot=self.pulls.itself.login,
        )

    def _carry_out(self, command: c.Command, asked: _Asked) -> Answer | str:
        """The answer, or in one sentence why it was not done."""
        number, by = asked.pull.number, asked.by.login
        match command:
            case c.Queue(high=high):
                return self._queue(asked, HIGH if high else 0)
            case c.Hotfix():
                return self._queue(asked, HOTFIX)
            case c.Retry():
                return self._queue(asked, 0)
            case c.Heal():
                return self._heal(asked)
            case c.ScopeAdd(patterns=patterns):
                return self._grant(asked, patterns)
            case c.Dequeue():
                return self._on_change(number, lambda change: self.desk.withdraw(change, by=by))
            case c.Hold(reason=reason):
                return self._on_change(number, lambda change: self.desk.hold(change, by=by, why=reason))
            case c.Unhold():
                return self._on_change(number, lambda change: self.desk.hold(change, by="", why=""))
            case c.Priority(value=value):
                return self._on_change(number, lambda change: self.desk.prioritise(change, value, by=by))
            case c.Status():
                return Answer(done=True, text=self.status(number))
            case c.Explain(path=path):
                return self._explain(asked, path)
            case c.Help():
                return Answer(done=True, text=compose_help())
            case c.Pause(reason=reason):
                done = self.consents.pause(asked.base.lane, by=by, why=reason)
                return Answer(done=True) if done else f"the queue of {asked.base.lane} is paused already"
            case c.Resume():
                done = self.consents.resume(asked.base.lane, by=by)
                return Answer(done=True) if done else f"the queue of {asked.base.lane} was not paused"
            case _:
                assert_never(command)

    def _queue(self, asked: _Asked, priority: int) -> Answer | str:
        outcome = self.desk.queue(asked.pull, asked.base, priority=priority)
        if isinstance(outcome, NotSubmitted):
            return outcome.text
        if outcome.again and priority > outcome.change.priority:
            self.desk.prioritise(outcome.change, priority, by=asked.by.login)
        return Answer(done=True)

    def _on_change(self, number: int, act: Callable[[Change], object]) -> Answer | str:
        change = self.desk.current(number)
        if change is None:
            return f"#{number} is not in the queue"
        act(change)
        return Answer(done=True)

    def _grant(self, asked: _Asked, patterns: tuple[str, ...]) -> Answer | str:
        """Pinned to the head, and kept for every time that this head is queued."""
        head = asked.base.head
        if head is None:
            return f"#{asked.pull.number} has no head"
        change = self.desk.current(asked.pull.number)
        subject = change if change is not None and change.head == head else _as_if_queued(asked, head)
        problem = self.consents.grant(
            subject,
            patterns=patterns,
            by=asked.by.login,
            account=asked.by.id,
            contract=asked.base.contract,
            people=self.people,
            keep=self._keeper(asked.pull.number),
        )
        return problem or Answer(done=True)

    def _keeper(self, number: int) -> Callable[[RecordedGrant], None]:
        return lambda grant: self.desk.keep_grant(number, grant.head, grant)

    def _explain(self, asked: _Asked, path: str) -> Answer:
        contract = asked.base.contract
        author = self.people.author(asked.pull.author.login, asked.pull.author.id, contract)
        role = resolve_role(contract, author, asked.pull.branch)
        name = role.role if isinstance(role, RoleFound) else None
        return Answer(done=True, text=compose_explain(path, explain(contract, path), role=name))

    def _heal(self, asked: _Asked) -> Answer | str:
        if asked.base.head is None:
            return f"#{asked.pull.number} has no head"
        repair = self.repairs.of_pull(asked.pull, asked.base)
        if isinstance(repair, NothingToHeal):
            repair = self.repairs.of_base(asked.base, by=asked.by)
            if isinstance(repair, Pushed):
                return self._fix_of_base(asked, repair)
        match repair:
            case NothingToHeal():
                return Answer(done=True, text="There is no migration fork to heal here.")
            case NotHealed(text=text):
                return text
            case HeadMoved():
                return "somebody pushed to the branch meanwhile; nothing was written. Give /heal again."
            case Patched(patch=patch, why=why):
                return Answer(done=True, text=compose_patch(patch, why, base=repair.base, head=repair.head))
            case Pushed():
                said = f"Healed in {repair.commit[:10]}: {repair.summary} ({repair.proof})."
                return Answer(done=True, text=c.quote(said, limit=ANSWER))
            case _:
                assert_never(repair)

    def _fix_of_base(self, asked: _Asked, repair: Pushed) -> Answer | str:
        """The base itself is forked: its repair goes first, on behalf of who asked for it."""
        fix = self.pulls.pull(repair.number)
        base = self.desk.base_of(fix) if fix is not None else None
        if fix is None or base is None:
            return f"the repair is at {repair.commit[:10]}, but its pull request is not to be found"
        outcome = self.desk.queue(fix, base, priority=HOTFIX, on_behalf_of=asked.by)
        if isinstance(outcome, NotSubmitted):
            return f"the repair is in #{repair.number}, but could not be queued: {outcome.text}"
        where = f"{asked.base.lane} itself is forked. Its repair is #{repair.number}, first in the queue"
        return Answer(done=True, text=c.quote(f"{where}: {repair.summary}.", limit=ANSWER))


def _is_known(contract: Contract, author: Author, branch: str) -> bool:
    """Whether the contract gives the author a role that names people: one that is open to anybody says what a stranger
    may change, not that strangers land it."""
    role = resolve_role(contract, author, branch)
    return isinstance(role, RoleFound) and bool(contract.roles[role.role].who)


def _as_if_queued(asked: _Asked, head: str) -> Change:
    from pointsman.core.model import Sha

    return Change(
        id=0,
        lane=asked.base.lane,
        branch=asked.pull.branch,
        head=Sha(head),
        author=asked.pull.author.login,
        account=asked.pull.author.id,
        number=asked.pull.number,
        title=asked.pull.title,
        submitted_at=0.0,
    )
