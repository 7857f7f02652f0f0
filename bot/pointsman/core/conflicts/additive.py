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


def keep_both(base: bytes, ours: bytes, theirs: bytes, markers: Sequence[str]) -> Kept | NotAdditive:
    """Every region of `markers` with the base's lines, and at each place what `ours`, then what `theirs` adds there.

    Where both add the very same lines at one place these stand once. Where their additions only share lines that
    say something (a letter or a digit), nobody can tell once from twice: refused. Line ends are compared too; the
    missing end of a last line is not a change of it. What lies outside the regions is left as each side has it.
    """
    texts = {"the base before both": base, "the base": ours, "the change": theirs}
    for name, text in texts.items():
        if len(text) > MAX_BYTES or b"\0" in text:
            return NotAdditive(f"{name} has no text there, or too much of it")
    end = next((b"\r\n" if b"\r\n" in text else b"\n" for text in (ours, theirs) if b"\n" in text), b"\n")
    before, left, right = (_version(name, text, end) for name, text in texts.items())
    wrong = _find((before, left, right), [marker.encode() for marker in markers])
    return wrong or _keep_both(before, left, right)


@dataclass(slots=True)
class _Version:
    """One version's lines, all ended alike; `cut` says whether the last line had no end. `regions` are (first, end)."""

    name: str
    lines: list[bytes]
    end: bytes
    cut: bool
    regions: list[tuple[int, int]] = field(default_factory=list)

    def region(self, at: int) -> list[bytes]:
        first, end = self.regions[at]
        return self.lines[first:end]

    def after(self, at: int) -> bytes:
        """The line that ends the region; empty at the end of the file."""
        return b"".join(self.lines[self.regions[at][1] :][:1])


def _keep_both(before: _Version, left: _Version, right: _Version) -> Kept | NotAdditive:
    added: list[bytes] = []
    once: list[bytes] = []
    regions: list[list[bytes]] = []
    for at in range(len(before.regions)):
        one = _one_region(before, left, right, at)
        if isinstance(one, NotAdditive):
            return one
        regions.append(one.lines)
        added += one.added
        once += one.once
    cut = left.cut if left.cut == right.cut else not before.cut
    return Kept(
        ours=_written(left, regions, cut),
        theirs=_written(right, regions, cut),
        added=_shown(added),
        once=_shown(once),
    )


def _version(name: str, text: bytes, end: bytes) -> _Version:
    lines = text.split(b"\n")
    last = lines.pop()
    whole = [line + b"\n" for line in lines]
    return _Version(name, [*whole, last + end] if last else whole, end, bool(last))


def _find(versions: tuple[_Version, _Version, _Version], markers: list[bytes]) -> NotAdditive | None:
    """Finds every region in each version; what speaks against that."""
    places: list[list[int]] = []
    for version in versions:
        found = [[n for n, line in enumerate(version.lines) if marker in line] for marker in markers]
        for marker, lines in zip(markers, found, strict=True):
            if len(lines) != 1:
                what = f"{len(lines)} lines hold" if lines else "no line holds"
                return NotAdditive(f"{what} the marker {marker.decode()!r} in {version.name}")
        places.append([lines[0] for lines in found])
        if len(set(places[-1])) < len(markers):
            return NotAdditive("two markers are in one line")
    for at in range(len(markers)):
        _bound(versions, places, at)
        ends = sorted({repr(version.after(at).decode(errors="replace").strip()) for version in versions})
        if len({version.after(at) for version in versions}) > 1:
            where = "the region does not end at the same line on the base and on both sides"
            return NotAdditive(f"{where}: {' or '.join(ends)}")
    return None


def _bound(versions: tuple[_Version, ...], places: list[list[int]], at: int) -> None:
    starts = [found[at] + 1 for found in places]
    if all(_blank(version.lines[start : start + 1]) for version, start in zip(versions, starts, strict=True)):
        starts = [start + 1 for start in starts]
    depths = [
        _depth(version, found[at], start)
        for version, found, start in zip(versions, places, starts, strict=True)
    ]
    for version, found, start in zip(versions, places, starts, strict=True):
        stops = {place for place in found if place != found[at]}
        version.regions.append((start, _end(version, start, max(depths), stops)))


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


Gaps = list[list[bytes]]
"""What a side puts before each of the base's lines, and (last) after all of them."""


def _gaps(old: list[bytes], side: _Version, at: int) -> Gaps | NotAdditive:
    gaps: Gaps = [[] for _ in range(len(old) + 1)]
    found = 0
    for line in side.region(at):
        if found < len(old) and line == old[found]:
            found += 1
        else:
            gaps[found].append(line)
    if found < len(old):
        gone = old[found].decode(errors="replace").strip()
        return NotAdditive(f"{side.name} changes or removes a line of the region, {gone!r} or one near it")
    return gaps


@dataclass(slots=True)
class _Region:
    """The lines to be, those of them that are the change's alone, and those that both sides add alike."""

    lines: list[bytes] = field(default_factory=list)
    added: list[bytes] = field(default_factory=list)
    once: list[bytes] = field(default_factory=list)


def _one_region(before: _Version, left: _Version, right: _Version, at: int) -> _Region | NotAdditive:
    old = before.region(at)
    ours, theirs = _gaps(old, left, at), _gaps(old, right, at)
    if isinstance(ours, NotAdditive):
        return ours
    if isinstance(theirs, NotAdditive):
        return theirs
    pairs = list(zip(ours, theirs, strict=True))
    said = {line for mine, other in pairs if mine != other for line in mine if _says_something(line)}
    region = _Region()
    for number, (mine, other) in enumerate(pairs):
        region.lines += mine
        if mine == other:
            region.once += mine
        elif (shared := next((line for line in other if line in said), None)) is not None:
            text = shared.decode(errors="replace").strip()
            return NotAdditive(f"both sides add {text!r}, among other lines: once or twice?")
        else:
            region.lines += other
            region.added += other
        region.lines += old[number : number + 1]
    return region


def _says_something(line: bytes) -> bool:
    return any(byte >= 0x80 or chr(byte).isalnum() for byte in line)


def _written(side: _Version, regions: list[list[bytes]], cut: bool) -> bytes:
    """The side's text with every region replaced. A last line that lies in a region ends as the merge of three says;
    any other as the side has it."""
    lines = list(side.lines)
    at_the_end = any(end == len(side.lines) for _, end in side.regions)
    for (first, end), new in sorted(
        zip(side.regions, regions, strict=True), key=lambda one: one[0], reverse=True
    ):
        lines[first:end] = new
    text = b"".join(lines)
    return text.removesuffix(side.end) if (cut if at_the_end else side.cut) else text


def _shown(lines: list[bytes]) -> tuple[str, ...]:
    return tuple(line.decode(errors="replace").rstrip("\r\n") for line in lines)
