"""Reading a contract: what is refused, how precisely, and all of it at once."""

from __future__ import annotations

import hashlib

import pytest

from pointsman.core.contract import Contract, load
from tests.core.contract.facts import HEADER, contract, errors_of

MINIMAL = "version: 1\nbase: main\nidentities: {me: {email: a@b.c}}\nroles: {me: {who: me, owns: ['**']}}\n"
ROLE = "roles: {r: {who: alice, owns: ['**']}}\n"


def test_nothing_but_version_base_identities_and_roles_is_a_contract() -> None:
    loaded = load(MINIMAL.encode())
    assert isinstance(loaded, Contract)
    assert loaded.base == "main"
    assert loaded.default_role == "none"
    assert loaded.digest == hashlib.sha256(MINIMAL.encode()).hexdigest()
    assert [check.name for check in loaded.required_checks("me")] == ["ownership", "migrations"]
    assert (loaded.queue.mode, loaded.queue.speculate, loaded.queue.merge_method) == (
        "speculate",
        None,
        "merge",
    )
    assert (loaded.queue.retry.max, loaded.limits.running_gates) == (2, 2)


def test_every_mistake_is_listed_at_once_with_its_place() -> None:
    text = (
        "version: 2\n"
        "base: main\n"
        "identities: {me: {email: a@b.c}, you: {team: nobody}}\n"
        "roles:\n"
        "  me: {who: mee, owns: [docs/], cannot_touch: [secrets/*]}\n"
        "queue:\n"
        "    max_batch: x\n"
        "    mod: batch\n"
        "queue: {}\n"
    )
    assert errors_of(text) == [
        ".pointsman.yml:1:10 version: expected 1, got 2",
        ".pointsman.yml:3:46 identities.you.team: expected a team as org/name, got 'nobody'",
        ".pointsman.yml:5:13 roles.me.who: no identity is called 'mee'; did you mean 'me'?",
        ".pointsman.yml:5:48 roles.me.cannot_touch[0]: 'secrets/*' protects only what is directly in it; "
        "write secrets/ or secrets/** for all below",
        ".pointsman.yml:7:16 queue.max_batch: expected a whole number >= 1, got 'x'",
        ".pointsman.yml:8:5 queue.mod: unknown key 'mod'; did you mean 'mode'?",
        ".pointsman.yml:9:1 queue: written twice, first on line 6; keep one",
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param("", "1:1 the file is empty", id="empty"),
        pytest.param("# nothing\n", "1:1 the file is empty", id="only comments"),
        pytest.param("[]\n", "1:1 expected a mapping with version", id="a list"),
        pytest.param("just text", "1:1 expected a mapping with version", id="a scalar"),
        pytest.param(
            "version: 1\n\tbase: main\n", "2:1 a tab where YAML allows only spaces", id="tab indent"
        ),
        pytest.param("roles:\n  a:\n\t  who: b\n", "3:1 a tab", id="tab deeper"),
        pytest.param(b"base: caf\xe9\n", "1:10 the file is not UTF-8: byte 0xe9 at offset 9", id="latin-1"),
        pytest.param("version: 1\n".encode("utf-16"), "1:1 the file is UTF-16", id="utf-16"),
        pytest.param("base: a\x00b\n", "1:8 the character U+0000", id="nul"),
        pytest.param("a: 1\n---\nb: 2\n", "2:1 a second document", id="two documents"),
        pytest.param("a: &x 1\nb: &x 2\n", "2:4 the anchor &x is there already", id="anchor twice"),
        pytest.param("b: *x\n", "1:4 no anchor &x", id="alias of nothing"),
        pytest.param("a: &x [*x]\n", "1:8 no anchor &x", id="alias of itself"),
        pytest.param("checks: &x {}\nroles: {<<: *x}\n", "2:9 roles.<<: merge keys", id="merge of an alias"),
        pytest.param("base: a\u2028b\n", "1:8 the character U+2028 ends a line", id="line separator"),
        pytest.param("# a\u0085base: b\n", "1:4 the character U+0085 ends a line", id="next line"),
        pytest.param("# a\rbase: b\n", "1:4 the character U+000D ends a line", id="lone carriage return"),
        pytest.param(
            "base: b # \u202ea\n", "1:11 the character U+202E reorders", id="right-to-left override"
        ),
        pytest.param('base: "\\ud800"\n', "1:7 the character U+D800", id="escaped surrogate"),
        pytest.param('run: "a\\0b"\n', "1:6 the character U+0000", id="escaped NUL"),
        pytest.param('"a\\x1b[2J": b\n', r"1:1 a\x1b[2J: unknown key", id="escape in a key"),
        pytest.param(
            "version: 1\n".encode("utf-16-le"), "1:1 the file is UTF-16", id="utf-16 without a mark"
        ),
        pytest.param("a: !!python/object:os.system x\n", "1:4 the tag", id="tag"),
        pytest.param("owns: [!docs/]\n", "begins with !", id="unquoted negation"),
        pytest.param("a: " + "[" * 5000, "nested deeper than 20 levels", id="deep"),
        pytest.param("a: [" + "1," * 60000 + "]", "more than 10,000 values", id="many values"),
        pytest.param("#" + "x" * 1_000_000, "1:1 the file has 1,000,001 bytes", id="1 MB"),
        pytest.param("a: [1\nb: 2\n", "2:2 not YAML", id="unclosed"),
        pytest.param("owns: [*.css]\n", "has to be quoted", id="unquoted star"),
        pytest.param("owns: [/src/[id].ts]\n", "quote", id="unquoted bracket"),
        pytest.param("a: @me\n", "quote", id="unquoted at"),
        pytest.param("? [a]\n: b\n", "1:3 expected a name as key, got a list", id="a list as key"),
        pytest.param("<<: {a: b}\n", "merge keys are not used", id="merge key"),
    ],
)
def test_what_is_no_contract_is_named_precisely(data: str | bytes, says: str) -> None:
    assert says in "\n".join(errors_of(data))


