"""Books that are kept in coins: what moves with the price alone, what is a deposit, what is margin, what expires."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.margin import (
    affordable,
    liquidation_distances,
    liquidation_doubts,
    liquidation_known,
    margin_ratios,
)
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, ChangeCause, Reason, Severity, State
from hedger.engine.step import Result
from hedger.model.account import AccountReading, FundingPayment, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.message import FillsRead, FundingRead, Stamped, TimePassed
from hedger.model.option import OptionPosition, OptionType
from hedger.model.order import Fill, Side
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    read_at,
    reading_of,
)

ID = InstrumentId(ACCOUNT, "BTC/USD:BTC")
DATED = InstrumentId(ACCOUNT, "BTC/USD:BTC-261225")
MARK = D(50_000)
THICK: dict[str, Any] = {"id": ID, "bid_quantity": D(500), "ask_quantity": D(500)}  # contracts of 100 dollars
WIDE = policy_of(hedge_of(instruments=(ID,), band=band("50"), guards={"position": D(1000)}))
TIGHT = policy_of(hedge_of(instruments=(ID,), guards={"position": D(1000)}))


def rules(id: InstrumentId = ID, **changes: Any) -> Instrument:
    """100 dollars a contract."""
    made = instrument_of(
        multiplier="100",
        id=id,
        quote="USD",
        settle="BTC",
        payoff=Payoff.INVERSE,
        lot_size=D(1),
        min_quantity=D(1),
        min_notional=D(0),
        max_quantity=D(10**6),
    )
    return replace(made, **changes)


def row(units: str | D, mark: D = MARK, entry: D = MARK, **changes: Any) -> Position:
    made = position_at(
        D(units), id=ID, contract_multiplier=D(100), payoff=Payoff.INVERSE, entry_price=entry, mark_price=mark
    )
    return replace(made, **changes)


def margin(equity: str | D, maintenance: str = "0.01", available: str = "5") -> Margin:
    held, needed = D(equity), D(maintenance)
    return Margin(equity=held, maintenance_margin=needed, initial_margin=D(0), available=D(available))


def reading(wallet: str | D, position: Position, *, at: int = NOW, **changes: Any) -> AccountReading:
    """Coins in the wallet of the contracts, and what these have made at the reading's own mark."""
    worth = (
        position.quantity * 100 * (1 / position.entry_price - 1 / position.mark_price) if position.quantity else D(0)
    )
    made = reading_of(
        "0",
        at=at,
        collateral={"BTC": D(wallet)},
        unrealized={"BTC": worth},
        positions=(position,),
        coin_margins={"BTC": margin(D(wallet) + worth)},
    )
    return replace(made, **changes)


def world(held: AccountReading, policy: Policy = WIDE, instrument: Instrument | None = None) -> State:
    instrument = instrument or rules()
    state = hedging(policy=policy, instrument=instrument)
    id = instrument.id
    view = replace(state.accounts[ACCOUNT], reading=held, barrier_at=NOW - 60_000)
    return state._replace(
        quotes={id: (quote_at(str(MARK), str(MARK + D("0.1")), id=id), NOW)},
        marks={id: (mark_at(str(MARK), id=id), NOW)},
        accounts={ACCOUNT: view},
    )


def told(results: Sequence[Result]) -> list[tuple[str, ChangeCause, D]]:
    return [(c.what, c.cause, c.quantity) for result in results for c in result.changes]


def twice(
    state: State, held: AccountReading, policy: Policy = WIDE, at: int = NOW + 1_000
) -> tuple[State, list[Result]]:
    """A reading, the same again a second and a half later, and a beat."""
    later = at + 1_500
    reads = (read_at(at, replace(held, exchange_at=at)), read_at(later, replace(held, exchange_at=later)))
    return feed(state, *reads, (later, TimePassed()), policy=policy)


