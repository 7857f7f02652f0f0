"""`pointsman heal`: plans, proves and commits the end of a migration fork, and says so in a few lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, note, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.migrations.drawing.model import Told
    from pointsman.core.model import Sha, Signature
    from pointsman.ports import Git
    from pointsman.service.heal.asking_memory import Helper
    from pointsman.service.heal.model import Healing
    from pointsman.service.heal.verdict import Verdict

SHORT = 12


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
@click.option(
    "--healer/--no-healer",
    default=True,
    help="Ask the contract's healer command where the rules refuse.  [default: healer, if it names one]",
)
@click.option("--svg", metavar="FILE", type=click.Path(path_type=Path), help="Draw it in this file too.")
@click.option("-v", "--verbose", is_flag=True, help="Say all of it: files, routes, what can't be read.")
@repository_option
@json_option
def heal(
    directory: Path,
    base: str,
    head: str,
    ref: str | None,
    as_patch: bool,
    prove: bool,
    healer: bool,
    svg: Path | None,
    verbose: bool,
    as_json: bool,
) -> int:
    """Plan, prove and make the commit that ends a migration fork.

    HEAD is merged into BASE without a checkout. If that forks the migrations, the change's first revision is
    hung behind the base's head; where both sides are on the base already (BASE and HEAD the same), a merge
    revision is added. The fix commit's parents are BASE and HEAD. It is made as an object; no branch moves
    without --write, which moves REF only if it still is where it was and nothing on it would be lost.

    What the rules refuse is handed to the contract's healer command, where it names one: its patch counts only where
    the same rules and a proof then find nothing wrong, so --no-prove asks nobody.

    The patch of --patch is the difference between git's plain merge and the healed one: apply it on the
    change's branch, before or after merging BASE.

    The drawing of --svg stands alone (no script, no font from elsewhere) and is written whatever comes of the heal.

    Exit codes: 0 clean or healed, 1 refused, 2 no such revision, contract unreadable, REF moved.
    """
    from pointsman.cli.heal_report import write_svg
    from pointsman.service.contracts import find_contract
    from pointsman.service.heal.explain import told_of
    from pointsman.service.heal.verdict import heal as run
    from pointsman.wiring import open_git, open_prover, open_reader, open_regenerator

    if svg is not None:
        _check_writable(svg)
    with open_git(directory) as git:
        at_base, at_head = git.resolve(base), git.resolve(head)
        target = _Target(git, ref) if ref else None
        contract = find_contract(git, at_base)
        prover = open_prover(git, directory) if prove else None
        maker = open_regenerator(git)
        helper = _helper(git) if healer and prove else None
        verdict = run(
            git,
            at_base,
            at_head,
            contract,
            prover=prover,
            reader=open_reader(git),
            regenerator=maker,
            helper=helper,
        )
        commit = _commit(git, verdict.healing)
        if target and commit:
            target.move(commit)
        text = _patch(git, verdict.healing) if as_patch else None
        if as_patch and verdict.healing.resolved:
            note("conflicts were settled too, which takes a merge and is in no patch: use --write")
    told = told_of(verdict, base=base, head=head)
    if svg is not None:
        write_svg(told, svg)
    if as_json:
        _print_json(verdict, commit, text)
    else:
        _print(verdict, told, commit, text, names=(base, head), verbose=verbose)
    return 1 if verdict.healing.refusals else 0


def _helper(git: GitRepository) -> Helper:
    from pointsman.service.heal.asking_memory import Helper
    from pointsman.wiring import open_healer

    return Helper(command=open_healer(git))


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


def _patch(git: Git, healing: Healing) -> bytes | None:
    from pointsman.service.heal.patch import patch_of

    return patch_of(git, healing)


def _commit(git: Git, healing: Healing) -> Sha | None:
    if healing.status != "healed":
        return None
    from pointsman.service.heal.commit import commit

    when = max(git.commit_facts(each).committer.when for each in {healing.onto, healing.head})
    return commit(git, healing, author=_who("AUTHOR", when), committer=_who("COMMITTER", when))


def _who(part: str, when: int) -> Signature:
    """The identity that git's variables name, else the bot's; the date is the newest of both sides, so that the
    same heal is the same commit."""
    from pointsman.core.model import Signature

    name = os.environ.get(f"GIT_{part}_NAME", "").strip() or "Pointsman"
    email = os.environ.get(f"GIT_{part}_EMAIL", "").strip() or "pointsman@localhost"
    return Signature(name=name, email=email, when=when)


def _check_writable(svg: Path) -> None:
    from pointsman.core.errors import UserError

    if str(svg) == "-":
        raise UserError("--svg takes the name of a file: what stands on stdout is the report.")
    if svg.is_dir() or not svg.parent.is_dir():
        what = "it is a folder" if svg.is_dir() else f"there is no folder {svg.parent}"
        raise UserError(f"--svg can't write {svg}: {what}.")


def _print_json(verdict: Verdict, commit: Sha | None, patch: bytes | None) -> None:
    answer = verdict.to_json()
    first = {key: answer[key] for key in ("status", "base", "head")}
    shown = {"patch": patch.decode("utf-8", "backslashreplace")} if patch is not None else {}
    print_json({**first, "commit": commit, **answer, **shown})


def _print(
    verdict: Verdict,
    told: Told,
    commit: Sha | None,
    patch: bytes | None,
    *,
    names: tuple[str, str],
    verbose: bool,
) -> None:
    """The report; with a patch that has stdout to itself."""
    from pointsman.cli.heal_report import details, report

    aside = patch is not None
    click.echo(_headline(verdict.healing, names), err=aside)
    if told.status != "clean":
        for line in (*report(told, verbose=verbose), *(details(verdict) if verbose else ())):
            click.echo(line, err=aside)
    if commit:
        click.echo(f"  fix commit {commit[:SHORT]}", err=aside)
    if patch is not None:
        click.echo(patch, nl=False)


def _headline(healing: Healing, names: tuple[str, str]) -> str:
    from pointsman.service.heal.explain import called

    base, head = (called(name) for name in names)
    colour = "red" if healing.status == "refused" else "green"
    status = click.style(healing.status, fg=colour, bold=True)
    if healing.status == "clean":
        return f"{status}: {head} onto {base} forks no migrations"
    if healing.onto == healing.head:
        commit = "" if base == healing.onto[:SHORT] else f" ({healing.onto[:SHORT]})"
        return f"{status}: {base}{commit} itself"
    return f"{status}: {head} ({healing.head[:SHORT]}) onto {base} ({healing.onto[:SHORT]})"
