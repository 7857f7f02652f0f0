"""Stories as a repository would tell them, each with only what differs written out; nothing is asserted here."""

from __future__ import annotations

from typing import Any

from pointsman.core.contract import Contract, ContractVerdict, judge, load
from pointsman.core.migrations.heal.model import Front, Move, Plan, Refusal
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import MODE_FILE, PathChange, Sha
from pointsman.core.pulls.telling import (
    CheckTold,
    HealedGraph,
    HealTold,
    Judged,
    MigrationsTold,
    PullStory,
    Queued,
)

HEAD, BASE = Sha("1234567890abcdef1234567890abcdef12345678"), Sha("b" * 40)
TESTED = Sha("cafe567890abcdef1234567890abcdef12345678")

CONTRACT = b"""\
version: 1
base: main
identities:
  ada: {user: ada}
  lead: {user: lead}
paths:
  schema: {match: ["/migrations/**"], approve: {by: [lead]}}
  lock: {match: ["/poetry.lock"], rule: never}
roles:
  web:
    who: [ada]
    branches: ["agent/**"]
    owns: ["/web/**", "/migrations/**", "/poetry.lock"]
    cannot_touch: ["/web/secrets/**"]
checks: {unit: {run: make test}}
"""


def contract() -> Contract:
    loaded = load(CONTRACT)
    assert isinstance(loaded, Contract), str(loaded)
    return loaded


def verdict(*paths: str) -> ContractVerdict:
    """What the contract says of changing those paths as role `web`."""
    changes = [
        PathChange(path=path, status="M", old_mode=MODE_FILE, new_mode=MODE_FILE, old_oid=BASE, new_oid=HEAD)
        for path in sorted(paths)
    ]
    return judge(contract(), "web", changes, head=HEAD, now=0.0)


def judged(*paths: str, **facts: Any) -> Judged:
    plain: dict[str, Any] = {
        "base": BASE,
        "head": HEAD,
        "branch": "agent/login",
        "author": "ada",
        "role": "web",
        "checks": ("unit", "lint"),
        "contract": verdict(*(paths or ("web/app.py",))),
    }
    return Judged(**{**plain, **facts})


def revision(id: str, *parents: str) -> Revision:
    return Revision(id=id, path=f"migrations/versions/{id}_step.py", oid=Sha("0" * 40), parents=parents)


LAYOUT = Layout(
    backend="alembic", config="alembic.ini", name="", home="migrations", versions=("migrations/versions",)
)


def reparented() -> HealedGraph:
    """Two on the base, one of the change, hung behind them."""
    left = (revision("aa11", "f0f0"), revision("aa22", "aa11"))
    right = (revision("bb11", "f0f0"),)
    move = Move(
        revision="bb11",
        path="migrations/versions/bb11_step.py",
        old_parents=("f0f0",),
        new_parents=("aa22",),
        new_revision="bb11",
        new_path="migrations/versions/bb11_step.py",
    )
    return HealedGraph(
        plan=Plan(
            layout=LAYOUT,
            heads_before=("aa22", "bb11"),
            heads_after=("bb11",),
            moves=(move,),
            fronts=(Front(left=left, right=right, fork=("f0f0",)),),
        )
    )


def merged() -> HealedGraph:
    """Both sides published: a merge revision was added."""
    front = Front(left=(revision("aa11", "f0f0"),), right=(revision("bb11", "f0f0"),), fork=("f0f0",))
    plan = Plan(
        layout=LAYOUT,
        strategy="merge_revision",
        heads_before=("aa11", "bb11"),
        heads_after=("cc33",),
        joins=(("aa11", "bb11"),),
        fronts=(front,),
    )
    return HealedGraph(plan=plan, added=(("cc33", "migrations/versions/cc33_merge.py"),))


HEALED = HealTold(
    strategy="reparent",
    summary="bb11 now follows aa22",
    proof="proved on scratch SQLite in 1.2 s: from empty; from the base's head",
    seconds=1.8412,
    graphs=(reparented(),),
)

CONFLICT = Refusal(
    "conflict",
    "The two sides clash, so their order is for people to decide:\n"
    "both alter column users.email [same_column]\n"
    "  migrations/versions/aa11_step.py:14\n"
    "    op.alter_column('users', 'email', nullable=False)\n"
    "  migrations/versions/bb11_step.py:21\n"
    "    op.alter_column('users', 'email', type_=sa.Text())",
    ("migrations/versions/aa11_step.py", "migrations/versions/bb11_step.py"),
)


def conflicted() -> MigrationsTold:
    return MigrationsTold(status="refused", refusals=(CONFLICT,))


CHECKS = (
    CheckTold(name="unit", state="passed", url="https://ci.example.org/1"),
    CheckTold(name="lint", state="running", url="https://ci.example.org/2"),
    CheckTold(name="e2e", state="due"),
)


def story(**facts: Any) -> PullStory:
    plain: dict[str, Any] = {
        "number": 12,
        "lane": "main",
        "head": HEAD,
        "queued_head": HEAD,
        "stage": Queued(position=2, of=5),
        "judged": judged(),
    }
    return PullStory(**{**plain, **facts})
