"""Well-known files that a tool makes from others: what from, by which command, and how its scripts are kept off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pointsman.core.model import GitPath

SCRIPTS_OFF: Mapping[str, str] = MappingProxyType(
    {
        # npm (docs.npmjs.com, Config: environment variables `npm_config_`); pnpm up to 10 and Yarn 1 read it too.
        "npm_config_ignore_scripts": "true",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "pnpm_config_ignore_scripts": "true",  # pnpm from 11 on
        "YARN_ENABLE_SCRIPTS": "false",  # Yarn from 2 on
        "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",  # on by itself where CI is set: it would refuse to write
        "UV_NO_BUILD": "1",  # "resolving will not run arbitrary Python code"
        "PIP_ONLY_BINARY": ":all:",
        "POETRY_NO_INTERACTION": "1",
        "GOTOOLCHAIN": "local",
    }
)
"""Variables under which the tools run nothing of what they resolve, and ask nothing. A command line of the contract
can set any of them otherwise in front of its command."""


@dataclass(frozen=True, slots=True)
class Known:
    """One tool's file. Sources are names and patterns beside it; `{folder}` in the command stands for its folder."""

    sources: tuple[str, ...]
    command: str
    network: bool = True


_NPM = Known(("package.json",), "npm install --package-lock-only")
KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "uv.lock": Known(("pyproject.toml",), "uv lock"),
        "poetry.lock": Known(("pyproject.toml",), "poetry lock"),
        "pdm.lock": Known(("pyproject.toml",), "pdm lock --update-reuse"),
        "Pipfile.lock": Known(("Pipfile",), "pipenv lock"),
        "package-lock.json": _NPM,
        "npm-shrinkwrap.json": _NPM,
        "pnpm-lock.yaml": Known(("package.json",), "pnpm install --lockfile-only"),
        "yarn.lock": Known(("package.json",), "yarn install --mode=update-lockfile"),
        "bun.lock": Known(("package.json",), "bun install --lockfile-only"),
        # `cargo generate-lockfile` would take the newest version of everything.
        "Cargo.lock": Known(("Cargo.toml",), "cargo update --workspace"),
        "go.sum": Known(("go.mod",), "go mod tidy"),
        "composer.lock": Known(
            ("composer.json",), "composer update --lock --no-install --no-scripts --no-plugins"
        ),
        "Gemfile.lock": Known(("Gemfile",), "bundle lock"),
        "mix.lock": Known(("mix.exs",), "mix deps.get"),
        "flake.lock": Known(("flake.nix",), "nix flake lock"),
        "atlas.sum": Known(("*.sql",), "atlas migrate hash --dir file://{folder}", network=False),
        "_journal.json": Known(("*.ts",), "npx drizzle-kit generate", network=False),
    }
)


def known(path: GitPath) -> Known | None:
    """What is known of a file by its name; `_journal.json` is Drizzle's in a folder `meta` only."""
    folder, _, name = path.rpartition("/")
    if name == "_journal.json" and folder.rpartition("/")[2] != "meta":
        return None
    return KNOWN.get(name)


def declaration(path: GitPath) -> str | None:
    """What a contract says of that file, ready to paste; None where nothing is known of it."""
    one = entry(path)
    return f"conflicts:\n  regenerated:\n    - {one}" if one is not None else None


def entry(path: GitPath) -> str | None:
    """An entry of `regenerated` for that file; None where nothing is known of it."""
    tool = known(path)
    if tool is None:
        return None
    folder = path.rpartition("/")[0]
    if path.endswith("meta/_journal.json"):
        above = folder.removesuffix("meta")
        writes, sources = f'"/{above}*.sql", "/{above}meta/**"', '"/path/of/your/schema.ts"'
        line = f"{tool.command} --out {above.rstrip('/') or '.'}"
    else:
        beside = f"/{folder}/" if folder else "/"
        writes, sources = f'"/{path}"', ", ".join(f'"{beside}{name}"' for name in tool.sources)
        line = tool.command.format(folder=folder or ".")
        if folder and "{folder}" not in tool.command:
            line = f"cd {folder} && {line}"
    network = ", network: host" if tool.network else ""
    return f'{{writes: [{writes}], sources: [{sources}], run: "{line}"{network}}}'
