"""What the simulated exchange remembers: bars as they were lived, a past from the seed, and nothing without one."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import pairwise

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.spans import HOUR_MS
from hedger.sim import past_words
from hedger.sim.fair import CALM, STORMY
from hedger.sim.past import LENGTHS_MS, MOST_BARS, Bar, Origin, Past, Settlement, long_run_volatility
from hedger.sim.world import paper_world
from tests.support.bare_exchange import START

NOON = 1_767_268_800_000
ORIGIN = Origin(seed=3, volatility={"BTC": 0.6, "ETH": 0.8})
BTC = InstrumentId("main", "BTC/USDT:USDT")


def lived(*prices: tuple[int, str], origin: Origin | None = None) -> Past:
    """A memory of prices at seconds after noon."""
    made = Past(origin)
    for second, price in prices:
        made.observe("BTC", NOON + second * 1_000, D(price))
    return made


def test_bars_are_what_was_seen_and_each_opens_where_the_last_one_closed() -> None:
    past = lived((0, "100"), (10, "130"), (20, "90"), (3_599, "120"), (3_600, "125"), (3_700, "110"))
    assert past.bars("BTC", HOUR_MS, 9) == [
        Bar(NOON, D(100), D(130), D(90), D(120)),
        Bar(NOON + HOUR_MS, D(120), D(125), D(110), D(110)),
    ]


def test_an_hour_in_which_nothing_was_seen_is_flat_and_not_missing() -> None:
    past = lived((0, "100"), (3 * 3_600, "130"))
    bars = past.bars("BTC", HOUR_MS, 9)
    assert [bar.opened_at for bar in bars] == [NOON + n * HOUR_MS for n in range(4)]
    assert bars[1] == Bar(NOON + HOUR_MS, *[D(100)] * 4)


@pytest.mark.parametrize("length_ms", LENGTHS_MS)
def test_a_made_up_past_meets_the_first_price_without_a_gap(length_ms: int) -> None:
    past = lived((1_234, "60000"), (1_235, "60010"), origin=ORIGIN)
    bars = past.bars("BTC", length_ms, 100)
    assert len(bars) == 100
    assert {after.opened_at - before.opened_at for before, after in pairwise(bars)} == {length_ms}
    assert all(after.open == before.close for before, after in pairwise(bars))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert bars[-1].close == D(60010)


def test_a_past_is_the_same_from_the_same_seed_however_much_of_it_is_asked_for() -> None:
    whole = lived((5, "60000"), origin=ORIGIN).bars("BTC", HOUR_MS, 300)
    other = lived((5, "60000"), origin=ORIGIN)
    assert other.bars("BTC", HOUR_MS, 20) == whole[-20:]
    assert other.bars("BTC", HOUR_MS, 300) == whole
    assert lived((5, "60000"), origin=Origin(seed=4, volatility=ORIGIN.volatility)).bars("BTC", HOUR_MS, 300) != whole


def test_a_memory_without_an_origin_begins_with_its_first_price() -> None:
    assert lived((5, "60000")).bars("BTC", HOUR_MS, 300) == [Bar(NOON, *[D(60000)] * 4)]
    assert lived().settlements("BTCUSDT", 8 * HOUR_MS, NOON) == []
    assert lived((5, "60000"), origin=ORIGIN).bars("SOL", HOUR_MS, 300) == []


def test_what_is_remembered_is_bounded() -> None:
    past = Past()
    for n in range(2 * MOST_BARS):
        past.observe("BTC", NOON + n * 300_000, D(100 + n))
        past.settle("BTCUSDT", Settlement(NOON + n, D(0), D(1)))
    assert len(past.bars("BTC", 300_000, 10**6)) == MOST_BARS
    assert len(past.settlements("BTCUSDT", HOUR_MS, NOON)) == 1_000


def test_past_settlements_end_where_the_lived_ones_begin() -> None:
    past, eight = lived((5, "60000"), origin=ORIGIN), 8 * HOUR_MS
    before = past.settlements("BTCUSDT", eight, NOON)
    next_at = (NOON // eight + 1) * eight
    past.settle("BTCUSDT", Settlement(next_at, D("0.0007"), D(60000)))
    after = past.settlements("BTCUSDT", eight, next_at)
    assert before[-1].settled_at == next_at - eight
    assert [(row.settled_at, row.rate) for row in after[:-1]] == [(row.settled_at, row.rate) for row in before]
    assert after[-1].rate == D("0.0007")


def test_the_long_run_counts_each_weather_alike_and_its_jumps_too() -> None:
    assert long_run_volatility("BTC", (CALM,)) == pytest.approx(0.25)
    assert long_run_volatility("ETH", (CALM,)) == pytest.approx(0.25 * 1.2)
    jumps = 2 * 8_760 * 0.004**2
    assert long_run_volatility("BTC", (CALM, STORMY)) == pytest.approx(((0.25**2 + 1 + jumps) / 2) ** 0.5)


def test_the_port_has_closed_bars_only_and_all_of_them_or_none() -> None:
    exchange = paper_world(1, START, still=True).exchange
    exchange.advance(START + 90_000)
    candles = past_words.candles(exchange, BTC, HOUR_MS, 720)
    assert len(candles) == 720
    assert candles[-1].opened_at + HOUR_MS <= exchange.now < candles[-1].opened_at + 2 * HOUR_MS
    exchange.past.origin = None
    with pytest.raises(AskAgain, match="of the 720"):
        past_words.candles(exchange, BTC, HOUR_MS, 720)
    with pytest.raises(AskAgain, match="not paid any funding"):
        past_words.funding_rates(exchange, BTC, 3)
    with pytest.raises(GiveUp, match="keeps no bars"):
        past_words.candles(exchange, BTC, HOUR_MS + 1, 10)
    with pytest.raises(GiveUp, match="not listed"):
        past_words.candles(exchange, InstrumentId("main", "DOGE/USDT:USDT"), HOUR_MS, 10)
