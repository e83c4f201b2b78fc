"""Recorded streams rebuild the books, and our orders fill only when their turn in the queue comes."""

import gzip
import hashlib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.errors import ConfigError
from hedger.model.market import Mark, Quote
from hedger.model.order import Side
from hedger.sim.nouns import News, OrderKind, SimOrder, Wallet
from hedger.sim.port import SimVenue, SteadyLink
from hedger.sim.recorded import RecordedWorld, recorded_world
from hedger.sim.recording import Depth, Touch
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.recordings import Line, depth, late, quoted, save, snapshot, text, touch, trade

D = Decimal
START = 1_700_000_000_000
BUY, SELL = Side.BUY, Side.SELL
ASK = "60000.1"


def world(directory: Path, linear: Iterable[Line], spot: Iterable[Line] = (quoted(),)) -> RecordedWorld:
    return recorded_world(save(directory, linear, spot), seed=1, start_at=START, still=True)


def sell(world: RecordedWorld, quantity: str, price: str = ASK, *, side: Side = SELL) -> SimOrder:
    return world.exchange.place(
        "main",
        Wallet.LINEAR,
        "BTCUSDT",
        side=side,
        kind=OrderKind.POST_ONLY,
        quantity=D(quantity),
        price=D(price),
        reduce_only=False,
        client_order_id="ours",
    )


def filled_at(world: RecordedWorld, order: SimOrder, *times: int) -> list[Decimal]:
    """What is filled at each of some milliseconds after the start; every fill is a maker's."""
    filled = []
    for at in times:
        world.exchange.advance(START + at)
        filled.append(order.filled)
    assert all(trade.maker for trade in world.exchange.truth("main").trades)
    return filled


def book(world: RecordedWorld, limit: int = 5) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    bids, asks = world.exchange.depth(Wallet.LINEAR, "BTCUSDT", limit)
    return [(str(p), str(q)) for p, q in bids], [(str(p), str(q)) for p, q in asks]


# --- the queue -----------------------------------------------------------------------------------------------------


def test_an_order_at_the_back_fills_only_after_the_volume_ahead_has_traded(tmp_path: Path) -> None:
    lines = [
        quoted(),
        trade(100, "buy", ASK, "3"),
        touch(101, "60000.0", "4", ASK, "1"),
        touch(200, "60000.0", "4", ASK, "3"),  # two join behind ours
        trade(300, "buy", ASK, "1"),
        trade(400, "buy", ASK, "0.4"),
        trade(500, "buy", ASK, "2"),
    ]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 150, 250, 350, 450, 550) == [D(0), D(0), D(0), D("0.4"), D(1)]


def test_cancels_move_an_order_forward_by_their_share_only(tmp_path: Path) -> None:
    lines = [
        quoted(),
        touch(100, "60000.0", "4", ASK, "8"),  # four ahead of ours, four behind
        touch(200, "60000.0", "4", ASK, "4"),  # half of each leave
        trade(300, "buy", ASK, "2"),
        trade(400, "buy", ASK, "0.5"),
    ]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 350, 450) == [D(0), D("0.5")]


def test_a_touch_of_our_price_does_not_fill(tmp_path: Path) -> None:
    lines = [quoted(), trade(100, "buy", ASK, "0.5"), trade(200, "sell", "60000.0", "9"), quoted(at=300)]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 150, 250, 350) == [D(0)] * 3


def test_a_trade_through_our_price_fills_us_first(tmp_path: Path) -> None:
    here = world(tmp_path, [quoted(), trade(100, "buy", "60000.3", "0.6"), trade(200, "buy", "60000.3", "5")])
    order = sell(here, "1")
    assert filled_at(here, order, 150, 250) == [D("0.6"), D(1)]
    assert [trade.price for trade in here.exchange.truth("main").trades] == [D(ASK)] * 2


def test_a_trade_is_counted_before_the_quote_of_the_same_millisecond_that_reflects_it(tmp_path: Path) -> None:
    """Read the other way round it would advance us twice: first as a cancel, then as a trade."""
    lines = [
        quoted(),
        touch(100, "60000.0", "4", ASK, "8"),
        touch(200, "60000.0", "4", ASK, "5"),
        trade(200, "buy", ASK, "3"),
        trade(300, "buy", ASK, "1"),
        trade(400, "buy", ASK, "0.5"),
    ]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 350, 450) == [D(0), D("0.5")]


