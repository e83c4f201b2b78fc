"""One bad contract: what is refused for an instrument is counted for it, and what speaks of the account shuts it."""

from dataclasses import replace

from hedger.engine.guards.gate import breaker_of, note_sent, restricted
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.state import Mode, State, initial_state
from hedger.engine.step import step
from hedger.model.instrument import InstrumentId
from hedger.model.message import Operation, OperatorAsked, OrderAccepted, OrderRejected, Stamped, TimePassed
from hedger.model.order import RejectReason
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, order_of

ETH = perpetual("ETH")
COINS = policy_of(hedge_of(), hedge_of("ETH"))


def refuse_of(state: State, id: InstrumentId, reason: RejectReason, times: int, at: int = NOW) -> State:
    """So many orders on one instrument are refused."""
    name = "btc" if id == perpetual() else "eth"
    for _ in range(times):
        sent = order_of(id=id, hedge=name)
        state = state._replace(orders={sent.client_order_id: sent})
        rejected = OrderRejected(client_order_id=sent.client_order_id, reason=reason, text="no")
        state = step(state, Stamped(at, rejected), COINS).state
    return state


def two_coins() -> State:
    here = hedging(policy=COINS)
    rules = {**here.instruments, ETH: instrument_of("ETH")}
    return with_mode(here._replace(instruments=rules, orders={}), COINS)


def test_a_refusal_of_one_instrument_is_counted_for_it_alone() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.UNAVAILABLE, 2)
    assert breaker_of(state, ETH).status is BreakerStatus.RESTRICTED
    assert breaker_of(state, perpetual()) == Breaker()
    assert state.accounts[ACCOUNT].breaker == Breaker()
    assert state.mode is Mode.HEDGING
    assert restricted(state, ETH) is not None
    assert restricted(state, perpetual()) is None


def test_an_acceptance_on_one_instrument_neither_clears_nor_trips_the_other() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.INVALID_ORDER, 4)
    good = order_of()
    accepted = OrderAccepted(client_order_id=good.client_order_id, venue_order_id="v1")
    state, _ = feed(state._replace(orders={good.client_order_id: good}), (NOW, accepted), policy=COINS)
    assert breaker_of(state, ETH).rejects == 4
    assert breaker_of(refuse_of(state, ETH, RejectReason.INVALID_ORDER, 1), ETH).status is BreakerStatus.RESTRICTED


def test_refusals_that_speak_of_the_account_count_over_all_its_instruments() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.INSUFFICIENT_MARGIN, 1)
    state = refuse_of(state, perpetual(), RejectReason.INSUFFICIENT_MARGIN, 1)
    assert state.accounts[ACCOUNT].breaker.status is BreakerStatus.RESTRICTED
    assert not state.accounts[ACCOUNT].instrument_breakers


def test_where_all_its_instruments_are_unavailable_the_account_is_shut() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.UNAVAILABLE, 2)
    state = refuse_of(state, perpetual(), RejectReason.UNAVAILABLE, 2, NOW + 3_600_000)
    assert state.accounts[ACCOUNT].breaker.status is BreakerStatus.RESTRICTED
    assert "last BTC/USDT:USDT for unavailable" in state.accounts[ACCOUNT].breaker.cause


def test_invalid_orders_on_all_instruments_stop_each_of_them_and_not_the_account() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.INVALID_ORDER, 5)
    state = refuse_of(state, perpetual(), RejectReason.INVALID_ORDER, 5)
    assert state.accounts[ACCOUNT].breaker == Breaker()
    assert state.mode is Mode.REDUCE_ONLY


def test_two_of_three_instruments_shut_the_account_only_where_they_trip_within_a_minute() -> None:
    policy = policy_of(hedge_of(), hedge_of("ETH"), hedge_of("XRP"))
    for later, status in ((59_000, BreakerStatus.RESTRICTED), (61_000, BreakerStatus.CLOSED)):
        state = initial_state(policy, now=NOW, epoch=1)._replace(
            instruments={perpetual(coin): instrument_of(coin) for coin in ("BTC", "ETH", "XRP")}
        )
        state = refuse_of(state, ETH, RejectReason.UNAVAILABLE, 2)
        state = refuse_of(state, perpetual(), RejectReason.UNAVAILABLE, 2, NOW + later)
        assert state.accounts[ACCOUNT].breaker.status is status


def test_an_instrument_that_trips_again_and_again_stays_shut_for_an_hour_and_halts_nothing() -> None:
    state = two_coins()
    for n in range(8):
        own = replace(breaker_of(state, ETH), status=BreakerStatus.CLOSED)
        view = replace(state.accounts[ACCOUNT], instrument_breakers={ETH: own})
        state = refuse_of(state._replace(accounts={ACCOUNT: view}), ETH, RejectReason.UNAVAILABLE, 2, NOW + n)
    assert state.halted is None
    assert breaker_of(state, ETH).cooldown_ms == 3_600_000


def test_after_its_cool_down_one_order_tries_on_the_instrument_and_closes_its_breaker() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.UNAVAILABLE, 2)
    state, _ = feed(state, (breaker_of(state, ETH).until_at, TimePassed()), policy=COINS)
    assert breaker_of(state, ETH).status is BreakerStatus.HALF_OPEN
    tries = order_of(id=ETH, hedge="eth", sequence=7)
    state = note_sent(state._replace(orders={tries.client_order_id: tries}), tries)
    assert breaker_of(state, ETH).probe == tries.client_order_id
    accepted = OrderAccepted(client_order_id=tries.client_order_id, venue_order_id="v1")
    state, _ = feed(state, (state.now, accepted), policy=COINS)
    assert breaker_of(state, ETH).status is BreakerStatus.CLOSED


def test_a_person_who_resumes_lets_one_order_try_on_each_instrument() -> None:
    state = refuse_of(two_coins(), ETH, RejectReason.UNAVAILABLE, 2)
    state, _ = feed(state, (NOW, OperatorAsked(operation=Operation.RESUME, reason="looked")), policy=COINS)
    assert breaker_of(state, ETH).status is BreakerStatus.HALF_OPEN
