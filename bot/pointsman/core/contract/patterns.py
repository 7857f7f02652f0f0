"""What a path pattern may look like; how it matches is in `matching`.

CODEOWNERS semantics: a `/` at the start or inside anchors to the root, a `/` at the end means a folder, `*`
and `?` stay within one name, `**` spans folders, a pattern that matches a folder matches all below it - but
`dir/*` only the names directly in `dir`. Brackets and braces are literal, `!` and backslashes are refused.
"""

from __future__ import annotations

import unicodedata

from pointsman.core.contract.names import is_control, is_ignorable

MAX_PATTERN = 1000
MAX_STARS = 20


def pattern_problem(text: str) -> str:
    """'' if the pattern can be used, else what is wrong with it and what to write instead."""
    return _character_problem(text) or _slash_problem(text) or _star_problem(text)


def protective_problem(text: str) -> str:
    """The same for a list that protects (`cannot_touch`, a class): a pattern that stops short is refused."""
    trouble = pattern_problem(text)
    if trouble or not text.endswith("/*"):
        return trouble
    if text == "/*":
        return "'/*' leaves everything in folders open; write ** for everything, or name the files"
    folder = text.removesuffix("*")
    return f"{text!r} protects only what is directly in it; write {folder} or {folder}** for all below"


def fold(text: str) -> str:
    """The form in which names that look or check out alike are equal: NFC and case-folded."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _character_problem(text: str) -> str:
    if text != text.strip():
        return f"{text!r} begins or ends with a space; remove it"
    if len(text) > MAX_PATTERN:
        return f"a pattern has at most {MAX_PATTERN} characters, this has {len(text)}"
    if text.startswith("!"):
        return f"{text!r}: negation is not supported; list what is meant, or use cannot_touch"
    if "\\" in text:
        return f"{text!r}: a backslash is not used in patterns; every character but * and ? is literal"
    bad = next((character for character in text if is_control(character) or is_ignorable(character)), None)
    return f"the invisible character U+{ord(bad):04X} is not allowed in a pattern" if bad else ""


def _slash_problem(text: str) -> str:
    if text == "/":
        return "'/' matches nothing; write ** for everything"
    parts = text.removeprefix("/").removesuffix("/").split("/")
    if "" in parts:
        return f"{text!r} has an empty part between two slashes; write one slash"
    if {".", ".."} & set(parts):
        return f"{text!r}: paths are relative to the root of the repository; write them without . and .."
    if ".git" in (part.lower() for part in parts):
        return f"{text!r}: git never tracks .git"
    return ""


def _star_problem(text: str) -> str:
    if text == "**/" or text.endswith("/**/"):
        return f"{text!r} is ambiguous: matchers disagree on files directly in the folder; write {text[:-1]}"
    if text.count("*") > MAX_STARS:
        return f"a pattern has at most {MAX_STARS} asterisks, this has {text.count('*')}"
    return ""


def branch_problem(text: str) -> str:
    """'' if this can be a branch pattern: names with `/`, `*` within a part, `**` across parts."""
    if text.startswith("/") or text.endswith("/") or "//" in text:
        return f"{text!r} is no branch pattern: it begins, ends or doubles with a slash"
    if text.startswith("refs/"):
        return f"{text!r}: write the branch without refs/heads/"
    if any(character.isspace() or character in "\\!^~:" for character in text):
        return f"{text!r} has a character that no branch name has"
    return _character_problem(text)
