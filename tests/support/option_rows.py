"""Options of the account that a test makes: marked by Black-76 at the index, paid in USDT, thirty days to go."""

from __future__ import annotations

from decimal import Decimal as D
from math import erf, exp, log, pi, sqrt

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import YEAR_MS
from tests.support.account_world import EXPIRY_AT, AccountWorld
from tests.support.engine_policies import ACCOUNT

STRIKE = D(60_000)


def call(world: AccountWorld, quantity: D, sigma: D = D("0.5"), payoff: Payoff = Payoff.LINEAR) -> OptionPosition:
    return _option(world, OptionType.CALL, quantity, sigma, payoff)


def put(world: AccountWorld, quantity: D, sigma: D = D("0.5"), payoff: Payoff = Payoff.LINEAR) -> OptionPosition:
    return _option(world, OptionType.PUT, quantity, sigma, payoff)


def _option(world: AccountWorld, type: OptionType, quantity: D, sigma: D, payoff: Payoff) -> OptionPosition:
    years = (EXPIRY_AT - world.now) / YEAR_MS
    value = D(repr(worth(float(world.index), float(STRIKE), float(sigma), years, type.sign)))
    pair = "BTC/USDT:USDT" if payoff is Payoff.LINEAR else "BTC/USD:BTC"
    return OptionPosition(
        id=InstrumentId(ACCOUNT, f"{pair}-260131-60000-{type.name[0]}"),
        underlying="BTC",
        option_type=type,
        strike=STRIKE,
        expiry_at=EXPIRY_AT,
        settlement_ms=0,
        payoff=payoff,
        settle="USDT" if payoff is Payoff.LINEAR else "BTC",
        quantity=quantity,
        contract_multiplier=D(1),
        mark_price=value if payoff is Payoff.LINEAR else value / world.index,
        mark_sigma=sigma,
        forward_price=world.index,
        index_price=world.index,
    )


def worth(forward: float, strike: float, sigma: float, years: float, sign: int) -> float:
    """Black-76, undiscounted."""
    root = sigma * sqrt(years)
    d1 = log(forward / strike) / root + root / 2
    return sign * (forward * _cdf(sign * d1) - strike * _cdf(sign * (d1 - root)))


def gamma(forward: float, strike: float, sigma: float, years: float) -> float:
    root = sigma * sqrt(years)
    d1 = log(forward / strike) / root + root / 2
    return exp(-d1 * d1 / 2) / sqrt(2 * pi) / (forward * root)


def _cdf(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
