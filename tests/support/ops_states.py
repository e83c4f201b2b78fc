"""Hand-made policies, states and decisions for what people see: one hedge of 2 BTC, or several like it."""

from decimal import Decimal as D

from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import Order, OrderStatus
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
from hedger.engine.known.state import (
    AccountView,
    Action,
    Decision,
    Exposure,
    HedgeState,
    Mode,
    Reason,
    State,
    initial_state,
)
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.message import PlaceOrder
from hedger.model.order import Side

NOW = 1_772_366_400_000  # 2026-03-01 12:00:00 UTC
ORDER_ID = "hbtc00010000012e"

GUARDS = Guards(
    quote_age=2_000,
    mark_age=5_000,
    account_age=15_000,
    mark_collar=D(50),
    index_collar=D(75),
    spread=D(10),
    depth=D(5_000),
    basis=D(100),
    adverse_funding=D("0.3"),
    orders_per_minute=20,
    orders_per_day=2_000,
    order_notional=D(50_000),
    daily_notional=D(1_000_000),
    daily_cost=D(500),
    position=D(5),
    price_drift=D(500),
    cancels_per_hour=240,
    futile_hedges=3,
    leverage=3,
    margin_mode=MarginMode.CROSS,
    margin_ratio=Levels(warn=D("0.3"), stop=D("0.5"), reduce=D("0.7"), clear=D("0.25")),
    liquidation_distance=Levels(warn=D("0.25"), stop=D("0.15"), reduce=D("0.08"), clear=D("0.3")),
)
EXECUTION = Execution(
    reprice_ms=2_000,
    reprice_ticks=2,
    linger_ms=10_000,
    offset_ticks=0,
    deadline_ms=60_000,
    max_attempts=5,
    attempts_cooldown_ms=30_000,
    cooldown_ms=1_000,
    slice_quantity=None,
    ttl_ms=5_000,
)


def perpetual(underlying: str) -> InstrumentId:
    return InstrumentId("binance", f"{underlying}/USDT:USDT")


def hedge(underlying: str = "BTC") -> Hedge:
    return Hedge(
        name=underlying.lower(),
        underlying=underlying,
        static_quantity=D("0.5"),
        spot_accounts=("binance",),
        instruments=(perpetual(underlying),),
        target=Target(kind=TargetKind.NEUTRAL, value=D(0)),
        band=Band(rule=BandRule.COINS, upper=D("0.05"), lower=D("0.05"), floor=D(0), rebalance_to=RebalanceTo.EDGE),
        execution=EXECUTION,
        guards=GUARDS,
        reduce_step=D("0.2"),
        unhedged_after_ms=30_000,
    )


def policy(*underlyings: str) -> Policy:
    return Policy(
        bot="btc",
        sends=True,
        hedges=tuple(hedge(name) for name in underlyings or ("BTC",)),
        accounts=("binance",),
        clean_cycles=2,
        settle_ms=1_000,
        delta_jump_bands=D(3),
    )


def instrument(underlying: str = "BTC") -> Instrument:
    return Instrument(
        id=perpetual(underlying),
        kind=Kind.PERPETUAL,
        underlying=underlying,
        quote="USDT",
        settle="USDT",
        contract_multiplier=D(1),
        tick_size=D("0.1"),
        lot_size=D("0.001"),
        min_quantity=D("0.001"),
        max_quantity=D(1000),
        min_notional=D(100),
        maker_fee=D("0.0002"),
        taker_fee=D("0.0005"),
        post_only=True,
    )


def quote(underlying: str = "BTC", *, bid: str = "64999.9", at: int = NOW) -> Quote:
    return Quote(
        id=perpetual(underlying),
        bid=D(bid),
        bid_quantity=D("3.2"),
        ask=D(bid) + D("0.2"),
        ask_quantity=D("1.7"),
        exchange_at=at,
    )


def mark(underlying: str = "BTC", *, rate: str = "0.0001", at: int = NOW) -> Mark:
    return Mark(
        id=perpetual(underlying),
        mark_price=D("65001.5"),
        index_price=D("64990.0"),
        funding_rate=D(rate),
        funding_interval_ms=28_800_000,
        next_funding_at=NOW + 4 * 3_600_000,
        exchange_at=at,
    )


