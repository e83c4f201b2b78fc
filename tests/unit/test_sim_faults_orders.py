"""What a venue that lies does to creates, cancels and the news of orders, at the port."""

from decimal import Decimal

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import Fill, OrderReport, RejectReason, ReportStatus, Side
from tests.support.bare_exchange import SYMBOL
from tests.support.faulty_desk import ID, FaultyDesk, at_a_faulty_desk, cancel_of, constant, with_form

D = Decimal


def reports(desk: FaultyDesk) -> list[OrderReport]:
    return [hint for _, hint in desk.hints if isinstance(hint, OrderReport)]


def fills(desk: FaultyDesk) -> list[Fill]:
    return [hint for _, hint in desk.hints if isinstance(hint, Fill)]


# --- creates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("V23", set(RejectReason)),
        ("A01", {RejectReason.INSUFFICIENT_MARGIN}),
        ("A09", {RejectReason.RESTRICTED}),
    ],
)
def test_a_create_is_refused_and_nothing_is_accepted(code: str, reasons: set[RejectReason]) -> None:
    async def story(desk: FaultyDesk) -> None:
        answers = [await desk.place() for _ in range(10)]
        assert {a.reason for a in answers if isinstance(a, OrderRejected)} <= reasons
        assert all(isinstance(a, OrderRejected) for a in answers)
        assert (len(desk.struck(code)), desk.accepted()) == (10, [])

    at_a_faulty_desk(constant(code), story)


def test_a_restricted_account_may_still_reduce() -> None:
    async def story(desk: FaultyDesk) -> None:
        assert desk.venue.house.hands.trade(SYMBOL, Side.SELL, D("0.2"))
        assert isinstance(await desk.place(), OrderAccepted)
        assert isinstance(await desk.place(desk.order(quantity=D("0.3"))), OrderRejected)

    at_a_faulty_desk(constant("A09"), story)


def test_only_a_reduce_only_order_is_told_that_nothing_is_left_to_reduce() -> None:
    async def story(desk: FaultyDesk) -> None:
        assert isinstance(await desk.place(), OrderAccepted)
        refused = await desk.place(desk.order(reduce_only=True))
        assert isinstance(refused, OrderRejected)
        assert refused.reason is RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE
        assert len(desk.struck("V24")) == 1

    at_a_faulty_desk(constant("V24"), story)


def test_post_only_is_refused_as_if_the_price_would_cross() -> None:
    async def story(desk: FaultyDesk) -> None:
        refused = await desk.place()
        assert isinstance(refused, OrderRejected)
        assert refused.reason is RejectReason.POST_ONLY_WOULD_CROSS

    at_a_faulty_desk(with_form("V16", 3, 0), story)


def test_post_only_is_accepted_and_expires_at_once() -> None:
    async def story(desk: FaultyDesk) -> None:
        order = desk.order()
        assert isinstance(await desk.place(order), OrderAccepted)
        await desk.clock.sleep(1)
        assert [r.status for r in reports(desk)] == [ReportStatus.WORKING, ReportStatus.EXPIRED]
        assert (desk.working(), len(desk.struck("V16"))) == ([], 1)

    at_a_faulty_desk(with_form("V16", 3, 1), story)


def test_post_only_is_priced_anew_further_from_the_market() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.place(desk.order(Side.BUY, "59000"))
        await desk.place(desk.order(Side.SELL, "61000"))
        assert [order.price for order in desk.working()] == [D("58999.9"), D("61000.1")]

    at_a_faulty_desk(with_form("V16", 3, 2), story)


def test_a_duplicate_id_is_answered_to_an_order_that_was_accepted() -> None:
    async def story(desk: FaultyDesk) -> None:
        answer = await desk.place()
        assert isinstance(answer, OrderOutcomeUnknown)
        assert "duplicate" in answer.text
        assert len(desk.working()) == len(desk.accepted()) == 1

    at_a_faulty_desk(constant("V19"), story)


