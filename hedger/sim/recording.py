"""Recorded exchange streams on disk: found and checked at once, read lazily in the order in which things happened.

A line is the receive time in nanoseconds, a space, and a combined-stream message (or a depth snapshot) as JSON.
"""

from __future__ import annotations

import gzip
import heapq
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from hedger.errors import ConfigError
from hedger.model.order import Side
from hedger.sim.nouns import Wallet

PREFIXES: Mapping[Wallet, str] = {Wallet.SPOT: "spot", Wallet.LINEAR: "usdm"}
LINE = re.compile(rb"\d{16,20} \{.*\}\r?\n?\Z")
LONGEST_LINE = 1024 * 1024
WINDOW_US = 250_000  # a message that was under way for longer than this is applied late
# Spot book tickers bear no time, and arrive about 1.5 ms before the trades that they already reflect. Moved by 2 ms,
# 93 % of the trades that can be matched to their change of the best quantity come before it (23 % as received).
SPOT_TRADE_LEAD_US = 2_000


class Trade(NamedTuple):
    """An execution: the aggressor's side, the price and the quantity."""

    side: Side
    price: Decimal
    quantity: Decimal


class Touch(NamedTuple):
    """The best prices and quantities of both sides."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    update_id: int


Level = tuple[Decimal, Decimal]


class Depth(NamedTuple):
    """Levels (price, new quantity) that changed; or, if `whole`, all levels of the book down to the last one."""

    bids: list[Level]
    asks: list[Level]
    update_id: int
    whole: bool = False


Message = Trade | Touch | Depth


class Event(NamedTuple):
    """A message, at the exchange's time in microseconds since 1970, UTC."""

    at_us: int
    wallet: Wallet
    message: Message


class Recording:
    """The spot and perpetual streams of one symbol in a directory; raises ConfigError when they are not usable.

    Every file is read once to see that it is whole. Its messages are understood later, one by one, by `events`,
    which raises ConfigError for one that is malformed.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ConfigError(f"{directory} is not a directory of recorded streams.")
        self._reels = [reel for wallet in PREFIXES for reel in _find(directory, wallet)]
        symbols = sorted({reel.symbol for reel in self._reels})
        if len(symbols) > 1:
            raise ConfigError(f"{directory} holds recordings of {' and '.join(symbols)}: keep those of one symbol.")
        self.symbol = symbols[0]
        self.ends_us = max(reel.ends_us for reel in self._reels)

    def events(self) -> Iterator[Event]:
        """Every message, spot and perpetual together, oldest first."""
        streams = (self._ordered(wallet) for wallet in PREFIXES)
        return heapq.merge(*streams, key=lambda event: event.at_us)

    def _ordered(self, wallet: Wallet) -> Iterator[Event]:
        """One market's messages by exchange time; at the same time trades first, then by update id."""
        waiting: list[tuple[int, int, int, Message]] = []
        at_us = count = 0
        for reel in self._reels:
            if reel.wallet is wallet:
                for read_us, happened_us, message in reel.messages():
                    count += 1
                    update_id = 0 if isinstance(message, Trade) else message.update_id
                    heapq.heappush(waiting, (happened_us, update_id, count, message))
                    while waiting and waiting[0][0] <= read_us - WINDOW_US:
                        at_us = max(at_us, waiting[0][0])
                        yield Event(at_us, wallet, heapq.heappop(waiting)[3])
        while waiting:
            at_us = min(max(at_us, waiting[0][0]), self.ends_us)
            yield Event(at_us, wallet, heapq.heappop(waiting)[3])


