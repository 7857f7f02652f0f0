"""What counts as a passed run, how many tests ran, and when two failures are the same one (R45, R51)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.gates import JobResult, Why, count_tests, failing_test, judge_run, signature
from pointsman.core.queue.model import RunState

COUNTS = [
    pytest.param("==== 3 passed, 1 skipped in 0.12s ====", 3, id="pytest"),
    pytest.param("3 passed in 0.01s", 3, id="pytest -q"),
    pytest.param(
        "\x1b[32m== \x1b[1m7 passed\x1b[0m, 2 warnings in 61.20s (0:01:01) ==\x1b[0m", 7, id="colours"
    ),
    pytest.param(
        "1 failed, 2 passed, 1 xfailed, 1 xpassed in 3.0s", 4, id="pytest, xfail is no test that ran"
    ),
    pytest.param("== 4 skipped in 0.01s ==", 0, id="pytest, all skipped"),
    pytest.param("5 deselected in 0.01s", 0, id="pytest, all deselected"),
    pytest.param("collected 0 items\n\n==== no tests ran in 0.00s ====", 0, id="pytest, none"),
    pytest.param("2 passed in 0.1s\n...\n3 passed in 0.1s", 5, id="two pytest runs"),
    pytest.param("Ran 5 tests in 0.003s\n\nOK (skipped=2)", 3, id="unittest"),
    pytest.param("Ran 5 tests in 0.003s\n\nOK", 5, id="unittest plain"),
    pytest.param("Ran 0 tests in 0.000s\n\nOK", 0, id="unittest, none"),
    pytest.param("Ran 0 tests in 0.000s\n\nNO TESTS RAN", 0, id="unittest 3.12, none"),
    pytest.param("Found 0 test(s).\nRan 0 tests in 0.0s\n\nOK", 0, id="django, none"),
    pytest.param(
        "ok  \texample.com/a\t0.010s\n?   \texample.com/b\t[no test files]", None, id="go, not counted"
    ),
    pytest.param("?   \texample.com/b\t[no test files]", 0, id="go, no test files"),
    pytest.param("ok  \texample.com/a\t0.010s [no tests to run]", 0, id="go, no tests to run"),
    pytest.param(
        "--- PASS: TestA (0.00s)\n    --- PASS: TestA/one (0.00s)\n--- SKIP: TestB (0.00s)\nok  \tx\t0.1s",
        2,
        id="go -v",
    ),
    pytest.param(
        '{"Action":"pass","Package":"p","Test":"TestA"}\n{"Action":"pass","Package":"p"}', 1, id="go -json"
    ),
    pytest.param(
        "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n"
        "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        7,
        id="cargo, two binaries",
    ),
    pytest.param("running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored;", 0, id="cargo, none"),
    pytest.param("     Summary [   0.010s] 5 tests run: 5 passed, 1 skipped", 5, id="nextest"),
    pytest.param("Tests:       1 failed, 2 skipped, 5 passed, 8 total", 6, id="jest"),
    pytest.param("No tests found, exiting with code 0", 0, id="jest --passWithNoTests"),
    pytest.param(" Test Files  1 passed (1)\n      Tests  3 passed | 1 skipped (4)", 3, id="vitest"),
    pytest.param("No test files found, exiting with code 0", 0, id="vitest, none"),
    pytest.param("  12 passing (30ms)\n  1 pending\n  2 failing", 14, id="mocha"),
    pytest.param(
        "TAP version 13\nok 1 - a\n    ok 1 - b\n# tests 2\n# pass 2\n# fail 0", 2, id="node --test, tap"
    ),
    pytest.param(
        "✔ a (1ms)\n\u2139 tests 1\n\u2139 pass 1\n\u2139 fail 0\n\u2139 skipped 0", 1, id="node --test"
    ),
    pytest.param("# tests 0\n# pass 0\n# fail 0", 0, id="node --test, none"),
    pytest.param("1..3\nok 1 a\nnot ok 2 b\nok 3 c # SKIP no net", 2, id="tap"),
    pytest.param("1..0 # SKIP nothing", 0, id="tap, none"),
    pytest.param("10 examples, 0 failures, 2 pending", 8, id="rspec"),
    pytest.param("OK (5 tests, 10 assertions)", 5, id="phpunit"),
    pytest.param("Tests: 5, Assertions: 5, Failures: 1, Skipped: 2.", 3, id="phpunit, skipped"),
    pytest.param(
        "Tests run: 5, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.1 s\n"
        "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 1",
        4,
        id="maven",
    ),
    pytest.param("Passed!  - Failed:     0, Passed:     5, Skipped:     1, Total:     6", 5, id="dotnet"),
    pytest.param("100% tests passed, 0 tests failed out of 4", 4, id="ctest"),
    pytest.param("ok | 5 passed (2 steps) | 0 failed (10ms)", 5, id="deno"),
    pytest.param(" 5 pass\n 0 fail\nRan 5 tests across 1 files. [10.00ms]", 5, id="bun"),
    pytest.param("All checks passed!\nSuccess: no issues found in 12 source files", None, id="a linter"),
    pytest.param("", None, id="nothing"),
]


@pytest.mark.parametrize(("output", "expected"), COUNTS)
def test_r45_tests_that_ran_are_counted_from_the_summaries(output: str, expected: int | None) -> None:
    assert count_tests(output) == expected


JUDGED = [
    pytest.param({"exit_code": 0}, "", None, Why.PASSED, id="exit 0 without tests: a lint command"),
    pytest.param({"exit_code": 0}, "5 passed in 1s", 5, Why.PASSED, id="as many tests as asked"),
    pytest.param({"exit_code": 0}, "4 passed in 1s", 5, Why.TOO_FEW_TESTS, id="fewer tests than asked"),
    pytest.param({"exit_code": 0}, "fine", 1, Why.NOT_COUNTED, id="nothing to count"),
    pytest.param({"exit_code": 0}, "Ran 0 tests in 0.0s\n\nOK", None, Why.NO_TESTS, id="exit 0, zero tests"),
    pytest.param({"exit_code": 0}, "3 skipped in 0.1s", None, Why.NO_TESTS, id="exit 0, all skipped"),
    pytest.param({"exit_code": 5}, "no tests ran in 0.1s", None, Why.NO_TESTS, id="pytest's exit 5"),
    pytest.param({"exit_code": 1}, "1 failed in 1s", None, Why.EXIT_CODE, id="red"),
    pytest.param({"exit_code": 127}, "sh: 1: nope: not found", None, Why.NOT_FOUND, id="exit 127"),
    pytest.param({"exit_code": 126}, "", None, Why.NOT_EXECUTABLE, id="exit 126"),
    pytest.param({"exit_code": 137}, "", None, Why.EXIT_CODE, id="killed below a shell"),
    pytest.param({"signal": 9}, "9 passed in 1s", None, Why.SIGNAL, id="killed"),
    pytest.param({"signal": 15, "timed_out": True}, "", None, Why.TIMED_OUT, id="timeout"),
    pytest.param({"exit_code": 0, "timed_out": True}, "", None, Why.TIMED_OUT, id="timeout, then exit 0"),
    pytest.param({"signal": 9, "process_limit": True}, "", None, Why.TOO_MANY_PROCESSES, id="fork bomb"),
    pytest.param({"error": "no network namespace"}, "", None, Why.NOT_STARTED, id="not isolated"),
    pytest.param({}, "", None, Why.NOT_STARTED, id="nobody saw it end"),
    pytest.param({"exit_code": 0, "cancelled": True}, "1 passed in 1s", None, Why.CANCELLED, id="cancelled"),
    pytest.param({"exit_code": 0, "lost": True}, "1 passed in 1s", None, Why.LOST, id="lost"),
]


@pytest.mark.parametrize(("facts", "output", "min_tests", "expected"), JUDGED)
def test_r45_only_a_plain_pass_passes(
    facts: dict[str, int], output: str, min_tests: int | None, expected: Why
) -> None:
    outcome = judge_run(JobResult(**facts), output, check="unit", min_tests=min_tests)  # type: ignore[arg-type]

    undecided = {Why.CANCELLED, Why.LOST}
    state = RunState.PASSED if expected is Why.PASSED else RunState.FAILED
    assert outcome.reason is expected
    assert outcome.state is (RunState.LOST if expected in undecided else state)
    assert (outcome.signature is not None) == (outcome.state is RunState.FAILED)


FAILING = [
    pytest.param(
        "FAILED tests/test_a.py::test_x[1 - 2] - assert 1 == 2", "tests/test_a.py::test_x[1 - 2]", id="pytest"
    ),
    pytest.param("ERROR tests/test_a.py - ImportError: no", "tests/test_a.py", id="pytest, collection"),
    pytest.param("FAIL: test_x (mod.Case.test_x)\n-----", "test_x (mod.Case.test_x)", id="unittest"),
    pytest.param("    --- FAIL: TestA/sub (0.00s)", "TestA/sub", id="go"),
    pytest.param("test parse::empty ... FAILED", "parse::empty", id="cargo"),
    pytest.param("  \u25cf cart \u203a adds up", "cart \u203a adds up", id="jest"),
    pytest.param(" FAIL  test/a.test.ts > cart > adds up", "test/a.test.ts > cart > adds up", id="vitest"),
    pytest.param("ok 1 - fine\nnot ok 2 - adds up # time=1ms", "adds up", id="tap"),
    pytest.param("boom", None, id="unknown"),
]


@pytest.mark.parametrize(("output", "expected"), FAILING)
def test_the_first_failing_test_is_named(output: str, expected: str | None) -> None:
    assert failing_test(output) == expected


def output_of(noise: dict[str, Any]) -> str:
    """One failure as two runs of it print it: everything in `noise` may differ."""
    return (
        "[{time}] worker pid {pid} started on 127.0.0.1:{port}\n"
        "E   AssertionError: {time} expected <Order object at 0x{address:x}> in {tmp}/out.json, took {seconds}s\n"
        "E   request {uuid} failed at commit {sha}\n"
        '  File "{tmp}/repo/tests/test_orders.py", line {line}, in test_total\n'
        "tests/test_orders.py:{line}: AssertionError\n"
        "FAILED tests/test_orders.py::test_total - AssertionError: took {seconds}s\n"
        "1 failed, 3 passed in {seconds}s\n"
    ).format(**noise)


def temporary(name: str) -> str:
    return f"/tmp/{name}"


NOISE = st.fixed_dictionaries(
    {
        "time": st.datetimes().map(lambda moment: moment.isoformat(sep=" ", timespec="milliseconds")),
        "pid": st.integers(1, 4_000_000),
        "port": st.integers(1024, 65535),
        "address": st.integers(2**40, 2**47),
        "tmp": st.from_regex(r"[a-z][a-z0-9_-]{1,12}(/[a-z0-9_-]{1,8}){0,3}", fullmatch=True).map(temporary),
        "seconds": st.floats(0.001, 999, allow_nan=False).map(lambda number: f"{number:.3f}"),
        "uuid": st.uuids(),
        "sha": st.integers(0, 2**160 - 1).map(lambda number: f"a1{number:040x}"[:40]),
        "line": st.integers(1, 99999),
    }
)


@given(NOISE, NOISE)
def test_r51_the_same_failure_has_the_same_signature(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert signature("unit", output_of(one), reason="x") == signature("unit", output_of(other), reason="x")


@pytest.mark.parametrize(
    ("output", "check"),
    [
        pytest.param("FAILED tests/test_a.py::test_y - AssertionError: 1 == 2", "unit", id="another test"),
        pytest.param("FAILED tests/test_a.py::test_x - KeyError: 'a'", "unit", id="another error"),
        pytest.param("FAILED tests/test_a.py::test_x - AssertionError: 1 == 2", "slow", id="another check"),
    ],
)
def test_r51_another_failure_has_another_signature(output: str, check: str) -> None:
    known = signature("unit", "FAILED tests/test_a.py::test_x - AssertionError: 1 == 2", reason="x")

    assert signature(check, output, reason="x") != known


@given(st.text(max_size=3000))
def test_any_output_is_judged(output: str) -> None:
    outcome = judge_run(JobResult(exit_code=1), output, check="unit")

    assert outcome.state is RunState.FAILED
