"""`pointsman heal`: plans, proves and commits the end of a migration fork, and says so in a few lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, note, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.core.model import Sha, Signature
    from pointsman.ports import Git
    from pointsman.service.heal import HealedEnvironment, Healing
    from pointsman.service.healing import Verdict

SHORT = 12
MOVES_SHOWN = 3


@click.command()
@click.option(
    "--base", required=True, metavar="REV", help="Where the change would land; its contract counts."
)
@click.option("--head", required=True, metavar="REV", help="The change.")
@click.option("--write", "ref", metavar="REF", help="Move this branch (or full ref) to the fix commit.")
@click.option("--patch", "as_patch", is_flag=True, help="Print the fix as a patch for `git apply`.")
@click.option(
    "--prove/--no-prove", default=True, help="Run the migrations on scratch databases.  [default: prove]"
)
@repository_option
@json_option
def heal(
    directory: Path, base: str, head: str, ref: str | None, as_patch: bool, prove: bool, as_json: bool
) -> int:
    """Plan, prove and make the commit that ends a migration fork.

    HEAD is merged into BASE without a checkout. If that forks the migrations, the change's first revision is
    hung behind the base's head; where both sides are on the base already (BASE and HEAD the same), a merge
    revision is added. The fix commit's parents are BASE and HEAD. It is made as an object; no branch moves
    without --write, which moves REF only if it still is where it was and nothing on it would be lost.

    The patch of --patch is the difference between git's plain merge and the healed one: apply it on the
    change's branch, before or after merging BASE.

    Exit codes: 0 clean or healed, 1 refused, 2 no such revision, contract unreadable, REF moved.
    """
    from pointsman.service.contracts import find_contract
    from pointsman.service.healing import heal as run
    from pointsman.wiring import open_git, open_prover, open_reader, open_regenerator

    with open_git(directory) as git:
        at_base, at_head = git.resolve(base), git.resolve(head)
        target = _Target(git, ref) if ref else None
        contract = find_contract(git, at_base)
        prover = open_prover(git, directory) if prove else None
        maker = open_regenerator(git)
        verdict = run(
            git, at_base, at_head, contract, prover=prover, reader=open_reader(git), regenerator=maker
        )
        commit = _commit(git, verdict.healing)
        if target and commit:
            target.move(commit)
        _report(git, verdict, commit, as_patch=as_patch, as_json=as_json, names=(base, head))
    return 1 if verdict.healing.refusals else 0


class _Target:
    """A ref to move by compare-and-swap, from where it was when the command began."""

    def __init__(self, git: Git, name: str) -> None:
        self._git = git
        self._ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        self._was = git.read_ref(self._ref)

    def move(self, commit: Sha) -> None:
        from pointsman.core.errors import UserError

        if self._was is not None and not self._git.is_ancestor(self._was, commit):
            raise UserError(
                f"{self._ref} is at {self._was[:SHORT]}, which the fix commit {commit[:SHORT]} does not "
                "contain: moving it would lose commits. Name another branch with --write."
            )
        if not self._git.move_ref(self._ref, new=commit, expected=self._was):
            raise UserError(f"{self._ref} moved while the heal was made; nothing was written. Run it again.")
        note(f"{self._ref} is now {commit[:SHORT]}")


def _commit(git: Git, healing: Healing) -> Sha | None:
    if healing.status != "healed":
        return None
    from pointsman.service.heal_commit import commit

    when = max(git.commit_facts(each).committer.when for each in {healing.onto, healing.head})
    return commit(git, healing, author=_who("AUTHOR", when), committer=_who("COMMITTER", when))


def _who(part: str, when: int) -> Signature:
    """The identity that git's variables name, else the bot's; the date is the newest of both sides, so that the
    same heal is the same commit."""
    from pointsman.core.model import Signature

    name = os.environ.get(f"GIT_{part}_NAME", "").strip() or "Pointsman"
    email = os.environ.get(f"GIT_{part}_EMAIL", "").strip() or "pointsman@localhost"
    return Signature(name=name, email=email, when=when)


def _report(
    git: Git, verdict: Verdict, commit: Sha | None, *, as_patch: bool, as_json: bool, names: tuple[str, str]
) -> None:
    from pointsman.service.heal_patch import patch_of

    text = patch_of(git, verdict.healing) if as_patch else None
    if as_json:
        answer = verdict.to_json()
        first = {key: answer[key] for key in ("status", "base", "head")}
        shown = {"patch": text.decode("utf-8", "backslashreplace")} if text is not None else {}
        print_json({**first, "commit": commit, **answer, **shown})
        return
    for line in _lines(verdict, commit, names):
        click.echo(line, err=as_patch)
    if text is not None:
        click.echo(text, nl=False)


def _lines(verdict: Verdict, commit: Sha | None, names: tuple[str, str]) -> Iterator[str]:
    from pointsman.core.proof import in_words

    healing = verdict.healing
    colour = {"clean": "green", "healed": "green", "refused": "red"}[healing.status]
    status = click.style(healing.status, fg=colour, bold=True)
    if healing.status == "clean":
        yield f"{status}: {names[1]} onto {names[0]} forks no migrations"
        return
    yield f"{status}: {names[1]} ({healing.head[:SHORT]}) onto {names[0]} ({healing.onto[:SHORT]})"
    if healing.status == "refused":
        for refusal in healing.refusals:
            yield f"  {click.style(refusal.code, fg='red')}: {refusal.message}"
        return
    for each in healing.environments:
        yield from _environment(each)
    if verdict.proof:
        yield f"  {in_words(verdict.proof)}"
    if commit:
        yield f"  fix commit {commit[:SHORT]}"


def _environment(each: HealedEnvironment) -> Iterator[str]:
    plan = each.plan
    yield f"  {plan.layout.config}{f' [{plan.layout.name}]' if plan.layout.name else ''}"
    for front in plan.fronts[:1]:
        fork = ", ".join(front.fork) or "(base)"
        left, right = _chain([r.id for r in front.left]), _chain([r.id for r in front.right])
        yield f"    before  {fork} ─┬─ {left}"
        yield f"            {' ' * len(fork)}  └─ {right}"
        if plan.strategy == "reparent":
            names = {move.revision: move.new_revision for move in plan.moves}
            gone = {revision.id for revision in plan.drops}
            now = _chain([names.get(r.id, r.id) for r in front.right if r.id not in gone])
            yield f"    after   {fork} ─── {left}{f' ─── {now}' if now else ''}"
        else:
            yield f"    after   {fork} ─┬─ {left} ─┬─ {', '.join(id for id, _ in each.added)}"
            yield f"            {' ' * len(fork)}  └─ {right} ─┘"
    for move in plan.moves[:MOVES_SHOWN]:
        now, was = ", ".join(move.new_parents), ", ".join(move.old_parents)
        yield f"    {move.revision} follows {now}, was {was}: {move.new_path}"
    if len(plan.moves) > MOVES_SHOWN:
        yield f"    and {len(plan.moves) - MOVES_SHOWN} more"
    for id, path in each.added:
        yield f"    {id} added: {path}"
    for gone_revision in plan.drops:
        yield f"    {gone_revision.id} dropped, nothing is left to merge: {gone_revision.path}"


def _chain(ids: list[str]) -> str:
    """The ids in a row, the middle of a long one left out."""
    return " ─── ".join(ids if len(ids) <= 3 else [ids[0], f"({len(ids) - 2} more)", ids[-1]])
