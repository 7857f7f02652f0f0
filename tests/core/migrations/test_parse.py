"""Reading revision files: the fast way, the careful way and Python's own import say the same."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.migrations.alembic import newer
from pointsman.core.migrations.alembic import parse as parsing
from pointsman.core.migrations.alembic.parse import parse
from pointsman.core.migrations.model import Parsed

PLAIN = b'"""x\n\nRevision ID: b\nRevises: a\n"""\nrevision = "b"\ndown_revision = "a"\n'


def _imported(blob: bytes) -> tuple[object, object] | None:
    """(revision, parents) as running the file gives them; None where it can't run."""
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(blob, "revision", "exec", dont_inherit=True), names)  # noqa: S102 - our own examples
        except Exception:  # noqa: BLE001
            return None
    if "revision" not in names or "down_revision" not in names:
        return None
    down = names["down_revision"]
    parents = () if down is None else tuple(down) if isinstance(down, tuple | list) else (down,)
    return names["revision"], parents


STATEMENTS = st.sampled_from(
    [
        'revision = "b"',
        "revision: str = 'b'  # id",
        'revision = "c"',
        "down_revision = None",
        "down_revision = 'a'",
        'down_revision: "str | None" = "a"',
        "down_revision = ('a',)",
        "down_revision = ('a')",
        "down_revision = ['a', 'c']",
        "down_revision = (\n    'a',\n    'c',\n)",
        "revision, down_revision = 'p', 'q'",
        "down_revision = revision",
        "down_revision = 'a' 'c'",
        'if True:\n    down_revision = "x"',
        "def f():\n    down_revision = 'local'",
        "def g():\n    global down_revision\n    down_revision = 'y'\ng()",
        'text = """\ndown_revision = "in a string"\n"""',
        "text = '''\n# ''' ; down_revision = 'sly'",
        "# down_revision = 'comment'",
        "from os import path as down_revision",
        "dict(\ndown_revision = 'argument'\n)",
        "1 and \\\n0\nrevision = 'b'",
        "del text",
        "globals()['down_revision'] = 'z'",
        "for revision in ['x', 'y']: pass",
        "class revision: pass",
        "(down_revision := 'walrus')",
        "down_revision = f'{revision}'",
        "down_revision = 'a' if revision else 'c'",
        "try:\n    down_revision\nexcept NameError as revision:\n    pass",
        "x = 'caf\u00e9'",
        "\uff52evision = 'wide'",
    ]
)


