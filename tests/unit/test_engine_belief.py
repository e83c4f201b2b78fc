"""What is believed of accounts and prices where a venue is behind, leaves rows out, or moves coins between readings."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.decision.facts import gather
from hedger.engine.guards.mode import with_mode
from hedger.engine.held.exposure import exposure, position_of
from hedger.engine.held.freshness import FUTURE_MS
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import BandRule, Hedge, Policy, Target, TargetKind
from hedger.engine.known.state import AccountView, Mode, State, initial_state
from hedger.engine.news.belief import AGAIN_MS, CONFIRM_AGAINST_US_MS, LAG_MS, MOST_ROUNDS_MS
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.message import (
    FillsRead,
    Operation,
    OperatorAsked,
    ReadAccount,
    ReadFills,
    Stamped,
    TimePassed,
)
from hedger.model.order import Fill, Side
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
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
    started,
)

SETTLED = NOW + 100 + POLICY.settle_ms
TICK = TimePassed()


def view(state: State, account: str = ACCOUNT) -> AccountView:
    return state.accounts[account]


def delta(state: State, hedge: Hedge = POLICY.hedges[0]) -> D:
    held = exposure(state, hedge)
    assert held is not None
    return held.delta


def filled(side: Side, quantity: str = "0.5") -> State:
    """1 BTC too much (or too little) of which an order at work has just taken `quantity`."""
    spot = str(-side.sign)
    order = order_of(side, quantity, status=OrderStatus.OPEN, venue_order_id="v1")
    return feed(hedging(spot, "0", orders=[order]), (NOW + 100, fill_of(order, quantity)))[0]


# --- positions that lag behind our fills ------------------------------------------------------------------------------


@pytest.mark.parametrize("side", Side)
def test_readings_without_our_fills_are_refused_however_often_they_agree(side: Side) -> None:
    state, old = filled(side), reading_of(str(-side.sign), "0")
    for at in range(SETTLED + 1, SETTLED + LAG_MS, 1_000):
        state, results = feed(state, read_at(at, old), (at, TICK))
        assert position_of(state, perpetual()) == side.sign * D("0.5")
        assert not view(state).settled
        assert not placed(results)
    assert "lacks our own fills" in view(state).last_failure
    state, _ = feed(state, read_at(SETTLED + LAG_MS, reading_of(str(-side.sign), side.sign * D("0.5"))))
    assert view(state).settled
    assert view(state).fills_since == {}


@pytest.mark.parametrize("side", Side)
def test_a_reading_with_a_part_of_our_fills_is_refused(side: Side) -> None:
    state = filled(side)
    part = reading_of(str(-side.sign), side.sign * D("0.3"))
    state, _ = feed(state, read_at(SETTLED + 1, part), read_at(SETTLED + 1_001, part))
    assert position_of(state, perpetual()) == side.sign * D("0.5")


def executions(at: int, *fills: Fill) -> Stamped:
    return Stamped(at, FillsRead(id=perpetual(), requested_at=at, since_at=0, fills=fills))


def by_hand(side: Side, quantity: str, at: int, trade: str = "9") -> Fill:
    return fill_of(order_of(side), quantity, trade, at, client_order_id="by-hand", venue_order_id=f"x{trade}")


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_no_time_makes_a_reading_that_undoes_our_fills_believed(side: Side, minutes: int) -> None:
    back, late = reading_of(str(-side.sign), "0"), SETTLED + 60_000 * minutes
    state = filled(side)
    for at in range(late, late + 60_000, CONFIRM_AGAINST_US_MS):
        state, results = feed(state, read_at(at, back), (at + 1, TICK), executions(at + 2))
        assert position_of(state, perpetual()) == side.sign * D("0.5")
        assert not view(state).settled
        assert not placed(results)
    assert "lacks our own fills on paper:BTC/USDT:USDT" in view(state).last_failure


@pytest.mark.parametrize("side", Side)
def test_a_reading_that_undoes_our_fills_is_believed_when_executions_name_who_did_it(side: Side) -> None:
    back, late = reading_of(str(-side.sign), "0"), SETTLED + 10_000
    state, results = feed(filled(side), read_at(late, back), (late + 1, TICK))
    assert any(isinstance(command, ReadFills) for command in results[1].commands), "they are asked for at once"
    other = Side.SELL if side is Side.BUY else Side.BUY
    state, _ = feed(state, executions(late + 2, by_hand(other, "0.5", late - 5_000)))
    state, _ = feed(state, read_at(late + 100, back), read_at(late + 1_200, back))
    assert position_of(state, perpetual()) == 0
    assert view(state).settled


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("minutes", [1, 30, 119])
def test_a_reading_from_before_our_fills_is_not_believed_after_one_with_them(side: Side, minutes: int) -> None:
    """Replicas that take turns: one is up to date, another is an hour behind."""
    new, old = reading_of(str(-side.sign), side.sign * D("0.5")), reading_of(str(-side.sign), "0")
    state, _ = feed(filled(side), read_at(SETTLED + 1, new))
    late = SETTLED + 60_000 * minutes
    state, _ = feed(state, read_at(late, old), read_at(late + 6_000, old), read_at(late + 12_000, old))
    assert position_of(state, perpetual()) == side.sign * D("0.5")
    state, _ = feed(state, read_at(late + 13_000, new))
    assert view(state).believed_at == late + 13_000


@pytest.mark.parametrize("side", Side)
def test_an_execution_explains_one_movement_and_not_another(side: Side) -> None:
    """A person trades, we hedge it away, and an old reading shows the person's trade without ours."""
    other = Side.SELL if side is Side.BUY else Side.BUY
    before, after = reading_of(str(-side.sign), side.sign * D("0.5")), reading_of(str(-side.sign), "0")
    theirs = by_hand(other, "0.5", SETTLED + 5_000)
    state, _ = feed(filled(side), read_at(SETTLED + 1, before), (SETTLED + 5_010, theirs))
    state, _ = feed(state, read_at(SETTLED + 9_000, after), read_at(SETTLED + 15_000, after))
    assert position_of(state, perpetual()) == 0
    ours = order_of(side, "0.5", sequence=2, status=OrderStatus.OPEN, venue_order_id="v2")
    state = state._replace(orders={**state.orders, ours.client_order_id: ours})
    state, _ = feed(state, (SETTLED + 16_000, fill_of(ours, "0.5", "2", SETTLED + 16_000, venue_order_id="v2")))
    for at in range(SETTLED + 20_000, SETTLED + 90_000, 6_000):
        state, _ = feed(state, read_at(at, after), executions(at + 1, theirs))
        assert position_of(state, perpetual()) == side.sign * D("0.5")


