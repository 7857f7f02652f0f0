"""Echoing what somebody wrote, so that it says nothing and does nothing but stand there (rule 12)."""

from __future__ import annotations

from pointsman.core.contract.names import shown

LIMIT = 200
_CUT = "…"
_NO_MENTION = "&#64;&#8203;"
"""An `@` with a zero-width space: GitHub looks for mentions and addresses after entities are decoded."""


def quote(text: str, limit: int = LIMIT) -> str:
    """The text as one run of inline code that is safe anywhere in a comment's Markdown, also in a table and in
    an HTML comment: it neither mentions nor links anybody, ends no block and begins no command.

    Longer than `limit` characters it is cut; '' gives ''. Invisible characters are shown by their code.
    """
    if not text:
        return ""
    cut = text if len(text) <= limit else text[:limit] + _CUT
    return f"<code>{''.join(map(_entity, shown(cut)))}</code>"


def _entity(character: str) -> str:
    """Whatever can mean something to Markdown, HTML or a forge, as a number."""
    if character == "@":
        return _NO_MENTION
    if character.isalnum() or character == " " or ord(character) > 0x7F:
        return character
    return f"&#{ord(character)};"
