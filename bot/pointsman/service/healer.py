"""Hands a refused heal to the contract's healer command and judges what comes back; it runs nothing itself.

A patch counts only where it keeps to unpublished migrations, where the very same rules then find nothing to refuse,
and where a proof passed, whatever `proof:` says. Everything else leaves the refusal as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pointsman.core.healer.judge import Rejected, Room, judge, why_not
from pointsman.core.healer.model import Answer, Asked, Attempt, HealerCommand, Outcome, Question, one_line
from pointsman.core.healer.request import AskedEnvironment, Request, Side, SideRevision
from pointsman.core.healer.sides import heads_alone, meet, moves_between
from pointsman.core.migrations.backends import backend_of
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.heal.compare import Known
from pointsman.core.migrations.heal.decide import front, in_order
from pointsman.core.migrations.heal.model import Front, Plan, Refusal
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, GitPath, Sha, TreeEntry
from pointsman.core.proof import Proof, ProofRequest, Prover
from pointsman.service.heal import HealedEnvironment, Healer, Healing

if TYPE_CHECKING:
    from pointsman.core.contract import Contract
    from pointsman.core.contract.model import Healer as HealerRule
    from pointsman.core.migrations.operations import Footprint
    from pointsman.ports import Git

NOT_HERE = (
    "The contract names a healer command for this. It was not asked: that is for a queue that proves heals on its own "
    "machine, and for `pointsman heal`."
)
MAX_EDITABLE = 1000
ROUNDS = 4
"""For so many bases a command is asked about one and the same head; then it is left to people."""


class Memory(Protocol):
    """What was asked before, so that nobody is asked twice: by the change's head and the tree it was put on."""

    def recall(self, head: Sha) -> Mapping[Sha, Recalled]: ...

    def keep(self, head: Sha, onto: Sha, what: Recalled) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """The attempts of one asking, and the patch that was taken (None: none was)."""

    attempts: tuple[Attempt, ...]
    patch: bytes | None = None

    def to_text(self) -> str:
        patch = self.patch.decode("latin-1") if self.patch is not None else None
        return json.dumps({"attempts": [one.to_json() for one in self.attempts], "patch": patch})

    @classmethod
    def of(cls, text: str) -> Recalled | None:
        """What `to_text` wrote; None where the text is something else."""
        try:
            found = json.loads(text)
            attempts = tuple(Attempt.of(one) for one in found["attempts"])
            patch = found["patch"].encode("latin-1") if found["patch"] is not None else None
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        return cls(attempts=attempts, patch=patch)


@dataclass(frozen=True, kw_only=True, slots=True)
class Helper:
    """Who runs a contract's healer command, and what is remembered of it. Without a memory it is asked each time."""

    command: HealerCommand
    memory: Memory | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """A heal that a healer command's patch made possible; the proof has passed."""

    healing: Healing
    proof: Proof
    asked: Asked


@dataclass(frozen=True, kw_only=True, slots=True)
class _Site:
    """One environment that the change touches, as the merge has it."""

    layout: Layout
    base: Environment | None
    merged: Environment
    front: Front
    new: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One refused merge: what the command may be told and where it may write. `original` is the change without the
    bot's own fix commit."""

    refused: Healing
    merged: Sha
    original: Sha
    sites: tuple[_Site, ...]
    room: Room
    proof: Proof | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failed:
    """Why a patch was not taken, with the proof that says so where one does."""

    outcome: Outcome
    detail: str
    proof: Proof | None = None


