"""Keeps what both sides added below a marker of one file; refuses where a line would go or be doubled unsaid.

A region is the block right below the line that holds its marker. It ends before the first blank line, before the next
marker, before a line that is indented less than the block, and at the end of the file. The block's indentation is
that of its first line (the marker's, where that is deeper); what begins with a closing bracket is no block. One blank
line that stands right below the marker on all three versions belongs to the marker. The line that ends a region has to
be the same one in all three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_BYTES = 2_000_000
MAX_REGION = 20_000
"""Lines of one region: finding the base's lines again takes as many steps as there are."""
_CLOSING = (b")", b"]", b"}", b"</")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Both sides with every region as it shall be in the end: a merge of the two has nothing to decide there.

    `added` are the lines that only the change brings; `once` those that both sides add alike and that stand once."""

    ours: bytes
    theirs: bytes
    added: tuple[str, ...]
    once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAdditive:
    """Why the regions can't keep both sides."""

    why: str


def lost(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> str | None:
    """A line that neither side took away and that stands in `result` less often than on one of the sides; None: no
    line is lost. It looks at the whole file, whoever merged it."""
    before, left, right, after = (Counter(text.splitlines()) for text in (base, ours, theirs, result))
    for line in left | right:
        kept = left[line] >= before[line] and right[line] >= before[line]
        if kept and after[line] < max(left[line], right[line]):
            return line.decode(errors="replace")
    return None


class _Stop(Exception):
    pass


def keep_both(base: bytes, ours: bytes, theirs: bytes, markers: Sequence[str]) -> Kept | NotAdditive:
    """Every region of `markers` with the base's lines, and at each place what `ours`, then what `theirs` adds there.

    Where both add the very same lines at one place these stand once. Where their additions only share lines that
    say something (a letter or a digit), nobody can tell once from twice: refused. Line ends are compared too; the
    missing end of a last line is not a change of it. What lies outside the regions is left as each side has it.
    """
    try:
        return _keep_both(base, ours, theirs, [marker.encode() for marker in markers])
    except _Stop as stop:
        return NotAdditive(str(stop))


@dataclass(slots=True)
class _Version:
    """One version's lines, all ended alike; `cut` says whether the last line had no end."""

    name: str
    lines: list[bytes]
    end: bytes
    cut: bool
    regions: list[tuple[int, int]] = field(default_factory=list)

    def region(self, at: int) -> list[bytes]:
        first, end = self.regions[at]
        return self.lines[first:end]


def _keep_both(base: bytes, ours: bytes, theirs: bytes, markers: list[bytes]) -> Kept:
    texts = {"the base before both": base, "the base": ours, "the change": theirs}
    for name, text in texts.items():
        if len(text) > MAX_BYTES or b"\0" in text:
            raise _Stop(f"{name} has no text there, or too much of it")
    end = next((b"\r\n" if b"\r\n" in text else b"\n" for text in (ours, theirs) if b"\n" in text), b"\n")
    before, left, right = (_version(name, text, end) for name, text in texts.items())
    _find(before, left, right, markers)
    added: list[bytes] = []
    once: list[bytes] = []
    kept: list[list[bytes]] = []
    for at in range(len(markers)):
        old = before.region(at)
        lines, more, same = _together(old, _additions(old, left, at), _additions(old, right, at))
        kept.append(lines)
        added += more
        once += same
    cut = left.cut if left.cut == right.cut else not before.cut
    return Kept(
        ours=_written(left, kept, cut),
        theirs=_written(right, kept, cut),
        added=_shown(added),
        once=_shown(once),
    )


def _version(name: str, text: bytes, end: bytes) -> _Version:
    lines = text.split(b"\n")
    last = lines.pop()
    whole = [line + b"\n" for line in lines]
    return _Version(name, [*whole, last + end] if last else whole, end, bool(last))


def _find(before: _Version, left: _Version, right: _Version, markers: list[bytes]) -> None:
    versions = (before, left, right)
    places = [[_marked(version, marker) for marker in markers] for version in versions]
    if any(len(set(found)) < len(found) for found in places):
        raise _Stop("two markers are in one line")
    for at in range(len(markers)):
        starts = [places[number][at] + 1 for number in range(3)]
        if all(
            _blank(version.lines[start : start + 1]) for version, start in zip(versions, starts, strict=True)
        ):
            starts = [start + 1 for start in starts]
        deep = max(
            _depth(version, places[number][at], starts[number]) for number, version in enumerate(versions)
        )
        for number, version in enumerate(versions):
            stops = {place for place in places[number] if place != places[number][at]}
            version.regions.append((starts[number], _end(version, starts[number], deep, stops)))
        ends = {b"".join(version.lines[version.regions[at][1] :][:1]) for version in versions}
        if len(ends) > 1:
            shown = " or ".join(sorted(repr(line.decode(errors="replace").strip()) for line in ends))
            raise _Stop(f"the region does not end at the same line on the base and on both sides: {shown}")


def _marked(version: _Version, marker: bytes) -> int:
    found = [number for number, line in enumerate(version.lines) if marker in line]
    if len(found) != 1:
        what = f"{len(found)} lines hold" if found else "no line holds"
        raise _Stop(f"{what} the marker {marker.decode()!r} in {version.name}")
    return found[0]


def _blank(lines: list[bytes]) -> bool:
    return bool(lines) and not lines[0].strip()


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" \t"))


