"""What money is worth and how much of each kind the book hangs on, for people and machines."""

from __future__ import annotations

import math
from typing import Any

from prometheus_client import Gauge

from hedger.engine.held.money import money_held, pegs_of, seen_price
from hedger.engine.known.policy import Peg, Policy
from hedger.engine.known.state import State
from hedger.model.numeric import BPS, plain
from hedger.ops.meters import Declaring

_ASSET = ("asset",)


class MoneyMeters:
    """Each kind of money that contracts are priced or settled in, apart from the dollar."""

    def __init__(self, on: Declaring) -> None:
        self.price: Gauge = on.gauge(
            "money_price_usd",
            "What one unit is worth by its source. NaN without a source, or while it is not seen.",
            _ASSET,
        )
        self.par: Gauge = on.gauge("money_peg_usd", "What one unit should be worth.", _ASSET)
        self.limit: Gauge = on.gauge(
            "money_peg_limit_ratio",
            "Further from its peg than this, nothing adds risk. NaN without a source that tells the price.",
            _ASSET,
        )
        self.held: Gauge = on.gauge(
            "money_held",
            "Units that the book's value hangs on: balances and the entry notional of shorts. NaN unread.",
            _ASSET,
        )


class MoneyGauges:
    """The gauges of one kind of money."""

    def __init__(self, meters: MoneyMeters, peg: Peg) -> None:
        meters.par.labels(peg.asset).set(float(peg.par))
        self._limit = meters.limit.labels(peg.asset).set
        self.adopt(peg)
        self._price, self._held = meters.price.labels(peg.asset).set, meters.held.labels(peg.asset).set
        self._price(math.nan)
        self._held(math.nan)

    def adopt(self, peg: Peg) -> None:
        """How far it may be from its peg, at the start and when its owner has changed that."""
        self._peg = peg
        self._limit(math.nan if peg.source is None else float(peg.limit / BPS))

    def show(self, state: State) -> None:
        """What is known now."""
        price, held = seen_price(state, self._peg), money_held(state, self._peg.asset)
        self._price(math.nan if price is None else float(price))
        self._held(math.nan if held is None else float(held))


def money_status(state: State, policy: Policy) -> dict[str, Any]:
    """Each kind of money as JSON: what it is worth, at what peg, and how much the book hangs on; unknown is None."""
    return {peg.asset: _row(state, peg) for peg in pegs_of(policy)}


def _row(state: State, peg: Peg) -> dict[str, Any]:
    price, held = seen_price(state, peg), money_held(state, peg.asset)
    return {
        "peg": plain(peg.par),
        "price": None if price is None else plain(round(price, 6)),
        "source": None if peg.source is None else str(peg.source),
        "held": None if held is None else plain(round(held, 2)),
    }