def test_a_suspended_contract_takes_no_order_and_is_not_listed() -> None:
    async def story(desk: FaultyDesk) -> None:
        refused = await desk.place()
        assert isinstance(refused, OrderRejected)
        assert refused.reason is RejectReason.INVALID_ORDER
        listed = await desk.venue.read_instruments(["BTC/USDT:USDT", "BTC/USDT"])
        assert [instrument.id.symbol for instrument in listed] == ["BTC/USDT"]
        await desk.clock.sleep(30)
        assert len(await desk.venue.read_instruments(["BTC/USDT:USDT", "BTC/USDT"])) == 2
        assert isinstance(await desk.place(), OrderAccepted)

    at_a_faulty_desk(with_form("V31", 4, 3, seconds=20), story)


# --- fills ------------------------------------------------------------------------------------------------------------


def test_an_order_fills_before_its_answer_comes() -> None:
    async def story(desk: FaultyDesk) -> None:
        for _ in range(4):
            await desk.place()
        answered_at = desk.clock.now_ms()
        await desk.clock.sleep(10)
        early = [fill for at, fill in desk.hints if isinstance(fill, Fill) and at < answered_at]
        assert early
        assert len({(f.trade_id, f.venue_order_id) for f in fills(desk)}) < len(fills(desk)), "some come twice"
        read = await desk.venue.read_fills(ID, 0)
        orders = {f.trade_id: {g.venue_order_id for g in read if g.trade_id == f.trade_id} for f in read}
        assert any(len(names) > 1 for names in orders.values()), "one trade id on two orders"
        assert {(f.trade_id, f.venue_order_id) for f in fills(desk)} == {(f.trade_id, f.venue_order_id) for f in read}

    at_a_faulty_desk(constant("V11"), story)


def test_two_orders_that_fill_by_turns_share_numbers_and_neither_bears_one_twice() -> None:
    """No venue gives two executions of one order the same number: the second could never be told from the first."""

    async def story(desk: FaultyDesk) -> None:
        await desk.placed()
        await desk.placed()
        await desk.clock.sleep(620)
        read = await desk.venue.read_fills(ID, 0)
        orders = {f.trade_id: {g.venue_order_id for g in read if g.trade_id == f.trade_id} for f in read}
        assert any(len(names) > 1 for names in orders.values())
        assert len({(f.trade_id, f.venue_order_id) for f in read}) == len(desk.exchange.truth("main").trades)

    at_a_faulty_desk(constant("V10", "V11", seconds=60), story)


def test_what_rests_fills_in_crumbs_whose_news_is_late() -> None:
    async def story(desk: FaultyDesk) -> None:
        name = await desk.placed()
        await desk.clock.sleep(20)
        filled = desk.exchange.find_order("main", desk.working()[0].wallet, SYMBOL, client_order_id=name).filled
        assert D("0.005") < filled < D("0.1")
        await desk.venue.cancel(cancel_of(name))
        await desk.clock.sleep(10)
        kinds = [type(hint) for _, hint in desk.hints if isinstance(hint, Fill | OrderReport)]
        assert kinds[-1] is Fill, "the last fill comes after the end"
        assert all(f.quantity <= D("0.003") for f in fills(desk))
        assert sum(f.quantity for f in fills(desk)) >= filled

    at_a_faulty_desk(constant("V10"), story)


def test_the_history_lacks_the_latest_fills_for_a_while() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.placed()
        await desk.clock.sleep(3)
        lately = await desk.venue.read_fills(ID, 0)
        await desk.clock.sleep(120)
        assert len(lately) < len(desk.exchange.truth("main").trades)
        assert len(await desk.venue.read_fills(ID, 0)) == len(desk.exchange.truth("main").trades)

    at_a_faulty_desk(constant("V10", seconds=100), story)


# --- cancels ----------------------------------------------------------------------------------------------------------


def test_an_order_fills_while_its_cancel_travels() -> None:
    async def story(desk: FaultyDesk) -> None:
        for _ in range(6):
            assert isinstance(await desk.venue.cancel(cancel_of(await desk.placed())), CancelAnswered)
        traded = {trade.quantity for trade in desk.exchange.truth("main").trades}
        assert traded == {D("0.1"), D("0.001")}, "all of it, or a part"
        assert (len(desk.struck("V12")), desk.working()) == (6, [])

    at_a_faulty_desk(constant("V12"), story)


