"""Judges what guards a base branch: can anybody get around the queue, and can the queue itself get through? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pointsman.core.contract.names import shown
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.pulls.diagnosis.classic import judge_classic, kinds_of, listed
from pointsman.core.pulls.diagnosis.facts import (
    Actor,
    AppFacts,
    Classic,
    RepositoryFacts,
    Rule,
    Ruleset,
    Unread,
)
from pointsman.core.pulls.model import CANDIDATES, RequiredCheck
from pointsman.core.pulls.outputs import OWN_CHECKS, QUEUE_CHECK

DIRECT = ("update", "pull_request", "required_status_checks", "merge_queue")
"""Kinds of rules of which each refuses a plain push."""
HARMLESS = frozenset({"deletion", "non_fast_forward"})
"""What the queue never does to the base branch, and so needs no bypass for."""
HINDERING = frozenset(
    {
        "creation",
        "update",
        "deletion",
        "non_fast_forward",
        "pull_request",
        "required_status_checks",
        "merge_queue",
    }
)
"""Kinds of rules that keep candidates from being pushed, replaced or removed."""
GETS_THROUGH = ("always", "exempt")
WRITERS = ("RepositoryRole", 4)
ROLES = {2: "maintain", 4: "write", 5: "admin"}
"""GitHub's ids of the roles that every repository has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """All that is known to hold on the base branch. `complete` is False where a part could not be read."""

    rules: tuple[Rule, ...]
    classic: Classic | None
    complete: bool

    @staticmethod
    def of(facts: RepositoryFacts) -> Guard:
        readable = not isinstance(facts.rules, Unread) and not isinstance(facts.classic, Unread)
        return Guard(
            rules=() if isinstance(facts.rules, Unread) else facts.rules,
            classic=None if isinstance(facts.classic, Unread) else facts.classic,
            complete=readable,
        )

    @property
    def kinds(self) -> frozenset[str]:
        """Of rulesets and, by the names that those have for them, of classic protection."""
        return frozenset(rule.kind for rule in self.rules) | frozenset(kinds_of(self.classic))

    @property
    def required(self) -> tuple[RequiredCheck, ...]:
        of_rules = (check for rule in self.rules for check in rule.required)
        return tuple(dict.fromkeys((*of_rules, *(self.classic.required if self.classic else ()))))


def judge_branch(facts: RepositoryFacts, app: AppFacts) -> Iterator[Finding]:
    """Everything about the rules of `facts.base`, and of the branches that candidates are pushed to."""
    sheet = Sheet(area="forge", subject=facts.name)
    yield from _readable(sheet, facts)
    guard = Guard.of(facts)
    yield from _direct_push(sheet, facts, guard)
    if "merge_queue" in guard.kinds:
        yield sheet.missing(
            "merge queue",
            f"GitHub's own merge queue guards {facts.base}: Pointsman answers `merge_group` with its checks and lands "
            "nothing there itself",
            mend=f"require the checks {listed(sorted(OWN_CHECKS))} there, or turn the merge queue off",
            url=_rules_page(facts),
        )
    else:
        yield from _merge_button(sheet, facts, guard, app)
        yield from _bypass(sheet, facts, guard)
    yield from _others(sheet, facts, guard, app)
    yield from _history(sheet, facts, guard)
    yield from _required(sheet, facts, guard, app)
    if guard.classic is not None:
        yield from judge_classic(sheet, facts, guard.classic, app)
    yield from _candidates(sheet, facts)


def _readable(sheet: Sheet, facts: RepositoryFacts) -> Iterator[Finding]:
    """Of classic protection the branch itself tells the required checks: the queue can do with that."""
    if isinstance(facts.rules, Unread):
        text = f"the rules of {facts.base} can't be read, so nothing lands there: {facts.rules.why}"
        yield sheet.broken("rulesets", text, mend="give the app Metadata: Read-only, and accept it")
    if isinstance(facts.classic, Unread):
        yield sheet.missing(
            "protection",
            f"classic protection of {facts.base} can't be read, but for its required checks: {facts.classic.why}",
            mend="give the app Administration: Read-only, and accept it for the installation",
        )