# --- the price moves --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["-5000", "5000"])
@pytest.mark.parametrize("mark", ["25000", "49000", "52000", "100000"])
def test_profit_that_comes_with_the_price_is_neither_a_deposit_nor_a_jump(units: str, mark: str) -> None:
    state = world(reading("10", row(units)), TIGHT)
    moved = reading("10", row(units, D(mark)), at=NOW + 1_000)
    state, results = feed(state, read_at(NOW + 1_000, moved), (NOW + 1_000, TimePassed()), policy=TIGHT)
    assert state.accounts[ACCOUNT].believed_at == NOW + 1_000, "believed on its own word"
    assert not told(results)


@pytest.mark.parametrize("wallet", ["10.5", "9.5"])
def test_coins_that_come_to_the_wallet_are_told_whatever_the_price_does(wallet: str) -> None:
    _, results = twice(world(reading("10", row("-5000"))), reading(wallet, row("-5000", D(61_000))))
    ((what, cause, quantity),) = told(results)
    assert (what, cause, round(quantity, 9)) == ("BTC", ChangeCause.TRANSFER, D(wallet) - 10)


def test_an_inverse_short_is_hedged_further_when_coins_come_and_not_when_the_price_moves() -> None:
    state = world(reading("10", row("-5000")), TIGHT)
    state, results = twice(state, reading("10", row("-5000", D(46_000))), TIGHT)
    assert not placed(results)
    state, results = twice(state, reading("10.1", row("-5000", D(46_000))), TIGHT, NOW + 5_000)
    at = NOW + 7_000
    _, results = feed(
        state, (at, mark_at("50000", at=at, id=ID)), (at, quote_at("50000", "50000.1", at=at, **THICK)), policy=TIGHT
    )
    (order,) = placed(results)
    assert (order.side, order.quantity) == (Side.SELL, D(50)), "0.1 coins at 50,000 are 50 contracts of 100"
    (decided,) = (d for result in results for d in result.decisions if d.action is Action.PLACE)
    assert decided.notional == 5_000, "and worth 5,000 dollars, whatever their price"


# --- trades, fees and funding in coins --------------------------------------------------------------------------------


def closed(part: str, price: str, wallet: str = "10", fee: str = "0") -> AccountReading:
    """The book after buying `part` of a short of 5000 contracts at a price: the profit of that part is realised."""
    realised = -D(part) * 100 * (1 / MARK - 1 / D(price))
    return reading(D(wallet) + realised - D(fee), row(D(-5000) + D(part), D(price)))


@pytest.mark.parametrize("fill_first", [True, False])
def test_profit_that_a_fill_of_ours_realises_is_no_transfer(fill_first: bool) -> None:
    order = order_of(Side.BUY, "1000", id=ID, status=OrderStatus.OPEN, venue_order_id="v1", price=D(40_000))
    state = world(reading("10", row("-5000")))._replace(orders={order.client_order_id: order})
    filled = fill_of(order, "1000", price=D(40_000), at=NOW + 500, fee=D("0.01"), fee_asset="BTC")
    primed, _ = feed(state, read_at(NOW + 100, reading("10", row("-5000"), at=NOW + 100)), policy=WIDE)
    after = closed("1000", "40000", fee="0.01")
    if fill_first:
        primed, results = feed(primed, (NOW + 600, filled), policy=WIDE)
        _, more = twice(primed, after, at=NOW + 5_000)
    else:
        primed, results = twice(primed, after, at=NOW + 700)
        _, more = feed(primed, (NOW + 2_500, filled), policy=WIDE)
        last = read_at(NOW + 9_000, replace(after, exchange_at=NOW + 9_000))
        _, last_told = feed(_, last, (NOW + 9_000, TimePassed()), policy=WIDE)
        more += last_told
    assert not [t for t in told([*results, *more]) if t[1] is ChangeCause.TRANSFER]