def test_a_cancel_is_told_that_a_live_order_is_unknown() -> None:
    async def story(desk: FaultyDesk) -> None:
        answer = await desk.venue.cancel(cancel_of(await desk.placed()))
        assert isinstance(answer, CancelAnswered)
        assert not answer.known
        assert len(desk.working()) == 1

    at_a_faulty_desk(constant("V13"), story)


def test_a_cancel_that_was_accepted_takes_effect_later() -> None:
    async def story(desk: FaultyDesk) -> None:
        answer = await desk.venue.cancel(cancel_of(await desk.placed()))
        assert isinstance(answer, CancelAnswered)
        assert answer.known
        assert len(desk.working()) == 1
        await desk.clock.sleep(31)
        assert desk.working() == []

    at_a_faulty_desk(constant("V14"), story)


# --- records ----------------------------------------------------------------------------------------------------------


def test_an_order_is_not_found_right_after_its_acknowledgement() -> None:
    async def story(desk: FaultyDesk) -> None:
        name = await desk.placed()
        assert await desk.venue.find_order(ID, name) is None
        assert (await desk.venue.read_account()).open_orders == ()
        await desk.clock.sleep(5)
        assert await desk.venue.find_order(ID, name) is not None
        assert len((await desk.venue.read_account()).open_orders) == 1

    at_a_faulty_desk(constant("V05"), story)


def test_an_order_is_forgotten_by_one_endpoint_and_known_to_the_other() -> None:
    async def story(desk: FaultyDesk) -> None:
        seen = set()
        for _ in range(6):
            name = await desk.placed()
            await desk.clock.sleep(6)
            found = await desk.venue.find_order(ID, name) is not None
            listed = name in {report.client_order_id for report in (await desk.venue.read_account()).open_orders}
            seen.add((found, listed))
        assert seen == {(True, False), (False, True)}
        await desk.clock.sleep(60)
        assert len((await desk.venue.read_account()).open_orders) == 6

    at_a_faulty_desk(constant("V07", seconds=90), story)


def test_an_id_is_borne_by_a_second_empty_order_after_the_first_has_closed() -> None:
    async def story(desk: FaultyDesk) -> None:
        name = await desk.placed()
        first = await desk.venue.find_order(ID, name)
        await desk.venue.cancel(cancel_of(name))
        second = await desk.venue.find_order(ID, name)
        assert first is not None
        assert second is not None
        assert first.status is ReportStatus.WORKING
        assert (second.status, second.filled) == (ReportStatus.EXPIRED, D(0))
        assert second.venue_order_id != first.venue_order_id

    at_a_faulty_desk(constant("V20"), story)


def test_an_unknown_status_is_told_as_unrecognised() -> None:
    async def story(desk: FaultyDesk) -> None:
        name = await desk.placed()
        found = await desk.venue.find_order(ID, name)
        (listed,) = (await desk.venue.read_account()).open_orders
        await desk.clock.sleep(1)
        assert found is not None
        assert {found.status, listed.status, reports(desk)[0].status} == {ReportStatus.UNRECOGNISED}

    at_a_faulty_desk(constant("D16"), story)


def test_open_orders_are_truncated_and_the_order_itself_is_known() -> None:
    async def story(desk: FaultyDesk) -> None:
        names = [await desk.placed() for _ in range(3)]
        assert len((await desk.venue.read_account()).open_orders) < 3
        assert await desk.venue.find_order(ID, names[-1]) is not None

    at_a_faulty_desk(constant("V09"), story)


def test_a_switch_that_was_extended_may_look_as_if_it_was_not() -> None:
    async def story(desk: FaultyDesk) -> None:
        with pytest.raises((AskAgain, GiveUp)):
            await desk.venue.extend_switch([ID.symbol], 30_000)
        await desk.placed()
        await desk.clock.sleep(31)
        assert desk.working() == []

    at_a_faulty_desk(constant("V29", seconds=0.5), story)