def _direct_push(sheet: Sheet, facts: RepositoryFacts, guard: Guard) -> Iterator[Finding]:
    refusing = [kind for kind in DIRECT if kind in guard.kinds]
    mend = (
        f"make a ruleset for {facts.base} with Restrict updates, Restrict deletions and Block force pushes, and in its "
        "bypass list this app alone, mode Always"
    )
    if refusing:
        yield sheet.ok(
            "direct push", f"refused on {facts.base} to all but the bypass list ({listed(refusing)})"
        )
    elif guard.complete:
        text = f"whoever may write can push to {facts.base}, around the queue"
        yield sheet.broken("direct push", text, mend=mend, url=_rules_page(facts))
    else:
        text = f"nothing that can be read refuses it on {facts.base}"
        yield sheet.missing("direct push", text, mend=mend, url=_rules_page(facts))


def _merge_button(sheet: Sheet, facts: RepositoryFacts, guard: Guard, app: AppFacts) -> Iterator[Finding]:
    """A branch that takes merges of pull requests takes what was never tested as it lands."""
    if RequiredCheck(name=QUEUE_CHECK, app=app.id) in guard.required:
        yield sheet.ok("merge button", f"it waits for `{QUEUE_CHECK}` of this app")
    elif "update" in guard.kinds:
        yield sheet.ok("merge button", "only the bypass list may move the branch")
    elif guard.complete and guard.kinds & set(DIRECT):
        yield sheet.broken(
            "merge button",
            f"whoever may write can merge a pull request into {facts.base}, around the queue",
            mend=f"turn Restrict updates on, or require the check `{QUEUE_CHECK}` with this app ({app.id}) as source",
            url=_rules_page(facts),
        )


def _bypass(sheet: Sheet, facts: RepositoryFacts, guard: Guard) -> Iterator[Finding]:
    """Rule 11: each ruleset that would refuse the queue's own push has to let it through."""
    for number, kinds in _by_ruleset(guard.rules, ignoring=HARMLESS).items():
        found = facts.rulesets.get(number, Unread(why="it was not asked for"))
        yield _through(sheet, "bypass", found, f"{listed(kinds)} on {facts.base}", facts)


def _through(sheet: Sheet, name: str, found: Ruleset | Unread, what: str, facts: RepositoryFacts) -> Finding:
    if isinstance(found, Unread):
        return sheet.missing(name, f"a ruleset ({what}) can't be read: {found.why}", url=_rules_page(facts))
    title = f"ruleset {shown(found.name)} ({what})"
    mend = "add this app to its bypass list, mode Always"
    match found.bypass:
        case "always" | "exempt":
            return sheet.ok(name, f"{title} lets this app through")
        case "pull_requests_only":
            text = f"{title} lets this app through for pull requests only, and the queue pushes"
            return sheet.broken(
                name, text, mend="set the mode of its entry in the bypass list to Always", url=found.page
            )
        case "never":
            return sheet.broken(
                name, f"{title} refuses this app's pushes: nothing lands", mend=mend, url=found.page
            )
        case _:
            text = f"GitHub does not tell whether {title} lets this app through"
            return sheet.missing(
                name, text, mend="see that its bypass list holds this app, mode Always", url=found.page
            )