@pytest.mark.parametrize("named", [False, True])
def test_a_fill_of_ours_that_was_told_as_something_else_before_is_no_transfer(named: bool) -> None:
    """First it was nobody's, or another's, at its worth in coins; what was taken for that then is taken once."""
    sold = order_of(Side.SELL, "1000", id=ID, status=OrderStatus.CANCELED, venue_order_id="v1", price=MARK)
    fill = fill_of(sold, "1000", at=NOW - 4_000, price=MARK, fee=D(0), fee_asset="BTC")
    nameless = replace(fill, client_order_id=None)
    state, _ = twice(world(reading("10", row("-5000"))), reading("10", row("-6000")))
    listed = FillsRead(id=ID, requested_at=NOW + 30_000, since_at=0, fills=(nameless,) if named else ())
    listed = replace(listed, fills=tuple(replace(one, exchange_at=NOW + 900) for one in listed.fills))
    state, first = feed(state, (NOW + 30_000, listed), policy=WIDE)
    assert [cause for _, cause, _ in told(first)] == [ChangeCause.FOREIGN_TRADE if named else ChangeCause.UNEXPLAINED]
    state = state._replace(orders={sold.client_order_id: sold})
    state, second = feed(state, (NOW + 31_000, fill), policy=WIDE)
    assert [quantity for _, _, quantity in told(second)] == [D(1_000)], "it is taken back"
    state, later = twice(state, reading("10", row("-6000")), at=NOW + 40_000)
    assert state.accounts[ACCOUNT].believed_at > NOW + 40_000
    assert not told(later)
    assert abs(state.accounts[ACCOUNT].movement.coins["BTC"]) < D("1e-9")


def test_profit_that_somebody_elses_trade_realises_is_that_trade_and_no_transfer() -> None:
    state, _ = feed(world(reading("10", row("-5000"))), read_at(NOW + 100, reading("10", row("-5000"))), policy=WIDE)
    state, results = twice(state, closed("1000", "40000"), at=NOW + 1_000)
    by_hand: Fill = fill_of(
        order_of(Side.BUY, "1000", id=ID),
        "1000",
        "7",
        NOW + 900,
        client_order_id="by-hand",
        venue_order_id="x7",
        price=D(40_000),
    )
    at = NOW + 3_000
    answer = Stamped(at, FillsRead(id=ID, requested_at=at, since_at=0, fills=(by_hand,)))
    state, more = feed(state, answer, policy=WIDE)
    last = replace(closed("1000", "40000"), exchange_at=at + 2_000)
    _, rest = feed(state, read_at(at + 2_000, last), policy=WIDE)
    assert told([*results, *more, *rest]) == [("BTC/USD:BTC", ChangeCause.FOREIGN_TRADE, D(1000))]


@pytest.mark.parametrize("amount", ["0.001", "-0.001"])
def test_funding_in_coins_is_booked_at_the_index_and_is_no_transfer(amount: str) -> None:
    state, _ = feed(world(reading("10", row("-5000"))), read_at(NOW + 100, reading("10", row("-5000"))), policy=WIDE)
    state, results = twice(state, reading(10 + D(amount), row("-5000")))
    paid = FundingPayment(id=ID, payment_id="f1", amount=D(amount), asset="BTC", exchange_at=NOW + 900)
    read = FundingRead(account=ACCOUNT, requested_at=NOW + 3_000, since_at=0, payments=(paid,))
    state, more = feed(state, (NOW + 3_000, read), (NOW + 3_000, read), policy=WIDE)
    assert state.ledgers["btc"].funding == D(amount) * MARK, "a coin at the index"
    assert not told([*results, *more])
    assert not state.accounts[ACCOUNT].movement.coins["BTC"]


