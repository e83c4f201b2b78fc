"""The checkers themselves: each invariant has a trace that breaks it and one that does not."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Target, TargetKind
from hedger.engine.known.state import Mode
from hedger.model.message import (
    AccountRead,
    CancelOrder,
    Operation,
    OperatorAsked,
    TimePassed,
    VenueQuieted,
)
from hedger.model.order import Fill, OrderReport, ReportStatus, Side
from hedger.sim.checkers.ends import BoundsChecker, FillsChecker, off_target
from hedger.sim.checkers.exposure import ExposureChecker
from hedger.sim.checkers.gate import GateChecker
from hedger.sim.checkers.identity import IdentityChecker
from hedger.sim.checkers.inputs import InputsChecker
from hedger.sim.checkers.orders import OrdersChecker
from hedger.sim.happenings import Died, Started
from hedger.sim.nouns import Wallet
from tests.support.checker_stand import ID, SYMBOL, USER, Stand, found, order_id
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of


@pytest.fixture
def stand() -> Stand:
    return Stand()


# --- I1, I8, I15: exposure ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "expected"), [("1", []), ("1.001", []), ("1.002", ["I1"])])
def test_an_order_may_end_one_lot_past_the_target_and_no_more(quantity: str, expected: list[str], stand: Stand) -> None:
    order = stand.order(quantity=D(quantity))
    assert found(ExposureChecker(stand.witness), [stand.stepped(order), stand.accepted(order)]) == expected


def test_an_order_that_is_harmless_alone_breaks_i1_beside_another_of_ours(stand: Stand) -> None:
    lost, order = stand.order(1, quantity=D("0.6")), stand.order(2, quantity=D("0.6"))
    stand.rest(lost)
    trace = [stand.stepped(lost), stand.stepped(order), stand.accepted(order)]
    assert found(ExposureChecker(stand.witness), trace) == ["I1"]


def test_a_stranger_who_trades_after_the_reading_is_not_held_against_us(stand: Stand) -> None:
    order = stand.order()
    stepped = stand.stepped(order)
    stand.trade(Side.SELL, "0.5")
    assert found(ExposureChecker(stand.witness), [stepped, stand.accepted(order)]) == []


def test_a_stranger_who_traded_long_before_the_reading_must_be_known(stand: Stand) -> None:
    stand.trade(Side.SELL, "0.5")
    stand.wait(100)
    order = stand.order()
    assert found(ExposureChecker(stand.witness), [stand.stepped(order), stand.accepted(order)]) == ["I1"]


def test_our_own_fill_counts_from_the_moment_in_which_it_happens(stand: Stand) -> None:
    order = stand.order(2)
    stand.trade(Side.SELL, "0.5", order_id(1))
    assert found(ExposureChecker(stand.witness), [stand.stepped(order), stand.accepted(order)]) == ["I1"]


def test_while_only_reducing_is_allowed_an_order_may_not_grow_the_position(stand: Stand) -> None:
    stand.trade(Side.SELL, "0.5", order_id(9))
    checker = ExposureChecker(stand.witness)
    order = stand.order(side=Side.SELL, quantity=D("0.1"))
    reducing = replace(stand.decision(order), mode=Mode.REDUCE_ONLY)
    assert "I8" in found(checker, [stand.stepped(order, decision=reducing), stand.accepted(order)])
    order = stand.order(2, side=Side.BUY, quantity=D("0.1"))
    reducing = replace(stand.decision(order), mode=Mode.REDUCE_ONLY)
    assert "I8" not in found(checker, [stand.stepped(order, decision=reducing), stand.accepted(order)])


@pytest.mark.parametrize(("collateral", "expected"), [(150_000, []), (1_500, ["I15"])])
def test_nothing_that_adds_risk_leaves_when_margin_has_long_been_short(
    collateral: int, expected: list[str], stand: Stand
) -> None:
    stand.exchange.set_leverage(USER, SYMBOL, 20)
    stand.trade(Side.SELL, "4")
    stand.exchange.floor.account(USER).wallet_balance = D(collateral)
    stand.exchange.deposit(USER, Wallet.SPOT, "USDT", D(1))  # so that it is looked at
    checker = ExposureChecker(stand.witness)
    assert found(checker, [stand.sent(stand.order())]) == [], "a reading may be from before that"
    stand.wait(60)
    assert found(checker, [stand.sent(stand.order())]) == expected


# --- I2, I3, I4, I22, A03: identity ---------------------------------------------------------------------------------


def test_an_order_that_was_written_decided_and_sent_once_is_well(stand: Stand) -> None:
    order = stand.order()
    written = stand.committed(("order", order.client_order_id))
    trace = [written, stand.stepped(order), stand.sent(order), stand.accepted(order)]
    assert found(IdentityChecker(stand.witness), trace) == []


def test_an_order_sent_before_its_row_breaks_i3(stand: Stand) -> None:
    order = stand.order()
    assert found(IdentityChecker(stand.witness), [stand.stepped(order), stand.sent(order)]) == ["I3"]


def test_an_order_that_is_sent_or_taken_twice_breaks_i4(stand: Stand) -> None:
    order = stand.order()
    begun = [stand.committed(("order", order.client_order_id)), stand.stepped(order), stand.sent(order)]
    assert "I4" in found(IdentityChecker(stand.witness), [*begun, stand.sent(order)])
    assert found(IdentityChecker(stand.witness), [*begun, stand.accepted(order), stand.accepted(order)]) == ["I4"]


def test_an_order_that_leaves_otherwise_than_it_was_decided_breaks_i4(stand: Stand) -> None:
    order = stand.order()
    other = replace(order, quantity=D(2))
    trace = [stand.committed(("order", order.client_order_id)), stand.stepped(order), stand.sent(other)]
    assert found(IdentityChecker(stand.witness), trace) == ["I4"]


def test_an_order_on_the_book_that_nobody_wrote_down_breaks_i2(stand: Stand) -> None:
    assert found(IdentityChecker(stand.witness), [stand.accepted(stand.order())]) == ["I2"]


def test_an_order_of_a_dead_start_after_one_of_a_newer_start_breaks_i22(stand: Stand) -> None:
    old, new = stand.order(), stand.order(client_order_id=order_id(1, epoch=2))
    rows = stand.committed(("order", old.client_order_id), ("order", new.client_order_id))
    begun = [rows, Started(at=1, epoch=1), Died(at=2, killed=True, text="", epoch=1), Started(at=3, epoch=2)]
    assert found(IdentityChecker(stand.witness), [*begun, stand.accepted(old), stand.accepted(new)]) == []
    assert found(IdentityChecker(stand.witness), [*begun, stand.accepted(new), stand.accepted(old)]) == ["I22"]


def test_a_start_that_saw_a_newer_one_may_send_nothing_more(stand: Stand) -> None:
    newer = OrderReport(
        id=ID,
        client_order_id=order_id(1, epoch=2),
        venue_order_id="1",
        side=Side.SELL,
        quantity=D(1),
        filled=D(0),
        price=D(1),
        status=ReportStatus.WORKING,
        reduce_only=False,
        exchange_at=0,
    )
    seen = stand.stepped(event=AccountRead(requested_at=1, reading=stand.reading(open_orders=(newer,))))
    order = stand.order()
    rest = [stand.committed(("order", order.client_order_id)), stand.stepped(order), stand.sent(order)]
    assert found(IdentityChecker(stand.witness), [seen, *rest]) == ["I22"]


@pytest.mark.parametrize(("name", "expected"), [(order_id(), []), ("web_1", ["A03"])])
def test_a_strangers_order_may_not_be_canceled(name: str, expected: list[str], stand: Stand) -> None:
    cancel = CancelOrder(id=ID, client_order_id=name, venue_order_id=None)
    assert found(IdentityChecker(stand.witness), [stand.sent(cancel)]) == expected


# --- I2, I11, I12, I14: orders --------------------------------------------------------------------------------------


def test_an_order_that_rests_with_nobody_managing_it_breaks_i2_after_a_minute(stand: Stand) -> None:
    order = stand.order()
    stand.rest(order)
    checker = OrdersChecker(stand.witness)
    assert found(checker, [stand.stepped(after=stand.state())]) == []
    stand.wait(61)
    managed = stand.state(stand.held(order, status=OrderStatus.OPEN))
    other = OrdersChecker(stand.witness)
    assert found(other, [stand.stepped(after=managed)]) == []
    assert found(checker, [stand.stepped(after=stand.state())]) == ["I2"]


@pytest.mark.parametrize(("waits_s", "expected"), [(64, []), (66, ["I2"])])
def test_an_order_that_outlives_the_switch_of_a_dead_process_breaks_i2(waits_s: int, expected: list[str]) -> None:
    stand = Stand(policy_of(hedge_of(), switch_ms={ACCOUNT: 60_000}))
    stand.rest(stand.order())
    checker = OrdersChecker(stand.witness)
    found(checker, [Started(at=stand.now, epoch=1), Died(at=stand.now, killed=True, text="", epoch=1)])
    stand.wait(waits_s)
    assert found(checker, [Started(at=stand.now, epoch=2)]) == expected


def test_an_order_that_is_called_final_and_rests_breaks_i12(stand: Stand) -> None:
    order = stand.order()
    resting = stand.rest(order)
    gone = stand.stepped(before=stand.state(), after=stand.state(stand.held(order, status=OrderStatus.CANCELED)))
    checker = OrdersChecker(stand.witness)
    assert found(checker, [gone]) == []
    assert found(checker, [stand.accepted(order)]) == ["I12"]
    stand.wait(6)
    after = gone.result.state
    assert "I12" in found(checker, [stand.stepped(before=after, after=after)])
    stand.exchange.cancel(USER, Wallet.LINEAR, SYMBOL, order_id=resting.order_id)
    stand.wait(6)
    assert found(checker, [stand.stepped(before=after, after=after)]) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"), [("0.2", "0.4", []), ("0.4", "0.2", ["I11"]), ("0", "1.5", ["I11"])]
)
def test_what_has_filled_only_grows_and_never_past_the_order(
    before: str, after: str, expected: list[str], stand: Stand
) -> None:
    order = stand.held(stand.order(), status=OrderStatus.OPEN)
    old, new = stand.state(replace(order, reported=D(before))), stand.state(replace(order, reported=D(after)))
    assert found(OrdersChecker(stand.witness), [stand.stepped(before=old, after=new)]) == expected


def test_what_rests_five_seconds_after_a_kill_breaks_i14(stand: Stand) -> None:
    order = stand.order()
    stand.rest(order)
    halted = stand.state(stand.held(order, status=OrderStatus.OPEN), halted="kill", mode=Mode.HALTED)
    kill = OperatorAsked(operation=Operation.HALT, reason="kill")
    checker = OrdersChecker(stand.witness)
    stand.wait(200)
    found(checker, [stand.stepped(event=kill, before=halted, after=halted)])
    stand.wait(4)
    assert found(checker, [stand.stepped(before=halted, after=halted)]) == []
    stand.wait(2)
    assert found(checker, [stand.stepped(before=halted, after=halted)]) == ["I14"]


# --- I5, I6, I24: inputs --------------------------------------------------------------------------------------------


def test_a_create_on_an_old_quote_mark_or_reading_breaks_i5(stand: Stand) -> None:
    order, fresh = stand.order(), stand.state()
    assert found(InputsChecker(stand.witness), [stand.stepped(order, after=fresh)]) == []
    quote, _ = fresh.quotes[ID]
    mark, _ = fresh.marks[ID]
    old = stand.now - 11_000
    for stale in (
        fresh._replace(quotes={ID: (quote, old)}),
        fresh._replace(marks={ID: (mark, old)}),
        fresh._replace(accounts={ACCOUNT: replace(fresh.accounts[ACCOUNT], believed_at=old)}),
    ):
        assert found(InputsChecker(stand.witness), [stand.stepped(order, after=stale)]) == ["I5"]


def test_a_create_on_a_quote_whose_own_time_stands_still_breaks_i5(stand: Stand) -> None:
    order = stand.order()
    stepped = stand.stepped(order)
    stand.wait(3)
    assert found(InputsChecker(stand.witness), [stepped, stand.sent(order)]) == []
    stand.wait(3)
    assert found(InputsChecker(stand.witness), [stepped, stand.sent(order)]) == ["I5", "I5"]


def test_a_create_on_a_reading_from_before_our_own_fill_breaks_i6(stand: Stand) -> None:
    resting, order = stand.order(1), stand.order(2)
    fill = Fill(
        id=ID,
        trade_id="1",
        venue_order_id="1",
        client_order_id=resting.client_order_id,
        side=Side.SELL,
        quantity=D("0.1"),
        price=D(1),
        fee=D(0),
        fee_asset="USDT",
        maker=True,
        exchange_at=stand.now,
    )
    working = stand.state(stand.held(resting, status=OrderStatus.OPEN))
    heard = stand.stepped(event=fill, before=working, after=working)
    checker = InputsChecker(stand.witness)
    assert found(checker, [heard, stand.stepped(order, after=stand.state())]) == ["I6"]
    stand.wait(4)
    assert found(checker, [stand.stepped(order, after=stand.state())]) == []


@pytest.mark.parametrize("bad", [{"bid": D("NaN")}, {"bid": D(70_000)}, {"ask_quantity": D("Infinity")}, {"bid": D(0)}])
def test_a_create_on_a_number_that_is_none_breaks_i24(bad: dict[str, Any], stand: Stand) -> None:
    order = stand.order()
    decision = stand.decision(order)
    assert decision.quote is not None
    assert found(InputsChecker(stand.witness), [stand.stepped(order, decision=decision)]) == []
    spoilt = replace(decision, quote=replace(decision.quote, **bad))
    assert set(found(InputsChecker(stand.witness), [stand.stepped(order, decision=spoilt)])) == {"I24"}


# --- I9, I10, I16, I23: the gate ------------------------------------------------------------------------------------


def test_an_order_within_every_limit_passes_the_gate(stand: Stand) -> None:
    order = stand.order()
    assert found(GateChecker(stand.witness), [stand.stepped(order), stand.sent(order)]) == []


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode not in (Mode.HEDGING, Mode.REDUCE_ONLY)])
def test_a_create_in_a_mode_that_may_not_breaks_i9(mode: Mode, stand: Stand) -> None:
    order = stand.order()
    trace = [stand.stepped(order, after=stand.state(mode=mode)), stand.sent(order)]
    assert found(GateChecker(stand.witness), trace) == ["I9"]


def test_a_create_without_a_journal_or_a_process_breaks_i9(stand: Stand) -> None:
    order = stand.order()
    assert found(GateChecker(stand.witness), [stand.sent(order)]) == ["I9"]
    trace = [stand.stepped(order, after=stand.state(journal_fault="disk full")), stand.sent(order)]
    assert found(GateChecker(stand.witness), trace) == ["I9"]


def test_a_create_without_a_running_switch_breaks_i9() -> None:
    stand = Stand(policy_of(hedge_of(), switch_ms={ACCOUNT: 60_000}))
    order = stand.order()
    trace = [stand.stepped(order), stand.sent(order)]
    assert found(GateChecker(stand.witness), trace) == ["I9"]
    stand.exchange.dead_man.set(USER, SYMBOL, 60_000)
    assert found(GateChecker(stand.witness), trace) == []


@pytest.mark.parametrize(
    "guards",
    [{"order_notional": D(50_000)}, {"position": D("0.5")}, {"orders_per_minute": 0}, {"orders_per_day": 0}],
)
def test_an_order_past_a_limit_of_its_hedge_breaks_i10(guards: dict[str, object]) -> None:
    stand = Stand(policy_of(hedge_of(guards=guards)))
    order = stand.order()
    assert found(GateChecker(stand.witness), [stand.stepped(order), stand.sent(order)]) == ["I10"]


def test_a_price_far_from_the_true_mark_breaks_i10(stand: Stand) -> None:
    order = stand.order(price=D(61_000))
    assert found(GateChecker(stand.witness), [stand.stepped(order), stand.sent(order)]) == ["I10"]


def test_what_is_sent_in_a_quiet_breaks_i16_and_a_cancel_only_in_a_ban(stand: Stand) -> None:
    order, cancel = stand.order(), CancelOrder(id=ID, client_order_id=order_id(), venue_order_id=None)
    for banned, expected in ((False, []), (True, ["I16"])):
        event = VenueQuieted(account=ACCOUNT, until_at=stand.now + 60_000, banned=banned, text="429")
        quieted = stand.stepped(order, event=event)
        assert found(GateChecker(stand.witness), [quieted, stand.sent(order)]) == ["I16"]
        assert found(GateChecker(stand.witness), [quieted, stand.sent(cancel)]) == expected


@pytest.mark.parametrize("off", [{"quantity": D("0.9995")}, {"price": D("60000.05")}, {"quantity": D(0)}])
def test_an_order_off_the_grid_breaks_i23(off: dict[str, Any], stand: Stand) -> None:
    order = stand.order(**off)
    assert "I23" in found(GateChecker(stand.witness), [stand.stepped(order), stand.sent(order)])


# --- I7, I11, I13, I25: the end -------------------------------------------------------------------------------------


def test_a_fill_in_which_we_take_breaks_i7_and_a_strangers_does_not(stand: Stand) -> None:
    checker = FillsChecker(stand.witness)
    stand.trade(Side.SELL, "0.1", "web_1")
    assert found(checker, [stand.stepped()]) == []
    stand.trade(Side.SELL, "0.1", order_id())
    assert found(checker, [stand.stepped()]) == ["I7"]


def test_a_fill_that_is_written_twice_breaks_i11(stand: Stand) -> None:
    first, second = stand.committed(("fill", "a/1")), stand.committed(("fill", "a/2"))
    assert found(FillsChecker(stand.witness), [first, second]) == []
    assert found(FillsChecker(stand.witness), [first, first]) == ["I11"]


def test_a_journal_that_differs_from_the_exchange_breaks_i11(stand: Stand) -> None:
    stand.trade(Side.SELL, "0.1", order_id())
    checker = FillsChecker(stand.witness)
    assert list(checker.audit(stand.now, {order_id(): D("0.1")})) == []
    assert [f.invariant for f in checker.audit(stand.now, {})] == ["I11"]
    assert [f.invariant for f in checker.audit(stand.now, {order_id(): D("0.1"), order_id(2): D(1)})] == ["I11"]


def test_a_delta_outside_its_band_is_measured_from_the_edge_and_a_lot(stand: Stand) -> None:
    hedge, price = stand.policy.hedges[0], D(60_000)
    assert off_target(stand.witness, hedge, price) == D(1) - D("0.01") - D("0.001")
    stand.trade(Side.SELL, "0.989")
    assert off_target(stand.witness, hedge, price) == 0
    short = replace(hedge, target=Target(kind=TargetKind.QUOTE, value=D(60_000)))
    assert off_target(stand.witness, short, price) == D("0.989") - D("0.01") - D("0.001")


def test_orders_that_pile_up_in_memory_break_i25(stand: Stand) -> None:
    many = stand.state(*(stand.held(stand.order(n)) for n in range(301)))
    assert found(BoundsChecker(), [stand.stepped(after=stand.state())]) == []
    assert found(BoundsChecker(), [stand.stepped(after=many, event=TimePassed())]) == ["I25"]


def test_rows_that_pile_up_within_an_hour_break_i25(stand: Stand) -> None:
    rows = stand.committed(*[("decision", str(n)) for n in range(30_000)])
    assert found(BoundsChecker(), [rows]) == []
    checker = BoundsChecker()
    found(checker, [rows])
    stand.wait(3_700)
    later = stand.committed(*rows.rows)
    assert found(checker, [later]) == []
    assert found(checker, [later]) == ["I25"]
