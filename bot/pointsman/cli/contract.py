"""`pointsman contract`: start, lint, explain and publish the ownership contract; it judges no change."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, note, print_json, repository_option
from pointsman.cli.inventory import inventory
from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.contract import Contract, Explanation, Finding, RoleExplanation
    from pointsman.core.model import Sha

CONTRACT_FILE = ".pointsman.yml"
COLOURS = {"allowed": "green", "needs_approval": "yellow", "outside": "red", "denied": "red"}


@click.group()
def contract() -> None:
    """Write, lint and explain the ownership contract, .pointsman.yml on the base branch."""


contract.add_command(inventory)


@contract.command(short_help="Start one, from CODEOWNERS or the folders.")
@click.option("--write", is_flag=True, help=f"Write {CONTRACT_FILE}; without it the text goes to stdout.")
@click.option(
    "--base", metavar="BRANCH", help="The branch to land on.  [default: main, else master, else HEAD's]"
)
@repository_option
def init(directory: Path, base: str | None, write: bool) -> int:
    """Start a contract: from CODEOWNERS where there is one, else from the top-level folders.

    Exit codes: 0 written or printed, 2 there is one already, or no repository.
    """
    from pointsman.core.contract import CODEOWNERS_LOCATIONS, init_from
    from pointsman.wiring import open_git

    with open_git(directory) as git:
        base = base or _base_branch(git)
        tip = git.read_ref(f"refs/heads/{base}")
        paths = _paths(git, tip) if tip is not None else ()
        place = next((name for name in CODEOWNERS_LOCATIONS if name in paths), None)
        owners = _read(git, tip, place) if tip is not None and place is not None else None
        email = git.config("user.email")
        text = init_from(owners, paths, base, (email,) if email else ())
    if not write:
        click.echo(text, nl=False)
        return 0
    target = _root(directory) / CONTRACT_FILE
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{target} is there already; change it, or move it away first") from None
    note(f"wrote {target}; read it, then: pointsman contract lint, and commit it to {base}")
    return 0


@contract.command(short_help="Find rules that load and cannot be meant.")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rev", metavar="REV", help="Hold patterns against that commit's files; without FILE, its contract."
)
@repository_option
@json_option
def lint(directory: Path, file: Path | None, rev: str | None, as_json: bool) -> int:
    """Look for rules that load and cannot be meant: dead, shadowed or overlapping ones, and traps.

    Without FILE and --rev it is the work tree's .pointsman.yml, held against the files of HEAD. Another FILE
    may be meant for another repository: no pattern of it is called dead unless --rev says against what.

    Exit codes: 0 clean, 1 findings, 2 the contract cannot be read (every mistake is listed).
    """
    from pointsman.core.contract import lint as find

    source, data, paths = _lint_input(directory, file, rev)
    loaded = _loaded(data, source)
    idle = _idle_days(directory, loaded) if source == CONTRACT_FILE else {}
    findings = find(loaded, tracked=paths, text=data, idle_days=idle)
    if loaded.shadow is not None:
        note(f"shadow mode until {loaded.shadow.date}: ownership is reported and not enforced until then")
    if as_json:
        print_json({"source": source, "digest": loaded.digest, "findings": [asdict(one) for one in findings]})
    else:
        _print_findings(source, findings)
    return 1 if findings else 0


@contract.command(name="explain", short_help="Say who may change a path, and by which rule.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--role", metavar="ROLE", help="Only for this role.  [default: every role]")
@click.option("--rev", metavar="REV", help="The contract of that commit.  [default: the base branch's tip]")
@repository_option
@json_option
def explain_paths(
    directory: Path, paths: tuple[str, ...], role: str | None, rev: str | None, as_json: bool
) -> int:
    """Say for each PATH what every role may do with it, which rule decides, and on which line it stands.

    PATH is a file, relative to the root of the repository; it need not exist.

    Exit codes: 0 some role may change every PATH (with approvals, perhaps), 1 not, 2 no contract.
    """
    from pointsman.core.contract import explain
    from pointsman.core.model import MODE_FILE
    from pointsman.service.contracts import contract_at
    from pointsman.wiring import base_contract, open_git

    wanted = [_file_name(path) for path in paths]
    with open_git(directory) as git:
        commit: Sha | None
        if rev is not None:
            commit = git.resolve(rev)
            rules = contract_at(git, commit)
        else:
            base, rules = base_contract(git, None)
            commit = git.read_ref(f"refs/heads/{base}")
        known = {} if commit is None else {one.path: one.mode for one in git.entries(git.tree_of(commit))}
    for path in wanted:
        if path not in known and any(name.startswith(f"{path}/") for name in known):
            raise UserError(f"{path} is a folder; name a file in it, such as {path}/new")
    found = [explain(rules, path, role, mode=known.get(path, MODE_FILE), beside=known) for path in wanted]
    if as_json:
        print_json({"digest": rules.digest, "paths": [_as_dict(one) for one in found]})
    else:
        for one in found:
            _print_explanation(one)
    return 0 if all(_may_anybody(one) for one in found) else 1


@contract.command(short_help="Print the JSON Schema, for editors.")
def schema() -> int:
    """Print the JSON Schema of a contract, for editors.

    With the YAML language server: # yaml-language-server: $schema=PATH as the contract's first line.
    """
    from pointsman.core.contract import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return 0


def _file_name(path: str) -> str:
    """The path as git stores it; `/a` and `./a` are `a`. UserError where it can name no file."""
    name = path.removeprefix("./").removeprefix("/")
    if {"", ".", ".."} & set(name.split("/")):
        raise UserError(
            f"{path!r} names no file; give a path from the root of the repository, such as docs/a.md"
        )
    return name


def _base_branch(git: GitRepository) -> str:
    heads = git.refs("refs/heads/")
    return next((name for name in ("main", "master") if f"refs/heads/{name}" in heads), None) or (
        git.branch_of("HEAD") or "main"
    )


def _paths(git: GitRepository, commit: Sha) -> tuple[str, ...]:
    return tuple(entry.path for entry in git.entries(git.tree_of(commit)))


def _read(git: GitRepository, commit: Sha, path: str) -> bytes | None:
    entry = git.entry(git.tree_of(commit), path)
    return None if entry is None else next(iter(git.read([entry.oid])))[1]


def _root(directory: Path) -> Path:
    """The work tree's top folder. UserError where there is no work tree."""
    here = directory.resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder
    raise UserError(f"{directory} has no work tree to write to; leave --write out and redirect the output")