@dataclass(kw_only=True)
class Asking:
    """Asks for patches in one repository. `healer` is the mechanics under the contract's rules; `heal_again` the same
    with OF_TWO_SIDES waived, and with whatever else belongs to a merge done."""

    git: Git
    contract: Contract
    rule: HealerRule
    command: HealerCommand
    prover: Prover
    healer: Healer
    heal_again: Callable[[Sha, Sha], Healing]
    memory: Memory | None = None

    def mend(self, refused: Healing, proof: Proof | None) -> Mended | Asked:
        """What the command makes of a refusal: a proved heal, or what it tried. `proof` is the failing one."""
        beyond = why_not(refused.refusals)
        if beyond is not None or refused.merged is None:
            return Asked(why_not=beyond or "")
        case = self._case(refused, refused.merged, proof)
        if not case.room.contents and refused.onto != refused.head:
            return Asked(
                why_not="No unpublished migration is there to be patched: the healer command was not asked."
            )
        onto_tree = self.git.tree_of(refused.onto)
        known = dict(self.memory.recall(case.original)) if self.memory else {}
        again = self._once_more(case, known.pop(onto_tree, None), known)
        if again is not None:
            return again
        return self._ask(case, onto_tree)

    def _once_more(
        self, case: _Case, here: Recalled | None, elsewhere: Mapping[Sha, Recalled]
    ) -> Mended | Asked | None:
        """What earlier askings come to now; None where the command is to be asked."""
        for before in (here, *elsewhere.values()):
            if before is None or before.patch is None:
                continue
            tried = self._try(case, before.patch)
            if not isinstance(tried, _Failed):
                return self._mended(case, tried, before.attempts, remembered=True)
        if here is not None:
            return Asked(attempts=here.attempts, remembered=True)
        count = sum(len(before.attempts) for before in elsewhere.values())
        if count >= ROUNDS * self.rule.attempts:
            why = f"It was asked {count} times about this change already, on other bases, and is not asked again."
            return Asked(why_not=why, remembered=True)
        return None

    def _ask(self, case: _Case, onto_tree: Sha) -> Mended | Asked:
        attempts: list[Attempt] = []
        proof = case.proof
        for number in range(1, self.rule.attempts + 1):
            answer = self._answer(case, number, tuple(attempts), proof)
            tried = self._judged(case, answer)
            if not isinstance(tried, _Failed):
                attempts.append(_attempt(number, answer, Outcome.ACCEPTED, ""))
                self._keep(case, onto_tree, attempts, answer.patch)
                return self._mended(case, tried, tuple(attempts))
            attempts.append(_attempt(number, answer, tried.outcome, tried.detail))
            proof = tried.proof or proof
        self._keep(case, onto_tree, attempts, None)
        return Asked(attempts=tuple(attempts))

    def _keep(self, case: _Case, onto_tree: Sha, attempts: Sequence[Attempt], patch: bytes | None) -> None:
        if self.memory is not None:
            self.memory.keep(case.original, onto_tree, Recalled(attempts=tuple(attempts), patch=patch))

    def _answer(self, case: _Case, number: int, previous: tuple[Attempt, ...], proof: Proof | None) -> Answer:
        request = Request(
            attempt=number,
            attempts=self.rule.attempts,
            base=case.refused.onto,
            head=case.refused.head,
            merged=case.merged,
            environments=tuple(self._told(site) for site in case.sites),
            refusals=case.refused.refusals,
            proof=proof,
            may_edit=tuple(sorted(case.room.contents)),
            new_files_in=tuple(sorted({folder for site in case.sites for folder in site.layout.versions})),
            max_patch=self.rule.max_patch,
            previous=previous,
        )
        return self.command.ask(
            Question(
                base=case.refused.onto,
                merged=case.merged,
                request=request.to_bytes(),
                healer=self.rule,
                policy=self.contract.sandbox,
            )
        )

    def _judged(self, case: _Case, answer: Answer) -> tuple[Healing, Proof] | _Failed:
        if answer.outcome is not None:
            return _Failed(outcome=answer.outcome, detail=answer.detail)
        return self._try(case, answer.patch)

    def _try(self, case: _Case, patch: bytes) -> tuple[Healing, Proof] | _Failed:
        """The tree that the patch makes, healed by the same rules and proved."""
        edits = judge(patch, case.room)
        if isinstance(edits, Rejected):
            return _Failed(outcome=edits.outcome, detail=edits.detail)
        refused = case.refused
        facts = self.git.commit_facts(case.original)
        patched = self.git.commit(
            tree=self.git.edit(self.git.tree_of(case.original), edits),
            parents=(case.original,),
            message="Take the healer command's patch\n",
            author=facts.author,
            committer=facts.committer,
        )
        again = self.heal_again(refused.onto, patched)
        if again.tree is None or again.merged is None:
            return _refused_again(again.refusals)
        if self.git.edit(again.merged, edits) != again.merged:
            return _Failed(outcome=Outcome.REFUSED, detail="the merge takes only a part of the patch")
        environments, requests = [], []
        for site in case.sites:
            made = self._environment(case, site, again)
            if isinstance(made, _Failed):
                return made
            environments.append(made[0])
            requests.append(made[1])
        proof = self._proved(requests)
        if isinstance(proof, _Failed):
            return proof
        merged = self.git.edit(again.merged, {path: case.room.contents.get(path) for path in edits})
        healing = replace(
            again,
            head=refused.head,
            merged=merged,
            environments=tuple(environments),
            files=self._files(merged, again.tree),
            by_command=tuple(sorted(edits)),
        )
        return healing, proof

    def _proved(self, requests: Sequence[ProofRequest]) -> Proof | _Failed:
        proofs = []
        for request in requests:
            proof = self.prover.prove(request)
            if not proof.passed:
                outcome = Outcome.PROOF_FAILED if proof.ran else Outcome.NOT_PROVED
                return _Failed(outcome=outcome, detail=one_line(proof.reason or ""), proof=proof)
            proofs.append(proof)
        whole = together(proofs)
        assert whole is not None  # noqa: S101 - a refusal is about one environment at least
        return whole

    def _mended(
        self,
        case: _Case,
        made: tuple[Healing, Proof],
        attempts: tuple[Attempt, ...],
        *,
        remembered: bool = False,
    ) -> Mended:
        healing, proof = made
        asked = Asked(attempts=attempts, used=True, wrote=healing.by_command, remembered=remembered)
        return Mended(healing=healing, proof=proof, asked=asked)

    def _environment(
        self, case: _Case, site: _Site, again: Healing
    ) -> tuple[HealedEnvironment, ProofRequest] | _Failed:
        """What became of one environment, and the proof that it needs."""
        assert again.tree is not None  # noqa: S101 - asked only then
        layout = site.layout
        entries = {entry.path: entry for entry in self.git.entries(again.tree)}
        final = self.healer.reader.environment(layout, entries, site.base)
        before = site.base.graph if site.base else None
        new = in_order(final.graph, [id for id in final.graph.by_id if before is None or id not in before])
        names = {
            move.revision: move.new_revision
            for each in again.environments
            if each.plan.layout.key == layout.key
            for move in each.plan.moves
        }
        moves = moves_between(site.merged.graph, final.graph, site.new, names)
        kept = {names.get(id, id) for id in site.new}
        added = tuple(revision for revision in new if revision.id not in kept)
        drops = tuple(
            site.merged.graph.by_id[id] for id in site.new if names.get(id, id) not in final.graph.by_id
        )
        left = site.front.left
        rule = self.healer.rules.of(layout)
        met = meet(self._read(left, final), self._read(new, final), rule.policy)
        base_heads = site.base.heads if site.base else ()
        ends = heads_alone(final.graph, new, moves, [revision.id for revision in left])
        if met.stopped:
            return _Failed(
                outcome=Outcome.REFUSED, detail=one_line(f"the contract stops there: {met.stopped}")
            )
        if met.rows and rule.seed is None:
            return _Failed(outcome=Outcome.REFUSED, detail=_NEEDS_ROWS)
        if met.both_orders and not (ends and base_heads):
            return _Failed(outcome=Outcome.REFUSED, detail=_NO_OTHER_ORDER)
        plan = Plan(
            layout=layout,
            strategy="merge_revision" if added and not moves else "reparent",
            heads_before=site.merged.heads,
            heads_after=final.heads,
            moves=moves,
            drops=drops,
            joins=tuple(revision.parents for revision in added),
            fronts=(Front(left, new, site.front.fork),) if left and new else (),
        )
        environment = HealedEnvironment(
            plan=plan,
            base_heads=base_heads,
            change_heads=ends,
            added=tuple((revision.id, revision.path) for revision in added),
            known=Known(met.relation),
        )
        request = ProofRequest(
            layout=layout,
            base=again.onto,
            tree=again.tree,
            expected_heads=final.heads,
            base_heads=base_heads,
            change_heads=ends,
            fork_points=site.front.fork,
            moves=moves,
            both_orders=met.both_orders,
            same_data=met.rows,
            seed=rule.seed,
            models=rule.models,
            python=rule.python,
            url_env=rule.url_env,
            database=rule.database,
            sandbox=rule.sandbox,
        )
        return environment, request

    def _case(self, refused: Healing, merged: Sha, proof: Proof | None) -> _Case:
        reader, base_tree = self.healer.reader, self.git.tree_of(refused.onto)
        before = dict(reader.entries(base_tree))
        changes = self.git.changed(base_tree, merged)
        old = {layout.key: layout for layout in reader.layouts(base_tree)}
        layouts = reader.layouts_after(base_tree, changes, merged)
        after = {entry.path: entry for entry in self.git.entries(merged)}
        sites = []
        for layout in layouts:
            backend = backend_of(layout)
            mends = refused.onto == refused.head
            if not mends and not any(backend.is_revision_file(layout, change.path) for change in changes):
                continue
            base = reader.environment(old[layout.key], before) if layout.key in old else None
            environment = reader.environment(layout, after, base)
            if not mends or environment.forked or environment.problems:
                sites.append(_site(layout, base, environment, mends=mends))
        return _Case(
            refused=refused,
            merged=merged,
            original=self.healer.original(refused.head),
            sites=tuple(sites),
            room=self._room([site.layout for site in sites], before, after),
            proof=proof,
        )

    def _room(
        self,
        layouts: Sequence[Layout],
        before: Mapping[GitPath, TreeEntry],
        after: Mapping[GitPath, TreeEntry],
    ) -> Room:
        def is_migration(path: GitPath) -> bool:
            return any(backend_of(layout).is_revision_file(layout, path) for layout in layouts)

        paths = [
            path
            for path, entry in after.items()
            if path not in before and entry.mode in (MODE_FILE, MODE_EXECUTABLE) and is_migration(path)
        ]
        found = set(paths)
        for layout in layouts:
            for path in paths:
                beside = backend_of(layout).companions(path, path, after.keys())
                found |= {each for each in beside if each not in before and after[each].mode == MODE_FILE}
        chosen = sorted(found)[:MAX_EDITABLE]
        blobs = dict(self.git.read([after[path].oid for path in chosen])) if chosen else {}
        contents = {path: blobs[after[path].oid] for path in chosen}
        return Room(contents=contents, is_migration=is_migration, taken=after.keys())

    def _told(self, site: _Site) -> AskedEnvironment:
        readable = {revision.path for revision in site.merged.revisions}
        published = {file.path for file in site.base.files} if site.base else set()
        broken = [
            Revision(id="", path=file.path, oid=file.oid, parents=())
            for file in site.merged.files
            if file.path not in readable and file.path not in published
        ]
        twice = [
            revision
            for revision in site.merged.revisions
            if revision.path not in published and revision not in site.front.right
        ]
        right = (*site.front.right, *twice, *broken)
        return AskedEnvironment(
            backend=site.layout.backend,
            config=site.layout.config,
            name=site.layout.name,
            heads=site.merged.heads,
            base_heads=site.base.heads if site.base else (),
            fork=site.front.fork,
            sides=(
                Side(side="base", revisions=self._side(site.front.left, site.merged)),
                Side(side="change", revisions=self._side(right, site.merged)),
            ),
        )

    def _side(self, revisions: Sequence[Revision], environment: Environment) -> tuple[SideRevision, ...]:
        backend = backend_of(environment.layout)
        blobs = self._blobs(revisions)
        return tuple(
            SideRevision(
                id=revision.id,
                path=revision.path,
                parents=revision.parents,
                content=blobs[revision.oid],
                footprint=backend.footprint(blobs[revision.oid], revision.path, environment),
            )
            for revision in revisions
        )

    def _read(self, revisions: Sequence[Revision], environment: Environment) -> list[tuple[str, Footprint]]:
        return [(each.path, each.footprint) for each in self._side(revisions, environment)]

    def _blobs(self, revisions: Sequence[Revision]) -> dict[Sha, bytes]:
        oids = list(dict.fromkeys(revision.oid for revision in revisions))
        return dict(self.git.read(oids)) if oids else {}

    def _files(self, merged: Sha, tree: Sha) -> dict[GitPath, bytes | None]:
        changes = self.git.changed(merged, tree)
        oids = [change.new_oid for change in changes if change.new_oid is not None]
        blobs = dict(self.git.read(oids)) if oids else {}
        return {change.path: blobs[change.new_oid] if change.new_oid else None for change in changes}


