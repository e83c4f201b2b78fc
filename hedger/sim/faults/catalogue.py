"""The faults that the simulator can inject, one row each, with who injects it and how hard it usually strikes.

D05 needs a book with options and M06 one in which something ends: `sim/portfolios.py` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Layer(StrEnum):
    """Who injects a fault: the venue's door and answers, the exchange and its market, the process, an operator."""

    VENUE = "venue"
    WORLD = "world"
    PROCESS = "process"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One fault. `chance` is that of striking at an opportunity inside a window, (least, most); `span_s` how long a
    window is, in seconds, and `windows` how many there are; `share` how gladly a swarm takes it: one that stops the
    hedger for good hides what would have come after it."""

    code: str
    title: str
    layer: Layer
    chance: tuple[float, float]
    span_s: tuple[float, float]
    windows: tuple[int, int] = (1, 3)
    share: float = 1.0


V, W, P, O = Layer.VENUE, Layer.WORLD, Layer.PROCESS, Layer.OPERATOR  # noqa: E741
SURE = (1.0, 1.0)

# code, title, layer, chance, span in seconds, [windows, [share]]
_ROWS: tuple[tuple[object, ...], ...] = (
    ("V01", "create accepted, answer lost", V, (0.2, 0.9), (60, 600)),
    ("V05", "order not found right after its acknowledgement", V, (0.5, 1.0), (60, 1_200)),
    ("V06", "create delayed in transit for 2 to 60 s", V, (0.2, 0.9), (60, 600)),
    ("V07", "venue forgets an order on one endpoint, it can still fill", V, (0.3, 0.9), (60, 1_800)),
    ("V09", "open orders truncated", V, (0.4, 1.0), (60, 900)),
    ("V10", "many tiny fills, the last after the cancel", W, (0.2, 1.0), (30, 300)),
    ("V11", "fills before the answer, out of order, twice, one trade id on two orders", V, (0.2, 1.0), (30, 600)),
    ("V12", "filled while the cancel travels", V, (0.3, 1.0), (60, 600)),
    ("V13", "cancel answered with unknown order though it lives", V, (0.3, 1.0), (60, 600)),
    ("V14", "cancel accepted, effective up to 30 s later", V, (0.3, 1.0), (60, 600)),
    ("V16", "post-only refused, expired or priced anew", V, (0.2, 0.9), (20, 300)),
    ("V18", "self-trade prevention cancels what rests", W, (0.1, 0.5), (20, 300)),
    ("V19", "duplicate id answered to an accepted create", V, (0.3, 0.9), (60, 600)),
    ("V20", "a second, empty order under the id of a closed one", V, (0.3, 1.0), (60, 600), (1, 3), 0.3),
    ("V23", "each create refused", V, (0.7, 1.0), (20, 240)),
    ("V24", "reduce-only refused: nothing to reduce", V, (0.6, 1.0), (60, 900)),
    ("V25", "maintenance", V, SURE, (60, 900), (1, 2)),
    ("V26", "cancel-only mode", V, SURE, (20, 300)),
    ("V27", "429, 418 and 403", V, (0.005, 0.05), (30, 300)),
    ("V28", "limits halved", V, SURE, (60, 600), (1, 2)),
    ("V29", "dead man's switch fires early, or cannot be extended", W, (0.2, 0.8), (20, 240)),
    ("V31", "tick, lot or notional changed, or trading suspended", W, SURE, (30, 600), (1, 2), 0.6),
    ("V33", "server clock jumps", V, SURE, (20, 400)),
    ("N01", "full partition", V, SURE, (5, 400)),
    ("N02", "requests arrive and answers do not, or the reverse", V, (0.5, 1.0), (5, 240)),
    ("N03", "stream silent, or its times frozen", V, SURE, (10, 400)),
    ("N04", "reconnection drops messages", V, SURE, (2, 20), (1, 6)),
    ("N06", "half a minute of latency on one kind of request", V, (0.5, 1.0), (20, 300)),
    ("N11", "address changed, key refused", V, SURE, (10, 120), (1, 2), 0.4),
    ("D01", "no number, zero or negative where a price or size is", V, (0.1, 0.9), (10, 240)),
    ("D02", "price ten times, a tenth, a hundred times", V, (0.05, 0.9), (5, 240)),
    ("D03", "book crossed, locked, one-sided or wide", V, (0.1, 0.9), (10, 240)),
    ("D05", "greeks and rows of options missing, frozen or false", V, (0.1, 0.9), (30, 600)),
    ("D07", "reading older than it looks", V, (0.4, 1.0), (60, 900)),
    ("D08", "rows missing from a reading", V, (0.2, 1.0), (10, 240)),
    ("D10", "coins in transit between two accounts", W, SURE, (10, 120), (1, 4)),
    ("D16", "unknown order status", V, (0.3, 1.0), (60, 900)),
    ("A01", "margin refusals in a loop", V, (0.7, 1.0), (20, 240)),
    ("A02", "deleveraging, liquidation", W, SURE, (30, 120), (1, 3), 0.6),
    ("A03", "someone else trades the account", W, (0.1, 0.8), (30, 400), (1, 2), 0.5),
    ("A05", "leverage, margin mode or position mode changed", W, SURE, (20, 240), (1, 1), 0.4),
    ("A06", "key lost its right to trade", V, SURE, (10, 240), (1, 1), 0.4),
    ("A09", "account restricted to reducing", V, SURE, (20, 300), (1, 2)),
    ("A10", "fees, interest and rebates move balances", W, (0.3, 0.9), (30, 600)),
    ("M01", "a fifth up or down in a minute", W, SURE, (60, 60), (1, 3)),
    ("M02", "half an hour of trend", W, SURE, (600, 1_800), (1, 1)),
    ("M04", "margin falls away", W, SURE, (30, 400), (1, 2), 0.6),
    ("M05", "basis of a tenth", W, SURE, (30, 600), (1, 2)),
    ("M06", "rows and answers around an expiry", V, SURE, (7_200, 14_400), (1, 2)),
    ("M07", "the quote currency loses its peg", W, SURE, (60, 600), (1, 2)),
    ("P01", "process killed", P, SURE, (1, 1), (1, 3)),
    ("P04", "process paused", P, SURE, (1, 600), (1, 3)),
    ("P05", "event loop blocked", P, SURE, (5, 60), (1, 3)),
    ("P06", "a task fails", P, SURE, (1, 1), (1, 1), 0.5),
    ("P07", "disk full, failing or slow", P, (0.3, 1.0), (5, 120)),
    ("P10", "two replicas", P, SURE, (30, 120), (1, 1), 0.3),
    ("P11", "wall clock an hour off", P, SURE, (60, 1_800), (1, 1), 0.5),
    ("O01", "kill pressed, and pressed again", O, SURE, (10, 60), (1, 1), 0.2),
    ("O05", "a hedge by hand", W, SURE, (10, 60), (1, 3)),
    ("O07", "alarms that nobody reads", O, SURE, (60, 600), (1, 1), 0.2),
    ("O08", "keys rotated", V, SURE, (5, 60), (1, 2), 0.4),
    ("O09", "flattened by a person, and hedged again", O, SURE, (30, 400), (1, 2), 0.5),
)


def _kind(code: str, title: str, layer: Layer, chance: tuple[float, float], span_s: tuple[float, float],
          windows: tuple[int, int] = (1, 3), share: float = 1.0) -> Kind:  # fmt: skip
    return Kind(code=code, title=title, layer=layer, chance=chance, span_s=span_s, windows=windows, share=share)


CATALOGUE: Mapping[str, Kind] = MappingProxyType({kind.code: kind for kind in (_kind(*row) for row in _ROWS)})  # type: ignore[arg-type]
