"""A kept footprint is the same footprint; what was not kept by us is none."""

from __future__ import annotations

import json

import pytest

from pointsman.core.migrations.operations import from_plain, to_plain
from tests.core.migrations.operations.revisions import read, sql

BODY = "\n".join(
    [
        "op.create_table('s.t', sa.Column('a', sa.Text(), sa.ForeignKey('u.id'), unique=True))",
        "op.alter_column('t', 'a', new_column_name='b', nullable=False)",
        sql("UPDATE t SET a = 'x' WHERE b IN (SELECT c FROM u)"),
        sql("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad'"),
        "op.execute(mystery)",
    ]
)


def test_a_kept_footprint_comes_back_as_it_was() -> None:
    found = read(BODY)
    assert found.operations and found.unknown
    assert from_plain(json.loads(json.dumps(to_plain(found)))) == found


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        {"operations": [{"kind": "no such"}], "unknown": []},
        {"operations": [{"kind": "raw", "table": 1}], "unknown": []},
        {"operations": [{"kind": "raw", "columns": "ab"}], "unknown": []},
        {"operations": [{"kind": "raw", "other": "x"}], "unknown": []},
        {"operations": [], "unknown": [[1, "x"]]},
    ],
)
def test_what_is_no_footprint_is_not_taken_for_one(kept: object) -> None:
    assert from_plain(kept) is None
