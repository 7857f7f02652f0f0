"""What a refusal quotes: both operations with file and line, once each, bounded."""

from __future__ import annotations

from pointsman.core.migrations.operations import compare, render
from tests.core.migrations.operations.revisions import compared, revision, sql


def test_r11_both_operations_are_quoted_with_file_and_line() -> None:
    left = "op.drop_column('users', 'age')"
    right = "pass\nop.create_index(\n    'ix_users_age',\n    'users', ['age'],\n)"
    assert render(compared(left, right)) == (
        "one side drops users.age, the other needs it [column_dropped]\n"
        "  versions/a1_left.py:5\n"
        "    op.drop_column('users', 'age')\n"
        "  versions/b1_right.py:6\n"
        "    op.create_index( 'ix_users_age', 'users', ['age'], )"
    )


def test_of_a_long_text_only_the_statement_in_question_is_quoted() -> None:
    text = "CREATE TABLE a (id int);\n\nUPDATE users SET age = 1;" + " " * 200
    shown = render(compared(sql(text), "op.drop_column('users', 'age')"))
    assert "\n    UPDATE users SET age = 1\n" in shown
    assert "CREATE TABLE" not in shown


def test_unread_places_say_why() -> None:
    shown = render(compared("op.execute(statement)", "op.drop_table('t')"))
    assert shown.splitlines()[1:] == ["  versions/a1_left.py:5", "    op.execute(statement)"]
    assert "cannot be read" in shown.splitlines()[0]


def test_of_pairs_for_one_reason_the_first_is_quoted_and_the_rest_counted() -> None:
    left = "\n".join([sql("UPDATE users SET age = 1"), sql("UPDATE users SET age = 2")])
    right = "\n".join(["op.drop_column('users', 'age')", sql("DELETE FROM users")])
    shown = render(compared(left, right)).splitlines()
    assert [line for line in shown if not line.startswith(" ")] == [
        "one side drops users.age, the other needs it [column_dropped], 2 pairs",
        "both change rows of users [data_twice], 2 pairs",
    ]
    assert len(shown) == 10


def test_nothing_shared_shows_nothing_and_much_is_counted() -> None:
    assert render(compared("op.drop_table('a')", "op.drop_table('b')")) == ""
    many = "\n".join(f"op.add_column('t', sa.Column('c{i}'))" for i in range(20))
    side = [("versions/x.py", revision(many))]
    shown = render(compare(side, side))
    assert shown.endswith("and 14 more reasons")
    assert len(shown.splitlines()) == 6 * 5 + 1
