"""`hedger simulate`: the daemon in a world that lies, from a seed, with every invariant checked after each event."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedger.errors import ConfigError, Violated

if TYPE_CHECKING:
    from hedger.app.simulation.run import Outcome
    from hedger.app.simulation.soak import Totals, Wish
    from hedger.sim.portfolios import Portfolio

SOME = 12


def simulate(
    seed: Annotated[int, typer.Option(min=0, help="The seed of everything: portfolio, market, faults, order.")] = 1,
    seeds: Annotated[str | None, typer.Option(help="Several seeds, `A..B`, both included.")] = None,
    faults: Annotated[
        str, typer.Option(help="Codes of the catalogue, by comma; `none`; `all`; `swarm` lets each seed choose.")
    ] = "swarm",
    until: Annotated[float | None, typer.Option(min=60, help="How long faults strike in each run, in seconds.")] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="Go on from --seed for so many simulated hours.")] = None,
    real_seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="Go on from --seed for so many real seconds.")
    ] = None,
    brisk: Annotated[
        bool | None,
        typer.Option("--brisk/--calm", help="The pace of a real run, or a slower one; the seed's if unset."),
    ] = None,
    books: Annotated[
        str | None,
        typer.Option(
            help="What is hedged, by comma: plain, options, inverse, dated, targets, bands, several; else the seed's."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many seeds run side by side.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each run.")] = False,
    trace: Annotated[Path | None, typer.Option(help="Write every happening of one seed into this file.")] = None,
    failures: Annotated[Path | None, typer.Option(help="Append the seeds that failed to this file.")] = None,
) -> None:
    """Simulate the whole daemon: first with faults, then without, then to an orderly end.

    Exits with 7 if an invariant did not hold; the line that is printed then replays it, digit for digit.
    """
    from hedger.app.simulation.soak import Totals, Wish, run_seeds, soak

    wish = Wish(codes=_codes(faults), seconds=until, brisk=brisk, books=_books(books))
    for option, path in (("--trace", trace), ("--failures", failures)):
        _refuse_unwritable(option, path)
    if trace is not None:
        totals = _traced(seed, wish, trace, json)
    elif hours is not None or real_seconds is not None:
        totals = soak(seed, wish, hours=hours, real_seconds=real_seconds, jobs=jobs, told=lambda o, _: _tell(o, json))
    else:
        totals = Totals()
        for outcome in run_seeds(_range(seeds) if seeds is not None else [seed], wish, jobs=jobs):
            totals.add(outcome)
            _tell(outcome, json)
    if not json:
        _print_totals(totals)
    if failures is not None and totals.failed:
        with failures.open("a", encoding="utf-8") as file:
            file.writelines(f"{outcome.replay}\n" for outcome in totals.failed)
    if totals.failed:
        lines = "; ".join(outcome.replay for outcome in totals.failed[:SOME])
        raise Violated(f"{totals.found} times an invariant did not hold; replay with: {lines}")


def _traced(seed: int, wish: Wish, path: Path, json: bool) -> Totals:
    from hedger.app.simulation.run import simulate as simulated
    from hedger.app.simulation.soak import Totals

    totals = Totals()
    with path.open("w", encoding="utf-8") as file:
        outcome = simulated(seed, codes=wish.codes, seconds=wish.seconds, brisk=wish.brisk, books=wish.books, file=file)
    totals.add(outcome)
    _tell(outcome, json)
    return totals


def _refuse_unwritable(option: str, path: Path | None) -> None:
    """Before the work, of which nothing is to be lost; a file that is made for the trial is taken away again."""
    if path is None:
        return
    made = not os.path.lexists(path)
    try:
        path.open("a", encoding="utf-8").close()
        if made:
            path.unlink()
    except OSError as problem:
        raise ConfigError(f"{option} {path}: it cannot be written ({problem.strerror})") from None


def _codes(text: str) -> tuple[str, ...] | None:
    from hedger.sim.faults.catalogue import CATALOGUE

    if text == "swarm":
        return None
    if text in ("all", "none"):
        return tuple(CATALOGUE) if text == "all" else ()
    codes = tuple(code.strip() for code in text.split(","))
    unknown = [code for code in codes if code not in CATALOGUE]
    if unknown:
        raise ConfigError(f"--faults {text}: {unknown[0]} is not in the catalogue; these are: {' '.join(CATALOGUE)}")
    return codes


def _books(text: str | None) -> tuple[Portfolio, ...] | None:
    from hedger.sim.portfolios import Portfolio

    if text is None:
        return None
    try:
        return tuple(Portfolio(name.strip()) for name in text.split(","))
    except ValueError:
        raise ConfigError(f"--books {text}: these are known: {', '.join(Portfolio)}") from None


def _range(text: str) -> range:
    first, dots, last = text.partition("..")
    if not dots or not first.isdigit() or not last.isdigit() or int(last) < int(first):
        raise ConfigError(f"--seeds {text}: give two numbers, as in 1..20")
    return range(int(first), int(last) + 1)


# --- what is printed ------------------------------------------------------------------------------------------------


def _tell(outcome: Outcome, json: bool) -> None:
    if json:
        from pydantic_core import to_json

        print(to_json(asdict(outcome)).decode())
        return
    state = f"VIOLATED {outcome.found}" if outcome.found else "held"
    print(
        f"seed {outcome.seed} ({outcome.book}): {outcome.seconds / 3_600:.2f} h, {outcome.starts} starts, "
        f"{outcome.faults} faults, {outcome.orders} orders, {outcome.fills} fills, {state}, digest {outcome.digest}"
    )
    for finding in outcome.violations:
        print(f"  {finding.invariant} at {finding.at}: {finding.sentence}")
    if outcome.found:
        print("  what happened last:")
        for line in outcome.story:
            print(f"    {line}")
        print(f"  replay: {outcome.replay}")


def _print_totals(totals: Totals) -> None:
    from hedger.cli.show import print_table

    by_code = " ".join(f"{code} {hits}" for code, hits in sorted(totals.hits.items()))
    rows = [
        ("runs", f"{totals.runs}"),
        ("of books", " ".join(f"{book} {runs}" for book, runs in sorted(totals.books.items()))),
        ("simulated hours", f"{totals.hours:.1f}"),
        ("starts of the daemon", f"{totals.starts}"),
        ("faults injected", f"{totals.faults} of {len(totals.hits)} kinds"),
        ("hits per fault", by_code or "none"),
        ("orders, fills", f"{totals.orders}, {totals.fills}"),
        ("violations", f"{totals.found}"),
    ]
    print_table(("simulation", ""), rows)