def recorded_seconds(directory: Path) -> float:
    """How long a replay of `directory` lasts, from the moment when both of its books show both sides to its end.

    Only the beginnings and the ends of files are looked at. Raises ConfigError when they are not usable.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory} is not a directory of recorded streams.")
    reels = {wallet: _find(directory, wallet, every_line=False) for wallet in PREFIXES}
    begins_us = max(_shown_us(directory, found) for found in reels.values())
    return max(0, max(reel.ends_us for found in reels.values() for reel in found) - begins_us) / 1e6


def _shown_us(directory: Path, reels: list[_Reel]) -> int:
    """When a book first has both a bid and an ask."""
    bid = ask = False
    for _, happened_us, message in (found for reel in reels for found in reel.messages()):
        match message:
            case Touch():
                bid, ask = bool(message.bid_quantity), bool(message.ask_quantity)
            case Depth():
                bid = bid or any(quantity for _, quantity in message.bids)
                ask = ask or any(quantity for _, quantity in message.asks)
            case Trade():
                pass
        if bid and ask:
            return happened_us
    raise ConfigError(f"{directory}: the recording ends before both of its books have a bid and an ask.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reel:
    """One whole file. `offset_us` is how far the exchange's clock was ahead of the recorder's."""

    path: Path
    wallet: Wallet
    symbol: str
    offset_us: int
    begins_us: int
    ends_us: int

    def messages(self) -> Iterator[tuple[int, int, Message]]:
        """(when it was read, when it happened, the message), in the order of the file; exchange microseconds."""
        for number, line in _lines(self.path):
            try:
                received_us, stream, data = _split(line)
                message = self._message(stream, data)
                if message is not None:
                    read_us = received_us + self.offset_us
                    yield read_us, self._happened_us(read_us, message, data), message
            except (ValueError, KeyError, TypeError, InvalidOperation) as error:
                raise _malformed(self.path, number) from error

    def _happened_us(self, read_us: int, message: Message, data: Mapping[str, Any]) -> int:
        if self.wallet is Wallet.LINEAR:
            return int(data["T"]) * 1000
        return read_us - SPOT_TRADE_LEAD_US if isinstance(message, Trade) else read_us

    def _message(self, stream: str, data: Mapping[str, Any]) -> Message | None:
        """What a message says; None if it does not concern the book."""
        if stream == "":
            return Depth(_levels(data["bids"]), _levels(data["asks"]), data["lastUpdateId"], whole=True)
        if data["s"] != self.symbol:
            raise ValueError("another symbol")
        kind = stream.split("@")[1]
        if kind == "bookTicker":
            quantities = Decimal(data["B"]), Decimal(data["A"])
            return Touch(Decimal(data["b"]), quantities[0], Decimal(data["a"]), quantities[1], data["u"])
        if kind == "depth":
            return Depth(_levels(data["b"]), _levels(data["a"]), data["u"])
        if kind == "trade" and data.get("X", "MARKET") == "MARKET":  # not from the insurance fund or deleveraging
            return Trade(Side.SELL if data["m"] else Side.BUY, Decimal(data["p"]), Decimal(data["q"]))
        return None


# --- finding and checking --------------------------------------------------------------------------------------


def _find(directory: Path, wallet: Wallet, *, every_line: bool = True) -> list[_Reel]:
    pattern = f"{PREFIXES[wallet]}_*.gz"
    paths = sorted(directory.glob(pattern))
    if not paths:
        raise ConfigError(f"{directory} has no {pattern}: a replay needs the spot and the perpetual streams.")
    reels = (_check(path, wallet, every_line=every_line) for path in paths)
    return sorted(reels, key=lambda reel: reel.begins_us)


def _check(path: Path, wallet: Wallet, *, every_line: bool = True) -> _Reel:
    """Read a file to its end; its symbol and clock are those of the first messages that tell them."""
    symbol, offset_us, first, last = "", None, b"", b""
    for number, line in _lines(path):
        if not LINE.match(line):
            raise _malformed(path, number)
        first, last = first or line, line
        if symbol and offset_us is not None and not every_line:
            last = _last_line(path)
            break
        if not symbol or offset_us is None:
            try:
                received_us, _, data = _split(line)
                symbol = symbol or data.get("s", "")
                if offset_us is None and "E" in data:
                    offset_us = int(data["E"]) * 1000 - received_us
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise _malformed(path, number) from error
    if not symbol:
        raise ConfigError(f"{path} holds no message of a stream.")
    begins_us, ends_us = (int(line.split(b" ", 1)[0]) // 1000 + (offset_us or 0) for line in (first, last))
    return _Reel(
        path=path,
        wallet=wallet,
        symbol=symbol,
        offset_us=offset_us or 0,
        begins_us=begins_us,
        ends_us=ends_us,
    )


def _last_line(path: Path) -> bytes:
    tail = b""
    with _readable(path), gzip.open(path, "rb") as file:
        while block := file.read(LONGEST_LINE):
            tail = tail[-LONGEST_LINE:] + block
    line = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    if not LINE.match(line):
        raise ConfigError(f"{path}, last line: not a recorded message of this symbol.")
    return line


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with _readable(path), gzip.open(path, "rb") as file:
        yield from enumerate(file, start=1)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise ConfigError(f"{path} is cut off: copy or record it again.") from error
    except (OSError, zlib.error) as error:
        raise ConfigError(
            f"{path} cannot be read as gzip ({type(error).__name__}): copy or record it again."
        ) from error


def _malformed(path: Path, number: int) -> ConfigError:
    return ConfigError(f"{path}, line {number}: not a recorded message of this symbol.")


def _split(line: bytes) -> tuple[int, str, Mapping[str, Any]]:
    """(receive time in microseconds, stream, data) of a line; a snapshot has no stream."""
    received, body = line.split(b" ", 1)
    message = json.loads(body)
    if "stream" in message:
        return int(received) // 1000, message["stream"], message["data"]
    return int(received) // 1000, "", message


def _levels(pairs: list[list[str]]) -> list[Level]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in pairs]
