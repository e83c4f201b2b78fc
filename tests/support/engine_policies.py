"""A policy that a test can vary: one hedge of a coin with the shipped defaults, written out, and a coin's rules."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

from hedger.engine.known.policy import (
    Band,
    BandRule,
    Execution,
    Guards,
    Hedge,
    Levels,
    Policy,
    RebalanceTo,
    Target,
    TargetKind,
)
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind

ACCOUNT = "paper"

GUARDS = Guards(
    quote_age=3_000,
    mark_age=3_000,
    account_age=10_000,
    mark_collar=D(50),
    index_collar=D(100),
    spread=D(20),
    depth=D(1_000),
    basis=D(100),
    adverse_funding=D("0.5"),
    orders_per_minute=20,
    orders_per_day=2_000,
    order_notional=D(200_000),
    daily_notional=D(20_000_000),
    daily_cost=D(1_000_000),
    position=D(10),
    price_drift=D(500),
    cancels_per_hour=240,
    futile_hedges=3,
    leverage=1,
    margin_mode=MarginMode.CROSS,
    margin_ratio=Levels(warn=D("0.4"), stop=D("0.5"), reduce=D("0.7"), clear=D("0.3")),
    liquidation_distance=Levels(warn=D("0.25"), stop=D("0.15"), reduce=D("0.08"), clear=D("0.35")),
)
EXECUTION = Execution(
    reprice_ms=3_000,
    reprice_ticks=2,
    linger_ms=15_000,
    offset_ticks=0,
    deadline_ms=120_000,
    max_attempts=5,
    attempts_cooldown_ms=30_000,
    cooldown_ms=2_000,
    slice_quantity=None,
    ttl_ms=2_000,
)
NEUTRAL = Target(kind=TargetKind.NEUTRAL, value=D(0))


def perpetual(coin: str = "BTC", account: str = ACCOUNT) -> InstrumentId:
    return InstrumentId(account, f"{coin}/USDT:USDT")


def band(width: str = "0.01", lower: str | None = None, **changes: Any) -> Band:
    made = Band(
        rule=BandRule.COINS, upper=D(width), lower=D(lower or width), floor=D(0), rebalance_to=RebalanceTo.TARGET
    )
    return replace(made, **changes)


def hedge_of(coin: str = "BTC", *, guards: Any = None, execution: Any = None, **changes: Any) -> Hedge:
    """A hedge named after its coin; `guards` and `execution` are mappings of what differs from the defaults."""
    made = Hedge(
        name=coin.lower(),
        underlying=coin,
        static_quantity=D(0),
        spot_accounts=(ACCOUNT,),
        instruments=(perpetual(coin),),
        target=NEUTRAL,
        band=band(),
        execution=replace(EXECUTION, **(execution or {})),
        guards=replace(GUARDS, **(guards or {})),
        reduce_step=D("0.25"),
        unhedged_after_ms=300_000,
    )
    return replace(made, **changes)


def policy_of(*hedges: Hedge, **changes: Any) -> Policy:
    """A policy over the accounts of its hedges. Hand-made events leap in time: that is no gap unless a test asks."""
    accounts = dict.fromkeys(id.account for hedge in hedges for id in hedge.instruments)
    made = Policy(
        bot="sim",
        sends=True,
        hedges=hedges,
        accounts=tuple(accounts),
        clean_cycles=2,
        settle_ms=3_000,
        delta_jump_bands=D(5),
        gap_ms=10**12,
    )
    return replace(made, **changes)


def instrument_of(coin: str = "BTC", *, multiplier: str = "1", **changes: Any) -> Instrument:
    """Ticks of 0.1, lots of 0.001, at least 0.001 and 100 in quote."""
    made = Instrument(
        id=perpetual(coin),
        kind=Kind.PERPETUAL,
        underlying=coin,
        quote="USDT",
        settle="USDT",
        contract_multiplier=D(multiplier),
        tick_size=D("0.1"),
        lot_size=D("0.001"),
        min_quantity=D("0.001"),
        max_quantity=D(1_000),
        min_notional=D(100),
        maker_fee=D("0.0002"),
        taker_fee=D("0.0005"),
        post_only=True,
    )
    return replace(made, **changes)
