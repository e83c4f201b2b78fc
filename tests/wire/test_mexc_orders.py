"""Orders on MEXC: one exact request each, which can never open a position against the one that is held."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import Fill, OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.ports import PlaceOutcome
from hedger.venues.abilities import Ability
from hedger.venues.mexc.codes import hear
from hedger.venues.mexc.listing import known_of
from hedger.venues.mexc.parse import fill_of
from hedger.venues.mexc.payloads import Contract, Deal
from hedger.venues.mexc.stance import CLOSE_LONG, CLOSE_SHORT, OPEN_LONG, OPEN_SHORT, Stance
from hedger.venues.outcome import Withheld
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.mexc import (
    ASSETS,
    AT,
    BTC,
    CANCEL,
    CREATE,
    DETAIL,
    FEES,
    FIND,
    LEVERAGE,
    MODE,
    OPEN,
    POSITIONS,
    STAND,
    TICKER,
    answering,
    contract,
    deal,
    flat_asset,
    leverage_row,
    ok,
    position,
    quick,
    record,
    said,
    ticker,
)
from tests.support.wire_server import KEY, SECRET, Answer, Seen, plain_answer
from tests.support.wire_venue import Desk, opened

FRACTIONS: dict[str, Any] = {
    "contractSize": "0.0001",
    "priceUnit": "0.1",
    "takerFeeRate": 0,
    "makerFeeRate": 0,
    "maintenanceMarginRate": "0.001",
    "riskLimitCustom": None,
}
NOTHING_HELD = {POSITIONS: ok([]), ASSETS: ok([flat_asset()])}
LONG = {POSITIONS: ok([position(positionType=1)])}


def placed(answers: Mapping[str, Answer], **changes: Any) -> tuple[PlaceOutcome, list[Seen]]:
    """What became of an order on an account that was read with these answers, and what was on the wire for it."""

    async def scenario() -> tuple[PlaceOutcome, list[Seen]]:
        venue = quick(speed=1.0)
        venue["fake"].answers |= {("GET", path): answer for path, answer in answers.items()}
        async with opened(stand=STAND, **venue) as desk:
            outcome = await desk.venue.place(STAND.order(**changes), let_go)
            return outcome, desk.fake.seen

    return asyncio.run(scenario())


def sent(answers: Mapping[str, Answer], **changes: Any) -> dict[str, Any]:
    outcome, seen = placed(answers, **changes)
    assert isinstance(outcome, OrderAccepted)
    assert [(one.method, one.path) for one in seen] == [("POST", CREATE)], "one request, and nothing else"
    return seen[0].params


def withheld(answers: Mapping[str, Answer], **changes: Any) -> str:
    outcome, seen = placed(answers, **changes)
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_SENT
    assert seen == []
    return outcome.text


@proves(Ability.POST_ONLY, Ability.OUR_ID)
def test_an_order_is_one_post_only_request_with_its_numbers_written_exactly() -> None:
    _, seen = placed({}, price=Decimal("60000.10"), quantity=Decimal("0.1234"))
    body = (
        '{"symbol":"BTC_USDT","price":60000.1,"vol":1234,"leverage":1,"side":3,"type":2,"openType":2,'
        f'"positionMode":2,"externalOid":"{OUR_ID}"}}'
    )
    assert [one.body for one in seen] == [body]


@proves(Ability.POST_ONLY)
@pytest.mark.parametrize("kind", ["1", "3", "4", "5"])
def test_an_order_of_ours_that_rests_as_another_kind_is_not_believed_and_ends_all_creates(kind: str) -> None:
    async def scenario() -> tuple[PlaceOutcome, list[Seen]]:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", OPEN] = ok([record(orderType=kind)])
            desk.fake.answers["GET", FIND] = ok(record(orderType=kind))
            for question in (desk.venue.read_account(), desk.venue.find_order(BTC, OUR_ID)):
                with pytest.raises(AskAgain, match=f"stands there as type {kind} and not as post-only"):
                    await question
            assert isinstance(await desk.venue.cancel(STAND.cancel()), CancelAnswered)  # it can still be taken off
            desk.fake.answers["GET", OPEN] = ok([])
            await desk.venue.read_account()
            return await desk.venue.place(STAND.order(client_order_id="hbot000100000288"), let_go), desk.fake.seen

    outcome, seen = asyncio.run(scenario())
    assert isinstance(outcome, OrderRejected)
    assert "nothing more is created in this session" in outcome.text
    assert [one for one in seen if one.path == CREATE] == []


def test_an_order_of_another_kind_that_a_person_placed_or_that_has_ended_is_told() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", OPEN] = ok([record(orderType="1", externalOid="_m_0f55d1"), record(orderId="2")])
            assert len((await desk.venue.read_account()).open_orders) == 2
            assert isinstance(await desk.venue.place(STAND.order(), let_go), OrderAccepted)
            desk.fake.answers["GET", FIND] = ok(record(orderType="1", state="4"))
            assert await desk.venue.find_order(BTC, OUR_ID) is not None
            assert isinstance(await desk.venue.place(STAND.order(), let_go), OrderRejected)

    asyncio.run(scenario())


@pytest.mark.parametrize(("price", "written"), [("0.0000012", "0.0000012"), ("0.3", "0.3"), ("123456789.1", None)])
def test_a_small_price_is_written_in_full_and_never_with_an_exponent(price: str, written: str | None) -> None:
    listing = {DETAIL: ok([contract(priceUnit="0.0000001", contractSize=10)])}
    _, seen = placed(listing, price=Decimal(price), quantity=Decimal(100))
    assert f'"price":{written or price},"vol":10,' in seen[0].body


def test_the_two_apis_are_signed_each_in_its_own_way_over_the_exact_bytes() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            await desk.venue.place(STAND.order(), let_go)
            await desk.venue.read_account()
            (create,) = desk.fake.requests("POST", CREATE)
            payload = f"{KEY}{create.headers['Request-Time']}{create.body}"
            assert (
                create.headers["Signature"] == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
            )
            (wallet,) = desk.fake.requests("GET", "/api/v3/account")
            query, _, signature = wallet.query.rpartition("&signature=")
            assert signature == hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
            assert wallet.headers["X-MEXC-APIKEY"] == create.headers["ApiKey"] == KEY
            assert {seen.host for seen in desk.fake.seen} == {"api.mexc.com"}

    asyncio.run(scenario())


@proves(Ability.REDUCE_ONLY)
@pytest.mark.parametrize(
    ("held", "side", "reduce_only", "number"),
    [
        (NOTHING_HELD, Side.BUY, False, OPEN_LONG),
        (NOTHING_HELD, Side.SELL, False, OPEN_SHORT),
        (LONG, Side.BUY, False, OPEN_LONG),
        (LONG, Side.SELL, False, CLOSE_LONG),
        (LONG, Side.SELL, True, CLOSE_LONG),
        ({}, Side.SELL, False, OPEN_SHORT),
        ({}, Side.BUY, False, CLOSE_SHORT),
        ({}, Side.BUY, True, CLOSE_SHORT),
        (NOTHING_HELD, Side.BUY, True, CLOSE_SHORT),
        (NOTHING_HELD, Side.SELL, True, CLOSE_LONG),
        ({}, Side.SELL, True, CLOSE_LONG),
    ],
)
def test_an_order_against_a_position_closes_and_a_reducing_one_can_never_open(
    held: Mapping[str, Answer], side: Side, reduce_only: bool, number: int
) -> None:
    told = sent(held, side=side, reduce_only=reduce_only)
    assert (told["side"], told["positionMode"]) == (number, 2)
    assert told.get("reduceOnly", False) is reduce_only


def test_an_order_that_would_cross_zero_is_not_sent_and_one_that_just_closes_is() -> None:
    assert "across zero" in withheld({}, side=Side.BUY, quantity=Decimal("0.5001"))
    assert "across zero" in withheld(LONG, side=Side.SELL, quantity=Decimal("0.5001"))
    assert sent({}, side=Side.BUY, quantity=Decimal("0.5"))["side"] == CLOSE_SHORT


def test_in_hedge_mode_nothing_is_sent_that_could_open_a_position_against_another() -> None:
    assert "opposite position" in withheld({MODE: ok(1)})
    both = {POSITIONS: ok([position(), position(positionType=1, positionId=2)])}
    assert "opposite position" in withheld(both, side=Side.BUY)


def test_a_stance_that_was_never_read_sends_nothing_and_follows_what_it_hears() -> None:
    stance = Stance()
    with pytest.raises(Withheld, match="not been read"):
        stance.side("BTC_USDT", Side.BUY, Decimal(1), reduce_only=False)
    stance.read(one_way=True, net={}, read_at=AT)
    assert stance.side("BTC_USDT", Side.BUY, Decimal(1), reduce_only=False) == OPEN_LONG


def test_a_trade_that_a_reading_may_not_have_counts_as_it_would_be_worst() -> None:
    known = known_of(Contract.model_validate(contract(**FRACTIONS)), str)

    def trade(number: int, side: Side, vol: int, at: int) -> Fill:
        (row,) = [deal(number, vol=vol, side=1 if side is Side.BUY else 3, timestamp=at)]
        return fill_of(Deal.model_validate(row), BTC, known)

    def number(stance: Stance, side: Side, vol: int) -> int:
        return stance.side("BTC_USDT", side, Decimal(vol), reduce_only=False)

    stance = Stance()
    stance.read(one_way=True, net={}, read_at=AT)
    stance.traded(trade(1, Side.BUY, 5, AT + 100), known)
    stance.traded(trade(1, Side.BUY, 5, AT + 100), known)
    assert number(stance, Side.SELL, 5) == CLOSE_LONG, "five were bought since: a sell must not open a short position"
    with pytest.raises(Withheld, match="across zero"):
        number(stance, Side.SELL, 6)
    assert number(stance, Side.BUY, 6) == OPEN_LONG
    stance.read(one_way=True, net={"BTC_USDT": Decimal(5)}, read_at=AT + 500)
    assert number(stance, Side.SELL, 10) == CLOSE_LONG, "whether the reading has it is not sure: closing never opens"
    stance.read(one_way=True, net={"BTC_USDT": Decimal(5)}, read_at=AT + 60_000)
    with pytest.raises(Withheld, match="against a position of 5"):
        number(stance, Side.SELL, 6)
    stance.traded(trade(2, Side.SELL, 5, AT), known)
    assert number(stance, Side.BUY, 1) == OPEN_LONG, "an old trade is in the reading"
    stance.traded(trade(3, Side.SELL, 9, AT + 61_000), known)
    assert number(stance, Side.BUY, 4) == CLOSE_SHORT


def test_an_empty_list_of_positions_that_is_not_proven_lets_no_order_out() -> None:
    assert "not been read" in withheld({POSITIONS: ok([])}), "the wallet uses margin for a position that is not listed"


def test_orders_follow_the_newest_reading_of_the_position() -> None:
    async def scenario() -> list[int]:
        async with opened(stand=STAND) as desk:
            await desk.venue.place(STAND.order(side=Side.BUY), let_go)
            desk.fake.answers["GET", POSITIONS] = ok([])
            desk.fake.answers["GET", ASSETS] = ok([flat_asset()])
            await desk.venue.read_account()
            await desk.venue.place(STAND.order(side=Side.BUY), let_go)
            return [seen.params["side"] for seen in desk.fake.requests("POST", CREATE)]

    assert asyncio.run(scenario()) == [CLOSE_SHORT, OPEN_LONG]


@proves(Ability.MODES)
def test_an_order_says_the_margin_mode_that_was_asked_for_and_the_leverage_that_is_set() -> None:
    async def scenario() -> dict[str, Any]:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", POSITIONS] = ok([])
            desk.fake.answers["GET", ASSETS] = ok([flat_asset()])
            desk.fake.answers["GET", LEVERAGE] = ok([leverage_row(side, openType=1) for side in (1, 2)])
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.ISOLATED)
            reading = await desk.venue.read_account()
            assert reading.positions[0].margin_mode is MarginMode.ISOLATED
            await desk.venue.place(STAND.order(), let_go)
            return desk.fake.requests("POST", CREATE)[0].params

    told = asyncio.run(scenario())
    assert (told["openType"], told["leverage"]) == (1, 1)


@proves(Ability.TIME_TO_LIVE)
def test_a_create_counts_as_on_its_way_for_as_long_as_the_venue_may_take_it() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            assert desk.instruments[0].transit_ms == 10_000
            await desk.venue.place(STAND.order(ttl_ms=1000), let_go)
            (create,) = desk.fake.requests("POST", CREATE)
            assert abs(desk.fake.clock_ms() - int(create.headers["Request-Time"])) < 2_000

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [2042, 603])
def test_a_second_use_of_our_id_is_unknown_and_never_a_refusal(code: int) -> None:
    async def scenario() -> PlaceOutcome:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["POST", CREATE] = said(code, "duplicate order id")
            outcome = await desk.venue.place(STAND.order(), let_go)
            assert len(desk.fake.requests("POST", CREATE)) == 1
            return outcome

    assert isinstance(asyncio.run(scenario()), OrderOutcomeUnknown)


@pytest.mark.parametrize("data", [{}, None, {"orderId": ""}, {"orderId": 0}, [], "814218083416790528", True])
def test_an_answer_that_names_no_order_is_no_acknowledgement(data: object) -> None:
    async def scenario() -> PlaceOutcome:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["POST", CREATE] = ok(data)
            return await desk.venue.place(STAND.order(), let_go)

    assert isinstance(asyncio.run(scenario()), OrderOutcomeUnknown)


# --- cancels ------------------------------------------------------------------------------------------------------


def canceled(answer: Answer) -> CancelAnswered:
    async def scenario() -> CancelAnswered:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["POST", CANCEL] = answer
            outcome = await desk.venue.cancel(STAND.cancel())
            assert [seen.body for seen in desk.fake.seen] == [f'{{"symbol":"BTC_USDT","externalOid":"{OUR_ID}"}}']
            assert isinstance(outcome, CancelAnswered)
            return outcome

    return asyncio.run(scenario())


@proves(Ability.CANCEL)
def test_a_cancel_by_our_id_is_one_object_and_its_answer_is_read_within() -> None:
    row = {"orderId": "264995729269765120", "errorCode": 0, "errorMsg": "success"}
    assert canceled(ok(row)).known is True
    assert canceled(ok([row])).known is True
    assert canceled(ok(row | {"errorCode": 2040, "errorMsg": "order not exist"})).known is False
    assert canceled(ok([row | {"errorCode": "2041"}])).known is False
    assert canceled(said(2040, "order not exist")).known is False
    assert canceled(ok(row | {"errorCode": 500})).known is None
    assert canceled(ok([row, row])).known is None
    assert canceled(ok([])).known is None
    assert canceled({"success": True, "code": 0}).known is None
    assert canceled(ok(row | {"externalOid": "hbot000100000777"})).known is None


# --- records ------------------------------------------------------------------------------------------------------


def found(answer: Answer, listed: Answer | None = None, *, after_a_cancel: bool = False) -> OrderReport | None:
    async def scenario() -> OrderReport | None:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", FIND] = answer
            if listed is not None:
                desk.fake.answers["GET", OPEN] = listed
            if after_a_cancel:
                await desk.venue.cancel(STAND.cancel())
            return await desk.venue.find_order(BTC, OUR_ID)

    return asyncio.run(scenario())


@proves(Ability.FIND)
def test_an_order_is_found_by_our_id_and_counted_in_coins() -> None:
    report = found(ok(record(dealVol="5", state="2")))
    assert report is not None
    assert (report.client_order_id, report.venue_order_id) == (OUR_ID, "814218083416790528")
    assert (report.side, report.quantity, report.filled) == (Side.SELL, Decimal("0.0020"), Decimal("0.0005"))
    assert (report.price, report.status, report.exchange_at) == (Decimal("60000.1"), ReportStatus.WORKING, AT)
    as_numbers = found(ok(record(vol=20, side=3, state=2, orderType=2, createTime=AT, updateTime=AT, orderId=814)))
    assert as_numbers is not None
    assert as_numbers.venue_order_id == "814"


def test_a_good_answer_without_data_says_that_no_such_order_is_known_and_less_says_nothing() -> None:
    for none in ({"success": True, "code": 0}, ok(None), said(2040, "order not exist")):
        assert found(none, ok([])) is None
        assert found(none, ok([record(externalOid="hbot000100000777")])) is None
        with pytest.raises(AskAgain, match="says that there is none, and lists it as open"):
            found(none, ok([record()]))
        with pytest.raises(AskAgain):
            found(none, said(500, ""))
    for answer in (
        {},
        {"success": True},
        {"code": 0},
        {"success": True, "code": 0, "x": 1},
        ok([]),
        ok({}),
        said(500, ""),
    ):
        with pytest.raises(AskAgain):
            found(answer)
    with pytest.raises(AskAgain):
        found(plain_answer(500, json.dumps({"success": True, "code": 0})))


@pytest.mark.parametrize(
    "changes",
    [
        {"externalOid": "hbot000100000777"},
        {"externalOid": None},
        {"symbol": "ETH_USDT"},
        {"dealVol": "21"},
        {"state": "3", "dealVol": "19"},
        {"vol": "NaN"},
        {"vol": "-20"},
        {"price": "Infinity"},
        {"side": "5"},
        {"side": "0"},
        {"updateTime": str(AT // 1000)},
        {"orderId": True},
    ],
)
def test_a_record_of_another_order_or_with_odd_numbers_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        found(ok(record(**changes)))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "1"}, ReportStatus.WORKING),
        ({"state": "3", "dealVol": "20"}, ReportStatus.FILLED),
        ({"state": "4", "dealVol": "5"}, ReportStatus.CANCELED),
        ({"state": "5"}, ReportStatus.REJECTED),
        ({"state": "5", "dealVol": "5"}, ReportStatus.CANCELED),
        ({"state": "9"}, ReportStatus.UNRECOGNISED),
    ],
)
def test_each_state_is_read_and_an_unknown_one_is_never_final(changes: dict[str, Any], status: ReportStatus) -> None:
    report = found(ok(record(**changes)))
    assert report is not None
    assert report.status is status


@proves(Ability.WOULD_CROSS)
@pytest.mark.parametrize(
    ("changes", "after_a_cancel", "why"),
    [
        ({}, False, RejectReason.POST_ONLY_WOULD_CROSS),
        ({"state": "5"}, False, RejectReason.POST_ONLY_WOULD_CROSS),
        ({}, True, None),
        ({"updateTime": str(AT + 5_000)}, False, None),
        ({"errorCode": "8"}, False, RejectReason.POST_ONLY_WOULD_CROSS),
        ({"errorCode": "20", "updateTime": str(AT + 5_000)}, False, RejectReason.POST_ONLY_WOULD_CROSS),
        ({"errorCode": "20"}, True, None),
        ({"errorCode": "99"}, False, None),
        ({"orderType": "1"}, False, None),
        ({"category": "2"}, False, None),
        ({"dealVol": "1"}, False, None),
    ],
)
def test_an_order_taken_off_as_it_came_would_have_crossed_unless_anything_else_explains_it(
    changes: dict[str, Any], after_a_cancel: bool, why: RejectReason | None
) -> None:
    report = found(ok(record(**({"state": "4"} | changes))), after_a_cancel=after_a_cancel)
    assert report is not None
    assert report.ended_because is why


@proves(Ability.WOULD_CROSS)
@pytest.mark.parametrize(
    ("code", "why"),
    [
        (1, RejectReason.INVALID_ORDER),
        (2, RejectReason.INSUFFICIENT_MARGIN),
        (3, RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE),
        (4, RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE),
        (5, RejectReason.INVALID_ORDER),
        (6, RejectReason.INVALID_ORDER),
        (7, RejectReason.RESTRICTED),
    ],
)
def test_an_order_that_the_venue_took_off_for_a_fault_is_told_by_the_fault_and_not_as_one_that_would_cross(
    code: int, why: RejectReason
) -> None:
    report = found(ok(record(state="5", errorCode=code)), after_a_cancel=False)
    assert report is not None
    assert report.ended_because is why


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"success":false,"code":2005,"message":"x"}', 2005),
        ('{"success":false,"code":"2005"}', 2005),
        ('{"code":-1121,"msg":"Invalid symbol."}', -1121),
        ('{"code":700003,"msg":"Timestamp"}', 700003),
        ('{"success":true,"code":0,"data":1}', None),
        ('{"success":true,"code":200,"data":1}', None),
        ('{"code":0,"msg":"success","data":{}}', None),
        ('{"success":false,"code":0}', "failed"),
        ('{"success":false}', "failed"),
        ('{"success":true,"code":2005}', "succeeded, 2005"),
        ('{"success":true,"code":true}', None),
        ("[]", None),
        ("<html>", None),
    ],
)
def test_what_the_venue_says_is_heard_under_any_status_and_a_contradiction_proves_nothing(
    body: str, code: int | str | None
) -> None:
    assert hear(200, body).code == code


def test_there_is_no_switch_and_that_is_said() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            with pytest.raises(GiveUp, match="no dead man's switch"):
                await desk.venue.extend_switch([BTC.symbol], 30_000)
            assert desk.fake.seen == []

    asyncio.run(scenario())


def test_a_contract_in_coins_of_a_thousand_is_counted_in_contracts_of_its_own_size() -> None:
    big = InstrumentId("main", "1000BONK/USDT:USDT")

    async def scenario(desk: Desk) -> dict[str, Any]:
        await desk.venue.place(STAND.order(id=big, quantity=Decimal(200), price=Decimal("0.0123")), let_go)
        return desk.fake.requests("POST", CREATE)[0].params

    async def run() -> tuple[dict[str, Any], Decimal]:
        venue = quick(speed=1.0)
        row = contract("1000BONK_USDT", contractSize=100, priceUnit=0.0001)
        venue["fake"].answers |= {("GET", DETAIL): ok([row]), ("GET", FEES): answering(lambda seen: ok(_fees(seen)))}
        venue["fake"].answers |= {("GET", path): answer for path, answer in NOTHING_HELD.items()}
        venue["fake"].answers["GET", TICKER] = ok(ticker(row["symbol"]))
        async with opened([big.symbol], stand=STAND, **venue) as desk:
            return await scenario(desk), desk.instruments[0].contract_multiplier

    told, multiplier = asyncio.run(run())
    assert (told["symbol"], told["vol"], told["price"], multiplier) == ("1000BONK_USDT", 2, 0.0123, Decimal(1000))


def _fees(seen: Seen) -> dict[str, Any]:
    return {"symbol": seen.params["symbol"], "realMakerFee": 0, "realTakerFee": 0}