_NEEDS_ROWS = (
    "both sides write rows, or do what can't be read, and only a proof from seed rows would show that they go "
    "together: name some in the contract (`migrations.seed`)"
)
_NO_OTHER_ORDER = (
    "the two sides meet, and the patch leaves no revision of the change that could run before the base's"
)


def _site(layout: Layout, base: Environment | None, merged: Environment, *, mends: bool) -> _Site:
    graph = merged.graph
    published = base.graph if base else None
    new = tuple(id for id in graph.by_id if published is None or id not in published)
    if mends:
        heads = merged.heads
        met = front(graph, graph.ancestors(*heads[:1]), graph.ancestors(*heads[1:]))
    else:
        ours = graph.ancestors(*(id for id in (base.heads if base else ()) if id in graph))
        met = front(graph, ours, graph.ancestors(*(id for id in merged.heads if id in new)))
    return _Site(layout=layout, base=base, merged=merged, front=met, new=new)


def _attempt(number: int, answer: Answer, outcome: Outcome, detail: str) -> Attempt:
    return Attempt(
        number=number,
        seconds=answer.seconds,
        exit_code=answer.exit_code,
        patch_bytes=len(answer.patch),
        outcome=outcome,
        detail=one_line(detail),
    )


def _refused_again(refusals: Sequence[Refusal]) -> _Failed:
    first = refusals[0]
    return _Failed(outcome=Outcome.REFUSED, detail=one_line(f"{first.code}: {first.message}"))


def together(proofs: Sequence[Proof]) -> Proof | None:
    """One proof out of those of several environments; it passed only if each did."""
    if len(proofs) < 2:
        return proofs[0] if proofs else None
    worst = next(
        (p for p in proofs if p.ran and not p.passed), next((p for p in proofs if not p.ran), proofs[0])
    )
    return Proof(
        ran=all(p.ran for p in proofs),
        passed=all(p.passed for p in proofs),
        routes=tuple(route for p in proofs for route in p.routes),
        reason=worst.reason,
        seconds=round(sum(p.seconds for p in proofs), 3),
        environment="bare" if any(p.environment == "bare" for p in proofs) else "env.py",
        database=worst.database,
        isolated=tuple(name for name in worst.isolated if all(name in p.isolated for p in proofs)),
    )
