"""Writes a repair as SVG that stands alone: no script, no font or picture from elsewhere, light and dark by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never
from xml.sax.saxutils import escape

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.model import HealedGraph, Told
from pointsman.core.migrations.drawing.scene import page_of
from pointsman.core.migrations.drawing.shapes import Card, Dot, Page, Shape, Stretch, Text, Tick
from pointsman.core.migrations.drawing.text import draw_before_after

MAX_BYTES = 20_000
_SIZES = ((24, 4), (16, 4), (12, 3), (8, 2), (6, 1))
"""Rows of a picture and environments, tried until the drawing is small enough."""

_STYLE = """\
svg{--bg:#fff;--ink:#1f2328;--dim:#59636e;--card:#f6f8fa;--edge:#d1d9e0;--base:#0969da;--change:#bc4c00;--new:#1a7f37;\
--gone:#cf222e;--old:#9aa4af}
@media(prefers-color-scheme:dark){svg{--bg:#0d1117;--ink:#f0f6fc;--dim:#9198a1;--card:#151b23;--edge:#3d444d;\
--base:#4493f8;--change:#e0823d;--new:#3fb950;--gone:#f85149;--old:#656c76}}
text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;white-space:pre}
.m,.q{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.q,.n,.s{font-size:11px}.h{font-size:16px;font-weight:600}.b{font-weight:600}
text.dim{fill:var(--dim)}text.base{fill:var(--base)}text.change{fill:var(--change)}text.new{fill:var(--new)}
text.gone{fill:var(--gone)}.m.gone{text-decoration:line-through}
.card{fill:var(--card);stroke:var(--edge)}
.line{fill:none;stroke-width:3.5;stroke-linecap:round}.line.new{stroke-width:5}
.line.old{stroke:var(--old);stroke-width:2.5;stroke-dasharray:2 6}
path.base,circle.base{stroke:var(--base)}path.change,circle.change{stroke:var(--change)}
path.new,circle.new{stroke:var(--new)}path.gone,circle.gone{stroke:var(--gone)}
.stop{fill:var(--card);stroke-width:3}.stop.full{fill:var(--new)}.stop.gone{stroke-dasharray:3 3}
.fold{fill:var(--card);stroke:var(--dim);stroke-width:2;stroke-dasharray:1 3}
.tick{fill:none;stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.yes{stroke:var(--new)}.no{stroke:var(--gone)}.maybe{stroke:var(--change)}"""


def draw_svg(told: Told) -> str:
    """The page as one SVG document of at most MAX_BYTES. Its title and description say the same in words."""
    for rows, most in _SIZES:
        text = _document(told, page_of(told, rows=rows, most=most), most)
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def _document(told: Told, page: Page, most: int) -> str:
    wide, high = round(page.width), round(page.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        'role="img" aria-labelledby="t d">',
        f'<title id="t">{_text(told.title)}</title>',
        f'<desc id="d">{_description(told, most)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{wide}" height="{high}" rx="8" style="fill:var(--bg)"/>',
        *(_shape(shape) for shape in page.shapes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _description(told: Told, most: int) -> str:
    drawn: Sequence[HealedGraph] = told.graphs[:most]
    lines = [*told.lines, *(draw_before_after(graph) for graph in drawn)]
    return _text("\n".join(lines)[:1500])


def _shape(shape: Shape) -> str:
    match shape:
        case Text():
            return (
                f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" class="{shape.look}">{_text(shape.text)}</text>'
            )
        case Dot():
            return f'<circle cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.r)}" class="{shape.look}"/>'
        case Stretch():
            return f'<path d="{_path(shape)}" class="{shape.look}"/>'
        case Card():
            box = shape.box
            place = f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.w)}" height="{_n(box.h)}"'
            return f'<rect {place} rx="8" class="{shape.look}"/>'
        case Tick():
            return f'<path d="{_tick(shape)}" class="tick {shape.look}"/>'
        case _:
            assert_never(shape)


def _path(one: Stretch) -> str:
    """Straight down, or over to the other column in one bend at each end."""
    start = f"M{_n(one.x1)} {_n(one.y1)}"
    if one.x1 == one.by == one.x2:
        return f"{start}V{_n(one.y2)}"
    if one.by not in (one.x1, one.x2) and one.y2 - one.y1 < 2 * one.bend:
        middle = (one.y1 + one.y2) / 2
        return f"{start}{_bend(one.x1, one.y1, one.by, middle)}{_bend(one.by, middle, one.x2, one.y2)}"
    bend = min(one.bend, one.y2 - one.y1)
    path = start
    if one.by != one.x1:
        path += _bend(one.x1, one.y1, one.by, one.y1 + bend)
    if one.by != one.x2:
        path += f"V{_n(one.y2 - bend)}{_bend(one.by, one.y2 - bend, one.x2, one.y2)}"
    return f"{path}V{_n(one.y2)}"


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = _n((y1 + y2) / 2)
    return f"C{_n(x1)} {middle} {_n(x2)} {middle} {_n(x2)} {_n(y2)}"


def _tick(one: Tick) -> str:
    x, y = one.x, one.y
    small = "small" in one.look
    size = 3 if small else 5
    if "yes" in one.look:
        return f"M{_n(x)} {_n(y)}l{size} {size}l{2 * size - 1} -{2 * size}"
    if "no" in one.look:
        return f"M{_n(x)} {_n(y - size)}l{2 * size} {2 * size}m0 -{2 * size}l-{2 * size} {2 * size}"
    return f"M{_n(x)} {_n(y)}h{2 * size}"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    """Escaped, every character printable, line ends kept."""
    return escape("\n".join(shown(line) for line in text.split("\n")))
