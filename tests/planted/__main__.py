"""`make planted`: plant every bug, two at a time, and print which test caught it."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.planted.bugs import BUGS
from tests.planted.plant import Bug, Caught, copy_of_program, hunt

AT_ONCE = 2


def main(wanted: list[str]) -> int:
    """Hunt the bugs whose names hold one of `wanted` (all without any); 1 when one got away."""
    bugs = [bug for bug in BUGS if not wanted or any(part in bug.name for part in wanted)]
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="hedger-planted-") as scratch:
        for number in range(AT_ONCE):
            copies.put(copy_of_program(Path(scratch, str(number))))

        def hunted(bug: Bug) -> Caught:
            copy = copies.get()
            try:
                return hunt(bug, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda bug: _told(hunted(bug)), bugs))
    caught = sum(result.good for result in results)
    print(f"\n{caught} of {len(results)} planted bugs caught, the slowest in {max(r.seconds for r in results):.0f} s")
    return 0 if caught == len(results) else 1


def _told(result: Caught) -> Caught:
    by = result.by or "NOBODY NOTICED"
    print(f"{'ok  ' if result.good else 'BAD '} {result.seconds:5.1f} s  {result.bug.name:<52} {by}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
