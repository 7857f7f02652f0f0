"""Whether two histories build the same schema from nothing: only where their text says so."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.operations.schema import schema_of
from tests.core.migrations.operations.revisions import revision

FIRST = "op.create_table('t', sa.Column('id', sa.Integer(), nullable=False), sa.PrimaryKeyConstraint('id'))"
SAME = [
    ("column added", "op.add_column('t', sa.Column('a', sa.Text()))", ", sa.Column('a', sa.Text(), nullable=True)", ""),
    ("column added and dropped", "op.add_column('t', sa.Column('a', sa.Text()))\nop.drop_column('t', 'a')", "", ""),
    ("column altered in a batch", "op.add_column('t', sa.Column('a', sa.Integer()))\n"
     "with op.batch_alter_table('t') as batch:\n    batch.alter_column('a', existing_type=sa.Integer(), "
     "type_=sa.BigInteger(), nullable=False, server_default='0')",
     ", sa.Column('a', sa.BigInteger(), server_default='0', nullable=False)", ""),
    ("unique constraint", "op.create_unique_constraint(op.f('uq'), 't', ['id'])",
     ", sa.UniqueConstraint('id', name='uq')", ""),
    ("foreign key", "op.add_column('t', sa.Column('up', sa.Integer()))\n"
     "op.create_foreign_key('fk', 't', 't', ['up'], ['id'], ondelete='CASCADE')",
     ", sa.Column('up', sa.Integer()), sa.ForeignKeyConstraint(['up'], ['t.id'], name='fk', ondelete='CASCADE')", ""),
    ("index", "op.create_index('ix', 't', ['id'], unique=False)", "", "op.create_index(op.f('ix'), 't', ['id'])"),
    ("index made and dropped", "op.create_index('ix', 't', ['id'])\nop.drop_index('ix', table_name='t')", "", ""),
    ("table made and dropped", "op.create_table('u', sa.Column('a', sa.Text()))\nop.drop_table('u')", "", ""),
]  # fmt: skip
OTHER = [
    ("another type", "op.add_column('t', sa.Column('a', sa.Text()))", ", sa.Column('a', sa.String())", ""),
    ("another default", "op.add_column('t', sa.Column('a', sa.Text(), server_default='x'))",
     ", sa.Column('a', sa.Text())", ""),
    ("another index", "op.create_index('ix', 't', ['id'], unique=True)", "", "op.create_index('ix', 't', ['id'])"),
    ("another schema", "op.create_table('u', sa.Column('a', sa.Text()), schema='s')", "",
     "op.create_table('u', sa.Column('a', sa.Text()))"),
    ("a type left behind", "op.create_table('u', sa.Column('a', sa.Enum('x', name='m')))\nop.drop_table('u')", "", ""),
    ("a dropped column that an index stands on", "op.add_column('t', sa.Column('a', sa.Text()))\n"
     "op.create_index('ix', 't', ['a'])\nop.drop_column('t', 'a')", "", ""),
    ("SQL", "op.execute('SELECT 1')", "", ""),
    ("rows", "op.get_bind().execute('DELETE FROM t')", "", ""),
    ("a condition", "if op.get_context().as_sql:\n    op.drop_table('t')", "", ""),
    ("a loop", "for t in ['t']:\n    op.add_column(t, sa.Column('a', sa.Text()))", ", sa.Column('a', sa.Text())", ""),
    ("a type of another module", "op.add_column('t', sa.Column('a', Long()))", ", sa.Column('a', Long())", ""),
    ("an implicit index", "op.add_column('t', sa.Column('a', sa.Text(), index=True))",
     ", sa.Column('a', sa.Text(), index=True)", ""),
    ("a renamed column", "op.alter_column('t', 'id', new_column_name='id')", "", ""),
]  # fmt: skip


def _same(more: str, part: str, squashed: str) -> bool:
    whole = f"{FIRST[:-1]}{part})\n{squashed or 'pass'}"
    built = schema_of([revision(FIRST), revision(more)])
    return built is not None and built == schema_of([revision(whole)])


@pytest.mark.parametrize(("more", "part", "squashed"), [c[1:] for c in SAME], ids=[c[0] for c in SAME])
def test_row_34_a_history_and_its_squash_build_the_same(more: str, part: str, squashed: str) -> None:
    assert _same(more, part, squashed)


@pytest.mark.parametrize(("more", "part", "squashed"), [c[1:] for c in OTHER], ids=[c[0] for c in OTHER])
def test_row_34_what_differs_or_is_not_told_by_the_text_is_not_the_same(
    more: str, part: str, squashed: str
) -> None:
    assert not _same(more, part, squashed)
