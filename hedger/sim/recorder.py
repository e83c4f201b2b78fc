"""Writes what a venue streams, as it comes, to files that a replay reads: a crash costs the last seconds only."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hedger.errors import ConfigError
from hedger.runtime.ports import Clock
from hedger.sim.nouns import Wallet
from hedger.sim.recording import PREFIXES

FLUSH_BYTES = 256 * 1024
FLUSH_NS = 2_000_000_000
ROTATE_NS = 3_600_000_000_000


class Frame(NamedTuple):
    """One message as the venue sent it. `stream` is its name (`btcusdt@trade`), empty for a depth snapshot.

    `received_ns` is nanoseconds since 1970, UTC, on the recorder's clock.
    """

    received_ns: int
    stream: str
    data: Mapping[str, Any]


class Source(Protocol):
    """What a venue adds to be recorded."""

    def raw_frames(self, symbol: str) -> AsyncIterator[Frame]:
        """Every trade, best price and depth message of a symbol, and a depth snapshot, none left out."""


async def record(source: Source, symbols: Sequence[str], directory: Path, seconds: float, clock: Clock) -> None:
    """Record `symbols` (`BTC/USDT`, `BTC/USDT:USDT`) for that long, or until the streams end or this is canceled.

    Raises ConfigError when the directory cannot be written, and whatever `source` raises; what came is kept.
    """
    captures = [
        asyncio.ensure_future(capture(source.raw_frames(symbol), directory, _wallet(symbol))) for symbol in symbols
    ]
    streams, pause = asyncio.gather(*captures), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((streams, pause), return_when=asyncio.FIRST_COMPLETED)
        if streams.done():
            streams.result()
    finally:
        for task in (pause, *captures):
            task.cancel()
        await asyncio.gather(pause, streams, *captures, return_exceptions=True)


async def capture(frames: AsyncIterator[Frame], directory: Path, wallet: Wallet, *, rotate_ns: int = ROTATE_NS) -> int:
    """Write one symbol's frames until they end or this is canceled; how many were written."""
    writer = _Writer(directory, PREFIXES[wallet], rotate_ns)
    count = 0
    try:
        async for frame in frames:
            writer.write(frame)
            count += 1
    finally:
        writer.close()
    return count


class _Writer:
    """Appends gzip members, each whole in one write: a file that is cut between two of them is a good file."""

    def __init__(self, directory: Path, prefix: str, rotate_ns: int) -> None:
        self._directory, self._prefix, self._rotate_ns = directory, prefix, rotate_ns
        self._file: FileIO | None = None
        self._opened_ns = self._flushed_ns = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def write(self, frame: Frame) -> None:
        """Take a frame; those that wait are written when they are many, or old."""
        if self._file is None or frame.received_ns - self._opened_ns >= self._rotate_ns:
            self._rotate(frame)
        line = _line(frame)
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes >= FLUSH_BYTES or frame.received_ns - self._flushed_ns >= FLUSH_NS:
            self._flush()
            self._flushed_ns = frame.received_ns

    def close(self) -> None:
        """Write what waits and close the file."""
        if self._file is not None:
            self._flush()
            self._file.close()
            self._file = None

    def _rotate(self, frame: Frame) -> None:
        self.close()
        symbol = str(frame.data.get("s") or frame.stream.split("@")[0] or "book").lower()
        at = datetime.fromtimestamp(frame.received_ns / 1e9, UTC)
        path = self._directory / f"{self._prefix}_{symbol}_{at:%Y%m%dT%H%M%S%f}.gz"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise _unwritable(path, error) from error
        self._opened_ns = self._flushed_ns = frame.received_ns

    def _flush(self) -> None:
        block, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
        if self._file is not None and block:
            _append(self._file, gzip.compress(block, compresslevel=6, mtime=0))


def _append(file: FileIO, member: bytes) -> None:
    """Write a member, or nothing of it: a disk that fills up leaves the file readable."""
    whole = file.tell()
    try:
        if file.write(member) < len(member):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        file.truncate(whole)
        raise _unwritable(file.name, error) from error


def _unwritable(path: object, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written ({error.strerror}): record to another directory.")


def _wallet(symbol: str) -> Wallet:
    return Wallet.LINEAR if ":" in symbol else Wallet.SPOT


def _line(frame: Frame) -> bytes:
    body = {"stream": frame.stream, "data": frame.data} if frame.stream else frame.data
    return f"{frame.received_ns} {json.dumps(body, separators=(',', ':'))}\n".encode()
