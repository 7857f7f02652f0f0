"""A first contract for a repository that has none: from its CODEOWNERS, else from its top-level layout.

It writes text with comments, for a person to read and change; it never claims to know the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.conflicts.kinds import entry, known
from pointsman.core.contract.codeowners import OwnersLine, UnusableLine, parse_codeowners
from pointsman.core.contract.identity import Author
from pointsman.core.contract.matching import pattern_set
from pointsman.core.contract.model import Contract
from pointsman.core.contract.reading.loading import load
from pointsman.core.model import GitPath

MAX_ROLES = 20
MAX_OWNERS = 1000
MAX_NOTES = 50
_SECRETS = (".env", ".env.local", "*.pem", "*.key", "id_rsa")
MAX_LOCKS = 20
_LOCK = re.compile(r"(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)/)?[^/]+")
"""In the root or a folder of it, whose name needs no quotes in a command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Person:
    name: str
    written: str


ANY_PERSON = _Person(name="people", written="human")


def init_from(
    codeowners: bytes | None, tracked: Sequence[GitPath], base: str, people: Sequence[str] = ()
) -> str:
    """The text of a contract that loads.

    `people` are those who run it, as `--author` takes them; they get a role that owns everything. With none,
    any person does.
    """
    runners = _runners(people)

    def whole(roles: str) -> str:
        parts = (
            _head(base, codeowners is not None, runners),
            roles,
            _paths(tracked),
            _gate(),
            _locks(tracked),
        )
        return "\n".join(part for part in (*parts, _commands(runners)) if part)

    if codeowners is None:
        return whole(_from_layout(tracked, runners))
    owners = _Owners.of(codeowners)
    kept = min(len(owners.patterns), MAX_OWNERS)
    text = whole(_from_codeowners(owners, kept, runners))
    while kept and not isinstance(load(text.encode()), Contract):
        kept //= 2
        text = whole(_from_codeowners(owners, kept, runners))
    return text


def _quoted(text: str) -> str:
    """A YAML 1.2 double-quoted scalar; JSON's escapes are a subset of YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _flow(items: Iterable[str]) -> str:
    return "[" + ", ".join(items) + "]"


_OTHER_VALUE = re.compile(
    r"null|true|false|yes|no|on|off|y|n|[0-9_]+|0x[0-9a-f]+|[0-9]+e[0-9]+", re.IGNORECASE
)
"""Names that YAML readers take for something else than text."""


def _slug(text: str, taken: Iterable[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-") or "role"
    if _OTHER_VALUE.fullmatch(base):
        base += "-role"
    names = set(taken) | {"none", "all", "human"}
    numbers = (name for n in range(2, len(names) + 3) if (name := f"{base}-{n}") not in names)
    return base if base not in names else next(numbers)


def _runners(people: Sequence[str]) -> list[_Person]:
    found: list[_Person] = []
    for text in (text for text in dict.fromkeys(people) if text.isprintable()):
        author = Author.parse(text)
        written = f"{{email: {_quoted(author.email)}}}" if author.email else _identity(author.login or text)
        name = _slug(text.lstrip("@").partition("@")[0], ["maintainer", *(person.name for person in found)])
        if written is not None:
            found.append(_Person(name=name, written=written))
    return found or [ANY_PERSON]


def _head(base: str, from_owners: bool, runners: Sequence[_Person]) -> str:
    default = (
        ""
        if runners == [ANY_PERSON]
        else "default_role: maintainer  # on every branch no other role is for\n"
    )
    origin = "CODEOWNERS" if from_owners else "the top-level folders"
    return (
        f"# Who may change what, and what has to pass. Written from {origin} by `pointsman contract init`:\n"
        "# a start to be read and changed. It holds from the base branch only, never from a change.\n"
        f"version: 1\nbase: {_quoted(base)}\n" + default
    )


def _role(name: str, who: Sequence[str], branches: Sequence[str], owns: Sequence[str]) -> str:
    lines = [f"  {name}:", f"    who: {_flow(who)}"]
    if branches:
        lines.append(f"    branches: {_flow(_quoted(branch) for branch in branches)}")
    if len(owns) < 4:
        lines.append(f"    owns: {_flow(_quoted(pattern) for pattern in owns)}")
    else:
        lines += ["    owns:", *(f"      - {_quoted(pattern)}" for pattern in owns)]
    return "\n".join(lines)


def _maintainer(runners: Sequence[_Person]) -> str:
    """As the default role it needs no branches; where it is anybody's, other roles' people must not slip into it."""
    branches = ["*", "maintainer/**"] if runners == [ANY_PERSON] else []
    return _role("maintainer", [person.name for person in runners], branches, ["**"])


def _from_layout(tracked: Sequence[GitPath], runners: list[_Person]) -> str:
    folders = sorted({path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")})
    names = [person.name for person in runners]
    identities = [f"  {person.name}: {person.written}" for person in runners]
    roles = [_maintainer(runners)]
    taken = ["maintainer"]
    for folder in folders[:MAX_ROLES]:
        pattern = f"/{folder}/"
        if re.search(r"[*?\\]|[^\x20-\x7e]", folder):
            continue
        name = _slug(folder, taken)
        taken.append(name)
        roles.append(_role(name, names, [f"agent/{name}/**"], [pattern]))
    return (
        "identities:\n"
        "  # Agents with an account of their own:  coder: {email: coder@example.com, bot: true}\n"
        + "\n".join(identities)
        + "\n\n# A role is who and which branch: work on agent/NAME/... changes that folder only.\nroles:\n"
        + "\n".join(roles)
        + "\n"
    )


def _identity(owner: str) -> str | None:
    name = owner.removeprefix("@")
    if re.fullmatch(r"[^/\s@]+/[^/\s]+", name):
        return f"{{team: {_quoted(name)}}}"
    if re.fullmatch(r"[^@\s]+@[^@\s]+", owner):
        return f"{{email: {_quoted(owner)}}}"
    return f"{{user: {_quoted(name)}}}" if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Owners:
    """A CODEOWNERS file: each owner's patterns in its order, and what of it becomes no role."""

    patterns: Mapping[str, Mapping[str, None]]
    lines: Sequence[OwnersLine]
    unusable: Sequence[UnusableLine]

    @staticmethod
    def of(data: bytes) -> _Owners:
        lines, unusable = parse_codeowners(data)
        patterns: dict[str, dict[str, None]] = {}
        for line in lines:
            for owner in line.owners:
                if _identity(owner) is not None:
                    patterns.setdefault(owner, {})[line.pattern] = None
        return _Owners(patterns=patterns, lines=lines, unusable=unusable)

    def largest(self, count: int) -> set[str]:
        """The owners with the most patterns, those of the same number in the file's order."""
        return set(sorted(self.patterns, key=lambda owner: -len(self.patterns[owner]))[:count])


