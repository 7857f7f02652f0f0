"""Heals of Django apps proved with real Django on a real PostgreSQL, through the server that a proof starts itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgres`)")

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.postgresql.programs import find_programs
from pointsman.adapters.postgresql.server import OwnServer
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract import Contract, load
from pointsman.core.model import Sha
from pointsman.core.proof import Proof
from pointsman.service.heal.verdict import Verdict, heal
from tests.flows.django_world import BASE
from tests.support.django_project import add, at, create, migration, settings
from tests.support.project import ROLES
from tests.support.repo import Repo

pytestmark = pytest.mark.skipif(find_programs() is None, reason="no PostgreSQL for this platform")
TITLE = [("blog", "0002_title")]
SERVER = "POINTSMAN_TEST_DJANGO_SERVER"
REAL = settings("blog", "shop").replace(
    '{"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}',
    '{"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "live", "HOST": "db.example"},'
    ' "replica": {"ENGINE": "django.db.backends.postgresql", "NAME": "live", "HOST": "replica.example"}}\n'
    'DATABASE_ROUTERS = ["site_settings.Nowhere"]\n\n\n'
    "class Nowhere:\n    def allow_migrate(self, *_, **__):\n        return False\n\n",
)
CONCURRENTLY = (
    'AddIndexConcurrently(model_name="post", index=models.Index(fields=["title"], name="by_title"))'
)
IMPORT = "from django.contrib.postgres.operations import AddIndexConcurrently\n\n\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    own = OwnServer(Sandbox(), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SERVER, own.url())
        yield f"env:{SERVER}"
    own.stop()


def prove(folder: Path, ours: Mapping[str, str], theirs: Mapping[str, str], more: str) -> Verdict:
    repo = Repo(folder / "repo").init()
    repo.commit("start", files=BASE | {"site_settings.py": REAL})
    repo.branch("change").commit("change", files=dict(theirs))
    repo.checkout("main").commit("base", files=dict(ours))
    contract = load(f"{ROLES}migrations: [{{backend: django, {more}}}]\n".encode(), source=".pointsman.yml")
    assert isinstance(contract, Contract), contract
    with GitRepository.open(repo.path) as git:
        prover = SandboxProver(git, Sandbox(), folder=folder / "scratch")
        base, change = Sha(repo.rev("main")), Sha(repo.rev("change"))
        verdict = heal(git, base, change, contract, prover=prover)
        prover.close()
    return verdict


def proof_of(verdict: Verdict) -> Proof:
    assert verdict.proof is not None, verdict.healing.refusals
    return verdict.proof


def concurrent(*, atomic: bool) -> str:
    return migration(TITLE, CONCURRENTLY, before=IMPORT, extra="" if atomic else "    atomic = False\n")


FILL = """\
from django.db import connections


def fill(apps, schema_editor):
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT current_database(), count(*) FROM blog_post")
        assert cursor.fetchone()[0].startswith("pointsman_proof")
    apps.get_model("blog", "Post").objects.using("replica").count()


"""


@pytest.mark.soak
def test_r07_every_route_and_alias_leads_to_the_scratch_database_and_to_one_schema(
    tmp_path: Path, server: str
) -> None:
    """Both sides alter one table, so both orders are run; an index is built concurrently, outside a transaction."""
    theirs = {
        at("blog", "0003_index"): concurrent(atomic=False),
        at("blog", "0004_look"): migration(
            [("blog", "0003_index")], "migrations.RunPython(fill, migrations.RunPython.noop)", before=FILL
        ),
    }
    verdict = prove(
        tmp_path,
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))},
        theirs,
        f'database: "{server}"',
    )
    proof = proof_of(verdict)
    assert (proof.ran, proof.passed, proof.database) == (True, True, "postgresql"), proof
    assert [(route.name, route.ok) for route in proof.routes] == [
        ("empty -> leaves", True),
        ("base leaves -> leaves", True),
        ("down to 0002_title and up again", True),
        ("already at 0003_index", True),
        ("already at 0004_look", True),
        ("base, then the change", True),
        ("the change, then the base", True),
    ]


@pytest.mark.soak
def test_where_sqlite_is_no_judge_our_own_server_is_asked(tmp_path: Path) -> None:
    verdict = prove(
        tmp_path,
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
        {at("blog", "0003_index"): concurrent(atomic=False)},
        "database: auto",
    )
    proof = proof_of(verdict)
    assert (proof.passed, proof.database) == (True, "postgresql"), proof


@pytest.mark.soak
def test_an_index_built_concurrently_in_a_transaction_is_refused_and_says_what_to_write(
    tmp_path: Path, server: str
) -> None:
    for number, body in enumerate(
        (
            concurrent(atomic=True),
            migration(TITLE, 'migrations.RunSQL("CREATE INDEX CONCURRENTLY i ON blog_post (id)")'),
        )
    ):
        verdict = prove(
            tmp_path / str(number),
            {at("blog", "0003_note"): migration(TITLE, create("Note"))},
            {at("blog", "0003_index"): body},
            f'database: "{server}"',
        )
        (refusal,) = verdict.healing.refusals
        assert refusal.code == "proof_failed"
        assert "set `atomic = False`" in refusal.message.replace("set atomic = False", "set `atomic = False`")


@pytest.mark.soak
def test_an_extension_that_the_server_lacks_is_not_held_against_the_change(
    tmp_path: Path, server: str
) -> None:
    body = migration(
        TITLE,
        "CITextExtension()",
        before="from django.contrib.postgres.operations import CITextExtension\n\n\n",
    )
    verdict = prove(
        tmp_path,
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
        {at("blog", "0003_text"): body},
        f'database: "{server}", proof: when_possible',
    )
    proof = proof_of(verdict)
    assert (proof.ran, verdict.healing.status) == (False, "healed"), proof
    assert "it needs what the scratch server does not give" in (proof.reason or "")