def _lint_input(directory: Path, file: Path | None, rev: str | None) -> tuple[str, bytes, Sequence[str]]:
    """Where the contract was read, its bytes, and the names to hold it against."""
    from pointsman.service.contracts import contract_bytes
    from pointsman.wiring import open_git

    if rev is None:
        own = _root(directory) / CONTRACT_FILE if file is None else file
        is_own = file is None or (file.name == CONTRACT_FILE and (file.parent / ".git").exists())
        source = CONTRACT_FILE if is_own else str(own)
        return source, _file_bytes(own), _tracked(own.parent) if is_own else ()
    with open_git(directory) as git:
        commit = git.resolve(rev)
        held = (
            contract_bytes(git, git.tree_of(commit), f"on {commit[:10]}")
            if file is None
            else _file_bytes(file)
        )
        if held is None:
            raise UserError(_missing(f"commit {commit[:10]}"))
        return CONTRACT_FILE if file is None else str(file), held, _paths(git, commit)


def _idle_days(directory: Path, contract: Contract) -> Mapping[str, int]:
    """For how long nobody has had a role, where the repository has a queue that remembers."""
    import time

    from pointsman.wiring import open_git, open_store, state_folder

    try:
        with open_git(directory) as git:
            remembers = (state_folder(git) / "state.db").is_file()
    except UserError:
        return {}
    if not remembers:
        return {}
    from pointsman.service.idle_roles import idle_days

    store = open_store(directory)
    try:
        return idle_days(contract, store.changes(), time.time())
    finally:
        store.close()


def _file_bytes(file: Path) -> bytes:
    from pointsman.core.contract.reading.nodes import MAX_BYTES

    if not os.path.lexists(file):
        raise UserError(_missing(str(file.parent)))
    if file.name == CONTRACT_FILE and (file.is_symlink() or file.is_dir()):
        kind = "a symbolic link" if file.is_symlink() else "a folder"
        raise UserError(f"{file} is {kind}; a contract is an ordinary file at the root of the repository")
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error


def _missing(where: str) -> str:
    return f"there is no {CONTRACT_FILE} in {where}; write a first one with: pointsman contract init --write"


def _tracked(directory: Path) -> Sequence[str]:
    """The names on HEAD; none where there is no repository or no commit yet."""
    from pointsman.wiring import open_git

    try:
        with open_git(directory) as git:
            return _paths(git, git.resolve("HEAD"))
    except UserError:
        return ()


def _loaded(data: bytes, source: str) -> Contract:
    from pointsman.core.contract import Contract, load

    outcome = load(data, source=source)
    if isinstance(outcome, Contract):
        return outcome
    raise UserError(f"the contract cannot be read:\n{outcome}")


def _print_findings(source: str, findings: Sequence[Finding]) -> None:
    for one in findings:
        place = click.style(f"{source}:{one.line}:{one.column}", bold=True)
        click.echo(f"{place} {click.style(one.code, fg='yellow')} {one.message}")
    if not findings:
        click.echo(f"{source} is clean")


def _may_anybody(explanation: Explanation) -> bool:
    return any(role.verdict.status in ("allowed", "needs_approval") for role in explanation.roles)


def _as_dict(explanation: Explanation) -> dict[str, Any]:
    return {"path": explanation.path, "roles": [_role_dict(role) for role in explanation.roles]}


def _role_dict(role: RoleExplanation) -> dict[str, Any]:
    verdict = role.verdict
    return {
        "role": role.role,
        "status": verdict.status.value,
        "rule": verdict.rule,
        "pattern": verdict.pattern,
        "line": verdict.line,
        "reason": verdict.reason,
        "approvals": list(verdict.approvals_missing),
        "considered": [asdict(rule) for rule in role.considered],
    }


def _print_explanation(explanation: Explanation) -> None:
    from pointsman.core.contract.reasons import shown

    click.echo(click.style(shown(explanation.path), bold=True))
    width = max(len(role.role) for role in explanation.roles)
    for role in explanation.roles:
        verdict = role.verdict
        word = click.style(verdict.status.value.replace("_", " "), fg=COLOURS[verdict.status.value])
        line = f"  ({CONTRACT_FILE}:{verdict.line} {verdict.rule})" if verdict.line else ""
        click.echo(f"  {role.role:<{width}}  {word}: {verdict.reason}{line}")
        for rule in role.considered:
            if rule.matched and rule.rule != verdict.rule:
                where = f"line {rule.line}" if rule.line else "built in"
                click.echo(f"  {'':<{width}}    also {rule.effect}: {rule.pattern} ({where})")
