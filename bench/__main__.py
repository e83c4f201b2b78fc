"""`make bench`: every measurement, or those that are named, as a table or as JSON lines."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict

from bench.rows import Row

# In this order: what is heavy on memory or leaves threads behind comes last. Each is a module of this package.
MEASUREMENTS = ("start", "memory", "venues", "step", "greeks", "speed", "lanes", "scrape", "console", "order")


def main() -> None:
    """Measure, print a row as soon as it is known, and say at the end whether every target was met."""
    arguments = _arguments()
    rows: list[Row] = []
    for name in arguments.names or MEASUREMENTS:
        if sys.stderr.isatty():
            print(f"measuring {name} …", file=sys.stderr)
        measured: list[Row] = importlib.import_module(f"bench.{name}").measure()
        rows += measured
        for row in measured:
            print(json.dumps(asdict(row), ensure_ascii=False) if arguments.json else _line(row), flush=True)
    missed = sum(row.met is False for row in rows)
    if not arguments.json:
        targets = sum(row.met is not None for row in rows)
        print(f"{targets - missed} of {targets} targets met")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure hedger against its targets.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(MEASUREMENTS)}; all without one")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in MEASUREMENTS:
            parser.error(f"{name} is not measured; {', '.join(MEASUREMENTS)} are")
    return arguments


def _line(row: Row) -> str:
    value = f"{row.value:,.0f}" if abs(row.value) >= 1_000 else f"{row.value:,.3g}"
    return f"{row.name:<58} {value + ' ' + row.unit:>14}  {row.target:<10} {row.verdict:<5} {row.detail}".rstrip()


if __name__ == "__main__":
    main()
