"""What a venue streams is written so that a replay rebuilds the same books, even from a recorder that died."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from hedger.errors import AskAgain, ConfigError
from hedger.sim.nouns import News, Wallet
from hedger.sim.recorded import recorded_world
from hedger.sim.recorder import Frame, capture, record
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.recordings import RECORDED_AT, RECORDER_BEHIND_MS, Line, depth, quoted, save, snapshot, touch, trade

START = 1_700_000_000_000
HOUR_NS = 3_600_000_000_000
SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT")
LINES = [
    quoted(),
    depth(100, bids=[("59990.0", "3")], asks=[("60002.0", "1")]),
    snapshot(150, [("60000.0", "4"), ("59980.0", "1")], [("60000.1", "4")], id=90),
    *(trade(200 + 10 * i, "buy", "60000.1", "0.03") for i in range(300)),
    touch(4_000, "60000.0", "2", "60000.1", "1"),
]


class Venue:
    """Streams the lines at their times, then stays silent or fails."""

    def __init__(self, linear: Iterable[Line] = LINES, failure: Exception | None = None) -> None:
        self._lines = {False: [quoted()], True: [*linear]}
        self._failure = failure

    async def raw_frames(self, symbol: str) -> AsyncIterator[Frame]:
        began_at = VirtualClock().now_ms()
        derivative = ":" in symbol
        for frame in frames(self._lines[derivative]):
            after_ms = frame.received_ns // 1_000_000 - (RECORDED_AT - RECORDER_BEHIND_MS)
            await asyncio.sleep((began_at + after_ms - VirtualClock().now_ms()) / 1000)
            yield frame
        if self._failure is not None and derivative:
            raise self._failure
        await asyncio.Event().wait()


def frames(lines: Iterable[Line]) -> list[Frame]:
    return [Frame((RECORDED_AT - RECORDER_BEHIND_MS + at) * 1_000_000, stream, data) for at, stream, data in lines]


async def flowing(lines: Iterable[Line], *, forever: bool = False) -> AsyncIterator[Frame]:
    for frame in frames(lines):
        yield frame
    if forever:
        await asyncio.Event().wait()


def news_of(directory: Path) -> list[News]:
    world = recorded_world(directory, seed=1, start_at=START)
    news: list[News] = []
    world.exchange.subscribe(news.append)
    world.exchange.advance(world.market.ends_at)
    return news


def content(directory: Path) -> bytes:
    (path,) = directory.iterdir()
    return gzip.decompress(path.read_bytes())


def test_what_was_recorded_replays_to_the_same_books(tmp_path: Path) -> None:
    directory = tmp_path / "recorded"
    run_virtual(record(Venue(), SYMBOLS, directory, 60.0, VirtualClock()), START)
    (tmp_path / "by_hand").mkdir()
    assert news_of(directory) == news_of(save(tmp_path / "by_hand", LINES))
    assert sorted(path.name for path in directory.iterdir()) == [
        "spot_btcusdt_20240808T235413700000.gz",
        "usdm_btcusdt_20240808T235413700000.gz",
    ]


def test_recording_stops_after_its_time(tmp_path: Path) -> None:
    run_virtual(record(Venue(), SYMBOLS, tmp_path, 1.0, VirtualClock()), START)
    world = recorded_world(tmp_path, seed=1, start_at=START)
    assert 950 <= world.market.ends_at - START <= 1_000


def test_a_failing_stream_ends_the_recording_and_keeps_what_came(tmp_path: Path) -> None:
    venue = Venue(failure=AskAgain("the stream is down"))
    with pytest.raises(AskAgain):
        run_virtual(record(venue, SYMBOLS, tmp_path, 60.0, VirtualClock()), START)
    assert recorded_world(tmp_path, seed=1, start_at=START).market.ends_at == START + 4_000


def test_a_recorder_that_dies_leaves_a_readable_file(tmp_path: Path) -> None:
    async def read_while_it_writes() -> bytes:
        writing = asyncio.create_task(capture(flowing(LINES[:-1], forever=True), tmp_path, Wallet.LINEAR))
        await asyncio.sleep(0.05)
        left = content(tmp_path)
        writing.cancel()
        return left

    left = asyncio.run(read_while_it_writes())
    assert left.endswith(b"\n")
    assert len(LINES) > len(left.splitlines()) > len(LINES) / 2
    assert left == content(tmp_path)[: len(left)]


def test_files_rotate_and_together_hold_every_line(tmp_path: Path) -> None:
    lines = [quoted(at=minute * 60_000) for minute in range(150)]
    assert asyncio.run(capture(flowing(lines), tmp_path, Wallet.SPOT, rotate_ns=HOUR_NS)) == 150
    contents = [gzip.decompress(path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    assert [content.count(b"\n") for content in contents] == [60, 60, 30]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"spot_btcusdt_.*\.gz cannot be written"):
        asyncio.run(capture(flowing(LINES), tmp_path / "file", Wallet.SPOT))