def test_perpetual_messages_are_taken_in_the_order_of_the_exchanges_time(tmp_path: Path) -> None:
    lines = [
        quoted(),
        touch(100, "60000.0", "4", ASK, "8"),
        touch(200, "60000.0", "4", ASK, "5"),
        late(trade(199, "buy", ASK, "3"), by_ms=30),
        trade(300, "buy", ASK, "1"),
    ]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 350) == [D(0)]


def test_trades_of_the_insurance_fund_are_not_from_the_book(tmp_path: Path) -> None:
    at, stream, data = trade(100, "buy", ASK, "9")
    here = world(tmp_path, [quoted(), (at, stream, {**data, "X": "INSURANCE_FUND"}), quoted(at=200)])
    order = sell(here, "1")
    assert filled_at(here, order, 250) == [D(0)]


def test_spot_trades_come_before_the_untimed_quotes_that_arrived_just_ahead_of_them(tmp_path: Path) -> None:
    spot = [
        quoted(),
        touch(100, "60000.00", "4", "60000.10", "8"),
        touch(200, "60000.00", "4", "60000.10", "5"),
        trade(201, "buy", "60000.10", "3"),
        trade(300, "buy", "60000.10", "1"),
    ]
    exchange = recorded_world(save(tmp_path, [quoted()], spot), seed=1, start_at=START).exchange
    order = exchange.place(
        "main",
        Wallet.SPOT,
        "BTCUSDT",
        side=SELL,
        kind=OrderKind.POST_ONLY,
        quantity=D("0.1"),
        price=D("60000.10"),
        reduce_only=False,
        client_order_id="ours",
    )
    exchange.advance(START + 350)
    assert order.filled == 0


# --- the crowd -----------------------------------------------------------------------------------------------------


def test_when_the_best_price_moves_away_our_order_stays_alone_at_its_price(tmp_path: Path) -> None:
    lines = [quoted(), touch(100, "60000.0", "4", "60000.5", "2"), touch(200, "60000.0", "4", ASK, "7")]
    here = world(tmp_path, lines)
    order = sell(here, "1")
    assert filled_at(here, order, 150) == [D(0)]
    assert book(here)[1] == [(ASK, "1"), ("60000.5", "2")]
    here.exchange.advance(START + 250)
    assert here.exchange.best(Wallet.LINEAR, "BTCUSDT").ask_quantity == 8


def test_after_our_fill_the_crowd_is_what_the_recording_says(tmp_path: Path) -> None:
    here = world(tmp_path, [quoted(), trade(100, "buy", ASK, "4.5"), touch(101, "60000.0", "4", ASK, "6")])
    order = sell(here, "1")
    assert filled_at(here, order, 150) == [D("0.5")]
    assert book(here)[1] == [(ASK, "6.5")]


def test_a_crossed_update_removes_the_stale_levels_of_the_other_side(tmp_path: Path) -> None:
    lines = [quoted(), depth(100, bids=[("60000.2", "1.5")], asks=[("60000.3", "2")])]
    here = world(tmp_path, lines)
    here.exchange.advance(START + 150)
    assert book(here) == ([("60000.2", "1.5"), ("60000.0", "4")], [("60000.3", "2")])


def test_one_update_may_turn_an_ask_into_a_bid(tmp_path: Path) -> None:
    lines = [quoted(), depth(100, bids=[(ASK, "1"), ("60000.0", "0")], asks=[(ASK, "0"), ("60000.2", "3")])]
    here = world(tmp_path, lines)
    here.exchange.advance(START + 150)
    assert book(here) == ([(ASK, "1")], [("60000.2", "3")])


def test_a_recorded_order_that_crosses_ours_fills_it_once(tmp_path: Path) -> None:
    bids = [touch(100 + i, ASK, q, "60000.2", "1") for i, q in enumerate(["2", "2", "2.5", "1", "2"])]
    here = world(tmp_path, [quoted(), *bids])
    order = sell(here, "9")
    assert filled_at(here, order, 100, 101, 102, 103, 104) == [D(2), D(2), D("2.5"), D("2.5"), D("3.5")]


