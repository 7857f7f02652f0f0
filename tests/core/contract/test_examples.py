"""The contracts in examples/ load, lint clean, and give the verdicts of the tables they were made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.core.contract import (
    Author,
    Contract,
    NoRole,
    RoleFound,
    judge_target,
    lint,
    load,
    resolve_role,
)
from tests.core.contract.facts import change, status

EXAMPLES = Path(__file__).parents[3] / "examples"
TRACKED = {
    "astro-docs": (
        "package.json",
        "package-lock.json",
        "docs/test-plan.md",
        "src/components/search/Box.astro",
        "src/config/site.ts",
        "src/content/config.ts",
        "src/layouts/Base.astro",
        "src/lib/content/listing.ts",
        "src/pages/blog/[...slug].astro",
        "src/pages/blog/index.astro",
        "src/styles/site.css",
        "tests/render/blog.test.ts",
    ),
    "python-alembic": (
        "alembic.ini",
        "app/auth/login.py",
        "app/billing/invoice.py",
        "app/main.py",
        "app/models/base.py",
        "app/models/user.py",
        "app/notify/mail.py",
        "migrations/env.py",
        "migrations/versions/0001_users.py",
        "pyproject.toml",
        "tests/billing/test_invoice.py",
        "tests/notify/test_mail.py",
        "uv.lock",
    ),
    "local-agents": ("migrations/versions/0001.py", "src/api.py", "src/auth/login.py", "tests/test_api.py"),
}
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yml"))


def example(name: str) -> tuple[Contract, bytes]:
    data = (EXAMPLES / f"{name}.yml").read_bytes()
    loaded = load(data)
    assert isinstance(loaded, Contract), str(loaded)
    return loaded, data


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_lints_clean(name: str) -> None:
    rules, data = example(name)
    assert lint(rules, tracked=TRACKED[name], text=data) == ()


@pytest.mark.parametrize(
    ("role", "path", "expected"),
    [
        ("metadata", "src/content/config.ts", "allowed"),
        ("metadata", "src/lib/content/listing.ts", "allowed"),
        ("metadata", "src/layouts/Base.astro", "denied"),
        ("metadata", "src/styles/site.css", "denied"),
        ("metadata", "src/pages/blog/index.astro", "outside"),
        ("search", "src/pages/blog/index.astro", "allowed"),
        ("search", "src/components/search/Box.astro", "allowed"),
        ("search", "src/content/config.ts", "denied"),
        ("search", "src/pages/blog/[...slug].astro", "outside"),
        ("review", "tests/render/blog.test.ts", "allowed"),
        ("review", "docs/test-plan.md", "allowed"),
        ("review", "src/pages/blog/index.astro", "outside"),
        ("integrator", "src/layouts/Base.astro", "needs_approval"),
        ("integrator", "package-lock.json", "needs_approval"),
        ("integrator", ".github/workflows/ci.yml", "needs_approval"),
        ("integrator", "CLAUDE.md", "needs_approval"),
        ("integrator", "dist/index.html", "denied"),
        ("integrator", ".env.production", "denied"),
        ("integrator", "certs/site.pem", "denied"),
        ("integrator", "src/pages/blog/index.astro", "allowed"),
    ],
)
def test_R30_R31_the_table_of_the_documentation_site(role: str, path: str, expected: str) -> None:
    assert status(example("astro-docs")[0], role, change(path, "A")) == expected


@pytest.mark.parametrize(
    ("role", "path", "expected"),
    [
        ("billing", "app/billing/invoice.py", "allowed"),
        ("billing", "migrations/versions/0002_x.py", "allowed"),
        ("billing", "app/auth/login.py", "denied"),
        ("billing", "app/notify/mail.py", "outside"),
        ("billing", "migrations/env.py", "outside"),
        ("notify", "tests/notify/test_mail.py", "allowed"),
        ("schema", "migrations/env.py", "needs_approval"),
        ("schema", "migrations/versions/0002_x.py", "allowed"),
        ("schema", "app/models/base.py", "needs_approval"),
        ("schema", "app/models/user.py", "allowed"),
        ("human", "uv.lock", "needs_approval"),
        ("human", "alembic.ini", "needs_approval"),
        ("human", ".env", "denied"),
        ("human", "app/auth/login.py", "allowed"),
    ],
)
def test_R40_the_table_of_the_python_service(role: str, path: str, expected: str) -> None:
    assert status(example("python-alembic")[0], role, path) == expected


@pytest.mark.parametrize(
    ("name", "author", "branch", "expected"),
    [
        (
            "astro-docs",
            Author(login="search-agent[bot]", app_id=901002, human=False),
            "agent/blog-search-1",
            "search",
        ),
        (
            "astro-docs",
            Author(login="search-agent[bot]", app_id=901002, human=False),
            "agent/metadata-1",
            None,
        ),
        ("astro-docs", Author(login="search-agent[bot]", app_id=1, human=False), "agent/blog-search-1", None),
        (
            "astro-docs",
            Author(login="i", teams=frozenset({"docs/integrators"})),
            "integration/w1",
            "integrator",
        ),
        (
            "python-alembic",
            Author(login="acme-coder[bot]", app_id=700100, human=False),
            "agent/notify/x",
            "notify",
        ),
        ("python-alembic", Author(login="acme-coder[bot]", app_id=700100, human=False), "main2", None),
        ("python-alembic", Author(login="eve", permission="write"), "any/branch", "human"),
        ("python-alembic", Author(login="eve", permission="read"), "any/branch", None),
        ("local-agents", Author.parse("coder@agents.example.com"), "agent/coder/1", "coder"),
        ("local-agents", Author.parse("tester@agents.example.com"), "agent/coder/1", None),
        ("local-agents", Author.parse("owner@example.com"), "fix", "owner"),
    ],
)
def test_R29_roles_of_the_examples(name: str, author: Author, branch: str, expected: str | None) -> None:
    outcome = resolve_role(example(name)[0], author, branch)
    if expected is None:
        assert isinstance(outcome, NoRole)
    else:
        assert isinstance(outcome, RoleFound)
        assert outcome.role == expected


def test_R37_agents_of_the_documentation_site_land_on_integration_branches_only() -> None:
    rules, _ = example("astro-docs")
    assert [
        judge_target(rules, "search", to).allowed for to in ("integration/w1", "main", "agent/metadata-1")
    ] == [
        True,
        False,
        False,
    ]
    assert judge_target(rules, "integrator", "main").allowed


@pytest.mark.parametrize(
    ("name", "role", "expected"),
    [
        ("astro-docs", "metadata", ["ownership", "migrations", "check", "build", "evidence"]),
        (
            "astro-docs",
            "review",
            ["ownership", "migrations", "check", "build", "evidence", "search", "toc", "mermaid"],
        ),
        ("python-alembic", "human", ["ownership", "one-head", "lint", "types", "unit", "migrate"]),
        (
            "python-alembic",
            "billing",
            ["ownership", "one-head", "lint", "types", "unit", "migrate", "evidence"],
        ),
        ("local-agents", "coder", ["ownership", "migrations", "unit", "lint"]),
    ],
)
def test_R43_required_checks_of_the_examples(name: str, role: str, expected: list[str]) -> None:
    assert [check.name for check in example(name)[0].required_checks(role)] == expected
