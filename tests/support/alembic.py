"""What Alembic itself makes of a commit: its heads, and whether an empty database reaches them; in this process."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.service.heal.verdict import Verdict
from tests.support.project import VERSIONS, Project


@contextmanager
def checked_out(project: Project, rev: str) -> Iterator[Path]:
    """The files of a commit or tree in a folder of their own, for as long as the block lasts."""
    packed = project.repo.git_bytes("archive", "--format=tar", rev)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        yield Path(folder)


def heads(project: Project, rev: str, *versions: str, home: str = "migrations") -> list[str]:
    """The heads that Alembic finds there; it raises what it raises. `versions` are further version folders."""
    from alembic.script import ScriptDirectory

    with checked_out(project, rev) as folder:
        places = [str(folder / place) for place in (VERSIONS, *versions)]
        script = ScriptDirectory(str(folder / home), version_locations=places if versions else None)
        return sorted(script.get_heads())


def upgraded(project: Project, rev: str, to: str = "heads", *, stamped: tuple[str, ...] = ()) -> list[str]:
    """The tables t_* of a SQLite database after `alembic upgrade TO`, empty or stamped before; it raises what that
    raises."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine, inspect

    with checked_out(project, rev) as folder:
        script = ScriptDirectory(str(folder / "migrations"))
        engine = create_engine("sqlite://")
        with engine.connect() as connection:
            for target, stamp in [*((id, True) for id in stamped), (to, False)]:

                def step(at: tuple[str, ...], _: object, target: str = target, stamp: bool = stamp) -> object:
                    return script._stamp_revs(target, at) if stamp else script._upgrade_revs(target, at)  # type: ignore[arg-type]

                with EnvironmentContext(Config(), script, fn=step) as environment:
                    environment.configure(connection=connection)
                    with environment.begin_transaction():
                        environment.run_migrations()
            return sorted(name for name in inspect(connection).get_table_names() if name.startswith("t_"))


def confirmed(project: Project, verdict: Verdict) -> list[str]:
    """The heads of what would land, by Alembic and by us alike, once a database has reached them all."""
    fix = project.commit(verdict)
    found = heads(project, fix)
    assert found == project.heads(fix)
    upgraded(project, fix)
    return found