def test_an_older_depth_update_does_not_change_the_newer_best_prices(tmp_path: Path) -> None:
    old = depth(200, bids=[(ASK, "9"), ("59999.0", "3")], asks=[("60000.0", "9"), ("60001.0", "5")], id=50)
    here = world(tmp_path, [quoted(), quoted(at=100), old])
    here.exchange.advance(START + 250)
    assert book(here) == ([("60000.0", "4"), ("59999.0", "3")], [(ASK, "4"), ("60001.0", "5")])
    assert here.market.stale[Wallet.LINEAR, Depth] == 1


def test_an_older_quote_changes_nothing(tmp_path: Path) -> None:
    here = world(tmp_path, [quoted(), depth(100, asks=[(ASK, "1")]), touch(200, "1.0", "1", "2.0", "1", id=99)])
    here.exchange.advance(START + 250)
    assert book(here) == ([("60000.0", "4")], [(ASK, "1")])
    assert here.market.stale[Wallet.LINEAR, Touch] == 1


def test_a_late_snapshot_fills_the_book_without_undoing_newer_changes(tmp_path: Path) -> None:
    bids, asks = [("60000.0", "9"), ("59999.0", "3"), ("59998.0", "1")], [(ASK, "9"), ("60001.0", "5")]
    lines = [
        quoted(),
        depth(50, asks=[("60000.9", "8")]),
        depth(100, bids=[("59998.0", "0")], asks=[("60001.0", "6")]),
        snapshot(200, bids, asks, id=60),
    ]
    here = world(tmp_path, [*lines, touch(150, "60000.0", "4", ASK, "4")])
    here.exchange.advance(START + 250)
    assert book(here) == ([("60000.0", "4"), ("59999.0", "3")], [(ASK, "4"), ("60001.0", "6")])


# --- time ----------------------------------------------------------------------------------------------------------


def test_the_index_is_the_recorded_spot_mid_and_the_mark_adds_the_premium(tmp_path: Path) -> None:
    spot = [quoted("59990.0", "59992.0"), touch(500, "59980.0", "1", "59982.0", "1")]
    here = world(tmp_path, [quoted(), quoted(at=5_000)], spot)
    place_inside_the_spot_spread(here)
    here.exchange.advance(START + 1_000)
    premium = here.exchange.premium("BTCUSDT")
    assert premium.index_price == 59981
    assert 59981 < premium.mark_price < 60000


def place_inside_the_spot_spread(world: RecordedWorld) -> None:
    world.exchange.place(
        "main",
        Wallet.SPOT,
        "BTCUSDT",
        side=BUY,
        kind=OrderKind.POST_ONLY,
        quantity=D("0.1"),
        price=D("59981.5"),
        reduce_only=False,
        client_order_id="inside",
    )


def test_the_recording_begins_when_both_books_show_both_sides(tmp_path: Path) -> None:
    lines = [depth(1_000, bids=[("60000.0", "1")]), quoted(at=2_000), touch(2_500, "60000.0", "1", ASK, "1")]
    here = world(tmp_path, lines)
    assert book(here) == ([("60000.0", "4")], [(ASK, "4")])
    assert here.exchange.premium("BTCUSDT").mark_price > 0
    here.exchange.advance(START + 499)
    assert book(here)[1] == [(ASK, "4")]
    here.exchange.advance(START + 500)
    assert book(here)[1] == [(ASK, "1")]
    assert here.exchange.best(Wallet.LINEAR, "BTCUSDT").at == here.market.ends_at == START + 500


def test_the_venue_port_trades_on_a_recording(tmp_path: Path) -> None:
    here = world(tmp_path, [quoted(), touch(900, "60000.3", "1", "60000.4", "1"), quoted(at=5_000)])
    clock = VirtualClock()

    async def quote_after_two_seconds() -> Quote | Mark:
        venue = SimVenue(here.exchange, clock, SteadyLink(clock, seed=1))
        (perpetual,) = await venue.open(["BTC/USDT:USDT"])
        await clock.sleep(2)
        quote, _ = await venue.read_prices([perpetual.id])
        await venue.close()
        return quote

    quote = run_virtual(quote_after_two_seconds(), START)
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask) == (D("60000.3"), D("60000.4"))