def _others(sheet: Sheet, facts: RepositoryFacts, guard: Guard, app: AppFacts) -> Iterator[Finding]:
    """R24: the queue is the only one who may go around the rules."""
    for number, kinds in _by_ruleset(guard.rules, ignoring=frozenset()).items():
        found = facts.rulesets.get(number)
        if not isinstance(found, Ruleset):
            continue
        title = f"of ruleset {shown(found.name)} ({listed(kinds)})"
        if found.actors is None:
            yield sheet.missing(
                "bypass list",
                f"{title}: {found.hidden or 'GitHub shows it only to those who may change it'}",
                mend="look that it holds this app alone, or give --admin-token",
                url=found.page,
            )
            continue
        others = [each for each in found.actors if (each.kind, each.id) != ("Integration", app.id)]
        if not others:
            yield sheet.ok("bypass list", f"{title}: nobody but this app")
            continue
        say = sheet.broken if any((each.kind, each.id) == WRITERS for each in others) else sheet.missing
        text = f"{title}: others may go around the queue: {listed(map(_actor, others))}"
        yield say("bypass list", text, mend="leave this app alone in it", url=found.page)


def _history(sheet: Sheet, facts: RepositoryFacts, guard: Guard) -> Iterator[Finding]:
    if not guard.complete:
        return
    open_to_all = not guard.kinds & set(DIRECT)
    for kind, name, action, vital in (
        ("non_fast_forward", "force push", "Block force pushes", open_to_all),
        ("deletion", "deletion", "Restrict deletions", facts.base != facts.default_branch),
    ):
        if kind in guard.kinds:
            yield sheet.ok(name, f"refused on {facts.base}")
            continue
        say = sheet.broken if vital else sheet.missing
        text = f"no rule of its own refuses it on {facts.base}"
        yield say(name, text, mend=f"turn {action} on", url=_rules_page(facts))


def _required(sheet: Sheet, facts: RepositoryFacts, guard: Guard, app: AppFacts) -> Iterator[Finding]:
    url = _rules_page(facts)
    for check in guard.required:
        name, own = f"check {shown(check.name)}", check.name in OWN_CHECKS
        if check.app is None:
            source = f"this app ({app.id})" if own else "the app that runs it (GitHub Actions: 15368)"
            yield sheet.broken(
                name,
                "required of no app in particular: anybody who may write can report it as passed",
                mend=f"set its source to {source}",
                url=url,
            )
        elif own and check.app != app.id:
            text = f"required of app {check.app}, and this app, {app.id}, is the one that reports it"
            yield sheet.broken(name, text, mend=f"set its source to this app ({app.id})", url=url)
        else:
            yield sheet.ok(
                name, "required, and ours" if own else f"required, and only app {check.app} can report it"
            )


def _candidates(sheet: Sheet, facts: RepositoryFacts) -> Iterator[Finding]:
    """Rules that were meant for people's branches must not hold for the queue's own (rule 5)."""
    where = f"{CANDIDATES}**"
    if isinstance(facts.candidate_rules, Unread):
        yield sheet.missing("candidates", f"the rules of {where} can't be read: {facts.candidate_rules.why}")
        return
    hindering = tuple(rule for rule in facts.candidate_rules if rule.kind in HINDERING)
    if not hindering:
        yield sheet.ok("candidates", f"no rule keeps them from being pushed to {where}")
    for number, kinds in _by_ruleset(hindering, ignoring=frozenset()).items():
        found = facts.rulesets.get(number, Unread(why="it was not asked for"))
        yield _through(sheet, "candidates", found, f"{listed(kinds)} on {where}", facts)


def _by_ruleset(rules: Iterable[Rule], *, ignoring: frozenset[str]) -> Mapping[int, list[str]]:
    """The kinds of rules of each ruleset that has some."""
    found: dict[int, list[str]] = {}
    for rule in rules:
        if rule.kind not in ignoring:
            found.setdefault(rule.ruleset, []).append(rule.kind)
    return found


def _actor(each: Actor) -> str:
    if each.kind == "RepositoryRole":
        return f"everybody with the role {ROLES.get(each.id or 0, each.id)}"
    number = "" if each.id is None else f" {each.id}"
    return f"{shown(each.kind)}{number}"


def _rules_page(facts: RepositoryFacts) -> str:
    return f"{facts.page}/settings/rules"
