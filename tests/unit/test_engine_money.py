"""What money is worth, how much of it the book hangs on, and what wealth is counted in."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.held.money import money_held, off_peg, pegs_of, rate, seen_price, uncounted, usd_price
from hedger.engine.known.policy import Hedge, Numeraire, Peg
from hedger.engine.known.state import Action, Reason, State
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Quote
from hedger.model.option import OptionPosition, OptionType
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, policy_of
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
    reading_of,
)

PAIR = InstrumentId(ACCOUNT, "USDC/USDT")
TETHER = Peg(asset="USDT", par=D(1), limit=D(200), source=PAIR, inverted=True)
CIRCLE = Peg(asset="USDC", par=D(1), limit=D(200), source=PAIR)


def pair_at(price: str, *, at: int = NOW) -> Quote:
    half = D("0.0001")
    return Quote(
        id=PAIR, bid=D(price) - half, bid_quantity=D(1), ask=D(price) + half, ask_quantity=D(1), exchange_at=at
    )


def watched(*pegs: Peg) -> Hedge:
    return hedge_of(pegs=pegs)


def with_pair(price: str, hedge: Hedge, spot: str = "0") -> State:
    state = hedging(spot, policy=policy_of(hedge))
    return state._replace(quotes={**state.quotes, PAIR: (pair_at(price), NOW)})


@pytest.mark.parametrize(("price", "tether", "circle"), [("1.25", "0.8", "1.25"), ("0.8", "1.25", "0.8")])
def test_a_pair_tells_the_price_of_either_of_its_sides(price: str, tether: str, circle: str) -> None:
    state = with_pair(price, watched(TETHER))
    assert seen_price(state, TETHER) == D(tether), "USDT is the quote of the pair"
    assert seen_price(state, CIRCLE) == D(circle), "USDC is its base"


def test_money_without_a_source_or_with_an_old_price_counts_at_its_peg() -> None:
    blind, hedge = replace(TETHER, source=None), watched(TETHER)
    state = with_pair("1.25", hedge)
    assert seen_price(state, blind) is None
    assert usd_price(state, watched(blind), "USDT") == 1
    assert usd_price(state, hedge, "USDT") == D("0.8")
    assert usd_price(state._replace(now=NOW + 60_001), hedge, "USDT") == 1
    assert usd_price(state, hedge, "USD") == 1, "a dollar is a dollar"


def test_fees_and_gains_in_another_quote_are_converted_into_the_ledgers_money() -> None:
    hedge = hedge_of(instruments=(InstrumentId(ACCOUNT, "BTC/USDT:USDT"),), pegs=(TETHER, CIRCLE))
    state = with_pair("1.25", hedge)
    assert rate(state, hedge, "USDT") == 1, "the first instrument's quote is the ledger's own money"
    seen = replace(hedge, pegs=(replace(TETHER, source=None), CIRCLE))
    assert rate(state, seen, "USDC") == D("1.25")


@pytest.mark.parametrize(("price", "denied"), [("1.019", False), ("1.021", True), ("0.981", False), ("0.979", True)])
def test_a_depeg_in_either_direction_stops_what_adds_risk(price: str, denied: bool) -> None:
    hedge = watched(TETHER)
    assert (off_peg(with_pair(price, hedge), hedge, ("USDT",)) is not None) is denied
    _, results = feed(with_pair(price, hedge, "1"), (NOW + 100, quote_at(at=NOW + 100)), policy=policy_of(hedge))
    assert bool(placed(results)) is not denied
    if denied:
        (decision,) = results[-1].decisions
        assert (decision.action, decision.reason) == (Action.DENY, Reason.DEPEG)


def test_a_depeg_does_not_stop_what_removes_risk() -> None:
    hedge = watched(TETHER)
    state = hedging("0", "-1", policy=policy_of(hedge))
    state = state._replace(quotes={**state.quotes, PAIR: (pair_at("0.9"), NOW)})
    _, results = feed(state, (NOW + 100, quote_at(at=NOW + 100)), policy=policy_of(hedge))
    (order,) = placed(results)
    assert order.reduce_only


def test_a_source_that_is_not_seen_stops_what_adds_risk() -> None:
    hedge = watched(TETHER)
    state = hedging("1", policy=policy_of(hedge))
    assert "was not seen" in (off_peg(state, hedge, ("USDT",)) or "")
    assert off_peg(state, hedge, ("USDC",)) is None, "other money is not concerned"
    assert off_peg(state, watched(replace(TETHER, source=None)), ("USDT",)) is None, "it cannot be seen"


def test_each_kind_of_money_is_watched_once() -> None:
    two = policy_of(watched(TETHER), hedge_of("ETH", pegs=(TETHER, CIRCLE)))
    assert [peg.asset for peg in pegs_of(two)] == ["USDT", "USDC"]


# --- what the book hangs on -------------------------------------------------------------------------------------------


def holding(positions: Sequence[Position], wallet: str = "30000", **changes: object) -> State:
    state = hedging(policy=policy_of(hedge_of()))
    reading = replace(reading_of(), collateral={"USDT": D(wallet)}, positions=tuple(positions), **changes)  # type: ignore[arg-type]
    return state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], reading=reading)})


@pytest.mark.parametrize(("quantity", "held"), [("-1", "90000"), ("1", "-30000"), ("0", "30000")])
def test_a_short_hangs_on_margin_and_entry_notional_and_a_long_on_their_difference(quantity: str, held: str) -> None:
    """W − Σ q·P_entry, whatever the mark is now: the unrealised profit must not be counted a second time."""
    row = position_at(quantity, entry_price=D(60_000), mark_price=D(50_000))
    state = holding([row], unrealized={"USDT": -D(quantity) * 10_000})
    assert money_held(state, "USDT") == D(held)


def test_the_exposure_is_what_the_books_dollar_value_moves_by_when_the_money_moves() -> None:
    """A coin keeps its dollar price S, so it costs S/x in money of x dollars: the derivative of the value by x."""
    wallet, quantity, entry, price = D(30_000), D(-2), D(60_000), D(55_000)

    def value(x: D) -> D:
        return x * (wallet + quantity * (price / x - entry))

    step = D("0.0001")
    moved = (value(1 + step) - value(1 - step)) / (2 * step)
    assert money_held(holding([position_at(quantity, entry_price=entry)]), "USDT") == round(moved, 9) == 150_000


def test_contracts_that_settle_in_other_money_are_no_exposure_to_this_one() -> None:
    in_coin = position_at("-600", id=InstrumentId(ACCOUNT, "BTC/USD:BTC"), payoff=Payoff.INVERSE)
    circle = position_at("-1", id=InstrumentId(ACCOUNT, "BTC/USDC:USDC-261225"))
    state = holding([in_coin, circle])
    assert money_held(state, "USDT") == 30_000
    assert money_held(state, "USDC") == 60_000


def test_a_multiplier_of_a_thousand_is_in_the_price_of_the_unit_already() -> None:
    """10,000 units of 1000PEPE at 0.01 are 100 of money, not 100,000."""
    pepe = position_at("-10000", entry_price=D("0.01"), contract_multiplier=D(1000), underlying="PEPE")
    assert money_held(holding([pepe], "0"), "USDT") == 100


# --- what wealth is counted in ----------------------------------------------------------------------------------------

INVERSE = position_at("-60", id=InstrumentId(ACCOUNT, "BTC/USD:BTC"), contract_multiplier=D(100), payoff=Payoff.INVERSE)
OPTION = OptionPosition(
    id=InstrumentId(ACCOUNT, "BTC/USD:BTC-261225-70000-C"),
    underlying="BTC",
    option_type=OptionType.CALL,
    strike=D(70_000),
    expiry_at=NOW + 86_400_000,
    settlement_ms=1_800_000,
    payoff=Payoff.INVERSE,
    settle="BTC",
    quantity=D(1),
    contract_multiplier=D(1),
    mark_price=D("0.01"),
    mark_sigma=D("0.5"),
    forward_price=D(60_000),
    index_price=D(60_000),
)


@pytest.mark.parametrize("coin_settled", [{"positions": (position_at("0"), INVERSE)}, {"options": (OPTION,)}])
def test_a_book_with_coin_settled_contracts_adds_nothing_before_its_owner_says_what_counts(
    coin_settled: dict[str, object],
) -> None:
    reading = replace(reading_of("1"), **coin_settled)  # type: ignore[arg-type]
    said, unsaid = hedge_of(), hedge_of(numeraire_said=False)
    assert uncounted(of(reading, said), said) is None
    assert "say numeraire" in (uncounted(of(reading, unsaid), unsaid) or "")
    _, results = feed(of(reading, unsaid), (NOW + 100, quote_at(at=NOW + 100)), policy=policy_of(unsaid))
    assert results[-1].decisions[0].reason is Reason.NUMERAIRE
    elsewhere = hedge_of(spot_accounts=())
    assert "spot_accounts" in (uncounted(of(reading, elsewhere), elsewhere) or "")


def test_a_book_without_them_need_not_say_it() -> None:
    unsaid = hedge_of(numeraire_said=False)
    linear = replace(reading_of("1"), positions=(position_at("-1"),))
    flat = replace(reading_of("1"), positions=(replace(INVERSE, quantity=D(0)),))
    assert uncounted(of(linear, unsaid), unsaid) is None
    assert uncounted(of(flat, unsaid), unsaid) is None


def of(reading: AccountReading, hedge: Hedge) -> State:
    state = hedging("1", policy=policy_of(hedge))
    return state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], reading=reading)})


def test_a_holder_who_counts_in_coins_is_neutral_with_what_he_owns() -> None:
    policy = policy_of(hedge_of(numeraire=Numeraire.COIN))
    _, results = feed(hedging("1", policy=policy), (NOW + 100, quote_at(at=NOW + 100)), policy=policy)
    assert results[-1].decisions[0].reason is Reason.INSIDE_BAND


def test_the_ledger_books_a_fill_on_the_second_instrument_in_the_first_ones_money() -> None:
    first, second = InstrumentId(ACCOUNT, "BTC/USDT:USDT"), InstrumentId(ACCOUNT, "BTC/USDC:USDC")
    hedge = hedge_of(instruments=(first, second), pegs=(replace(TETHER, source=None), CIRCLE))
    policy, order = policy_of(hedge), order_of(id=second)
    state = with_pair("1.25", hedge)._replace(orders={order.client_order_id: order})
    rules = instrument_of(id=second, quote="USDC", settle="USDC")
    state = state._replace(
        instruments={**state.instruments, second: rules},
        quotes={**state.quotes, second: (quote_at(id=second), NOW)},
        marks={**state.marks, second: (mark_at(id=second), NOW)},
    )
    fill = fill_of(order, "0.5", fee=D(4), fee_asset="USDC", price=D("60000.1"))
    after, _ = feed(state, (NOW + 10, fill), policy=policy)
    ledger = after.ledgers["btc"]
    assert ledger.fees == -5, "4 USDC at 1.25 are 5 of the ledger's money"
    assert ledger.notional == D("0.5") * D("60000.1") * D("1.25")
    assert ledger.edge == D("0.5") * D("0.05") * D("1.25")