@pytest.mark.parametrize("amount", ["0.004", "-0.004"])
def test_funding_that_trickles_into_the_wallet_until_it_is_settled_is_no_transfer(amount: str) -> None:
    state = world(reading("10", row("-5000")))
    owed = {"BTC": D(amount)}
    trickled = reading(10 + D(amount), row("-5000"), accrued=owed)
    state, results = twice(state, trickled)
    assert (state.accounts[ACCOUNT].reading or trickled).equity("BTC") == 10 + D(amount), "and it is owned"
    state, more = twice(state, reading(10 + D(amount), row("-5000"), accrued={"BTC": D(0)}), at=NOW + 5_000)
    paid = FundingPayment(id=ID, payment_id="f1", amount=D(amount), asset="BTC", exchange_at=NOW + 5_000)
    read = FundingRead(account=ACCOUNT, requested_at=NOW + 8_000, since_at=0, payments=(paid,))
    state, last = feed(state, (NOW + 8_000, read), policy=WIDE)
    assert not told([*results, *more, *last])
    assert not state.accounts[ACCOUNT].movement.coins["BTC"]
    _, gone = twice(state, reading(9 + D(amount), row("-5000")), at=NOW + 9_000)
    assert told(gone) == [("BTC", ChangeCause.TRANSFER, D(-1))]


def test_funding_in_a_coin_whose_price_was_never_seen_is_booked_later_and_not_as_a_dollar() -> None:
    blind = world(reading("10", row("-5000")))._replace(marks={})
    paid = FundingPayment(id=ID, payment_id="f1", amount=D("0.001"), asset="BTC", exchange_at=NOW)
    read = FundingRead(account=ACCOUNT, requested_at=NOW, since_at=0, payments=(paid,))
    state, _ = feed(blind, (NOW + 10, read), policy=WIDE)
    assert not state.ledgers["btc"].funding
    state, _ = feed(state, (NOW + 20, mark_at(str(MARK), id=ID)), (NOW + 30, read), policy=WIDE)
    assert state.ledgers["btc"].funding == 50


def test_a_days_notional_counts_contracts_at_what_they_are_worth_and_not_at_their_price() -> None:
    order = order_of(Side.SELL, "10", id=ID, price=MARK)
    state = world(reading("10", row("0")))._replace(orders={order.client_order_id: order})
    state, _ = feed(state, (NOW + 10, fill_of(order, "10")), policy=WIDE)
    assert state.hedges["btc"].day_notional == 1_000
    assert state.ledgers["btc"].notional == 1_000
    assert state.ledgers["btc"].quantity == D("0.02")


def test_the_realised_spread_of_a_contract_in_coins_is_what_they_are_worth_later() -> None:
    order = order_of(Side.BUY, "500", id=ID, price=MARK)
    state = world(reading("10", row("0")))._replace(orders={order.client_order_id: order})
    state, _ = feed(state, (NOW + 10, fill_of(order, "500", at=NOW)), policy=WIDE)
    at = NOW + 10_050
    state, _ = feed(state, (at, quote_at("50499.9", "50500.1", at=at, id=ID)), (at, TimePassed()), policy=WIDE)
    coins = 500 * 100 * (1 / MARK - 1 / D(50_500))
    assert abs(state.ledgers["btc"].realised_spread - coins * 50_500) < D("1e-12")


# --- margin -----------------------------------------------------------------------------------------------------------


def test_coins_are_the_margin_of_a_contract_that_settles_in_them() -> None:
    held = reading("10", row("-5000"), coin_margins={"BTC": margin("10", "8", available="2")})
    state, hedge = world(held), WIDE.hedges[0]
    assert affordable(state, hedge, ID, D(50_000)) == 1_000, "2 coins at 50,000 are 1,000 contracts of 100"
    assert max(margin_ratios(state, hedge)) == D("0.8"), "money in another wallet does not help"
    silent = world(replace(held, coin_margins={}))
    assert affordable(silent, hedge, ID, D(50_000)) == 0, "a wallet that is not told has nothing in it"


