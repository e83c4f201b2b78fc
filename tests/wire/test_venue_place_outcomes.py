"""What each answer to a create proves: one table, one request on the wire for each row."""

import asyncio
import gzip

import pytest

from hedger.model.message import OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import RejectReason
from tests.support.leave import let_go
from tests.support.wire_bodies import changed_echo
from tests.support.wire_server import (
    KEY,
    SECRET,
    Answer,
    cut_answer,
    hanging_answer,
    plain_answer,
    refusal,
    reset_answer,
)
from tests.support.wire_venue import OUR_ID, opened, place_order

HTML = "<html><body>Something went wrong</body></html>"

UNKNOWN: dict[str, Answer] = {
    "a body cut in the middle": cut_answer(),
    "a head and no body": cut_answer(b""),
    "HTML under 200": plain_answer(200, HTML),
    "an empty body": plain_answer(200, ""),
    "an empty object": plain_answer(200, "{}"),
    "an empty list": plain_answer(200, "[]"),
    "null": plain_answer(200, "null"),
    "truncated JSON": plain_answer(200, '{"orderId":28319,"clientOrderId":"h'),
    "JSON nested without end": plain_answer(200, '{"a":' + "[" * 100_000),
    "a success code without an order": plain_answer(200, '{"code":200,"msg":"success"}'),
    "bytes that are not gzip": plain_answer(200, b"\x1f\x8bnot gzip", Content_Encoding="gzip"),
    "a gzip bomb": plain_answer(200, gzip.compress(b" " * 64_000_000), Content_Encoding="gzip"),
    "a reset before the answer": reset_answer(),
    "no answer in time": hanging_answer(),
    "a redirect": plain_answer(307, "", Location="https://fapi.binance.com/fapi/v1/order"),
    "a redirect elsewhere": plain_answer(301, "", Location="https://example.com/"),
    "400 with HTML": plain_answer(400, HTML),
    "403 from a firewall": plain_answer(403, HTML),
    "404 with HTML": plain_answer(404, HTML),
    "408": plain_answer(408, ""),
    "500": plain_answer(500, HTML),
    "502": plain_answer(502, HTML),
    "503": plain_answer(503, ""),
    "504": plain_answer(504, HTML),
    "520": plain_answer(520, ""),
    "524 from a proxy": plain_answer(524, HTML),
    "a refusal under 500": refusal(500, -2019),
    "a refusal under 200": refusal(200, -2019),
    "-1000 unknown error": refusal(400, -1000),
    "-1001 disconnected": refusal(400, -1001),
    "-1006 unexpected response": refusal(400, -1006),
    "-1007 backend timeout": refusal(408, -1007),
    "-1008 overloaded": refusal(503, -1008),
    "-4116 duplicate id": refusal(400, -4116, "ClientOrderId is duplicated."),
    "-2010 duplicate order": refusal(400, -2010, "Duplicate order sent."),
    "-4999 a code that nobody knows": refusal(400, -4999),
    "another client id": changed_echo(clientOrderId="somebody-else"),
    "another quantity": changed_echo(origQty="0.003"),
    "another price": changed_echo(price="60000.2"),
    "another symbol": changed_echo(symbol="ETHUSDT"),
    "another side": changed_echo(side="BUY"),
    "another time in force": changed_echo(timeInForce="GTC"),
    "a status that nobody knows": changed_echo(status="HIBERNATING"),
    "filled beyond its quantity": changed_echo(executedQty="0.004"),
    "no venue id": changed_echo(orderId=None),
    "a quantity that is no number": changed_echo(origQty="NaN"),
}

REJECTED: dict[str, tuple[Answer, RejectReason]] = {
    "-5022 post-only": (refusal(400, -5022), RejectReason.POST_ONLY_WOULD_CROSS),
    "an expired record": (changed_echo(status="EXPIRED"), RejectReason.POST_ONLY_WOULD_CROSS),
    "a rejected record": (changed_echo(status="REJECTED"), RejectReason.INVALID_ORDER),
    "-2019 margin": (refusal(400, -2019), RejectReason.INSUFFICIENT_MARGIN),
    "-2018 balance": (refusal(400, -2018), RejectReason.INSUFFICIENT_MARGIN),
    "-2022 reduce-only": (refusal(400, -2022), RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE),
    "-4118 reduce-only": (refusal(400, -4118), RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE),
    "-4164 notional": (refusal(400, -4164), RejectReason.INVALID_ORDER),
    "-1111 precision": (refusal(400, -1111), RejectReason.INVALID_ORDER),
    "-4014 tick": (refusal(400, -4014), RejectReason.INVALID_ORDER),
    "-1013 filter": (refusal(400, -1013, "Filter failure: LOT_SIZE"), RejectReason.INVALID_ORDER),
    "-1121 symbol": (refusal(400, -1121), RejectReason.INVALID_ORDER),
    "-1021 timestamp": (refusal(400, -1021), RejectReason.CLOCK),
    "-2015 key": (refusal(401, -2015), RejectReason.NOT_AUTHORISED),
    "-1022 signature": (refusal(400, -1022), RejectReason.NOT_AUTHORISED),
    "-4400 rules": (refusal(400, -4400), RejectReason.UNAVAILABLE),
    "429 with Retry-After": (refusal(429, -1003, Retry_After="3"), RejectReason.RATE_LIMITED),
    "429 without a body": (plain_answer(429, ""), RejectReason.RATE_LIMITED),
    "418 banned": (refusal(418, -1003, Retry_After="3"), RejectReason.RATE_LIMITED),
    "-1015 too many orders": (refusal(400, -1015), RejectReason.RATE_LIMITED),
}


@pytest.mark.parametrize("row", UNKNOWN)
def test_what_proves_nothing_leaves_the_order_unknown(row: str) -> None:
    outcome = asyncio.run(place_with(UNKNOWN[row]))
    assert isinstance(outcome, OrderOutcomeUnknown), outcome
    assert_presentable(outcome.text)


@pytest.mark.parametrize("row", REJECTED)
def test_what_the_venue_says_plainly_is_a_rejection_with_its_reason(row: str) -> None:
    answer, reason = REJECTED[row]
    outcome = asyncio.run(place_with(answer))
    assert isinstance(outcome, OrderRejected), outcome
    assert outcome.reason is reason
    assert_presentable(outcome.text)


def test_a_whole_acknowledgement_that_echoes_our_order_is_accepted() -> None:
    outcome = asyncio.run(place_with(changed_echo()))
    assert outcome == OrderAccepted(client_order_id=OUR_ID, venue_order_id="283194212")


def test_a_bad_key_is_a_rejection_also_after_spot_once_worked() -> None:
    """ccxt gives -2015 another class after the first success; the evidence is the code, not the class."""

    async def scenario() -> object:
        async with opened() as desk:
            await desk.venue.read_account()
            desk.fake.answers["POST", "/fapi/v1/order"] = refusal(401, -2015)
            return await desk.venue.place(place_order(), let_go)

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_AUTHORISED


async def place_with(answer: Answer) -> object:
    """The outcome of one create; whatever it is, one request was on the wire."""
    async with opened(answer_s=0.5) as desk:
        desk.fake.answers["POST", "/fapi/v1/order"] = answer
        outcome = await desk.venue.place(place_order(), let_go)
        assert [seen.params["newClientOrderId"] for seen in desk.fake.seen] == [OUR_ID]
        return outcome


def assert_presentable(text: str) -> None:
    """A bounded phrase without secrets, signatures or addresses."""
    assert 0 < len(text) <= 240
    assert not any(secret in text for secret in (KEY, SECRET, "signature=", "https://"))
