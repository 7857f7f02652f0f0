"""A small project with Alembic and a fork in it, for the tests of the proof; it asserts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.migrations.heal.model import Move
from pointsman.core.migrations.model import Layout
from pointsman.core.model import Sha
from pointsman.core.proof import Proof, ProofRequest
from tests.support.repo import Repo

INI = "[alembic]\nscript_location = migrations\nsqlalchemy.url = sqlite:///app.db\n"
POSTGRES_INI = INI.replace("sqlite:///app.db", "postgresql://app@db/app")
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config

def online():
    engine = engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=None)
        with context.begin_transaction():
            context.run_migrations()

online()
"""
LAYOUT = Layout(
    backend="alembic", config="alembic.ini", name="", home="migrations", versions=("migrations/versions",)
)


def table(name: str) -> tuple[str, str]:
    """The bodies of upgrade() and downgrade() that make and drop one table."""
    return (
        f'op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True))',
        f'op.drop_table("{name}")',
    )


def revision(id: str, parent: str | tuple[str, ...] | None, up: str = "pass", down: str = "pass") -> str:
    """A revision file; the bodies are single lines or already indented by four."""
    return (
        f'"""{id}"""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {id!r}\ndown_revision = {parent!r}\n\n"
        f"def upgrade():\n    {up}\n\ndef downgrade():\n    {down}\n"
    )


def path(id: str) -> str:
    return f"migrations/versions/{id}.py"


BASE = {
    "alembic.ini": INI,
    "migrations/env.py": ENV,
    path("f0"): revision("f0", None, *table("users")),
    path("b1"): revision("b1", "f0", *table("teams")),
}
"""A base branch: f0, and b1 on it, which the change (made on f0) has not seen."""

Files = Mapping[str, str | None]


class Project:
    """A repository with `BASE` (and `base`) on its base commit and a healed tree with `healed` on top."""

    def __init__(self, folder: Path, *, base: Files | None = None, healed: Files | None = None) -> None:
        self.folder = folder
        self.repo = Repo(folder / "repo").init()
        self.base = self.repo.commit("base", files={**BASE, **(base or {})})
        change = {path("c1"): revision("c1", "b1", *table("notes"))}
        self.healed = self.repo.commit("healed", files={**change, **(healed or {})})

    def prove(self, prover: SandboxProver | None = None, **changes: object) -> Proof:
        """The proof of re-parenting c1 from f0 to b1, as a heal would ask for it."""
        with GitRepository.open(self.repo.path) as git:
            asked = {
                "layout": LAYOUT,
                "base": Sha(self.base),
                "tree": git.tree_of(Sha(self.healed)),
                "expected_heads": ("c1",),
                "base_heads": ("b1",),
                "change_heads": ("c1",),
                "fork_points": ("f0",),
                "moves": (
                    Move(
                        revision="c1",
                        path=path("c1"),
                        old_parents=("f0",),
                        new_parents=("b1",),
                        new_revision="c1",
                        new_path=path("c1"),
                    ),
                ),
                **changes,
            }
            scratch = self.folder / "scratch"
            ours = prover or SandboxProver(git, Sandbox(), folder=scratch)
            proof = ours.prove(ProofRequest(**asked))  # type: ignore[arg-type]
            assert not scratch.exists() or not list(scratch.iterdir()), "a proof left something behind"
            assert self.repo.git("status", "--porcelain") == ""
            return proof
