"""Option positions made by hand: coin-settled or linear, on a coin at 60,000, priced by the book or bare."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import numpy as np

from hedger.engine.formulas.greeks import Greeks, black76
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import DAY_MS
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import NOW

HALF_HOUR_MS = 1_800_000
CALL, PUT = OptionType.CALL, OptionType.PUT
LINEAR, INVERSE = Payoff.LINEAR, Payoff.INVERSE


def option_of(
    kind: OptionType = CALL, quantity: str | D = "1", *, strike: str | D = "60000", days: float = 30, **changes: Any
) -> OptionPosition:
    """An inverse option on one BTC, with a volatility of 50 % and a forward that is the index."""
    symbol = f"BTC/USD:BTC-{strike}-{kind.value[0].upper()}"
    made = OptionPosition(
        id=InstrumentId(ACCOUNT, symbol),
        underlying="BTC",
        option_type=kind,
        strike=D(strike),
        expiry_at=NOW + int(days * DAY_MS),
        settlement_ms=HALF_HOUR_MS,
        payoff=INVERSE,
        settle="BTC",
        quantity=D(quantity),
        contract_multiplier=D(1),
        mark_price=None,
        mark_sigma=D("0.5"),
        forward_price=D(60_000),
        index_price=D(60_000),
    )
    return replace(made, **changes)


def one(forward: float, strike: float, years: float, sigma: float, sign: float) -> Greeks:
    """The greeks of a single option, as arrays of one row."""
    return black76(*(np.array([value]) for value in (forward, strike, years, sigma, sign)))
