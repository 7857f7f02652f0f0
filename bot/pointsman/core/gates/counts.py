"""How many tests really ran, read from the summary lines that test runners print; skipped ones do not count.

Formats seen in: pytest, unittest, Django, go test (plain, -v, -json), cargo test and nextest, jest, vitest,
mocha, node --test, TAP (bats, prove), rspec, phpunit, Maven, dotnet, ctest, deno, bun. Several summaries in
one log add up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

LONGEST_LINE = 2000
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_NUMBER_WORD = re.compile(r"(\d+) ([a-z]+)")
_RAN_WORDS = frozenset({"passed", "failed", "xpassed", "passing", "failing"})


def lines_of(output: str) -> Iterator[str]:
    """The output's lines without colours and carriage-return overwrites, each cut to a sane length."""
    for line in output.split("\n"):
        line = line[:LONGEST_LINE]
        if "\x1b" in line:
            line = _ESCAPES.sub("", line)
        yield line.rstrip("\r").rpartition("\r")[2]


def count_tests(output: str) -> int | None:
    """The sum of every summary in the output; None when there is none, which is not the same as 0."""
    lines = tuple(lines_of(output))
    found = [ran for count in _COUNTERS for ran in count(lines)]
    return sum(found) if found else None


Counter = Callable[[tuple[str, ...]], Iterable[int]]
Reading = Callable[[re.Match[str]], int]


def _each(pattern: str, reading: Reading) -> Counter:
    """A counter whose format says everything on one line."""
    compiled = re.compile(pattern)

    def count(lines: tuple[str, ...]) -> Iterator[int]:
        for line in lines:
            if match := compiled.search(line):
                yield reading(match)

    return count


def _sum(match: re.Match[str]) -> int:
    """All groups named `passed`, `failed` and `ran`, less `skipped`."""
    numbers = {name: int(number or 0) for name, number in match.groupdict().items()}
    return sum(numbers.values()) - 2 * numbers.get("skipped", 0)


def _nothing(_: re.Match[str]) -> int:
    return 0


def _words(match: re.Match[str]) -> int:
    """`3 passed, 1 skipped`: any order, whichever of the words there are."""
    return sum(int(number) for number, word in _NUMBER_WORD.findall(match[0]) if word in _RAN_WORDS)


def _unittest(lines: tuple[str, ...]) -> Iterator[int]:
    """`Ran 5 tests in 0.1s`, then perhaps `OK (skipped=2)` or `FAILED (failures=1, skipped=1)`."""
    ran: int | None = None
    for line in lines:
        if match := re.match(r"Ran (\d+) tests? in ", line):
            if ran is not None:
                yield ran
            ran = int(match[1])
        elif ran is not None and re.match(r"(?:OK|FAILED) \(", line):
            skipped = re.search(r"\bskipped=(\d+)", line)
            yield ran - int(skipped[1] if skipped else 0)
            ran = None
    if ran is not None:
        yield ran


def _go(lines: tuple[str, ...]) -> Iterator[int]:
    """`ok pkg 0.1s` alone does not say how many ran; with -v or -json each test has a line."""
    ran = skipped = empty = packages = 0
    for line in lines:
        if match := re.match(r"\s*--- (PASS|FAIL|SKIP): \S+ \(", line):
            ran += match[1] != "SKIP"
            skipped += match[1] == "SKIP"
        elif '"Action"' in line and '"Test"' in line:
            ran += re.search(r'"Action":\s*"(pass|fail)"', line) is not None
            skipped += re.search(r'"Action":\s*"skip"', line) is not None
        elif re.match(r"\?\s+\S+\s+\[no test files\]|ok\s+\S+\s.*\[no tests to run\]", line):
            empty += 1
        elif re.match(r"ok\s+\S+\s+(\(cached\)|[\d.]+s)|FAIL\s+\S+\s+[\d.]+s", line):
            packages += 1
    if ran or skipped:
        yield ran
    elif empty and not packages:
        yield 0


def _tap(lines: tuple[str, ...]) -> Iterator[int]:
    """node's own totals where they are, for its nested lines would count twice; else each `ok 1` line."""
    totals: dict[str, int] = {}
    points = 0
    is_tap = False
    for line in lines:
        if match := re.match(r"[#\u2139] (pass|fail|cancelled) (\d+)$", line):
            totals[match[1]] = totals.get(match[1], 0) + int(match[2])
        elif match := re.match(r"(?:not )?ok +\d+(?= |$)(.*# *(?i:skip|todo)\b)?", line):
            is_tap = True
            points += match[1] is None
        elif re.match(r"1\.\.0\b", line):
            is_tap = True
    if "pass" in totals:
        yield sum(totals.values())
    elif is_tap:
        yield points


_COUNTERS: tuple[Counter, ...] = (
    # pytest: "==== 3 passed, 1 skipped in 0.12s ====", and the same without the rule under -q
    _each(
        r"^(?:=+ )?(?:\d+ [a-z]+, )*"
        r"\d+ (?:passed|failed|skipped|xfailed|xpassed|deselected|errors?|warnings?)"
        r"(?:, \d+ [a-z]+)* in [\d.:]+",
        _words,
    ),
    _each(r"^(?:=+ )?no tests (?:ran|collected)\b|^collected 0 items\b", _nothing),
    _unittest,
    _each(r"^Found 0 test\(s\)\.", _nothing),
    _go,
    # cargo: "test result: ok. 5 passed; 0 failed; ..."; nextest: "Summary [ 0.1s] 5 tests run: ..."
    _each(r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed;", _sum),
    _each(r"^\s*Summary \[[^\]]*\] +(?P<ran>\d+)(?:/\d+)? tests? run:", _sum),
    # jest "Tests:  1 failed, 5 passed, 6 total"; vitest " Tests  1 failed | 2 passed (3)"
    _each(r"^\s*Tests:?\s+(?:\d+ [a-z]+(?:, | \| |$| \(| total))+", _words),
    _each(r"^No tests? (?:files? )?found\b|^No tests executed!|^No tests were found!!!", _nothing),
    # mocha
    _each(r"^\s+\d+ (?:passing|failing)\b(?: \([\dmsh ]+\))?$", _words),
    _tap,
    _each(r"^(?P<ran>\d+) examples?, \d+ failures?(?:, (?P<skipped>\d+) pending)?", _sum),
    _each(r"^OK \((?P<ran>\d+) tests?, \d+ assertions?\)", _sum),
    _each(r"^Tests: (?P<ran>\d+), Assertions: \d+(?:.*, Skipped: (?P<skipped>\d+))?", _sum),
    # Maven prints one such line per class, with the time, and one for all, without
    _each(
        r"^(?:\[\w+\] )?Tests run: (?P<ran>\d+), Failures: \d+, Errors: \d+, Skipped: (?P<skipped>\d+)\s*$",
        _sum,
    ),
    _each(r"^\s*(?:Passed|Failed)! +- Failed: +(?P<failed>\d+), Passed: +(?P<passed>\d+),", _sum),
    _each(r"^\d+% tests passed, \d+ tests? failed out of (?P<ran>\d+)", _sum),
    _each(r"^(?:ok|FAILED) \| (?P<passed>\d+) passed(?: \(\d+ steps?\))? \| (?P<failed>\d+) failed", _sum),
    _each(r"^ *Ran (?P<ran>\d+) tests? across \d+ files?\.", _sum),
)