def test_a_wallet_of_coins_that_is_short_of_margin_stops_what_adds_risk() -> None:
    held = reading("10", row("-1000"), coin_margins={"BTC": margin("10", "5.5")})
    state, results = twice(world(held, TIGHT), held, TIGHT)
    assert state.hedges["btc"].margin_severity is Severity.STOP
    assert not placed(results)
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert (decision.action, decision.reason) == (Action.DENY, Reason.MARGIN_RATIO)


@pytest.mark.parametrize(
    ("units", "wallet", "near"), [("-5000", "1", True), ("-5000", "10", False), ("5000", "1", True)]
)
def test_where_the_venue_names_no_liquidation_price_equity_says_how_far_it_is(
    units: str, wallet: str, near: bool
) -> None:
    state = world(reading(wallet, row(units)))
    distances = liquidation_distances(state, WIDE.hedges[0])
    assert bool(distances) is near, "a short with as many coins as it is short of has no upper one"
    if near:
        assert D("0.05") < distances[0] < D("0.2")


def test_only_what_cannot_be_worked_out_is_not_known_of_a_liquidation() -> None:
    hedge, covered = WIDE.hedges[0], reading("10", row("-5000"))
    assert liquidation_known(world(covered), hedge)
    assert not liquidation_distances(world(covered), hedge), "known, and none: it has as many coins as it is short of"
    for unsure in (
        replace(covered, coin_margins={}),
        reading("10", row("-5000", margin_mode=MarginMode.ISOLATED)),
        replace(covered, positions=(replace(row("-5000"), mark_price=D(0)),)),
    ):
        assert not liquidation_known(world(unsure), hedge)
    state = world(covered)
    never = {name: replace(view, reading=None) for name, view in state.accounts.items()}
    assert not liquidation_known(state._replace(accounts=never), hedge)
    assert liquidation_known(world(replace(covered, positions=())), hedge), "nothing is held"


def test_a_liquidation_price_that_equity_contradicts_is_told() -> None:
    hedge, mark = WIDE.hedges[0], MARK
    told_far = world(reading("1", row("-5000", liquidation_price=mark * 3)))
    (doubt,) = liquidation_doubts(told_far, hedge)
    assert "150000" in doubt
    near = liquidation_distances(world(reading("1", row("-5000"))), hedge)[0]
    agreed = world(reading("1", row("-5000", liquidation_price=mark * (1 + near))))
    assert not liquidation_doubts(agreed, hedge)


# --- what ends --------------------------------------------------------------------------------------------------------

ENDS = NOW + 900


def dated(units: str, *, at: int = NOW, wallet: str = "10") -> AccountReading:
    return reading(wallet, row(units, id=DATED, expiry_at=ENDS), at=at)


def future() -> Instrument:
    return rules(DATED, kind=Kind.FUTURE, expiry_at=ENDS, settlement_ms=1_800_000)


DATED_POLICY = policy_of(hedge_of(instruments=(DATED,), band=band("50"), guards={"position": D(1000)}))


def test_a_position_that_is_gone_at_its_expiry_was_settled_and_its_cash_is_no_transfer() -> None:
    state = world(dated("-5000"), DATED_POLICY, future())
    flat = replace(dated("0", wallet="10.4"), unrealized={})
    state, results = twice(state, flat, DATED_POLICY)
    assert told(results) == [("BTC/USD:BTC-261225", ChangeCause.SETTLEMENT, D(5000))]
    assert not state.accounts[ACCOUNT].movement.drifted_at
    assert not state.accounts[ACCOUNT].movement.shifts


def test_a_position_that_is_gone_long_before_its_expiry_is_not_settled() -> None:
    early = replace(future(), expiry_at=NOW + 10**9)
    held = reading("10", row("-5000", id=DATED, expiry_at=NOW + 10**9))
    gone = reading("10", row("0", id=DATED, expiry_at=NOW + 10**9))
    state, results = twice(world(held, DATED_POLICY, early), gone, DATED_POLICY)
    assert not [t for t in told(results) if t[1] is ChangeCause.SETTLEMENT]
    assert state.accounts[ACCOUNT].movement.shifts[DATED].quantity == 5000


