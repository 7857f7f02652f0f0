"""Times the contract's verdict: 200 rules on 100,000 changed paths, and half of each, to see that it is linear.

Budget: under 2 s, linear in both (docs/design.md). The peer is pathspec, the matcher that gitignore users know,
asked the same patterns path by path. Run: `python -m bench.contract_verdict`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pathspec import GitIgnoreSpec

from pointsman.core.contract import Contract, judge, load
from pointsman.core.model import MODE_FILE, PathChange, Sha

OID = Sha("1" * 40)
HEAD = Sha("2" * 40)


def contract(rules: int) -> tuple[Contract, list[str]]:
    """A contract with that many patterns, of the kinds that people write, spread over owns, deny and classes."""
    kinds = ("/area{n}/sub/", "*.gen{n}", "/area{n}/**/deep/", "docs/page{n}.md", "/area{n}/file*.py")
    patterns = [kinds[n % len(kinds)].format(n=n) for n in range(rules)]
    owns, deny, classes = patterns[0::2], patterns[1::4], patterns[3::4]
    text = f"""
version: 1
base: main
identities: {{ada: {{email: ada@example.org}}}}
roles: {{coder: {{who: [ada], owns: {[*owns, "**"]}, cannot_touch: {deny}}}}}
paths: {{held: {{match: {classes}, approve: {{by: [ada], count: 1}}}}}}
""".replace("'", '"')
    loaded = load(text.encode())
    assert isinstance(loaded, Contract), loaded
    return loaded, patterns


def changes(count: int) -> list[PathChange]:
    """Paths in 1,000 folders, five levels deep."""
    return [
        PathChange(
            path=f"area{n % 1000}/sub{n % 7}/level/more/file{n}.py",
            status="M",
            old_mode=MODE_FILE,
            new_mode=MODE_FILE,
            old_oid=OID,
            new_oid=HEAD,
        )
        for n in range(count)
    ]


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def verdict_seconds(rules: int, paths: int) -> float:
    """The best of three, in seconds; reading the contract is not counted, compiling its patterns is."""
    changed = changes(paths)

    def once() -> float:
        one, _ = contract(rules)
        return seconds(lambda: judge(one, "coder", changed, head=HEAD, now=0.0))

    once()  # the first call imports
    return min(once() for _ in range(3))


def main() -> None:
    """Prints one table and the command that made it."""
    print("command: python -m bench.contract_verdict")
    print(f"{'rules':>6} {'paths':>8} {'seconds':>8}")
    for rules, paths in ((200, 100_000), (100, 100_000), (200, 50_000)):
        print(f"{rules:>6} {paths:>8} {verdict_seconds(rules, paths):>8.2f}", flush=True)
    patterns = contract(200)[1]
    specs = [GitIgnoreSpec.from_lines([pattern]) for pattern in patterns]
    names = [one.path for one in changes(5_000)]
    peer = seconds(lambda: [spec.match_file(name) for name in names for spec in specs]) * 20
    print(f"pathspec asked the same 200 patterns, 5,000 paths x 20: {peer:.1f} s")


if __name__ == "__main__":
    main()