def test_an_alias_stands_for_what_its_anchor_names() -> None:
    loaded = contract(
        "roles:\n  r: {who: &them [alice, coder], owns: &all ['**']}\n  s: {who: *them, owns: *all, branches: s/*}\n"
    )
    assert loaded.roles["s"].who == loaded.roles["r"].who
    assert [pattern.text for pattern in loaded.roles["s"].owns] == ["**"]


@pytest.mark.parametrize(
    ("first", "link"),
    [
        pytest.param(
            "[x, x, x, x, x, x, x, x, x]", "[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]", id="list"
        ),
        pytest.param("{k: x}", "{{a: {0}, b: {0}, c: {0}, d: {0}, e: {0}, f: {0}, g: {0}}}", id="mapping"),
    ],
)
def test_an_alias_bomb_goes_off_at_the_bound_on_values(first: str, link: str) -> None:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{level}: &a{level} {link.format(f'*a{level - 1}')}" for level in range(1, 10)]
    (error,) = errors_of("\n".join(lines))
    assert "more than 10,000 values, aliases counted in full" in error


def test_a_chain_of_aliases_is_as_deep_as_what_it_stands_for() -> None:
    lines = ["a0: &a0 [x]", *(f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, 500))]
    (error,) = errors_of("\n".join(lines))
    assert error.endswith("nested deeper than 20 levels")


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert isinstance(load(b"\xef\xbb\xbf" + MINIMAL.encode()), Contract)


