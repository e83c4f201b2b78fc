"""Many simulations, on as many cores as are given, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context

from hedger.app.simulation.run import Outcome, simulate
from hedger.runtime.clock import stopwatch
from hedger.sim.portfolios import Portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is the same in each run: see `simulate`."""

    codes: tuple[str, ...] | None = None
    seconds: float | None = None
    brisk: bool | None = None
    books: tuple[Portfolio, ...] | None = None


@dataclass(slots=True, kw_only=True)
class Totals:
    """Runs added up. `failed` are the outcomes with a violation."""

    runs: int = 0
    hours: float = 0.0
    orders: int = 0
    fills: int = 0
    starts: int = 0
    found: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    books: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """How many faults struck."""
        return sum(self.hits.values())

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.books[outcome.book] += 1
        self.hours += outcome.seconds / 3_600
        self.orders += outcome.orders
        self.fills += outcome.fills
        self.starts += outcome.starts
        self.found += outcome.found
        self.hits.update(outcome.hits)
        self.digests[outcome.seed] = outcome.digest
        if outcome.found:
            self.failed.append(outcome)


def run_seeds(seeds: Iterable[int], wish: Wish, *, jobs: int = 1) -> Iterator[Outcome]:
    """The outcomes of seeds: in their order on one core, as they come on several."""
    if jobs == 1:
        for seed in seeds:
            yield _one(seed, wish)
        return
    yield from _side_by_side(seeds, wish, jobs)


def soak(
    first: int,
    wish: Wish,
    *,
    hours: float | None,
    real_seconds: float | None,
    jobs: int,
    told: Callable[[Outcome, Totals], None],
) -> Totals:
    """One seed after the other until so many simulated hours or so many real seconds are over."""
    totals, begun = Totals(), stopwatch()

    def wanted() -> Iterator[int]:
        for seed in count(first):
            over = real_seconds is not None and stopwatch() - begun >= real_seconds
            if over or (hours is not None and totals.hours >= hours):
                return
            yield seed

    for outcome in run_seeds(wanted(), wish, jobs=jobs):
        totals.add(outcome)
        told(outcome, totals)
    return totals


def _side_by_side(seeds: Iterable[int], wish: Wish, jobs: int) -> Iterator[Outcome]:
    """A new seed is taken only when a core is free, so that an end can be decided between two."""
    waiting: set[Future[Outcome]] = set()
    more = iter(seeds)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        while True:
            for seed in more:
                waiting.add(pool.submit(_one, seed, wish))
                if len(waiting) >= jobs:
                    break
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _one(seed: int, wish: Wish) -> Outcome:
    return simulate(seed, codes=wish.codes, seconds=wish.seconds, brisk=wish.brisk, books=wish.books)
