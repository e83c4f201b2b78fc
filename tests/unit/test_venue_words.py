"""Small parts of a venue: numbers that are believed, names that are ours, texts that may be shown, hints that wait."""

import asyncio
from decimal import Decimal

import pytest
from pydantic import ValidationError

from hedger.model.instrument import InstrumentId
from hedger.model.market import Quote
from hedger.model.message import StreamChanged
from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.binance.codes import CODES, STATUSES
from hedger.venues.binance.payloads import BookTicker, ServerTime
from hedger.venues.client import parse_json
from hedger.venues.hints import MOST_NEWS, HintQueue
from hedger.venues.listing import not_listed, split_multiplier
from hedger.venues.network import Evidence
from hedger.venues.outcome import Attempt, Scrub, judge_refusal
from hedger.venues.speech import SILENT

WORDS = ["NaN", "inf", "-Infinity", "", " 1", "1_000", "1,5", "0x10", "١٢", "1e999", "1E+19", "--1"]
NO_NUMBERS: list[object] = [*WORDS, None, True, 1.5, ()]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_plain_finite_number_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        BookTicker.model_validate({"symbol": "X", "bidPrice": text, "bidQty": "1", "askPrice": "2", "askQty": "1"})


@pytest.mark.parametrize("at", [0, 1_790_000_000, 1_790_000_000_000_000, "1790000000000", 1.79e12, None])
def test_a_time_in_another_unit_is_refused(at: object) -> None:
    with pytest.raises(ValidationError):
        ServerTime.model_validate({"serverTime": at})


@pytest.mark.parametrize(
    ("asset", "coin", "multiplier"),
    [
        ("BTC", "BTC", 1),
        ("1000PEPE", "PEPE", 1000),
        ("10000SATS", "SATS", 10_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1INCH", "1INCH", 1),
        ("1000", "1000", 1),
        ("C98", "C98", 1),
    ],
)
def test_a_multiplier_in_a_name_is_told_from_a_name(asset: str, coin: str, multiplier: int) -> None:
    assert split_multiplier(asset) == (coin, Decimal(multiplier))


def test_a_symbol_that_resembles_nothing_gets_no_suggestion() -> None:
    assert "did you mean" not in str(not_listed("Binance", "???", ["BTC/USDT:USDT"]))


def test_fractions_in_json_stay_text_and_what_is_not_json_is_none() -> None:
    assert parse_json('{"a":0.10,"b":1,"c":NaN}') == {"a": "0.10", "b": 1, "c": "NaN"}
    assert parse_json("<html>") is None
    assert parse_json('{"a":') is None


def test_a_shown_text_has_no_secret_no_address_and_an_end() -> None:
    text = Scrub("my-key-77", "my-secret-88")(
        "binance GET https://fapi.binance.com/x?timestamp=1&signature=abcdef0123 my-key-77 "
        'my-secret-88 "listenKey":"LK99" signature=ffee ' + "x" * 1000
    )
    for secret in ("my-key-77", "my-secret-88", "abcdef0123", "LK99", "ffee", "https"):
        assert secret not in text
    assert len(text) <= 240


@pytest.mark.parametrize("status", [None, 200, 301, 404, 500, 503])
def test_no_status_alone_proves_that_an_order_was_refused(status: int | None) -> None:
    evidence = Evidence(sent=1, status=status, body="")
    result = Attempt(answer=None, evidence=evidence, failure="ExchangeError", said=SILENT)
    assert not hasattr(judge_refusal("h1", result, CODES, Scrub()), "reason")


def test_only_a_request_that_never_left_is_called_not_sent() -> None:
    failure = "ExchangeNotAvailable (ClientConnectorError)"
    lost = Attempt(answer=None, evidence=Evidence(sent=1), failure=failure, said=SILENT)
    unsent = Attempt(answer=None, evidence=Evidence(sent=0), failure="RequestTimeout", said=SILENT)
    assert not hasattr(judge_refusal("h1", lost, CODES, Scrub()), "reason")
    rejected = judge_refusal("h1", unsent, CODES, Scrub())
    assert getattr(rejected, "reason", None) is RejectReason.NOT_SENT


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008, -4116])
def test_codes_that_do_not_say_what_happened_are_in_no_table(code: int) -> None:
    assert code not in CODES.refused


def test_no_status_that_may_still_fill_is_read_as_final() -> None:
    working = {name for name, status in STATUSES.items() if status is ReportStatus.WORKING}
    assert working == {"NEW", "PARTIALLY_FILLED"}
    assert ReportStatus.UNRECOGNISED not in STATUSES.values()


def test_too_much_unread_news_becomes_a_gap_that_is_told() -> None:
    async def scenario() -> list[object]:
        queue = HintQueue("main")
        for number in range(MOST_NEWS + 1):
            queue.put(StreamChanged(account="main", up=True, text=str(number)))
        return [await queue.get() for _ in range(3)]

    first, second, last = asyncio.run(scenario())
    assert [getattr(hint, "up", None) for hint in (first, second)] == [False, True]
    assert getattr(last, "text", "") == str(MOST_NEWS)


def test_news_of_orders_goes_before_prices_and_prices_are_conflated() -> None:
    async def scenario() -> list[object]:
        queue = HintQueue("main")
        for bid in (1, 2, 3):
            queue.put(quote(bid))
        queue.put(StreamChanged(account="main", up=True, text="news"))
        return [await queue.get() for _ in range(2)]

    news, price = asyncio.run(scenario())
    assert isinstance(news, StreamChanged)
    assert price == quote(3)


def quote(bid: int) -> Quote:
    return Quote(
        id=InstrumentId("main", "BTC/USDT:USDT"),
        bid=Decimal(bid),
        bid_quantity=Decimal(1),
        ask=Decimal(bid + 1),
        ask_quantity=Decimal(1),
        exchange_at=1,
    )