def option(quantity: str = "2", expiry_at: int = NOW + 10**10) -> OptionPosition:
    return OptionPosition(
        id=InstrumentId(ACCOUNT, "BTC/USD:BTC-270326-70000-C"),
        underlying="BTC",
        option_type=OptionType.CALL,
        strike=D(70_000),
        expiry_at=expiry_at,
        settlement_ms=1_800_000,
        payoff=Payoff.INVERSE,
        settle="BTC",
        quantity=D(quantity),
        contract_multiplier=D(1),
        mark_price=D("0.01"),
        mark_sigma=D("0.5"),
        forward_price=MARK,
        index_price=MARK,
    )


def with_options(*options: OptionPosition, wallet: str = "10") -> AccountReading:
    return reading(wallet, row("-5000"), options=options)


@pytest.mark.parametrize(
    ("before", "after", "moved"), [((), ("2",), "2"), (("2",), ("0",), "-2"), (("2",), ("-1",), "-3")]
)
def test_options_that_their_owner_trades_are_told_and_are_neither_a_drift_nor_a_transfer(
    before: tuple[str, ...], after: tuple[str, ...], moved: str
) -> None:
    state = world(with_options(*map(option, before)))
    state, results = twice(state, with_options(*map(option, after), wallet="9.9"))
    assert told(results) == [("BTC/USD:BTC-270326-70000-C", ChangeCause.OPTION_TRADE, D(moved))]
    assert not state.accounts[ACCOUNT].movement.drifted_at
    assert state.accounts[ACCOUNT].believed_at == NOW + 2_500


def test_an_option_whose_row_is_missing_once_was_not_sold() -> None:
    state = world(with_options(option()))
    gone = replace(with_options(), exchange_at=NOW + 1_000)
    state, results = feed(state, read_at(NOW + 1_000, gone), policy=WIDE)
    view = state.accounts[ACCOUNT]
    assert "no row for BTC/USD:BTC-270326-70000-C" in view.last_failure
    assert view.reading is not None
    assert view.reading.options, "the reading that is decided on still has it"
    back = replace(with_options(option()), exchange_at=NOW + 2_500)
    state, more = feed(state, read_at(NOW + 2_500, back), policy=WIDE)
    assert not told([*results, *more])


def test_an_option_without_a_row_for_half_a_minute_was_sold() -> None:
    """Venues leave the row of a closed option out; one that is cut short lists it again."""
    state, results = world(with_options(option())), list[Result]()
    for second in (1, 12, 24, 35, 37):
        gone = replace(with_options(wallet="9.9"), exchange_at=NOW + second * 1_000)
        state, more = feed(state, read_at(NOW + second * 1_000, gone), policy=WIDE)
        results += more
        assert bool(told(results)) is (second >= 37), "and what is gone then is confirmed once more"
    assert told(results) == [("BTC/USD:BTC-270326-70000-C", ChangeCause.OPTION_TRADE, D(-2))]


def test_an_option_that_expires_is_settled_and_its_cash_is_no_transfer() -> None:
    ending = option(expiry_at=NOW + 500)
    _, results = twice(world(with_options(ending)), with_options(wallet="10.3"))
    assert told(results) == [("BTC/USD:BTC-270326-70000-C", ChangeCause.SETTLEMENT, D(-2))]


def test_a_quanto_position_on_a_hedged_coin_makes_the_reading_none() -> None:
    strange = row("-10", id=InstrumentId(ACCOUNT, "BTC/USD:ETH"), payoff=Payoff.QUANTO)
    held = reading("10", row("-5000"), at=NOW + 1_000)
    state, _ = feed(world(held), read_at(NOW + 1_000, replace(held, positions=(*held.positions, strange))), policy=WIDE)
    assert "a quanto" in state.accounts[ACCOUNT].last_failure
    assert state.accounts[ACCOUNT].believed_at < NOW
