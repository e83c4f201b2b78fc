"""Recordings: a venue's public streams made into files that a replay reads, and how long such a replay lasts."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hedger.errors import ConfigError
from hedger.runtime.clock import SystemClock
from hedger.runtime.ports import Clock
from hedger.sim.attach import find_running
from hedger.sim.ledger import COLLATERAL
from hedger.sim.listings import COINS
from hedger.sim.recorder import Frame, record
from hedger.sim.recording import PREFIXES, recorded_seconds
from hedger.venues.binance.raw import RawBinance, raw_binance
from hedger.venues.network import Network

TELL_S = 0.5

Tell = Callable[[int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a recording came to: how many messages were written, and how long it lasted."""

    frames: int
    seconds: float


def record_streams(
    directory: Path, *, symbol: str, seconds: float, paper: Path | None = None, tell: Tell = lambda *_: None
) -> Recorded:
    """Record `symbol` (`BTC/USDT`) and its perpetual for `seconds`, or until SIGINT or SIGTERM.

    With `paper` (a state directory) the exchange of the paper run there is recorded, in its time. `tell` hears
    (frames, seconds) while it goes on. Raises ConfigError for a symbol or a directory that is of no use, and AskAgain
    when the venue is not reached or stays away.
    """
    symbols = _symbols(symbol)
    with _fresh(directory):
        return asyncio.run(_record(directory, symbols, seconds, paper, tell))


async def _record(
    directory: Path, symbols: tuple[str, str], seconds: float, paper: Path | None, tell: Tell
) -> Recorded:
    network, clock = await _place(paper)
    async with raw_binance(network, clock) as streams:
        tally = _Tally(streams, clock)
        recording = asyncio.create_task(record(tally, symbols, directory, seconds, clock))
        telling = asyncio.create_task(_tell(tally, tell))
        with _canceled_by_signals(recording):
            await asyncio.wait({recording})
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    if not recording.cancelled():
        recording.result()
    return Recorded(frames=tally.frames, seconds=tally.seconds)


async def _place(paper: Path | None) -> tuple[Network, Clock]:
    """Where to record, and the time there: the real venue, or the running exchange of a paper run."""
    if paper is None:
        return Network(), SystemClock()
    exchange = await find_running(paper / "paper")
    if exchange is None:
        raise ConfigError(
            f"{paper}: no paper exchange runs there; start `hedger paper --state-dir {paper}`, and record meanwhile."
        )
    if "binance" not in exchange.note.venues.values():
        raise ConfigError(f"{paper}: nobody there has an account on binance, and only Binance's streams are recorded.")
    paper_network = exchange.network()
    resolver, context = paper_network.resolver, paper_network.ssl_context
    return Network(resolver=resolver, ssl_context=context, loopback_only=True), exchange.clock


class _Tally:
    """Counts the frames that pass from the venue to the recorder."""

    def __init__(self, streams: RawBinance, clock: Clock) -> None:
        self.frames = 0
        self._streams = streams
        self._clock = clock
        self._began_at = clock.now_ms()

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return (self._clock.now_ms() - self._began_at) / 1000

    async def raw_frames(self, symbol: str) -> AsyncIterator[Frame]:
        """Those of the venue."""
        async for frame in self._streams.raw_frames(symbol):
            self.frames += 1
            yield Frame(*frame)


async def _tell(tally: _Tally, tell: Tell) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        tell(tally.frames, tally.seconds)


@contextmanager
def _canceled_by_signals(recording: asyncio.Task[None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    caught = (signal.SIGTERM, signal.SIGINT)
    for number in caught:
        loop.add_signal_handler(number, recording.cancel)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _symbols(symbol: str) -> tuple[str, str]:
    """The pair and its perpetual, if a replay can play them."""
    if not re.fullmatch(rf"({'|'.join(COINS)})/{COLLATERAL}", symbol):
        known = ", ".join(f"{coin}/{COLLATERAL}" for coin in COINS)
        raise ConfigError(f"--symbol {symbol}: a replay plays {known}: record one of these.")
    return symbol, f"{symbol}:{COLLATERAL}"


@contextmanager
def _fresh(directory: Path) -> Iterator[None]:
    """A directory that can be written and holds no recording; one that was made in vain is taken away again."""
    made = not os.path.exists(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            held = [path.name for prefix in PREFIXES.values() for path in sorted(directory.glob(f"{prefix}_*.gz"))]
    except OSError as error:
        raise ConfigError(f"{directory} cannot be written ({error.strerror}): record to another directory.") from error
    if held:
        raise ConfigError(f"{directory} already holds a recording ({held[0]}): record to another directory.")
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                directory.rmdir()


# --- replays ----------------------------------------------------------------------------------------------------------


def replay_seconds(directory: Path, wanted_s: float | None) -> float:
    """How long to replay a recording: `wanted_s`, or all of it. Raises ConfigError when it is shorter than that."""
    lasts_s = math.floor(recorded_seconds(directory))
    if wanted_s is not None and wanted_s > lasts_s:
        raise ConfigError(
            f"the recording in {directory} lasts {lasts_s} s, less than the {wanted_s:g} s asked for: "
            "ask for less, or leave --seconds out to replay all of it"
        )
    return lasts_s if wanted_s is None else wanted_s
