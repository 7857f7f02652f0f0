"""The reading ends soon and never raises, whatever it is given; comparing is symmetric."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.migrations.operations import Comparison, compare, compare_footprints, footprint, render
from tests.core.migrations.operations.revisions import HEAD, read, revision

PIECES = st.sampled_from(
    [
        "op.", "add_column", "create_table", "execute", "get_bind()", "batch_alter_table", "alter_column", "(", ")",
        "[", "]", "{", "}", ",", "=", "'t'", "'a b'", "f'{x}'", "x", "None", "sa.", "Column", "text", "update", "table",
        ".values", "nullable=", "\n    ", "for x in ", "if x:", " pass", "with ", " as b:", "*", "**", "lambda: ", "+",
        "%", ".format", ".append", "return ", "yield ", "await ", "del x", "x[0]", ":=", "def f(): pass",
        "'''UPDATE t SET a=1'''", "try:", "except:", "else:", "import os", "session.", "query", "add",
    ]
)  # fmt: skip
SQL = st.sampled_from(
    [
        "CREATE ", "TABLE ", "ALTER ", "DROP ", "INDEX ", "ON ", "t ", '"q" ', "`b` ", "(", ")", ",", ";", "ADD ",
        "COLUMN ", "TYPE ", "RENAME ", "TO ", "CONSTRAINT ", "FOREIGN KEY ", "REFERENCES ", "UPDATE ", "SET ", "= ",
        "INSERT INTO ", "VALUES ", "SELECT ", "* ", "FROM ", "DO ", "$$", "$a$", "BEGIN ", "END ", "IF ", "THEN ",
        "LOOP ", "'", "E'\\'", "--", "/*", "*/", "\n", ":p ", "%s ", "::", "WITH ", "AS ", ".", "UNIQUE ", "VIEW ",
        "COMMENT ", "GRANT ", "COPY ", "TRUNCATE ", "EXECUTE ", "FUNCTION ", "TRIGGER ", "pmhole0 ", "1 ", "é",
    ]
)  # fmt: skip
BODIES = st.sampled_from(
    [
        "op.add_column('t', sa.Column('a', sa.Text()))",
        "op.drop_column('t', 'a')",
        "op.rename_table('t', 'u')",
        "op.alter_column('u', 'a', new_column_name='b')",
        "op.create_index('ix', 't', ['a'], unique=True)",
        "op.create_table('u', sa.Column('t_id', sa.ForeignKey('t.a')))",
        "op.execute('UPDATE t SET a = 1')",
        "op.execute('INSERT INTO u SELECT a FROM t')",
        "op.execute(unknown)",
        "op.execute(\"ALTER TYPE t ADD VALUE 'a'\")",
        "op.drop_constraint('ix', 't')",
    ]
)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(["a.py", "a.sql"]))
def test_any_bytes_give_a_footprint(source: bytes, path: str) -> None:
    footprint(source, path)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_python_of_migration_words_gives_a_footprint(body: str) -> None:
    footprint(f"{HEAD}x = []\ndef upgrade():\n    {body}\n".encode(), "a.py")


@settings(max_examples=200)
@given(st.lists(SQL, max_size=20).map("".join))
def test_any_sql_words_give_a_footprint(text: str) -> None:
    footprint(text.encode(), "a.sql")


@given(st.lists(BODIES, max_size=4), st.lists(BODIES, max_size=4))
def test_comparing_is_symmetric(left: list[str], right: list[str]) -> None:
    a = [("left.py", revision("\n".join(left) or "pass"))]
    b = [("right.py", revision("\n".join(right) or "pass"))]
    forth, back = compare(a, b), compare(b, a)
    assert forth.relation is back.relation
    assert set(forth.unknown) == set(back.unknown)
    assert _pairs(forth) == {(right_, left_, rule, why) for left_, right_, rule, why in _pairs(back)}
    assert isinstance(render(forth), str)


def _pairs(comparison: Comparison) -> set[tuple[object, object, str, str]]:
    return {(pair.left, pair.right, pair.rule, pair.why) for pair in comparison.pairs}


def _nested(depth: int, opening: str) -> str:
    lines = ["    " * (n + 1) + opening.format(n) for n in range(depth)]
    return "\n".join([*lines, "    " * (depth + 1) + "op.execute('UPDATE t SET a = 1')"])


DEEP = {
    "parentheses": "    x = " + "[" * 180 + "]" * 180,
    "attributes": "    x" + ".a" * 20_000,
    "doubled string": "    x = 'a'\n" + "    x = x + x\n" * 60 + "    op.execute(x)",
    "doubled f-string": "    x = 'a'\n" + "    x = f'{x}{x}'\n" * 60 + "    op.execute(x)",
    "doubled list": "    x = [1]\n" + "    x = x + x\n" * 60 + "    op.execute(x)",
    "shared tree": "    x = [1]\n" + "    x = f(x, x)\n" * 60 + "    op.execute(sa.update(x).where(x))",
    "wide percent": "    op.execute('%999999999d' % 1)",
    "nested loops": _nested(14, "for a{} in range(400):"),
    "nested branches": _nested(18, "if a{}:"),
    "calls that fan out": "    f0()\n"
    + "".join(f"def f{n}():\n    f{n + 1}(); f{n + 1}()\n" for n in range(40))
    + "def f40(): pass",
    "nested SQL": "    op.execute('SELECT " + "(" * 3_000 + ")" * 3_000 + "')",
    "SQL operators": "    op.execute('SELECT " + "not " * 3_000 + "')",
    "open dollar quotes": "    op.execute('" + " ".join(f"$a{n}$" for n in range(5_000)) + "')",
    "nested block": "    op.execute('DO $$ BEGIN " + "IF x THEN " * 2_000 + "$$')",
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
def test_deep_and_growing_input_is_bounded(body: str) -> None:
    footprint(f"{HEAD}def upgrade():\n{body}\n".encode(), "a.py")


def test_two_sides_that_do_too_much_are_unknown_rather_than_slow() -> None:
    body = "\n".join(f"op.add_column('t', sa.Column('c{n}'))" for n in range(300))
    found = read(body)
    comparison = compare_footprints([("a.py", found)], [("b.py", found)])
    assert comparison.relation.value == "unknown"


def test_plain_revisions_are_read_without_the_sql_library() -> None:
    code = (
        "import sys; from pointsman.core.migrations.operations import compare\n"
        "s = b\"from alembic import op\\ndef upgrade():\\n    op.drop_table('t'); op.execute('DROP TABLE u')\"\n"
        "compare([('a', s)], [('b', s)])\n"
        "print(sorted({'sqlglot', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
