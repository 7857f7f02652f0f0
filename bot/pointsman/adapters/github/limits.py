"""Texts cut to what GitHub takes, so that what is left still reads as Markdown; nothing is sent here."""

from __future__ import annotations

MOST_BYTES = 65_535
"""Of a check run's summary and text each (GitHub's description of its API); comments take 65,536 characters."""
_MARK = "\n\n*(cut here: GitHub takes no more)*"
_FENCE = "```"


def fitted(text: str, most: int = MOST_BYTES) -> str:
    """The text, cut at the end of a line where it has more than `most` bytes in UTF-8, with a mark that says so."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode("utf-8")
    room = most - len(_MARK.encode()) - len(_FENCE) - 1
    kept = data[:room].decode("utf-8", "ignore")
    whole_lines = kept.rpartition("\n")[0]
    kept = whole_lines if len(whole_lines) > len(kept) // 2 else kept
    fences = sum(line.lstrip().startswith(_FENCE) for line in kept.splitlines())
    return kept + (f"\n{_FENCE}" if fences % 2 else "") + _MARK


def clipped(text: str, most: int) -> str:
    """At most `most` characters, the last an ellipsis where there were more."""
    return text if len(text) <= most else text[: most - 1] + "…"
