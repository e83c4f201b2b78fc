"""Events a second through the pure step on one core, with ten hedges; and what a decision costs."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bench.rows import Row, median, plain_turns
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, State, initial_state
from hedger.engine.step import step
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, InstrumentsLoaded, Stamped, SwitchExtended, TimePassed
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy

COINS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "AVAX", "LTC", "BNB", "DOGE")
EVENTS = 20_000
ROUNDS = 7
TARGET = 30_000
START = 1_767_253_200_000
PRICE = Decimal("60000.1")
WIDE = Decimal(180)  # thirty basis points, where twenty are allowed


def measure() -> list[Row]:
    """The usual mix, against the target and against a plain loop; then a stream in which every event is decided."""
    policy, mix, refused = ten_hedges(), usual_mix(), all_decided()
    usual, decided, turns = [], [], []
    for _ in range(ROUNDS):
        plain = plain_turns()
        usual.append(_rate(policy, ready(policy, held="-1.5"), mix, at_least=0))
        turns.append(plain / usual[-1])
        # A coin too many: every quote asks for an order, and a guard has to say no, each time for another reason.
        decided.append(_rate(policy, ready(policy, held="-0.5"), refused, at_least=EVENTS))
    return [
        Row(
            name="step: events, usual mix",
            value=median(usual),
            unit="/s",
            target=f"≥ {TARGET:,}",
            met=median(usual) >= TARGET,
            detail=f"best {max(usual):,.0f}; 88 % quotes, 10 % marks, 2 % beats and readings; ten hedges in band",
        ),
        Row(
            name="step: one event in turns of a plain loop",
            value=median(turns),
            unit="×",
            detail="the same, comparable between machines; less is better",
        ),
        Row(
            name="step: events, all decided",
            value=median(decided),
            unit="/s",
            detail=f"best {max(decided):,.0f}; out of band, through the guards to a recorded refusal at each event",
        ),
    ]


def _rate(policy: Policy, state: State, events: Sequence[Stamped], *, at_least: int) -> float:
    gc.collect()
    decisions, began = 0, time.process_time()
    for event in events:
        result = step(state, event, policy)
        state = result.state
        decisions += len(result.decisions)
    took = time.process_time() - began
    assert state.mode is Mode.HEDGING, "the stream is meant for a hedger at work"
    assert decisions >= at_least, "each event is meant to lead to a decision"
    return len(events) / took


def usual_mix() -> list[Stamped]:
    """An account that is hedged: prices come, and every so often a beat of the clock and a reading."""
    events, at = [], START + 10
    for k in range(EVENTS):
        at += k % 3 == 0
        events.append(Stamped(at, _usual(k, at)))
    return events


def _usual(k: int, at: int) -> Event:
    if k % 400 == 0:
        return AccountRead(requested_at=at - 1, reading=reading_of(at, "-1.5"))
    if k % 50 == 49:
        return TimePassed()
    return _mark(k % 10, at) if k // 10 % 10 == 5 else _quote(k % 10, at)


def all_decided() -> list[Stamped]:
    """Quotes that are by turns too wide and too thin to trade on."""
    events = []
    for k in range(EVENTS):
        quote = _quote(k % 10, START + 10)
        if k // 10 % 2:
            quote = replace(quote, ask=quote.ask + WIDE)
        else:
            quote = replace(quote, bid_quantity=Decimal("0.0001"), ask_quantity=Decimal("0.0001"))
        events.append(Stamped(START + 10, quote))
    return events


# --- ten hedges that are ready ----------------------------------------------------------------------------------------


def ten_hedges() -> Policy:
    """The built-in hedge, ten times over, each on a coin of its own."""
    policy = to_policy(load_settings(None, {}, {}))
    hedges = (
        replace(policy.hedges[0], name=coin, underlying=coin, instruments=(InstrumentId("main", f"{coin}/USDT:USDT"),))
        for coin in COINS
    )
    return replace(policy, hedges=tuple(hedges))


def ready(policy: Policy, *, held: str) -> State:
    """A state that has read its account twice, with a position of `held` against 1.5 coins in each hedge."""
    state = initial_state(policy, now=START - 10, epoch=1)
    loaded = InstrumentsLoaded(account="main", instruments=tuple(_instrument(coin) for coin in COINS))
    wide = [replace(_quote(k, START), ask=PRICE + WIDE) for k in range(10)]
    armed = SwitchExtended(account="main", requested_at=START - 10, timeout_ms=120_000)
    events: list[Event] = [loaded, armed, *wide, *(_mark(k, START) for k in range(10))]
    events += [AccountRead(requested_at=START - 9 + k, reading=reading_of(START, held)) for k in range(3)]
    for k, event in enumerate(events):
        state = step(state, Stamped(START - 10 + k, event), policy).state
    return state


def _instrument(coin: str) -> Instrument:
    return Instrument(
        id=InstrumentId("main", f"{coin}/USDT:USDT"),
        kind=Kind.PERPETUAL,
        underlying=coin,
        quote="USDT",
        settle="USDT",
        contract_multiplier=Decimal(1),
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1000),
        min_notional=Decimal(100),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        post_only=True,
    )


def _quote(k: int, at: int) -> Quote:
    id = InstrumentId("main", f"{COINS[k]}/USDT:USDT")
    return Quote(id=id, bid=PRICE, bid_quantity=Decimal(3), ask=PRICE + 1, ask_quantity=Decimal(3), exchange_at=at)


def _mark(k: int, at: int) -> Mark:
    return Mark(
        id=InstrumentId("main", f"{COINS[k]}/USDT:USDT"),
        mark_price=PRICE,
        index_price=PRICE,
        funding_rate=Decimal("0.0001"),
        funding_interval_ms=28_800_000,
        next_funding_at=START + 10_000_000,
        exchange_at=at,
    )


def reading_of(at: int, held: str) -> AccountReading:
    """The account with a position of `held` in each coin."""
    positions = tuple(
        Position(
            id=InstrumentId("main", f"{coin}/USDT:USDT"),
            underlying=coin,
            quantity=Decimal(held),
            contract_multiplier=Decimal(1),
            entry_price=PRICE,
            mark_price=PRICE,
            liquidation_price=Decimal(110_000),
            leverage=Decimal(1),
            margin_mode=MarginMode.CROSS,
        )
        for coin in COINS
    )
    margin = Margin(
        equity=Decimal(900_000),
        maintenance_margin=Decimal(5_000),
        initial_margin=Decimal(50_000),
        available=Decimal(850_000),
    )
    return AccountReading(
        account="main",
        spot={coin: Decimal(1) for coin in COINS},
        collateral={"USDT": Decimal(900_000)},
        positions=positions,
        margin=margin,
        open_orders=(),
        one_way=True,
        exchange_at=at,
    )
