"""Judges a history from outside: what main was, what the gates really ran, what became of each change.

It knows nothing of the engine and shares no code with it: it merges files by itself, reads migrations and the truth of
a tree by eye, and follows the journal's chain with its own hand. Each finding begins with the invariant that it breaks.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.simulation.project import VERSIONS, Rules, heads, red, without_parents
from tests.faults.simulation.trace import Execution, MainMove, Row, Submission, Trace

Files = Mapping[str, str]
"""Blobs by path."""

TRAILER = re.compile(r"^Pointsman-Head: ([0-9a-f]{40})$", re.MULTILINE)
ENDS = ("landed", "returned", "withdrawn")
CLASH = "clash"


@dataclass
class Judge:
    """One history. `main` is every commit that main ever was, in order; `landed` are the heads by landing commit."""

    trace: Trace
    main: list[str] = field(default_factory=list)
    landed: dict[str, str] = field(default_factory=dict)
    _above: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.main = [self.trace.start, *(move.new for move in self.trace.moves)]
        for move in self.trace.moves:
            for commit in self._line(move) if move.who != "outsider" else ():
                head = self._head_of(commit)
                if head is not None:
                    self.landed[commit] = head

    def findings(self) -> list[str]:
        """What is wrong, in words; [] when everything that must hold did hold."""
        return [
            *(f"defect: {one}" for one in self.trace.defects),
            *(problem for move in self.trace.moves for problem in self._move(move)),
            *self._twice(),
            *self._states(),
            *self._journal(),
            *self._rest(),
        ]

    # Landings

    def _move(self, move: MainMove) -> Iterator[str]:
        if move.who == "outsider":
            return
        what = f"{move.who} moved main from {move.old[:10]} to {move.new[:10]} at {move.at:.1f}"
        if move.old not in self._ancestors(move.new):
            yield f"I2 {what}: no fast-forward"
            return
        rules = self._rules(move.old)
        if rules is None:
            yield f"I6 {what}: under a contract that nobody can read"
            return
        steps = list(reversed(self._line(move)))
        yield from self._tested(move, steps, rules, what)
        before = move.old
        for commit in steps:
            yield from self._step(before, commit, rules, what)
            before = commit

    def _tested(self, move: MainMove, steps: list[str], rules: Rules, what: str) -> Iterator[str]:
        """I1: every check that the roles of what lands ask for was green on that very tree, before."""
        tree = self.trace.commits[move.new].tree
        submitted = [one for one in map(self._submission, steps) if one is not None]
        needed = {
            check: command for one in submitted for check, command in rules.checks.get(one.role, {}).items()
        }
        for check, command in needed.items():
            proofs = (run.tree for run in self.trace.executions if _is_proof(run, check, command, move.at))
            if not any(tree == one or self._is_beside(one, move, submitted, rules) for one in proofs):
                yield f"I1 {what}: {check} ({command}) was never green on tree {tree[:10]}"

    def _is_beside(self, tested: str, move: MainMove, landed: list[Submission], rules: Rules) -> bool:
        """Where the contract lets areas land beside each other: what landed differs from what was tested by nothing but
        paths of areas that are none of its own."""
        if not rules.areas:
            return False
        mine = {self._area(path, rules) for one in landed for path in self._brought(move.old, one.head)}
        was, now = self.trace.trees[tested], self._files(move.new)
        others = {
            self._area(path, rules) for path in was.keys() | now.keys() if was.get(path) != now.get(path)
        }
        return None not in mine | others and mine.isdisjoint(others)

    def _area(self, path: str, rules: Rules) -> str | None:
        return next((name for name, prefix in rules.areas.items() if path.startswith(prefix)), None)

    def _step(self, before: str, commit: str, rules: Rules, what: str) -> Iterator[str]:
        """One change comes in: it is somebody's, to whom its paths belong, and it brings all of its own and no more."""
        one = self._submission(commit)
        if one is None:
            yield f"I4 {what}: {commit[:10]} is no change that anybody submitted"
            return
        brought = self._brought(before, one.head)
        owned = rules.owns.get(one.role, ())
        for path in brought:
            if not path.startswith(owned):
                yield f"I4 {what}: {path} of #{one.change} does not belong to {one.role}"
        yield from self._content(before, commit, brought, f"{what}: #{one.change}")
        yield from self._migrations(before, commit, what)

    def _content(
        self, before: str, commit: str, brought: Mapping[str, str | None], what: str
    ) -> Iterator[str]:
        """No line of either side is lost: the tree is main's with the change's own files, however they are healed."""
        was, now = self._files(before), self._files(commit)
        wanted = dict(was)
        for path, blob in brought.items():
            if blob is None:
                wanted.pop(path, None)
            else:
                wanted[path] = blob
        for path in sorted(wanted.keys() | now.keys()):
            if self._same(path, wanted.get(path), now.get(path)):
                continue
            yield f"I5 {what}: {path} is not what main and the change make together"

    def _same(self, path: str, wanted: str | None, found: str | None) -> bool:
        if wanted == found or not path.startswith(VERSIONS):
            return wanted == found
        if wanted is None or found is None:
            return False
        texts = (without_parents(self.trace.blobs[oid]) for oid in (wanted, found))
        return len(set(texts)) == 1

    def _migrations(self, before: str, commit: str, what: str) -> Iterator[str]:
        """I3: one head, and what was published is as it was."""
        was, now = self._files(before), self._files(commit)
        if len(self._heads(commit)) > max(1, len(self._heads(before))):
            yield f"I3 {what}: {commit[:10]} has the heads {sorted(self._heads(commit))}"
        for path, blob in was.items():
            if path.startswith(VERSIONS) and now.get(path) not in (blob, None):
                yield f"I3 {what}: the published {path} was edited"

    def _twice(self) -> Iterator[str]:
        for head, times in Counter(self.landed.values()).items():
            if times > 1:
                yield f"I5 {head[:10]} landed {times} times"

    # Ends

    def _states(self) -> Iterator[str]:
        known = {row["id"]: row for row in self.trace.changes}
        for one in self.trace.submissions:
            if one.change not in known:
                yield f"I5 #{one.change} {one.branch} is nowhere any more"
        submitted = {one.change: one for one in self.trace.submissions}
        for change_id, row in known.items():
            if change_id in submitted:
                yield from self._end(row, submitted[change_id])

    def _end(self, row: Row, one: Submission) -> Iterator[str]:
        what = f"#{one.change} {one.branch}"
        state, on_main = str(row["state"]), self._on_main(one.head)
        if on_main and state != "landed" and not self._elsewhere(one) and not self._was_seen(row):
            yield f"I5 {what} is on main, and the queue says {state}"
        if state == "landed" and (row["landed"] not in self.landed or self.landed[row["landed"]] != one.head):
            yield f"I5 {what} is called landed as {str(row['landed'])[:10]}, which never brought it to main"
        if state == "withdrawn" and one.change not in self.trace.withdrawn:
            yield f"I5 {what} is called withdrawn, and nobody asked for that"
        if state == "returned":
            yield from self._returned(row, one, what)
        if state == "queued" and not self._may_wait(row, one):
            yield f"I5 {what} is stuck in the queue: {(row['wait'] or {}).get('text', 'waits for nothing')}"

    def _on_main(self, head: str) -> bool:
        return head in self.landed.values()

    def _elsewhere(self, one: Submission) -> bool:
        """Another change of the very same head is the one that landed."""
        return any(
            other["state"] == "landed" and other["head"] == one.head and other["id"] != one.change
            for other in self.trace.changes
        )

    def _was_seen(self, row: Row) -> bool:
        """One of several writers at once overwrote that it was landing; another found it on main, and said so."""
        return self.trace.unfenced and (row["reason"] or {}).get("code") in ("already_landed", "nothing_new")

    def _may_wait(self, row: Row, one: Submission) -> bool:
        """Only what depends on something that did not land, or has not either, may be left over."""
        if self.trace.paused is not None or row["hold"]:
            return True
        newest = {
            name: other for other in self.trace.changes for name in (other["branch"], f"#{other['id']}")
        }
        needed = [newest.get(name) for name in one.depends_on]
        return any(other is None or other["state"] != "landed" for other in needed)

    def _returned(self, row: Row, one: Submission, what: str) -> Iterator[str]:
        reason: Mapping[str, Any] = row["reason"] or {}
        code = reason.get("code", "")
        if not code or not reason.get("text"):
            yield f"I5 {what} was given back without a reason"
            return
        if not self._is_just(code, one):
            yield f"I5 {what} was given back unjustly: {code}: {str(reason['text'])[:200]}"

    def _is_just(self, code: str, one: Submission) -> bool:
        """Is there anything that bears the reason out?"""
        match code:
            case "red" | "red_together":
                return self._was_misjudged(one) or any(
                    self._makes_red(base, one) for base in self._main_values()
                )
            case "merge_conflict":
                return any(self._merged(base, one.head) == CLASH for base in self._main_values())
            case "nothing_new":
                return any(self._merged(base, one.head) == self._files(base) for base in self._main_values())
            case "already_landed":
                return any(one.head in self._ancestors(base) for base in self.main)
            case "head_moved":
                seen = self.trace.heads.get(one.branch, [])
                return len(seen) > 1 and seen[-1] != one.head
            case "contract":
                return any(self._not_owned(base, one) for base in self.main)
            case "dependency_cycle":
                return self._in_cycle(one)
            case "no_role":
                return one.role == "stranger"
        return False

    def _main_values(self) -> Iterator[str]:
        """Every commit that main was or passed through."""
        passed = (commit for move in self.trace.moves for commit in self._line(move))
        return iter(dict.fromkeys([*self.main, *passed]))

    def _was_misjudged(self, one: Submission) -> bool:
        """A run that held the change went wrong by accident: nobody could have told."""
        return any(
            run.odd and run.passed is False and self._holds(run.commit, one) for run in self.trace.executions
        )

    def _holds(self, commit: str, one: Submission) -> bool:
        ancestors = self._ancestors(commit)
        return one.head in ancestors or any(self._head_of(each) == one.head for each in ancestors)

    def _makes_red(self, base: str, one: Submission) -> bool:
        """A green main turns red by this change, for a check that its role is held to under some contract."""
        merged = self._merged(base, one.head)
        if not isinstance(merged, dict):
            return False
        rules = [each for each in self.trace.rules.values() if each is not None]
        checks = {check for each in rules for check in each.checks.get(one.role, {})}
        return any(not self._red(self._files(base), check) and self._red(merged, check) for check in checks)

    def _not_owned(self, base: str, one: Submission) -> bool:
        rules = self._rules(base)
        owned = rules.owns.get(one.role, ()) if rules is not None else ()
        return any(not path.startswith(owned) for path in self._brought(base, one.head))

    def _in_cycle(self, one: Submission) -> bool:
        needs: dict[str, set[str]] = {}
        for other in self.trace.submissions:
            needs.setdefault(other.branch, set()).update(other.depends_on)
        seen: set[str] = set()
        open_names = set(one.depends_on)
        while open_names:
            name = open_names.pop()
            if name == one.branch:
                return True
            if name not in seen:
                seen.add(name)
                open_names |= needs.get(name, set())
        return False

    # The end of it all

    def _rest(self) -> Iterator[str]:
        if not self.trace.rested:
            yield "I5 the lane does not come to rest"
            return
        for run in self.trace.runs:
            yield f"I5 run {run['id']} ({run['check']}) is left running for ever"
        if self.trace.paused is None:
            for row in self.trace.candidates:
                if row["state"] in ("testing", "passed", "landing"):
                    yield f"I5 candidate {row['id']} is left {row['state']} for ever"

    def _journal(self) -> Iterator[str]:
        """The chain holds, and each change has exactly one end in it, the one that it has."""
        previous = "0" * 64
        told: dict[int, list[str]] = {}
        for number, line in enumerate(self.trace.journal, start=1):
            if line["seq"] != number or line["previous"] != previous or line["hash"] != _hash(line):
                yield f"journal: line {number} does not follow from the one before"
                return
            previous = line["hash"]
            if line["kind"] in ENDS:
                for change_id in _named(line["body"]):
                    told.setdefault(change_id, []).append(line["kind"])
        for row in self.trace.changes:
            state, said = str(row["state"]), told.get(row["id"], [])
            if not _is_told(state, said):
                yield f"journal: #{row['id']} is {state}, and the journal says {said}"

    # Reading

    def _line(self, move: MainMove) -> list[str]:
        """The first-parent commits that a move brought, the newest first."""
        found: list[str] = []
        at: str | None = move.new
        while at is not None and at != move.old:
            found.append(at)
            parents = self.trace.commits[at].parents
            at = parents[0] if parents else None
        return found

    def _head_of(self, commit: str) -> str | None:
        found = TRAILER.search(self.trace.commits[commit].message)
        return found[1] if found else None

    def _submission(self, commit: str) -> Submission | None:
        head = self._head_of(commit)
        return next((one for one in self.trace.submissions if one.head == head), None)

    def _rules(self, commit: str) -> Rules | None:
        blob = self._files(commit).get(self.trace.contract_path)
        return self.trace.rules.get(blob) if blob is not None else None

    def _files(self, commit: str) -> Files:
        return self.trace.trees[self.trace.commits[commit].tree]

    def _heads(self, commit: str) -> frozenset[str]:
        return heads({path: self.trace.blobs[blob] for path, blob in self._files(commit).items()})

    def _red(self, files: Files, check: str) -> str:
        return red((self.trace.blobs[blob] for blob in files.values()), check)

    def _ancestors(self, commit: str) -> frozenset[str]:
        if commit not in self._above:
            parents = self.trace.commits[commit].parents
            self._above[commit] = frozenset([commit]).union(*(self._ancestors(one) for one in parents))
        return self._above[commit]

    def _base(self, ours: str, theirs: str) -> str:
        """The newest commit that both stand on."""
        common = self._ancestors(ours) & self._ancestors(theirs)
        return max(common, key=lambda one: (len(self._ancestors(one)), one))

    def _brought(self, onto: str, head: str) -> dict[str, str | None]:
        """What the change does to each path since it left main; None: the file goes."""
        was, now = self._files(self._base(onto, head)), self._files(head)
        return {path: now.get(path) for path in was.keys() | now.keys() if was.get(path) != now.get(path)}

    def _merged(self, base: str, head: str) -> dict[str, str] | str:
        """The files of main with the change's own on top; CLASH where both sides changed one differently."""
        was, here = self._files(self._base(base, head)), self._files(base)
        merged = dict(here)
        for path, blob in self._brought(base, head).items():
            if here.get(path) not in (was.get(path), blob):
                return CLASH
            if blob is None:
                merged.pop(path, None)
            else:
                merged[path] = blob
        return merged


def _is_proof(run: Execution, check: str, command: str, at: float) -> bool:
    return (run.check, run.command) == (check, command) and run.passed is True and run.ended <= at


def _hash(line: Row) -> str:
    fields = {key: line[key] for key in ("seq", "at", "lane", "kind", "body", "previous")}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _named(body: Mapping[str, Any]) -> Iterable[int]:
    return [one for one in (body.get("change"), *(body.get("changes") or ())) if isinstance(one, int)]


def _is_told(state: str, said: list[str]) -> bool:
    """The journal tells of the end that it has. A replica that was overtaken may have told of it too, or of another
    end that did not come to be; what is not over has no end."""
    return state in said if state in ENDS else not said


def judge(trace: Trace) -> list[str]:
    """What is wrong with a history, in words; [] when nothing is."""
    return Judge(trace).findings()
