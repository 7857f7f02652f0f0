"""What the service says while it runs: one line of JSON each on stderr; it decides nothing of what is said."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

TEXT_CHARACTERS = 4_000
TRACE_CHARACTERS = 16_000


class OneLine(logging.Formatter):
    """A record as one JSON object: `at` (UTC), `level`, `source`, `text`, and `trace` where something was raised."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": record.name,
            "text": record.getMessage()[:TEXT_CHARACTERS],
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-TRACE_CHARACTERS:]
        return json.dumps(line, ensure_ascii=True)


def log_to(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send every logger's records of that level and above to the stream (stderr), in place of what was set up.

    Only the server's process may call this: it is the whole process's setting."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