@pytest.mark.parametrize("side", Side)
def test_a_trade_of_another_in_our_direction_is_not_taken_for_our_own_fill(side: Side) -> None:
    """The reading is behind our fill and shows theirs, which is as large."""
    spot = str(-side.sign * 2)
    order = order_of(side, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    state, _ = feed(hedging(spot, "0", orders=[order]), read_at(NOW + 1_000, reading_of(spot, "0")))
    theirs, fill = by_hand(side, "0.5", NOW + 9_000), fill_of(order, "0.5", at=NOW + 12_000)
    state, _ = feed(state, (NOW + 9_050, theirs), (NOW + 12_000, fill))
    one, both = reading_of(spot, side.sign * D("0.5")), reading_of(spot, side.sign)
    for at in range(NOW + 12_001 + POLICY.settle_ms, NOW + 100_000, 6_000):
        state, _ = feed(state, read_at(at, one))
        assert not view(state).settled
    state, _ = feed(state, read_at(NOW + 100_000, both), read_at(NOW + 101_500, both))
    assert position_of(state, perpetual()) == side.sign
    assert view(state).settled


@pytest.mark.parametrize("side", Side)
def test_a_person_s_word_makes_refused_readings_believed_once_two_agree(side: Side) -> None:
    back, late = reading_of(str(-side.sign), "0"), SETTLED + 40_000
    resume = OperatorAsked(operation=Operation.RESUME, reason="the venue's page shows it")
    early, _ = feed(filled(side), read_at(SETTLED + 1, back), (SETTLED + 1_000, resume))
    early, _ = feed(early, read_at(SETTLED + 2_000, back), read_at(SETTLED + 8_000, back))
    assert position_of(early, perpetual()) == side.sign * D("0.5"), "soon after a fill it is a lag and no alarm"
    state, _ = feed(filled(side), read_at(SETTLED + 1, back), (late, resume), read_at(late + 1, back))
    assert position_of(state, perpetual()) == side.sign * D("0.5")
    state, _ = feed(state, read_at(late + 2 + CONFIRM_AGAINST_US_MS, back))
    assert position_of(state, perpetual()) == 0


@pytest.mark.parametrize("side", Side)
def test_a_slow_answer_from_before_our_fill_is_no_witness_of_a_position_moved_back(side: Side) -> None:
    back, late = reading_of(str(-side.sign), "0"), SETTLED + LAG_MS + 1
    slow, fresh = read_at(late, back, requested_at=NOW + 50), read_at(late + 1, back)
    state, _ = feed(filled(side), slow, fresh)
    assert position_of(state, perpetual()) == side.sign * D("0.5"), "only one of the two was asked for after the fill"


@pytest.mark.parametrize("side", Side)
def test_a_reading_from_before_our_fill_cannot_have_shown_it_whatever_it_shows(side: Side) -> None:
    """Another has traded as much, and nobody has told us."""
    state, moved = filled(side), reading_of(str(-side.sign), side.sign * D("0.5"))
    state, _ = feed(state, read_at(NOW + 200, moved, requested_at=NOW + 50))
    assert view(state).fills_since == {perpetual(): side.sign * D("0.5")}


@pytest.mark.parametrize("side", Side)
def test_more_of_the_same_side_than_we_filled_is_a_person_and_not_a_lag(side: Side) -> None:
    more = reading_of(str(-side.sign), side.sign * D("0.7"))
    unasked, _ = feed(filled(side), read_at(SETTLED + 1, more), read_at(SETTLED + 9_000, more))
    assert position_of(unasked, perpetual()) == side.sign * D("0.5"), "the executions were not seen yet"
    state, _ = feed(filled(side), read_at(SETTLED + 1, more), (SETTLED + 2, TICK), executions(SETTLED + 3))
    later = SETTLED + 100 + CONFIRM_AGAINST_US_MS
    state, _ = feed(state, read_at(SETTLED + 100, more), read_at(later, more))
    assert position_of(state, perpetual()) == side.sign * D("0.7")


@pytest.mark.parametrize("side", Side)
def test_a_reading_that_saw_our_fill_before_we_heard_of_it_does_not_blind_us(side: Side) -> None:
    """The list of positions is asked for between the fill and its news: the next readings move no further."""
    spot = str(-side.sign * D("0.05"))
    order = order_of(side, "0.05", status=OrderStatus.OPEN, venue_order_id="v1")
    after = reading_of(spot, side.sign * D("0.05"))
    state, _ = feed(hedging(spot, "0", orders=[order]), read_at(NOW + 50, after), (NOW + 100, fill_of(order, "0.05")))
    assert not view(state).settled, "for a moment the fill counts twice, and nothing is decided on that"
    state, _ = feed(state, read_at(SETTLED + 1, after))
    assert view(state).settled
    assert delta(state) == 0


def test_the_first_readings_of_a_start_may_lack_what_an_old_order_filled() -> None:
    """It was on the book when the last start was killed, and is found filled before any reading is believed."""
    old = order_of(epoch=1, status=OrderStatus.UNKNOWN, probed_at=1)
    state = started()._replace(epoch=2, orders={old.client_order_id: old})
    state, _ = feed(state, (NOW + 100, fill_of(old, "0.5")))
    for at in range(SETTLED + 1, SETTLED + LAG_MS, 1_000):
        state, results = feed(state, read_at(at, reading_of("0.5", "0", at=at)), (at, TICK))
        assert not placed(results)
    assert state.mode is Mode.RECONCILING
    for at in range(SETTLED + LAG_MS + 1, SETTLED + LAG_MS + 2_000, 500):
        state, _ = feed(state, read_at(at, reading_of("0.5", "-0.5", at=at)), (at, TICK))
    assert state.mode is Mode.HEDGING
    assert delta(state) == 0


# --- rows that are missing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collateral", [{}, {"USDT": D(1)}, {"USDT": D(1), "BTC": D(0)}])
def test_a_reading_without_the_coins_balance_is_refused_from_the_first_on(collateral: dict[str, D]) -> None:
    lacking = replace(reading_of("1", "-1"), spot={"USDT": D(5)}, collateral=collateral)
    state = started()
    for n in range(1, 10):
        state, results = feed(state, read_at(NOW + 200 * n, lacking))
        assert not placed(results)
    assert state.mode is Mode.RECONCILING
    assert view(state).reading is None
    assert "the balance of BTC" in view(state).last_failure


def test_a_balance_that_goes_missing_is_not_an_empty_one() -> None:
    lacking = replace(reading_of("1", "-1"), spot={"USDT": D(5)})
    readings = [read_at(NOW + 500 * n, lacking) for n in range(1, 10)]
    state, results = feed(hedging("1", "-1"), *readings)
    assert delta(state) == 0
    assert not placed(results)


def test_collateral_in_the_coin_does_not_go_without_a_word() -> None:
    held = replace(reading_of("1", "-3"), collateral={"BTC": D(2)})
    state, results = feed(hedging("3", "-3"), read_at(NOW + 100, held), read_at(NOW + 200, held))
    lacking = replace(held, collateral={"USDT": D(5)})
    state, results = feed(state, *(read_at(NOW + 300 * n, lacking) for n in range(1, 10)))
    assert delta(state) == 0
    assert not placed(results)
    none = replace(held, collateral={"BTC": D(0)})
    state, _ = feed(state, read_at(NOW + 3_000, none), read_at(NOW + 3_500, none))
    assert delta(state) == -2, "a row that says so is believed"


def test_a_row_of_collateral_that_three_readings_of_half_a_minute_lack_is_gone() -> None:
    held = replace(reading_of("1", "-3"), collateral={"BTC": D(2)})
    state, _ = feed(hedging("3", "-3"), read_at(NOW + 100, held), read_at(NOW + 200, held))
    lacking, at = replace(held, collateral={"USDT": D(5)}), NOW + 10_000
    state, _ = feed(state, *(read_at(at + n * 1_000, lacking) for n in range(30)))
    assert delta(state) == 0, "not before half a minute"
    cut, _ = feed(state, read_at(at + 30_000, held), *(read_at(at + 31_000 + n, lacking) for n in range(3)))
    assert delta(cut) == 0, "a reading with the row begins the count anew"
    state, _ = feed(state, read_at(at + 31_000, lacking), read_at(at + 32_500, lacking))
    assert delta(state) == -2
    assert view(state).last_failure == ""


def test_an_explicit_zero_balance_is_believed() -> None:
    state = started()
    for n in range(1, 4):
        state, _ = feed(state, read_at(NOW + 200 * n, reading_of("0", "0", at=NOW + 200 * n)))
    assert state.mode is Mode.HEDGING


# --- units ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["10000", "-10000"])
def test_a_target_and_a_band_in_quote_are_per_coin_on_a_thousand_contract(value: str) -> None:
    id = InstrumentId(ACCOUNT, "1000PEPE/USDT:USDT")
    wide = band("500", rule=BandRule.QUOTE)
    hedge = hedge_of("PEPE", instruments=(id,), target=Target(kind=TargetKind.QUOTE, value=D(value)), band=wide)
    state = initial_state(policy_of(hedge), now=NOW, epoch=1)
    flat = position_at("0", id=id, underlying="PEPE", contract_multiplier=D(1_000))
    reading = replace(reading_of(positions=(flat,)), spot={"PEPE": D(0)})
    state = state._replace(
        instruments={id: instrument_of("PEPE", multiplier="1000", id=id)},
        quotes={id: (quote_at("0.0099", "0.0101", id=id), NOW)},
        marks={id: (mark_at("0.01", id=id), NOW)},
        accounts={ACCOUNT: AccountView(reading=reading, believed_at=NOW)},
    )
    facts = gather(state, hedge)
    assert facts is not None
    price = D("0.01") / 1_000
    assert facts.target * price == D(value)
    assert facts.edges.upper * price == facts.edges.lower * price == 500
    within = replace(reading, spot={"PEPE": D(4_900) / price}, exchange_at=NOW + 100)
    state, _ = feed(state, read_at(NOW + 100, within), policy=policy_of(hedge))
    assert view(state).reading == within, "nor is a move of not quite five bands a jump"
    beyond = replace(reading, spot={"PEPE": D(10_000) / price}, exchange_at=NOW + 200)
    state, _ = feed(state, read_at(NOW + 200, beyond), policy=policy_of(hedge))
    assert view(state).doubted == beyond


# --- jumps ------------------------------------------------------------------------------------------------------------

WIDE = hedge_of(band=band("0.01", rule=BandRule.RELATIVE, floor=D("0.001")))


@pytest.mark.parametrize("step", ["0.02", "-0.02"])
def test_a_steady_stream_of_deposits_does_not_starve_belief(step: str) -> None:
    """A fifth of the band with each reading: the band is one of the holding, not of the net delta."""
    policy = policy_of(WIDE)
    state = hedging("10", "-10", policy=policy)
    for n in range(1, 40):
        at = NOW + 500 * n
        state, _ = feed(state, read_at(at, reading_of(D(10) + n * D(step), "-10", at=at)), policy=policy)
        assert view(state).believed_at == at
        assert delta(state, WIDE) == n * D(step)


@pytest.mark.parametrize("step", ["1.1", "-1.1"])
def test_a_jump_on_a_relative_band_is_more_than_five_bands_of_the_holding(step: str) -> None:
    policy = policy_of(WIDE)
    jump = reading_of(D(10) + D(step), "-10")
    state, _ = feed(hedging("10", "-10", policy=policy), read_at(NOW + 500, jump), policy=policy)
    assert delta(state, WIDE) == 0
    assert view(state).doubted is not None


def test_coins_that_jump_with_every_reading_are_believed_after_some_rounds_and_asked_for_ever_more_slowly() -> None:
    state, asked, believed = hedging("1", "-1"), list[int](), set[int]()
    state, _ = feed(state, read_at(NOW + 50, reading_of("9", "-1")))
    for n in range(1, 1_200):
        at = NOW + 100 * n
        state, results = feed(state, (at, TICK))
        if any(isinstance(command, ReadAccount) for command in results[0].commands):
            asked.append(at)
            state, _ = feed(state, read_at(at + 1, reading_of(3 + D(len(asked) % 3), "-1", at=at), requested_at=at))
            believed.add(view(state).believed_at)
    assert len(asked) < 20
    assert len(believed) > 1, "coins that come and go are what they are"
    assert min(believed - {NOW - 1}) >= NOW + 45_000, "not before it was asked for some times"


# --- coins that move between two own accounts -------------------------------------------------------------------------

VAULT = "vault"
BOTH = hedge_of(spot_accounts=(VAULT, ACCOUNT), guards={"position": D(100)})
TWO = policy_of(BOTH, accounts=(VAULT, ACCOUNT))


def vault_of(coins: str | D, at: int = NOW) -> AccountReading:
    return reading_of(coins, account=VAULT, positions=(), collateral={}, at=at)


def two_accounts(vault: str, here: str, position: str, policy: Policy = TWO) -> State:
    ready = {"believed_at": NOW - 1, "barrier_at": NOW - 1_000, "clean_cycles": 5}
    views = {
        VAULT: AccountView(reading=vault_of(vault), **ready),  # type: ignore[arg-type]
        ACCOUNT: AccountView(reading=reading_of(here, position), **ready),  # type: ignore[arg-type]
    }
    state = hedging(here, position)
    begun = initial_state(policy, now=NOW, epoch=1)._replace(
        instruments=state.instruments, quotes=state.quotes, marks=state.marks, accounts=views, reconciled=True
    )
    return with_mode(begun, policy)


def both(at: int, *events: Stamped, state: State) -> tuple[State, Sequence[object]]:
    """Fresh prices, then the events, then a beat: the state, and what was ordered."""
    prices = ((at, quote_at(at=at)), (at, mark_at(at=at)))
    state, results = feed(state, *prices, *events, (at, TICK), policy=TWO)
    asked = [c for r in results for c in r.commands if isinstance(c, ReadAccount)]
    return state, [*placed(results), *asked]


@pytest.mark.parametrize("moved", ["3", "-3", "0.02", "-0.02"])
@pytest.mark.parametrize("first", [VAULT, ACCOUNT])
def test_coins_that_move_between_two_own_accounts_are_not_hedged_in_between(moved: str, first: str) -> None:
    """Whichever account is read first shows one half of it, and is read twice over before the other is looked at."""
    state = two_accounts("5", "5", "-10")
    halves = {VAULT: lambda at: vault_of(5 - D(moved), at), ACCOUNT: lambda at: reading_of(5 + D(moved), "-10", at=at)}
    second = VAULT if first == ACCOUNT else ACCOUNT
    asked: list[object] = []
    for n, account in enumerate([first, first, first, second, second, second, first, second], start=1):
        at = NOW + 300 * n
        state, came = both(at, read_at(at, halves[account](at), requested_at=at - 10), state=state)
        asked += came
    assert [thing for thing in asked if not isinstance(thing, ReadAccount)] == []
    assert ReadAccount(account=second) in asked, "the other account is read out of turn"
    assert delta(state, BOTH) == 0
    assert all(v.settled for v in state.accounts.values())


@pytest.mark.parametrize("side", Side)
def test_a_deposit_is_hedged_once_the_other_account_was_read_too(side: Side) -> None:
    come = D(5) - 3 * side.sign
    state, asked = two_accounts("5", "5", "-10"), list[object]()
    for n, reading in enumerate([vault_of(come), vault_of(come), reading_of("5", "-10")], start=1):
        at = NOW + 300 * n
        assert not [thing for thing in asked if not isinstance(thing, ReadAccount)]
        fresh = replace(reading, exchange_at=at)
        state, came = both(at, read_at(at, fresh, requested_at=at - 10), state=state)
        asked += came
    assert [(o.side, o.quantity) for o in asked if not isinstance(o, ReadAccount)] == [(side, D(3))]  # type: ignore[attr-defined]


def test_coins_that_trickle_into_both_accounts_do_not_keep_the_hedge_waiting() -> None:
    """Each reading of either account changes a little: they are never both read after the last change."""
    state, orders = two_accounts("5", "5", "-10"), list[object]()
    for n in range(1, 20):
        at = NOW + 300 * n
        little = D("0.002") * n
        reading = vault_of(5 + little, at) if n % 2 else reading_of(5 + little, "-10", at=at)
        state, came = both(at, read_at(at, reading, requested_at=at - 10), state=state)
        orders += [thing for thing in came if not isinstance(thing, ReadAccount)]
    assert len(orders) == 1


def test_two_accounts_that_both_move_by_more_than_a_band_do_not_starve_each_other() -> None:
    """Each reading asks for a new one of the other account, and that one asks for the first again."""
    state, orders = two_accounts("5", "5", "-10"), list[object]()
    ordered_at: list[int] = []
    for n in range(1, 240):
        at, more = NOW + 300 * n, D("0.02") * n
        reading = vault_of(5 + more, at) if n % 2 else reading_of(5 + more, "-10", at=at)
        state, came = both(at, read_at(at, reading, requested_at=at - 10), state=state)
        orders = [thing for thing in came if not isinstance(thing, ReadAccount)]
        ordered_at += [at] if orders else []
    assert ordered_at, "it goes on as it is after a while"
    assert ordered_at[0] - NOW > AGAIN_MS, "not before it has waited"


# --- replicas that are behind -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", Side)
def test_a_replica_that_is_fresh_in_between_keeps_the_stale_one_from_being_believed(side: Side) -> None:
    """Stale, fresh, stale, long after our fill: no two in a row agree on what contradicts it."""
    spot = str(-side.sign)
    state = filled(side)
    for n in range(40):
        at = SETTLED + LAG_MS + 2_000 * n
        position = D(0) if n % 2 == 0 else side.sign * D("0.5")
        state, results = feed(state, read_at(at, reading_of(spot, position, at=at)), (at, TICK))
        assert position_of(state, perpetual()) == side.sign * D("0.5")
        assert not placed(results)


def test_others_who_trade_without_a_pause_do_not_keep_us_blind() -> None:
    """No two readings agree; after some rounds the newest one is believed."""
    state, believed = hedging("1", "-1"), []
    state = state._replace(accounts={ACCOUNT: replace(view(state), barrier_at=NOW - 60_000)})
    for n in range(1, 40):
        at = NOW + 2_000 * n
        state, _ = feed(state, read_at(at, reading_of("1", -1 - n * D("0.001"), at=at)), (at, TICK))
        believed.append(view(state).believed_at)
    assert believed[-1] >= NOW + MOST_ROUNDS_MS
    assert len(set(believed)) > 3
    assert believed[3] < NOW, "not at once"


# --- prices of another time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [quote_at, mark_at])
def test_a_stream_of_old_prices_does_not_hide_a_fresh_one(make: object) -> None:
    assert callable(make)
    fresh, old = make(at=NOW + 5_000), make(at=NOW - 5_000)
    state, _ = feed(started(), (NOW + 5_000, fresh), (NOW + 5_100, old), (NOW + 5_200, old))
    held = {**state.quotes, **state.marks} if make is mark_at else state.quotes
    assert held[perpetual()] == (fresh, NOW + 5_000)


@pytest.mark.parametrize("make", [quote_at, mark_at])
def test_a_price_from_the_future_does_not_block_the_ones_after_it(make: object) -> None:
    assert callable(make)
    future, now = make(at=NOW + 3_600_000), make(at=NOW + 1_000)
    state, _ = feed(started(), (NOW + 900, future), (NOW + 1_000, now))
    held = {**state.quotes, **state.marks} if make is mark_at else state.quotes
    assert held[perpetual()] == (now, NOW + 1_000)


def test_a_price_a_little_ahead_of_our_clock_is_the_newest() -> None:
    ahead, behind = quote_at(at=NOW + FUTURE_MS), quote_at("59000", "59000.1", at=NOW + 10)
    state, _ = feed(started(), (NOW, ahead), (NOW + 10, behind))
    assert state.quotes[perpetual()][0] == ahead


def test_what_an_order_of_an_earlier_start_filled_may_be_in_the_first_reading_already() -> None:
    """It filled while nobody ran. That reading is not the one to compare with, or no later one would be believed."""
    earlier = order_of(epoch=0, status=OrderStatus.UNKNOWN)
    state = started()._replace(orders={earlier.client_order_id: earlier})
    state, _ = feed(state, read_at(NOW + 200, reading_of("1", "-0.5", at=NOW + 200)))
    assert state.accounts[ACCOUNT].reading is not None
    state, _ = feed(state, (NOW + 300, fill_of(earlier, "0.5", at=NOW - 60_000)))
    assert state.accounts[ACCOUNT].reading is None
    soon, late = NOW + 10_000, NOW + 300 + 60_000
    state, _ = feed(state, read_at(soon, reading_of("1", "-0.5", at=soon)))
    assert state.accounts[ACCOUNT].reading is None, "it may lack the fill"
    state, _ = feed(state, read_at(late, reading_of("1", "-0.5", at=late)))
    assert state.accounts[ACCOUNT].reading is not None
    assert position_of(state, perpetual()) == D("-0.5")


def test_a_contract_that_nobody_trades_here_is_not_closed_because_its_row_is_missing() -> None:
    """Venues leave out the rows of closed positions, and a reading that is cut short lacks them too: half a minute."""
    elsewhere = position_at("1", id=InstrumentId(ACCOUNT, "BTC/USDC:USDC"))
    state = hedging("0", "-1")
    view = state.accounts[ACCOUNT]
    assert view.reading is not None
    whole = replace(view.reading, positions=(*view.reading.positions, elsewhere))
    state = state._replace(accounts={ACCOUNT: replace(view, reading=whole)})
    for second in (1, 12, 24, 35, 45):
        at = NOW + second * 1_000
        state, results = feed(state, read_at(at, reading_of("0", "-1", at=at)))
        believed = state.accounts[ACCOUNT].believed_at == at
        assert believed is (second == 45), "and what is gone then is confirmed once more"
        assert believed or not placed(results)
