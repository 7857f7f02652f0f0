"""`python -m bench [NAME...]`: runs the benchmarks (all of them by default), one table each."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench


def main(names: list[str]) -> None:
    """Run the named benchmark modules of this package, in order of name."""
    known = sorted(
        module.name
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name != "__main__" and not module.ispkg
    )
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    for name in names or known:
        print(f"== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
