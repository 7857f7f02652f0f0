"""What an additive region keeps, and when it stops: tables, and a property over arbitrary additions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.conflicts.additive import Kept, NotAdditive, keep_both, lost

ROUTER = """\
from app import a

ROUTES = [  # pointsman: routes
    a.router,
]

def main():
    pass
"""


def kept(base: str, ours: str, theirs: str, *markers: str) -> Kept:
    outcome = keep_both(base.encode(), ours.encode(), theirs.encode(), markers or ("pointsman: routes",))
    assert isinstance(outcome, Kept), outcome
    return outcome


def stopped(base: str, ours: str, theirs: str, *markers: str) -> str:
    outcome = keep_both(base.encode(), ours.encode(), theirs.encode(), markers or ("pointsman: routes",))
    assert isinstance(outcome, NotAdditive), outcome
    return outcome.why


def after(base: str, line: str, *more: str) -> str:
    """`base` with the lines put behind `line`."""
    return base.replace(line, line + "".join(more))


def test_R75_both_registrations_stay_the_bases_first() -> None:
    outcome = kept(
        ROUTER,
        after(ROUTER, "    a.router,\n", "    b.router,\n"),
        after(ROUTER, "    a.router,\n", "    c.router,\n"),
    )
    assert outcome.ours.decode() == after(ROUTER, "    a.router,\n", "    b.router,\n    c.router,\n")
    assert outcome.theirs == outcome.ours
    assert outcome.added == ("    c.router,",)


def test_R75_what_is_outside_of_the_region_stays_as_each_side_has_it() -> None:
    ours = after(ROUTER, "    a.router,\n", "    b.router,\n").replace(
        "from app import a", "from app import a, b"
    )
    theirs = after(ROUTER, "    a.router,\n", "    c.router,\n").replace("pass", "run()")
    outcome = kept(ROUTER, ours, theirs)
    assert b"import a, b\n" in outcome.ours and b"import a\n" in outcome.theirs
    assert b"pass" in outcome.ours and b"run()" in outcome.theirs
    for side in (outcome.ours, outcome.theirs):
        assert b"    a.router,\n    b.router,\n    c.router,\n]\n" in side


MARK = "# pointsman: routes\n"
BLOCK = MARK + "add(a)\n"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        pytest.param(
            BLOCK,
            BLOCK + "add(b)\n",
            BLOCK + "add(c)\n",
            BLOCK + "add(b)\nadd(c)\n",
            id="at the end of the file",
        ),
        pytest.param(
            "#R pointsman: routes\n",
            "#R pointsman: routes\nb\n",
            "#R pointsman: routes\nc\n",
            "#R pointsman: routes\nb\nc\n",
            id="an empty region",
        ),
        pytest.param(
            "x = [ # pointsman: routes\n]\n",
            "x = [ # pointsman: routes\n  b,\n]\n",
            "x = [ # pointsman: routes\n  c,\n]\n",
            "x = [ # pointsman: routes\n  b,\n  c,\n]\n",
            id="an empty list",
        ),
        pytest.param(
            "  # pointsman: routes\n  a(\n    1\n  )\nend\n",
            "  # pointsman: routes\n  a(\n    1\n  )\n  b(\n    2\n  )\nend\n",
            "  # pointsman: routes\n  a(\n    1\n  )\n  c(\n    3\n  )\nend\n",
            "  # pointsman: routes\n  a(\n    1\n  )\n  b(\n    2\n  )\n  c(\n    3\n  )\nend\n",
            id="additions of several lines share brackets",
        ),
        pytest.param(
            "## Unreleased pointsman: routes\n\n- a\n\n## 1\n",
            "## Unreleased pointsman: routes\n\n- b\n- a\n\n## 1\n",
            "## Unreleased pointsman: routes\n\n- c\n- a\n\n## 1\n",
            "## Unreleased pointsman: routes\n\n- b\n- c\n- a\n\n## 1\n",
            id="a blank line below the marker",
        ),
        pytest.param(
            MARK + "a", MARK + "a\nb", MARK + "a\nc", MARK + "a\nb\nc", id="no end of the last line, kept"
        ),
        pytest.param(
            MARK + "a", MARK + "a\nb\n", MARK + "a\nc", MARK + "a\nb\nc\n", id="one side ends the last line"
        ),
        pytest.param(
            "# pointsman: routes\r\na\r\n",
            "# pointsman: routes\r\na\r\nb\r\n",
            "# pointsman: routes\r\na\r\nc\r\n",
            "# pointsman: routes\r\na\r\nb\r\nc\r\n",
            id="CRLF",
        ),
        pytest.param(
            "# pointsman: routes\r\na",
            "# pointsman: routes\r\na\r\nb",
            "# pointsman: routes\r\na\r\nc",
            "# pointsman: routes\r\na\r\nb\r\nc",
            id="CRLF without the last",
        ),
        pytest.param(
            BLOCK,
            BLOCK + "add(b)\n",
            BLOCK + "add(b)\n",
            BLOCK + "add(b)\n",
            id="the very same lines stand once",
        ),
        pytest.param(BLOCK, BLOCK + "é\n", BLOCK + "ü\n", BLOCK + "é\nü\n", id="not only ASCII"),
    ],
)
def test_the_region_holds_the_base_then_both(base: str, ours: str, theirs: str, result: str) -> None:
    outcome = kept(base, ours, theirs)
    assert outcome.ours.decode() == result
    assert outcome.theirs.decode() == result


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "why"),
    [
        pytest.param(
            BLOCK,
            MARK + "add(z)\nadd(b)\n",
            BLOCK + "add(c)\n",
            "the base changes or removes",
            id="ours changed a line",
        ),
        pytest.param(
            BLOCK,
            BLOCK + "add(b)\n",
            MARK + "add(c)\n",
            "the change changes or removes",
            id="theirs removed a line",
        ),
        pytest.param(
            MARK + "a\nb\n", MARK + "b\na\n", MARK + "a\nb\nc\n", "'b'", id="ours turned lines round"
        ),
        pytest.param(
            BLOCK,
            BLOCK + "add(b)\nadd(d)\n",
            BLOCK + "add(c)\nadd(d)\n",
            "'add(d)', among other lines",
            id="one line of several is the same",
        ),
        pytest.param(
            BLOCK, "add(a)\nadd(b)\n", BLOCK + "add(c)\n", "no line holds the marker", id="the marker is gone"
        ),
        pytest.param("", BLOCK, BLOCK + "x\n", "in the base before both", id="R74 both add the file"),
        pytest.param(BLOCK, BLOCK + BLOCK, BLOCK + "x\n", "2 lines hold", id="the marker twice"),
        pytest.param(
            BLOCK,
            BLOCK.replace("\n", "\r\n"),
            BLOCK + "x\n",
            "changes or removes",
            id="ours changed the line ends",
        ),
        pytest.param(
            MARK + "]\n",
            MARK + "b\n]\n",
            MARK + "c\n]\n",
            "does not end at the same line",
            id="it can't be said where it ends",
        ),
        pytest.param(
            BLOCK,
            BLOCK + "b\n\nmore\n",
            BLOCK + "c\n",
            "does not end at the same line",
            id="ours adds more below",
        ),
        pytest.param(BLOCK, BLOCK + "\0\n", BLOCK + "c\n", "no text", id="no text"),
    ],
)
def test_it_stops_and_says_why(base: str, ours: str, theirs: str, why: str) -> None:
    assert why in stopped(base, ours, theirs)


def test_several_regions_of_one_file_each_keep_both() -> None:
    base = "# imports here\nimport a\n# routes here\nadd(a)\n\nend\n"
    ours = base.replace("import a\n", "import a\nimport b\n").replace("add(a)\n", "add(a)\nadd(b)\n")
    theirs = base.replace("import a\n", "import a\nimport c\n").replace("add(a)\n", "add(a)\nadd(c)\n")
    outcome = kept(base, ours, theirs, "imports here", "routes here")
    expected = "# imports here\nimport a\nimport b\nimport c\n# routes here\nadd(a)\nadd(b)\nadd(c)\n\nend\n"
    assert outcome.ours.decode() == outcome.theirs.decode() == expected
    assert "one line" in stopped(base, ours, theirs, "imports here", "imports")


def test_a_line_that_a_merge_lost_is_found() -> None:
    assert lost(b"a\n", b"a\nb\n", b"a\nc\n", b"a\nb\nc\n") is None
    assert lost(b"a\n", b"a\nb\n", b"a\nc\n", b"a\nb\n") == "c"
    assert lost(b"a\nx\n", b"a\n", b"a\nx\nc\n", b"a\nc\n") is None, "one side took x away"


LINES = st.lists(st.sampled_from(["a", "b", "c", "  d", "}", "- e", ""]), max_size=5)
SIDE = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["x", "y", "z", "}", "  w", "a", ""])), max_size=4
)


def spread(region: list[str], additions: list[tuple[int, str]]) -> list[str]:
    lines = list(region)
    for at, line in sorted(additions, key=lambda one: one[0], reverse=True):
        lines.insert(min(at, len(region)), line)
    return lines


def within(part: list[bytes], whole: list[bytes]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in part)


@settings(max_examples=200, deadline=None)
@given(
    LINES,
    SIDE,
    SIDE,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "}\n", "\nend\n"]),
    st.booleans(),
)
def test_no_line_is_ever_lost_doubled_or_moved(
    region: list[str],
    left: list[tuple[int, str]],
    right: list[tuple[int, str]],
    end: str,
    rest: str,
    cut: bool,
) -> None:
    def text(lines: list[str]) -> bytes:
        whole = end.join(["top", "# pointsman: routes", *lines, ""]) + rest.replace("\n", end)
        return (whole.removesuffix(end) if cut else whole).encode()

    base, ours, theirs = text(region), text(spread(region, left)), text(spread(region, right))
    outcome = keep_both(base, ours, theirs, ["pointsman: routes"])
    if isinstance(outcome, NotAdditive):
        return
    turned = keep_both(base, theirs, ours, ["pointsman: routes"])
    assert isinstance(turned, Kept), "which side is which decides the order alone"
    for was, now, added in ((ours, outcome.ours, outcome.added), (theirs, outcome.theirs, turned.added)):
        assert within(was.splitlines(), now.splitlines()), "the order of each side"
        assert within(base.splitlines(), now.splitlines())
        brought = Counter(line.encode() for line in added)
        assert Counter(now.splitlines()) == Counter(was.splitlines()) + brought, (
            "the other side's lines, no others"
        )
        assert b"\r" not in now or end == "\r\n"
    for side, added in ((theirs, outcome.added), (ours, turned.added)):
        brought = Counter(line.encode() for line in added)
        assert not brought - (Counter(side.splitlines()) - Counter(base.splitlines())), "only what it added"
