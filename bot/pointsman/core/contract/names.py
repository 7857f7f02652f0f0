"""File names that mislead: what a name may not hold, and what it looks like; no pattern and no role."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt): drawn as nothing, and dropped by HFS+
when it compares names, which is how `.g<U+200C>it` becomes `.git`."""
_STARTS = tuple(first for first, _ in _IGNORABLE)

_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝьɡıᴏοαρνυκιτχγκΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТУХІЈЅ‐‑‒–—−․∕⁄",  # noqa: RUF001
    "aeopcyxijshdqwbgiooapvukitxykABEZHIKMNOPTYXABEKMHOPCTYXIJS------.//",
)
"""Letters that most fonts draw like ASCII (a part of Unicode's confusables.txt)."""


def shown(text: str) -> str:
    """A path, name or address on one line of printable characters, so that none can forge a line of output."""
    if text.isprintable():
        return text
    lone = "".join(ascii(each)[1:-1] if _is_lone(each) else each for each in text)
    safe = lone.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in safe)


def _is_lone(character: str) -> bool:
    """Half a surrogate pair, as an escape in a source file can make it, and not a byte that is no UTF-8."""
    return "\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff"


def is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"


def is_ignorable(character: str) -> bool:
    point = ord(character)
    index = bisect_right(_STARTS, point) - 1
    return index >= 0 and point <= _IGNORABLE[index][1]


def skeleton(path: str) -> str:
    """What the path looks like in ASCII: lookalikes and accents replaced, case kept."""
    plain = unicodedata.normalize("NFKD", path.translate(_LOOKALIKES))
    return "".join(character for character in plain if not unicodedata.combining(character))


def name_problem(path: str) -> tuple[str, str] | None:
    """(code, sentence) if no change may bring this name in, else None."""
    if path.isascii() and path.isprintable():
        return _part_problem(path)
    for character in path:
        if is_control(character):
            return "control_character", f"the name holds the control character U+{ord(character):04X}"
        if is_ignorable(character):
            return "invisible_character", f"the name holds the invisible character U+{ord(character):04X}"
        if 0xDC80 <= ord(character) <= 0xDCFF:
            return "not_utf8", f"the name is not UTF-8 (byte 0x{ord(character) - 0xDC00:02x})"
    return _part_problem(path)


_GIT_NAME = re.compile(r"(?:^|[/\\])(?:\.{0,2}|\.git[. ]*|\.git:[^/\\]*|git~1)(?:$|[/\\])", re.IGNORECASE)


def _part_problem(path: str) -> tuple[str, str] | None:
    """Names that git itself refuses to check out, yet that a hand-made tree can hold."""
    plain = path and path[0] not in "./" and path[-1] != "/" and "/." not in path and "//" not in path
    found = None if plain and "git" not in path.lower() else _GIT_NAME.search(path)
    return ("git_name", f"the name holds {found.group()!r}, which no tree may hold") if found else None