def _from_codeowners(owners: _Owners, kept: int, runners: list[_Person]) -> str:
    names = {person.written: person.name for person in runners}
    roles = [_maintainer(runners)]
    taken = ["maintainer", *names.values()]
    chosen = owners.largest(kept)
    for owner, patterns in owners.patterns.items():
        written = _identity(owner)
        if owner not in chosen or written is None:
            continue
        role = _slug(owner, taken)
        taken.append(role)
        owns = ["**" if pattern == "*" else pattern for pattern in patterns]
        roles.append(_role(role, [names.setdefault(written, role)], [f"{role}/**"], owns))
    return (
        "identities:\n"
        + "".join(f"  {name}: {written}\n" for written, name in names.items())
        + "\n# In CODEOWNERS the last line that matches wins; a role owns all that it lists. One role for each\n"
        "# owner, told apart by the branch, since one person may be several owners.\nroles:\n"
        + "\n".join(roles)
        + "\n"
        + _left_out(owners, len(owners.patterns) - kept)
    )


def _left_out(owners: _Owners, owners_left_out: int) -> str:
    notes = [f"CODEOWNERS line {bad.line} was left out: {_one_line(bad.why)}" for bad in owners.unusable]
    notes += [
        f"CODEOWNERS line {line.line} leaves {_one_line(line.pattern)} to nobody; wider rules hold here."
        for line in owners.lines
        if not line.owners
    ]
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"... and {len(notes) - MAX_NOTES} more lines like these."]
    if owners_left_out:
        notes.append(
            f"{owners_left_out} owners, those with the fewest lines, were left out: a contract holds no more."
        )
    return "".join(f"# {note}\n" for note in notes)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _paths(tracked: Sequence[GitPath]) -> str:
    """Only secrets that nothing tracked looks like: a first contract must not condemn what is there."""
    rules = [pattern_set((pattern,), protective=True) for pattern in _SECRETS]
    clean = [
        pattern
        for pattern, rule in zip(_SECRETS, rules, strict=True)
        if not any(rule.matches(path) for path in tracked)
    ]
    if not clean:
        return ""
    secrets = _flow(_quoted(pattern) for pattern in clean)
    return (
        "# Built in beside these is a control class: this file, .github/, CODEOWNERS, git's own files,\n"
        "# migration environments and agents' instructions need a person's approval.\npaths:\n"
        f"  secrets: {{match: {secrets}, rule: never}}\n"
    )


def _gate() -> str:
    return (
        "# What has to pass on the exact tree that lands. Until a check runs a command, nothing is tested.\n"
        "# checks:\n"
        "#   unit: {run: make test, timeout: 10m, min_tests: 1}\n"
    )


def _locks(tracked: Sequence[GitPath]) -> str:
    """What tools make of other files here; only what names all that it is made of."""
    names = set(tracked)
    found = [
        one
        for path in sorted(names, key=lambda path: ("/" in path, path))
        if (place := _LOCK.fullmatch(path)) is not None
        and (tool := known(path)) is not None
        and any(_join(place.group(1), source) in names for source in tool.sources)
        and (one := entry(path)) is not None
    ][:MAX_LOCKS]
    if not found:
        return ""
    return (
        "# Where both sides of a merge change these, the base's are taken and the command is run on the merged tree.\n"
        "conflicts:\n  regenerated:\n" + "".join(f"    - {one}\n" for one in found)
    )


def _join(folder: str | None, name: str) -> GitPath:
    return f"{folder}/{name}" if folder else name


def _commands(runners: list[_Person]) -> str:
    names = _flow(person.name for person in runners)
    return f"scope:\n  expand: {{by: {names}, expires: 24h}}\n"
