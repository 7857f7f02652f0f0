"""Reading commands out of a comment's text, and out of labels; whether one is allowed is not asked here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from pointsman.core.contract.names import name_problem
from pointsman.core.contract.patterns import pattern_problem
from pointsman.core.pulls.commands.lines import Line, spoken_lines
from pointsman.core.pulls.commands.model import (
    WORDS,
    BadCommand,
    Command,
    Dequeue,
    Explain,
    Heal,
    Help,
    Hold,
    Hotfix,
    Pause,
    Priority,
    Queue,
    Resume,
    Retry,
    ScopeAdd,
    Status,
    Unhold,
)

MAX_COMMENT = 65_536
"""Characters in a comment on GitHub. What is longer is no comment of GitHub's and holds no command."""
MAX_COMMANDS = 10
MAX_REASON = 300
MAX_PATTERNS = 20
MAX_PATH = 1000
MAX_PRIORITY = 100
_MAX_SHOWN = 200

_WORD = re.compile(r"/([A-Za-z][A-Za-z0-9_-]*+)([.,:;!?]*+)(?=\s|$)(.*)", re.DOTALL)
_ARGUMENT = re.compile(r"""\s*+(?:"([^"]*+)"|`([^`]*+)`|([^\s"`]++))(?=\s|$)""")
_INTEGER = re.compile(r"[+-]?[0-9]{1,3}")


def parse_commands(body: str, *, bot: str | None = None) -> tuple[Command | BadCommand, ...]:
    """The commands of one comment, in order; words that are not ours are passed over (other bots have some).

    Takes the body as the forge has it. With `bot`, our login, a command may also be addressed: `/BOT queue`. At
    most ten commands are read; the eleventh is a `BadCommand`. Never raises; linear in the length.
    """
    if len(body) > MAX_COMMENT or "/" not in body:
        return ()
    found: list[Command | BadCommand] = []
    for line in spoken_lines(body):
        command = _command(line, bot)
        if command is not None and len(found) == MAX_COMMANDS:
            problem = (
                f"a comment has at most {MAX_COMMANDS} commands; this one and what follows were not read"
            )
            return (*found, _bad(line, problem, "help"))
        if command is not None:
            found.append(command)
    return tuple(found)


def _command(line: Line, bot: str | None) -> Command | BadCommand | None:
    """The command on this line; None when the line is ordinary text or another bot's command."""
    visible = "".join(each for each in line.text if not _unseen(each))
    matched = _WORD.fullmatch(visible)
    if matched is None or not line.text.startswith("/"):
        return None
    word, stop, rest = matched[1].lower(), matched[2], matched[3].strip()
    if bot is not None and word == bot.lower().removesuffix("[bot]"):
        addressed, _, rest = rest.partition(" ")
        word, stop = addressed.lower().removeprefix("/") or "help", ""
        if word not in WORDS:
            return _bad(line, f"there is no such command as {addressed[:40]}", "help")
    if word not in WORDS:
        return None
    if unseen := next((each for each in line.text if _unseen(each) or _odd_space(each)), None):
        return _bad(line, f"the line holds the invisible character U+{ord(unseen):04X}", word)
    made = f"nothing may follow it on the line, and there is {stop}" if stop else _READERS[word](rest)
    return _bad(line, made, word) if isinstance(made, str) else made


def _bad(line: Line, why: str, word: str) -> BadCommand:
    return BadCommand(line=line.number, text=line.text[:_MAX_SHOWN], why=why, usage=WORDS[word].usage)


def _unseen(character: str) -> bool:
    """Control and format characters, which are drawn as nothing or turn the text around; a tab is a space."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character != "\t"


def _odd_space(character: str) -> bool:
    return character.isspace() and character not in " \t"


def _plain(make: Callable[[], Command]) -> Callable[[str], Command | str]:
    def read(rest: str) -> Command | str:
        return "nothing may follow it on the line" if rest else make()

    return read


def _queue(rest: str) -> Command | str:
    if not rest:
        return Queue()
    return Queue(high=True) if rest.lower() == "high" else "the only word that may follow it is high"


def _reason(make: Callable[[str], Command]) -> Callable[[str], Command | str]:
    def read(rest: str) -> Command | str:
        if len(rest) > MAX_REASON:
            return f"a reason has at most {MAX_REASON} characters, this has {len(rest)}"
        return make(rest)

    return read


def _arguments(rest: str) -> list[str] | None:
    """Words, or "quoted" or `quoted` text where a space is meant; None where a quote is left open."""
    found: list[str] = []
    at = 0
    while at < len(rest):
        matched = _ARGUMENT.match(rest, at)
        if matched is None:
            return None
        found.append(next(group for group in matched.groups() if group is not None))
        at = matched.end()
    return found


def _scope(rest: str) -> Command | str:
    words = _arguments(rest)
    if words is None:
        return "a quote is not closed"
    if not words or words[0].lower() != "add":
        return "the word add has to follow it"
    patterns = tuple(dict.fromkeys(words[1:]))
    if not patterns:
        return "no path is given"
    if len(patterns) > MAX_PATTERNS:
        return f"at most {MAX_PATTERNS} paths are taken at once, these are {len(patterns)}"
    problem = next(filter(None, map(_pattern_problem, patterns)), "")
    return problem or ScopeAdd(patterns=patterns)


def _pattern_problem(pattern: str) -> str:
    return pattern_problem(pattern) if pattern else "a path is empty"


def _priority(rest: str) -> Command | str:
    if _INTEGER.fullmatch(rest) is None or not -MAX_PRIORITY <= int(rest) <= MAX_PRIORITY:
        return f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY} has to follow it"
    return Priority(value=int(rest))


def _explain(rest: str) -> Command | str:
    words = _arguments(rest)
    if words is None or len(words) != 1:
        return 'one path has to follow it; write "..." around one with spaces'
    path = words[0]
    if len(path) > MAX_PATH:
        return f"a path has at most {MAX_PATH} characters, this has {len(path)}"
    if path.startswith("/") or path.endswith("/") or "//" in path:
        return "a path is written from the root of the repository, without a slash at its ends"
    problem = name_problem(path)
    return problem[1] if problem else Explain(path=path)


_READERS: Mapping[str, Callable[[str], Command | str]] = MappingProxyType(
    {
        "queue": _queue,
        "hotfix": _plain(Hotfix),
        "dequeue": _plain(Dequeue),
        "heal": _plain(Heal),
        "retry": _plain(Retry),
        "hold": _reason(lambda reason: Hold(reason=reason)),
        "unhold": _plain(Unhold),
        "scope": _scope,
        "priority": _priority,
        "status": _plain(Status),
        "explain": _explain,
        "pause": _reason(lambda reason: Pause(reason=reason)),
        "resume": _plain(Resume),
        "help": _plain(Help),
    }
)

_LABELS: Mapping[str, Command] = MappingProxyType(
    {
        "pointsman: queue": Queue(),
        "pointsman: queue high": Queue(high=True),
        "pointsman: hold": Hold(reason="by label"),
        "pointsman: heal": Heal(),
    }
)


def label_command(label: str) -> Command | None:
    """What a label asks for when it is put on; None for a label that is none of ours. Case does not matter."""
    return _LABELS.get(label.lower()) if label.isascii() else None