def position(underlying: str, quantity: str) -> Position:
    return Position(
        id=perpetual(underlying),
        underlying=underlying,
        quantity=D(quantity),
        contract_multiplier=D(1),
        entry_price=D("64200"),
        mark_price=D("65001.5"),
        liquidation_price=D("96480.2"),
        leverage=D(3),
        margin_mode=MarginMode.CROSS,
    )


def reading(given: Policy, *, futures: str = "-1.935") -> AccountReading:
    return AccountReading(
        account="binance",
        spot={h.underlying: D("1.5") for h in given.hedges},
        collateral={"USDT": D(60_000)},
        positions=tuple(position(h.underlying, futures) for h in given.hedges),
        margin=Margin(equity=D(58_000), maintenance_margin=D(7_150), initial_margin=D(42_000), available=D(16_000)),
        open_orders=(),
        one_way=True,
        exchange_at=NOW - 800,
    )


def order(underlying: str = "BTC", *, status: OrderStatus = OrderStatus.OPEN) -> Order:
    return Order(
        client_order_id=ORDER_ID if underlying == "BTC" else f"h{underlying.lower():3.3}0001000001ab",
        id=perpetual(underlying),
        hedge=underlying.lower(),
        side=Side.SELL,
        quantity=D("0.015"),
        price=D("65000.1"),
        reduce_only=False,
        decision_id=41,
        decision_mid=D("65000"),
        holding=D(2),
        margin_reduction=False,
        deviation=D("0.065"),
        placed_at=NOW - 3_200,
        ttl_ms=5_000,
        status=status,
        reported=D("0.003"),
        booked=D("0.003"),
    )


def ledger() -> Ledger:
    return Ledger(
        fills=14,
        maker_fills=14,
        quantity=D("1.935"),
        notional=D("125612.40"),
        fees=D("-25.12"),
        funding=D("12.57"),
        slippage=D("-3.41"),
        edge=D("1.93"),
        entry_notional=D("125612.40"),
        entry_basis_notional=D("263786.04"),
    )


def decision(
    number: int = 41, *, action: Action = Action.PLACE, reason: Reason = Reason.OUTSIDE_BAND, hedge: str = "btc"
) -> Decision:
    """A decision at the default facts; a placed one carries its order."""
    placed = PlaceOrder(
        id=perpetual(hedge.upper()),
        client_order_id=ORDER_ID,
        side=Side.SELL,
        quantity=D("0.015"),
        price=D("65000.1"),
        reduce_only=False,
        ttl_ms=5_000,
        decision_id=number,
    )
    return Decision(
        decision_id=number,
        at=NOW - 3_200 + number,
        hedge=hedge,
        mode=Mode.HEDGING,
        action=action,
        reason=reason,
        detail="",
        exposure=Exposure(spot=D("1.5"), static=D("0.5"), futures=D("-1.935"), low=D("0.05"), high=D("0.065")),
        target=D(0),
        deviation=D("0.065"),
        upper=D("0.05"),
        lower=D("0.05"),
        quote=quote(hedge.upper()),
        mark=mark(hedge.upper()),
        order=placed if action is Action.PLACE else None,
    )


def hedging_state(given: Policy | None = None, *, futures: str = "-1.935", working: bool = True) -> State:
    """A state in which each hedge holds 1.5 coins on spot and 0.5 elsewhere, and is hedged with `futures`."""
    given = given or policy()
    names = [h.underlying for h in given.hedges]
    view = AccountView(
        reading=reading(given, futures=futures),
        believed_at=NOW - 900,
        barrier_at=NOW - 5_000,
        clean_cycles=9,
        stream_up=True,
    )
    state = initial_state(given, now=NOW, epoch=1)
    return state._replace(
        mode=Mode.HEDGING,
        reconciled=True,
        instruments={perpetual(name): instrument(name) for name in names},
        quotes={perpetual(name): (quote(name), NOW - 120) for name in names},
        marks={perpetual(name): (mark(name), NOW - 400) for name in names},
        accounts={"binance": view},
        orders={o.client_order_id: o for o in (order(name) for name in names)} if working else {},
        hedges={name.lower(): HedgeState(outside_since=NOW - 4_000, outside_ms=18_400) for name in names},
        ledgers={name.lower(): ledger() for name in names},
    )
