"""Plain YAML scalars that readers of YAML 1.1 and 1.2 take for different values; facts about text only."""

from __future__ import annotations

import re

_YES_NO = re.compile(r"y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|Off|OFF")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_BASE_60 = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_GROUPED = re.compile(r"[-+]?[0-9]+(?:_[0-9]+)+")


def yaml_surprise(text: str) -> str:
    """'' or how other readers may take this unquoted text. (`off` is a word of this format.)"""
    for pattern, taken in (
        (_YES_NO, "true or false"),
        (_OCTAL, "an octal number"),
        (_BASE_60, "a number in base 60"),
        (_GROUPED, "a number without the underscores"),
    ):
        if pattern.fullmatch(text):
            return f'{text}: other YAML readers take this for {taken}; write "{text}"'
    return ""