def test_windows_line_ends_are_no_mistake() -> None:
    assert isinstance(load(MINIMAL.replace("\n", "\r\n").encode()), Contract)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "limits: {running_gates: 012}",
            "got '012'; YAML readers disagree on a leading zero, write 12 or 10",
        ),
        ("limits: {running_gates: 1:30}", "take colons as base 60"),
        ("limits: {running_gates: '3'}", "remove the quotes"),
        ("limits: {running_gates: 1_000}", "expected a whole number >= 1"),
        ("limits: {running_gates: 1e3}", "expected a whole number >= 1"),
        ("limits: {running_gates: 0}", "expected a whole number >= 1, got 0"),
        ("limits: {running_gates: }", "got nothing"),
        ("limits: {running_gates: [1]}", "got a list"),
        ("limits: {max_base_age: 12:30:00}", "got '12:30:00'; write 12h30m0s"),
        ("limits: {max_base_age: 600}", "say the unit, for example 600s"),
        ("limits: {max_base_age: 0s}", "more than nothing"),
        ("sandbox: {memory: 4 GB}", "expected a size such as 512m or 4g"),
        (
            "sandbox: {read_only_git: yes}",
            "expected true or false, got 'yes'; YAML readers disagree on it, write true",
        ),
        ("sandbox: {read_only_git: off}", "write false"),
        ("sandbox: {read_only_git: True}", "write true"),
        ("on: {push: main}", "on: unknown key 'on'"),
        ("queue: {merge_method: rebase}", "expected merge or squash, got 'rebase'"),
        ("default_role: rr", "no role is called 'rr'; did you mean 'r'?"),
        ("commands: {quue: [alice]}", "did you mean 'queue'?"),
        ("commands: {queue: [alcie]}", "did you mean 'alice'?"),
        ("scope: {expand: {by: alice, pin_head: false}}", "expected true, got 'false'"),
        ("deploy: {workflow: a.yml, environment: b}", "exactly one of 'workflow' or 'environment'"),
        ("checks: {a: {run: x, builtin: ownership}}", "exactly one of 'run' or 'builtin'"),
        ("checks: {a: {timeout: 1m}}", "exactly one of 'run' or 'builtin'"),
        ("checks: {a: {run: x}}\nmatrix: {all: [b]}", "no check is called 'b'"),
        ("checks: {a: {run: x}}\nmatrix: {s: [a]}", "no role is called 's'"),
        ("paths: {x: {match: [/a/], rule: warn}}", "expected one of never, absent, regenerated, got 'warn'"),
        ("paths: {x: {match: [/a/]}}", "exactly one of 'rule' or 'approve'"),
        ("paths: {x: {match: [/a/], rule: regenerated}}", "command belong together"),
        ("migrations: [{backend: alembik}]", "did you mean 'alembic'?"),
        ("shadow: {until: soon}", "expected a date such as 2026-01-31"),
        ("shadow: {}", "the key 'until' is missing"),
    ],
)
def test_a_wrong_value_says_what_was_expected(text: str, says: str) -> None:
    (error,) = errors_of(HEADER + ROLE + text + "\n")
    assert says in error


@pytest.mark.parametrize(
    "written", ["on", "yes", "012", "1.10", "12:30:00", "2024-01-01", "0x1f", "true", "'~'", "1e3"]
)
def test_text_stays_as_it_was_written(written: str) -> None:
    rules = contract(ROLE + f"checks: {{on: {{run: {written}, env: {{A: {written}}}}}}}\n")
    assert rules.checks["on"].run == written.strip("'")
    assert rules.checks["on"].env == {"A": written.strip("'")}


def test_durations_and_sizes_are_read_as_seconds_and_bytes() -> None:
    rules = contract(
        ROLE + "checks: {a: {run: x, timeout: 1h30m}}\nlimits: {max_base_age: 2d}\nsandbox: {memory: 4g}\n"
    )
    assert rules.checks["a"].timeout == 5400.0
    assert rules.limits.max_base_age == 172800.0
    assert rules.sandbox.memory == 4 * 1024**3


@pytest.mark.parametrize("section", ["writers: {main: {max: 1}}", "writers: {db: {kind: database}}"])
def test_R23_a_resource_without_a_holder_is_an_error(section: str) -> None:
    (error,) = errors_of(HEADER + ROLE + section + "\n")
    assert "the key 'holder' is missing" in error


def test_R23_a_resource_has_one_writer() -> None:
    assert "expected 1, got 2" in errors_of(HEADER + ROLE + "writers: {main: {holder: queue, max: 2}}\n")[0]


@pytest.mark.parametrize("word", ["warn", "advisory", "info", "usually", "off"])
def test_R18_a_rule_has_no_advisory_level(word: str) -> None:
    (error,) = errors_of(HEADER + ROLE + f"paths: {{x: {{match: [/a/], rule: {word}}}}}\n")
    assert "expected one of never, absent, regenerated" in error


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("paths: {control: {match: [/x/], rule: never}}", "unknown key 'rule'"),
        ("paths: {control: {approve: {by: leads, human: false}}}", "expected true, got 'false'"),
        ("paths: {control: {approve: {by: leads, count: 0}}}", "expected a whole number >= 1, got 0"),
    ],
)
def test_the_control_class_cannot_be_weakened(text: str, says: str) -> None:
    assert says in "\n".join(errors_of(HEADER + ROLE + text + "\n"))


def test_a_mistake_in_an_identity_is_not_reported_again_where_it_is_used() -> None:
    text = "version: 1\nbase: main\nidentities: {me: {email: nope}}\nroles: {r: {who: me, owns: ['**']}}\n"
    assert len(errors_of(text)) == 1
