"""Any number in any place of what a venue says of options, dated and inverse contracts: the engine bears it, sends one
order at a time, and decides the same again from what was written down."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.held.exposure import position_of
from hedger.engine.known.policy import BandInputs, BandRule, Carry, ChoiceRule, Hedge, Numeraire, Target, TargetKind
from hedger.engine.known.state import State, initial_state
from hedger.engine.step import Result, step
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.market import Candle, FundingRate
from hedger.model.message import (
    AccountRead,
    CandlesRead,
    Event,
    FundingRatesRead,
    InstrumentsLoaded,
    OrderAccepted,
    PlaceOrder,
    Stamped,
    StreamChanged,
    TimePassed,
)
from hedger.model.option import OptionPosition, OptionType, VenueGreeks
from hedger.runtime.codec import decode, encode, ordered
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, fill_of, mark_at, position_at, quote_at, reading_of
from tests.support.option_books import option_of

HINTS = get_type_hints(State)
HOUR = 3_600_000
PERP = perpetual()
NEAR, FAR = (InstrumentId(ACCOUNT, f"BTC/USDT:USDT-{day}") for day in ("260101", "260626"))
COIN = InstrumentId(ACCOUNT, "BTC/USD:BTC")
COINS = {"multiplier": "100", "quote": "USD", "settle": "BTC", "payoff": Payoff.INVERSE}
WHOLE = {"lot_size": D(1), "min_quantity": D(1), "min_notional": D(0), "max_quantity": D(10**6)}
RULES: dict[InstrumentId, Instrument] = {
    PERP: instrument_of(),
    NEAR: instrument_of(id=NEAR, kind=Kind.FUTURE, expiry_at=NOW + 20_000, settlement_ms=8_000),
    FAR: instrument_of(id=FAR, kind=Kind.FUTURE, expiry_at=NOW + 2_000 * HOUR, settlement_ms=1_800_000),
    COIN: instrument_of(id=COIN, **COINS, **WHOLE),  # type: ignore[arg-type]
}
PUT = Synthetic(
    option_type=OptionType.PUT, long=True, strike=D(60_000), expiry_at=NOW + 15_000, volatility=D("0.5"), ratio=D(1)
)
INPUTS = BandInputs(residual=D("0.01"), sigma=D("0.5"), every_ms=5_000, move=D("0.01"), fixed_cost=D(1))
FEW = Carry(roll_before_ms=12_000)
MOST = Carry(rule=ChoiceRule.CARRY, moves=True, roll_before_ms=12_000, risk_premium=D("0.5"))


def hedge(*ids: InstrumentId, **changes: Any) -> Hedge:
    return hedge_of(instruments=ids, guards={"position": D(1_000)}, **changes)


def computed(rule: BandRule) -> Hedge:
    return hedge(PERP, band=replace(band("0.05"), rule=rule, inputs=INPUTS, floor=D("0.001")))


HEDGES = (
    hedge(PERP),
    hedge(COIN, numeraire=Numeraire.COIN),
    hedge(NEAR, FAR, carry=FEW),
    hedge(PERP, NEAR, FAR, COIN, carry=MOST),
    hedge(PERP, target=Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=PUT)),
    hedge(PERP, target=Target(kind=TargetKind.QUOTE, value=D(30_000))),
    *(computed(rule) for rule in (BandRule.ZAKAMOULINE, BandRule.FIXED_COST, BandRule.LELAND, BandRule.PRICE_MOVE)),
)

NASTY = ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1E-12", "1E+15", "1E-60", "1E+18", "1E-400", "1E+999990"]
nasty = st.sampled_from([D(text) for text in NASTY])
times = st.one_of(
    st.just(D(1)), st.just(D(1)), st.just(D(1)), st.sampled_from([D("0.97"), D("1.03"), D("1.2"), D("0.4")])
)


def near(base: str) -> st.SearchStrategy[D]:
    """Mostly about what is true, at times absurd."""
    true = times.map(lambda by: D(base) * by)
    return st.one_of(true, true, true, true, true, nasty)


ids = st.sampled_from([PERP, NEAR, FAR, COIN])
prices = near("60000")
quotes = st.builds(
    lambda id, bid, ask, size: replace(quote_at(id=id), bid=bid, ask=ask, bid_quantity=size),
    ids, prices, near("60000.1"), near("50"),
)  # fmt: skip
marks = st.builds(
    lambda id, mark, index, rate, interval: replace(
        mark_at(id=id), mark_price=mark, index_price=index, funding_rate=rate, funding_interval_ms=interval
    ),
    ids, prices, prices, near("0.0001"), st.sampled_from([28_800_000, 0, -1, 10**15]),
)  # fmt: skip
options = st.builds(
    lambda kind, quantity, strike, days, payoff, sigma, forward, index, mark, delta: replace(
        option_of(kind, quantity, strike=str(strike), days=days),
        payoff=payoff, mark_sigma=sigma, forward_price=forward, index_price=index, mark_price=mark,
        greeks=VenueGreeks(delta=delta),
    ),
    st.sampled_from(OptionType), near("2"), near("60000"), st.sampled_from([30, 1e-4, 0, -1]),
    st.sampled_from(Payoff), st.none() | near("0.5"), st.none() | prices, prices, st.none() | near("0.05"),
    st.sampled_from([None, 0.5, float("nan"), float("inf"), 1e308]),
)  # fmt: skip
rows = st.builds(
    lambda quantity, mark, index, entry, liquidation: (quantity, mark, index, entry, liquidation),
    near("-0.5"), prices, st.none() | prices, prices, st.none() | prices,
)  # fmt: skip
margins = st.builds(
    lambda equity, kept, free: Margin(equity=equity, maintenance_margin=kept, initial_margin=D(0), available=free),
    near("20"), near("0.2"), near("1000"),
)  # fmt: skip


def row(id: InstrumentId, told: tuple[D, D, D | None, D, D | None]) -> Position:
    rules, (quantity, mark, index, entry, liquidation) = RULES[id], told
    return position_at(
        quantity * 1_000 if id == COIN and quantity.is_finite() and abs(quantity) < 10**6 else quantity,
        id=id, payoff=rules.payoff, expiry_at=rules.expiry_at, contract_multiplier=rules.contract_multiplier,
        mark_price=mark, index_price=index, entry_price=entry, liquidation_price=liquidation,
    )  # fmt: skip


def read(
    told: list[tuple[D, D, D | None, D, D | None]], held: list[OptionPosition], coin: D, margin: Margin
) -> Callable[[int], AccountReading]:
    positions = tuple(row(id, each) for id, each in zip((PERP, NEAR, FAR, COIN), told, strict=False))
    return lambda at: replace(
        reading_of("1", positions=positions, at=at),
        options=tuple(held), unrealized={"BTC": coin}, coin_margins={"BTC": margin},
    )  # fmt: skip


readings = st.builds(read, st.lists(rows, min_size=3, max_size=4), st.lists(options, max_size=3), near("0.01"), margins)
rules_read = st.builds(
    lambda id, field, value: InstrumentsLoaded(
        account=ACCOUNT, instruments=tuple(replace(r, **{field: value}) if r.id == id else r for r in RULES.values())
    ),
    ids, st.sampled_from(["tick_size", "lot_size", "min_quantity", "max_quantity", "maker_fee"]), near("0.1"),
)  # fmt: skip
candles = st.builds(
    lambda closes, interval: CandlesRead(
        id=PERP,
        interval_ms=interval,
        candles=tuple(
            Candle(opened_at=NOW - (len(closes) - n) * interval, open=p, high=p, low=p, close=p)
            for n, p in enumerate(closes)
        ),
    ),
    st.lists(prices, max_size=8), st.sampled_from([HOUR, 0, -1, 10**17]),
)  # fmt: skip
past = st.builds(
    lambda values, interval: FundingRatesRead(
        id=PERP,
        rates=tuple(FundingRate(rate=v, interval_ms=interval, settled_at=n) for n, v in enumerate(values)),
    ),
    st.lists(near("0.0001"), max_size=8), st.sampled_from([28_800_000, 1, 0, 10**17]),
)  # fmt: skip
news = st.one_of(quotes, marks, readings, readings, candles, past, rules_read, st.just(TimePassed()), st.just("fill"))


def at_time(state: State, told: object, at: int) -> Event:
    """The event at its moment; a fill or an acknowledgement of whatever order is there."""
    if isinstance(told, str):
        order = next((order for order in state.orders.values() if order.live), None)
        if order is None:
            return TimePassed()
        if order.venue_order_id is None:
            return OrderAccepted(client_order_id=order.client_order_id, venue_order_id="v1")
        return fill_of(order, order.remaining, str(at), at=at)
    if callable(told):
        return AccountRead(requested_at=at, reading=told(at))
    if hasattr(told, "exchange_at"):
        told = replace(told, exchange_at=at)  # type: ignore[type-var]
    return told  # type: ignore[return-value]


@settings(max_examples=60, deadline=None)
@given(hedge=st.sampled_from(HEDGES), told=st.lists(st.tuples(news, st.integers(1, 2_000)), max_size=30))
def test_no_number_in_any_place_raises_or_makes_a_second_order(hedge: Hedge, told: list[tuple[object, int]]) -> None:
    policy, state, now = policy_of(hedge, clean_cycles=1), initial_state(policy_of(hedge), now=NOW, epoch=1), NOW
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=tuple(RULES.values()))
    opening: list[Event] = [loaded, StreamChanged(account=ACCOUNT, up=True, text="open")]
    opening += [replace(price, id=id) for id in RULES for price in (quote_at(), mark_at())]
    flat = tuple(row(id, (D(0), D(60_000), D(60_000), D(0), None)) for id in RULES)
    opening += [AccountRead(requested_at=NOW, reading=reading_of("1", positions=flat))]
    for event in opening:
        state = step(state, Stamped(now, event), policy).state
    for kind, later in told:
        now += later
        stamped = Stamped(now, at_time(state, kind, now))
        result = step(state, stamped, policy)
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                check(command, result)
        if any(isinstance(command, PlaceOrder) for command in result.commands):
            assert encode(step(written(state), stamped, policy).decisions) == encode(result.decisions)
        state = result.state


def check(order: PlaceOrder, result: Result) -> None:
    """It is the only one, it is on the grids, and it reduces where it says so."""
    state = result.state
    rules, position = state.instruments[order.id], position_of(state, order.id)
    assert sum(held.live for held in state.orders.values()) == 1
    assert order.quantity > 0
    assert order.price > 0
    assert not order.quantity % rules.lot_size
    assert not order.price % rules.tick_size
    assert order.reduce_only == (order.side.sign * position < 0 and order.quantity <= abs(position))
    if not state.orders[order.client_order_id].margin_reduction:
        assert all(d.exposure is None or d.exposure.options.flaw is None for d in result.decisions)


def written(state: State) -> State:
    """The state as it comes back from what is kept of it."""
    return State(**{n: decode(h, json.loads(encode(ordered(getattr(state, n))))) for n, h in HINTS.items()})
