"""stub"""

from pointsman.core.migrations.operations.recorder import Recorder


def read_sql(text: str, rec: Recorder) -> None:
    rec.unknown("SQL")
