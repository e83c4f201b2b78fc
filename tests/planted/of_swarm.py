"""Bugs that the simulator's checkers find with nobody telling them what to look for: each with the seed that does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.planted.plant import Bug

# After the faults one venue of two goes away.
ON_TWO = "--faults none --until 60 --calm --books several --seeds"
# The name of a planted bug, and the arguments of `hedger simulate` under which checkers find it: with several seeds.
FOUND: dict[str, str] = {
    "an order of unknown fate is not reserved": "--faults V01,N03 --seeds 1..8 --until 900",
    "a client order id is used again": "--faults none --seeds 1..2 --until 600",
    "a cancel is final on its answer": "--faults V12,V13,V14 --seeds 1..10 --until 600",
    "a duplicate fill counts twice": "--faults V10,V11 --seeds 1..6 --until 600",
    "an order leaves before its row is on disk": "--faults P01,P07 --seeds 1..4 --until 600",
    "a reading that lacks our fills is believed": "--faults D07 --seeds 1..10 --until 600",
    "our own fills are forgotten until the next reading": "--faults D07,V10 --seeds 1..6 --until 600",
    "a missing row is a flat position": "--faults D08 --seeds 1..10 --until 600",
    "a stale price is no reason to wait": "--faults N03,N06 --seeds 1..12 --until 600",
    "freshness is judged by our clock only": "--faults N03,V33 --seeds 1..15 --until 600",
    "a halt lets orders out": "--faults O01,O07 --seeds 1..15 --until 600",
    "an inverse contract has the other sign": "--faults none --seeds 1..2 --until 900 --books inverse",
    "the profit of a contract in coins is left out of what is owned": (
        "--faults none --seeds 1..6 --until 1800 --books inverse"
    ),
    "a put has the delta of a call": "--faults none --seeds 1..4 --until 900 --books options",
    "an option without a volatility is left out in silence": "--faults D05 --seeds 1..6 --until 1200 --books options",
    "a dated future keeps its delta through its settlement average": (
        "--faults none --seeds 1..6 --until 1800 --books dated"
    ),
    "the working order of an account out of sight is not reserved": f"{ON_TWO} 9..10",
    "an order whose cancel is lost out of sight is forgotten": f"{ON_TWO} 9..10",
    "a position out of sight cannot have gone": f"{ON_TWO} 8..9",
    "an account that returns is traded on after one reading": f"{ON_TWO} 15..16",
    "an account out of sight is believed for ever": f"{ON_TWO} 9..10",
    "coins that are out of sight are still there": f"{ON_TWO} 15..16",
}
PLAIN = ("--books", "plain")


def by_the_swarm(bugs: Iterable[Bug]) -> tuple[Bug, ...]:
    """The same bugs once more, to be found by the swarm and by no test that knows of them."""
    known = {bug.name: bug for bug in bugs}
    return tuple(
        replace(known[name], name=f"{name}, by the swarm", tests=(), swarm=_on_a_book(words.split()))
        for name, words in FOUND.items()
    )


def _on_a_book(words: list[str]) -> tuple[str, ...]:
    return tuple(words) if "--books" in words else (*words, *PLAIN)
