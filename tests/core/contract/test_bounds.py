"""Input made to cost much costs little: no clock here, the suite's own limits would show it."""

from __future__ import annotations

from pointsman.core.contract import lint
from pointsman.core.contract.collisions import collisions
from pointsman.core.contract.matching import PatternSet
from tests.core.contract.facts import HEADER, contract, errors_of


def test_many_unknown_keys_are_all_reported() -> None:
    keys = "".join(f"kee_{number}: 1\n" for number in range(3000))
    assert len(errors_of(HEADER + "roles: {r: {who: alice, owns: ['**']}}\n" + keys)) == 3000


def test_a_name_in_thousands_of_spellings_is_one_collision() -> None:
    spellings = [bin(number)[2:].zfill(12).replace("0", "a").replace("1", "A") for number in range(4096)]
    assert collisions(spellings, spellings) == (("AAAAAAAAAAAA", "AAAAAAAAAAAa"),)


def test_many_wildcards_and_deep_paths_do_not_multiply() -> None:
    rules = PatternSet([f"**/a*{number}*b/**/a*b*c/**/x" for number in range(200)])
    assert not rules.matches("/".join(["a" * 200] * 200))


def test_lint_of_a_thousand_patterns() -> None:
    owns = ", ".join(f"/src/m{number}/" for number in range(1000))
    rules = contract(f"roles: {{r: {{who: alice, owns: [{owns}], cannot_touch: [/src/m7/]}}}}\n")
    found = lint(rules, tracked=tuple(f"src/m{number}/f" for number in range(1000)))
    assert [finding.code for finding in found if finding.line == 7 and finding.code != "no_gate"] == [
        "shadowed"
    ]