@given(st.lists(STATEMENTS, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_read_is_what_an_import_would_give(statements: list[str], ends: str) -> None:
    blob = ("\n".join(statements) + "\n").replace("\n", ends).encode()
    parsed, real = parse(blob), _imported(blob)
    fast = parsing._parse_plain(blob)
    assert fast is None or fast == parsing._parse_any(blob)
    if real is not None and not parsed.issues:
        assert (parsed.revision, parsed.parents) == real


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(blob: bytes) -> None:
    assert isinstance(parse(blob), Parsed)
    assert isinstance(parse(PLAIN + blob), Parsed)


@pytest.mark.parametrize(
    "blob",
    [
        b"(" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"f'" + b"{f'" * 3000,
        PLAIN + b"x = " + b"[" * 300 + b"]" * 300,
        b"\xff\xfe" + PLAIN,
        b"# coding: nonsense\n" + PLAIN,
        b"# coding: utf-7\n" + PLAIN,
    ],
    ids=["brackets", "minus signs", "f-strings", "nested lists", "utf-16", "unknown encoding", "utf-7"],
)
def test_hostile_files_are_answered(blob: bytes) -> None:
    assert isinstance(parse(blob), Parsed)


def test_a_huge_file_is_reported_and_not_read() -> None:
    assert [issue.code for issue in parse(PLAIN + b"#" * parsing.MAX_BYTES).issues] == ["too_large"]


@pytest.mark.parametrize(
    "line",
    [
        b'x = f"{a["key"]}"',
        b"x = f'{', '.join(a)}'",
        b'x = f"{f"{f"{1}"}"}"',
        b'x = f"""{\n"q"\n}"""',
        b'x = f"{\n  a  # why\n}"',
        b'x = rf"{a["\\d"]}" f"{"y"}"',
        b'x = f"{{}} {d["k"]!r:>{w["n"]}}"',
    ],
)
def test_newer_f_strings_are_no_syntax_error(line: bytes) -> None:
    """PEP 701: Python 3.11 can't parse these, and one public migration has them."""
    assert parse(PLAIN + line + b"\n") == Parsed("b", ("a",))


NEWER = [
    b"type X = int",
    b"type Pair[T: (int, str) = int] = tuple[T, T]",
    b"def f[T](x: T) -> T:\n    type Y = str; return x",
    b"async def f[**P](): pass",
    b"class A[T, *Ts](B[T]):\n    pass",
    b"try:\n    pass\nexcept A, B[0, 1]:\n    pass",
    b"try:\n    pass\nexcept* A, (B, C):\n    pass",
    b"lazy import os\r\nlazy from a import b",
    b"x = t'{a}'",
    b"def f[T]():\n    return f'{a['b']}'",
]


@pytest.mark.parametrize("line", NEWER)
def test_row_40_syntax_of_newer_pythons_is_no_syntax_error(line: bytes) -> None:
    """PEP 695, 696, 750, 758 and 810: Python 3.11 can't parse these."""
    assert parse(PLAIN + line + b"\n") == Parsed("b", ("a",))


@given(
    st.lists(
        st.sampled_from(
            [*(line.decode() for line in NEWER), "def f[T(:", "'", "type", "except A,", "[", "\t"]
        )
    )
)
def test_row_40_an_older_spelling_is_as_long_as_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    older = newer.older(text)
    assert len(older) == len(text)
    assert [at for at, char in enumerate(older) if char in "\r\n"] == [
        at for at, char in enumerate(text) if char in "\r\n"
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"try:\n    pass\nexcept A, e as b:\n    pass",
        b'print "x"',
        b"def f[T(:",
        b"type X Y = 1",
        b"lazy x = 1",
    ],
)
def test_row_40_what_no_python_parses_stays_a_syntax_error(line: bytes) -> None:
    assert [issue.code for issue in parse(PLAIN + line + b"\n").issues] == ["unparsable"]


@pytest.mark.parametrize(
    "text",
    [
        'x = """\ndown_revision = "z"\n"""\ny = f(1 2)\n',
        'x = [\ndown_revision = "z"\n]\n',
        'x = 1 2 \\\ndown_revision = "z"\n',
        "# it's\nx = '# \\\ndown_revision = \"z\"'\nx = 1 2\n",
        'def f():\n    down_revision = "z"\nx = 1 2\n',
    ],
    ids=["in a string", "in brackets", "behind a backslash", "in a string over two lines", "in a function"],
)
def test_row_40_of_a_broken_file_only_the_module_s_own_lines_count(text: str) -> None:
    parsed = parse(PLAIN + text.encode())
    assert [issue.code for issue in parsed.issues] == ["unparsable"]
    assert (parsed.revision, parsed.parents) == ("b", ("a",))


@pytest.mark.parametrize("line", [b"x = f'{'", b"x = 'f'f'", b"def f(:", b"x = f(1 2)", b"\tx = 1"])
def test_a_syntax_error_anywhere_is_reported(line: bytes) -> None:
    parsed = parse(PLAIN + line + b"\n")
    assert [issue.code for issue in parsed.issues] == ["unparsable"]
    assert (parsed.revision, parsed.parents) == ("b", ("a",)), "what its lines say is still known"


def test_row_40_markers_hide_what_both_sides_say_differently() -> None:
    blob = b'revision = "c"\n<<<<<<< HEAD\ndown_revision = "a"\n=======\ndown_revision = "b"\n>>>>>>> x\n'
    parsed = parse(blob)
    assert (parsed.revision, parsed.parents) == ("c", None)
    assert "lines 2, 4, 6" in parsed.issues[0].message


def test_markers_in_a_text_are_none() -> None:
    assert (
        parse(b'revision = "b"\ndown_revision = "a"\nx = """\n<<<<<<< a\n=======\n>>>>>>> b\n"""\n').issues
        == ()
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("down_revision = find()", "computed"),
        ("down_revision = 7", "invalid_value"),
        ("down_revision = ''", "empty_id"),
        ("down_revision = 'a'\nrevision = 5", "invalid_value"),
        ("down_revision = 'a'\nrevision = 'base'", "reserved_id"),
        ("down_revision = 'a'\nrevision = 'x-1'", "illegal_id"),
        ("down_revision = 'a'\ndepends_on = find()", "computed_depends_on"),
        ("pass", "no_down_revision"),
    ],
)
def test_what_can_not_be_used_has_a_code(line: str, code: str) -> None:
    assert code in [issue.code for issue in parse(f'revision = "b"\n{line}\n'.encode()).issues]


@pytest.mark.parametrize(
    "text",
    [
        "# -*- coding: latin-1 -*-\nx = '\u00e9'\n",
        "#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\nx = '\u00e9'\n",
    ],
)
def test_encodings_are_those_of_pep_263(text: str) -> None:
    assert parse(text.encode("latin-1") + PLAIN) == Parsed("b", ("a",))