def test_after_its_end_the_books_stay_as_they_are(tmp_path: Path) -> None:
    here = world(tmp_path, [late(quoted(), by_ms=60), touch(900, "60000.0", "1", ASK, "1")])
    here.exchange.advance(here.market.ends_at)
    before = book(here)
    assert before == ([("60000.0", "1")], [(ASK, "1")])
    here.exchange.advance(here.market.ends_at + 3_600_000)
    assert book(here) == before
    assert here.exchange.best(Wallet.LINEAR, "BTCUSDT").at <= here.market.ends_at


def test_the_same_recording_and_seed_give_the_same_news(tmp_path: Path) -> None:
    lines = [quoted()]
    for i in range(1, 4_000):
        lines += [trade(i * 20, "buy", ASK, "0.3"), touch(i * 20, "60000.0", "2", ASK, str(1 + i % 5))]
    directory = save(tmp_path, lines)
    digests = [digest_of_a_replay(directory, seed) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def digest_of_a_replay(directory: Path, seed: int) -> str:
    here = recorded_world(directory, seed=seed, start_at=START)
    news: list[News] = []
    here.exchange.subscribe(news.append)
    order = sell(here, "1")
    here.exchange.advance(here.market.ends_at)
    assert order.filled == 1
    assert here.scenario is not None
    assert here.scenario.changes
    return hashlib.sha256(repr(news).encode()).hexdigest()


def test_rotated_files_are_one_recording(tmp_path: Path) -> None:
    save(tmp_path, [quoted(), depth(100, asks=[("60003.0", "1")])])
    (tmp_path / "usdm_another.gz").write_bytes(gzip.compress(text([touch(400, "60000.0", "1", ASK, "2")]).encode()))
    here = recorded_world(tmp_path, seed=1, start_at=START, still=True)
    here.exchange.advance(here.market.ends_at)
    assert here.market.ends_at == START + 400
    assert book(here) == ([("60000.0", "1")], [(ASK, "2"), ("60003.0", "1")])


# --- files that are no recording -----------------------------------------------------------------------------------

GOOD = gzip.compress(text([quoted(), quoted(at=100)]).encode())
OTHER = gzip.compress(text([quoted()]).replace("BTCUSDT", "ETHUSDT").encode())
UNLISTED = gzip.compress(text([quoted()]).replace("BTCUSDT", "DOGEUSDT").encode())
CUT_LINE = gzip.compress(text([quoted()]).encode()[:-20])
ONE_SIDED = gzip.compress(text([depth(0, bids=[("60000.0", "1")])]).encode())


@pytest.mark.parametrize(
    ("spot", "linear", "sentence"),
    [
        (None, GOOD, "has no spot_*.gz"),
        (GOOD, None, "has no usdm_*.gz"),
        (GOOD, GOOD[:-12], "is cut off"),
        (GOOD, GOOD[:40] + b"\0\0\0\0" + GOOD[44:], "cannot be read as gzip"),
        (GOOD, b"not gzip at all", "cannot be read as gzip"),
        (GOOD, b"", "holds no message"),
        (GOOD, CUT_LINE, "line 1: not a recorded message"),
        (GOOD, gzip.compress(b"1723161253937085768 {oh}\n", mtime=0), "line 1: not a recorded message"),
        (GOOD, OTHER, "recordings of BTCUSDT and ETHUSDT"),
        (UNLISTED, UNLISTED, "recording is of DOGEUSDT"),
        (GOOD, ONE_SIDED, "ends before both of its books"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(
    tmp_path: Path, spot: bytes | None, linear: bytes | None, sentence: str
) -> None:
    for name, content in (("spot_btcusdt.gz", spot), ("usdm_btcusdt.gz", linear)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        recorded_world(tmp_path, seed=1, start_at=START)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_directory_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a directory"):
        recorded_world(tmp_path / "nowhere", seed=1, start_at=START)


def test_a_bad_message_in_the_middle_is_named_by_its_line(tmp_path: Path) -> None:
    lines = text([quoted(), quoted(at=100)]) + text([quoted(at=900)]).replace('"b":', '"bb":')
    save(tmp_path, [])
    (tmp_path / "spot_btcusdt.gz").write_bytes(GOOD)
    (tmp_path / "usdm_btcusdt.gz").write_bytes(gzip.compress(lines.encode()))
    with pytest.raises(ConfigError, match=r"usdm_btcusdt\.gz, line 3"):
        recorded_world(tmp_path, seed=1, start_at=START).exchange.advance(START + 2_000)
