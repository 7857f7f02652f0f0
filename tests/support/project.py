"""Builds projects with Alembic migrations on real repositories, and heals them as the command line does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.contract import Contract, load
from pointsman.core.migrations.environment import Environment
from pointsman.core.model import Sha, Signature
from pointsman.service.heal.commit import commit
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.migrations import Reader
from tests.support.repo import Repo

INI = "[alembic]\nscript_location = migrations\n"
VERSIONS = "migrations/versions"
WHO = Signature(name="Pointsman", email="pointsman@localhost", when=1_700_000_000)
ROLES = """\
version: 1
base: main
identities:
  all: {email: "*@example.org"}
roles:
  any: {who: [all], owns: ["**"]}
"""

ENV_PY = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(config.get_section(config.config_ini_section), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def revision(
    id: str,
    down: str = "None",
    *,
    labels: str = "None",
    depends: str = "None",
    up: str | None = None,
    extra: str = "",
) -> str:
    """A revision file; `down`, `labels` and `depends` are Python. Unless told otherwise it makes table t_ID."""
    revises = ", ".join(part for part in down.replace('"', "'").split("'")[1::2])
    body = f'op.create_table("t_{id}", sa.Column("id", sa.Integer()))' if up is None else up
    return f'''"""step {id}

Revision ID: {id}
Revises: {revises}
Create Date: 2024-05-06 07:08:09.101112

"""
from alembic import op
import sqlalchemy as sa

revision = "{id}"
down_revision = {down}
branch_labels = {labels}
depends_on = {depends}
{extra}

def upgrade():
    {body}


def downgrade():
    {"pass" if up is not None else f'op.drop_table("t_{id}")'}
'''


class Project:
    """A repository with one Alembic environment, on branch main."""

    def __init__(self, path: Path, *, ini: str = INI, env: str = ENV_PY) -> None:
        self.repo = Repo(path).init()
        self.repo.write({"alembic.ini": ini, "migrations/env.py": env, "migrations/script.py.mako": ""})

    def add(
        self,
        id: str,
        down: str = "None",
        *,
        name: str | None = None,
        raw: str | bytes | None = None,
        **more: str,
    ) -> str:
        """Commit one revision on the branch that is checked out; `raw` is the whole file instead."""
        path = f"{VERSIONS}/{name or f'{id}_step.py'}"
        return self.repo.commit(
            f"add {id}", files={path: raw if raw is not None else revision(id, down, **more)}
        )

    def on(self, branch: str, *, at: str = "main") -> Project:
        """Check the branch out, made at `at` if it is not there."""
        if self.repo.git("branch", "--list", branch):
            self.repo.checkout(branch)
        else:
            self.repo.branch(branch, at=at)
        return self

    def heal(self, base: str = "main", head: str = "change", *, contract: str | None = None) -> Verdict:
        with GitRepository.open(self.repo.path) as git:
            rules: Contract | None = None
            if contract is not None:
                loaded = load((ROLES + contract).encode(), source=".pointsman.yml")
                assert isinstance(loaded, Contract), loaded
                rules = loaded
            return heal(git, Sha(self.repo.rev(base)), Sha(self.repo.rev(head)), rules, prover=None)

    def commit(self, verdict: Verdict, branch: str | None = None) -> str:
        """Make the fix commit (or the plain merge of a clean change), on `branch` if named."""
        healing = verdict.healing
        assert healing.tree is not None, healing.refusals
        with GitRepository.open(self.repo.path) as git:
            if healing.status == "healed":
                made = commit(git, healing, author=WHO, committer=WHO)
            else:
                parents = (healing.onto, healing.head)
                made = git.commit(
                    tree=healing.tree, parents=parents, message="merge\n", author=WHO, committer=WHO
                )
        if branch:
            self.repo.git("branch", "-f", branch, made) if branch != "main" else self.repo.git(
                "update-ref", f"refs/heads/{branch}", made
            )
        return made

    def environments(self, rev: str) -> tuple[Environment, ...]:
        with GitRepository.open(self.repo.path) as git:
            return Reader(git).read(Sha(self.repo.rev(f"{rev}^{{tree}}"))).environments

    def parents(self, rev: str) -> Mapping[str, tuple[str, ...]]:
        """Revision -> parents, of all environments of that commit or tree."""
        return {r.id: r.parents for e in self.environments(rev) for r in e.revisions}

    def heads(self, rev: str) -> list[str]:
        return sorted(head for each in self.environments(rev) for head in each.heads)


def forked(path: Path, **more: str) -> Project:
    """`a`, then `b` on main and `c` on the branch `change`; `more` goes into `c`."""
    project = Project(path)
    project.add("a")
    project.on("change").add("c", "'a'", **more)
    project.on("main").add("b", "'a'")
    return project


def codes(verdict: Verdict) -> list[str]:
    return [refusal.code for refusal in verdict.healing.refusals]


def moves(verdict: Verdict) -> dict[str, tuple[str, ...]]:
    return {
        move.revision: move.new_parents for each in verdict.healing.environments for move in each.plan.moves
    }