def _depth(version: _Version, marker: int, start: int) -> int:
    first = version.lines[start : start + 1]
    own = _indent(version.lines[marker])
    return max(own, _indent(first[0])) if first and first[0].strip() else own


def _end(version: _Version, start: int, deep: int, stops: set[int]) -> int:
    for number in range(start, len(version.lines)):
        line = version.lines[number]
        closes = number == start and line.lstrip().startswith(_CLOSING)
        if not line.strip() or _indent(line) < deep or closes or number in stops:
            return number
    return len(version.lines)


def _additions(old: list[bytes], side: _Version, at: int) -> list[list[bytes]]:
    """What the side puts before each of the base's lines, and (last) after all of them."""
    new = side.region(at)
    if len(new) > MAX_REGION:
        raise _Stop(f"the region is longer than {MAX_REGION} lines")
    gaps: list[list[bytes]] = [[] for _ in range(len(old) + 1)]
    found = 0
    for line in new:
        if found < len(old) and line == old[found]:
            found += 1
        else:
            gaps[found].append(line)
    if found < len(old):
        gone = old[found].decode(errors="replace").strip()
        raise _Stop(f"{side.name} changes or removes a line of the region, {gone!r} or one near it")
    return gaps


def _together(
    old: list[bytes], left: list[list[bytes]], right: list[list[bytes]]
) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The region's lines, those that are the right side's alone, and those that both add alike."""
    lines: list[bytes] = []
    added: list[bytes] = []
    once: list[bytes] = []
    ours = {line for gap, other in zip(left, right, strict=True) if gap != other for line in gap}
    for at, (mine, other) in enumerate(zip(left, right, strict=True)):
        lines += mine
        if mine != other:
            shared = next((line for line in other if line in ours and _says_something(line)), None)
            if shared is not None:
                text = shared.decode(errors="replace").strip()
                raise _Stop(f"both sides add {text!r}, among other lines: once or twice?")
            lines += other
            added += other
        else:
            once += mine
        lines += old[at : at + 1]
    return lines, added, once


def _says_something(line: bytes) -> bool:
    return any(byte >= 0x80 or chr(byte).isalnum() for byte in line)


def _written(side: _Version, kept: list[list[bytes]], cut: bool) -> bytes:
    """The side's text with every region replaced. A last line that lies in a region ends as the merge of three says;
    any other as the side has it."""
    lines = list(side.lines)
    at_the_end = any(end == len(side.lines) for _, end in side.regions)
    for (first, end), new in sorted(
        zip(side.regions, kept, strict=True), key=lambda one: one[0], reverse=True
    ):
        lines[first:end] = new
    text = b"".join(lines)
    return text.removesuffix(side.end) if (cut if at_the_end else side.cut) else text


def _shown(lines: list[bytes]) -> tuple[str, ...]:
    return tuple(line.decode(errors="replace").rstrip("\r\n") for line in lines)
