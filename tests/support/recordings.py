"""Small recordings made by hand: lines as an exchange streams them, at milliseconds after the beginning."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECORDED_AT = 1_723_161_255_000
RECORDER_BEHIND_MS = 1_300
Line = tuple[int, str, dict[str, Any]]
Levels = Iterable[tuple[str, str]]


def touch(at: int, bid: str, bid_quantity: str, ask: str, ask_quantity: str, *, id: int | None = None) -> Line:
    """A `bookTicker`; the update id is the time unless given."""
    data = {"u": at if id is None else id, "s": "BTCUSDT", "b": bid, "B": bid_quantity, "a": ask, "A": ask_quantity}
    return at, "btcusdt@bookTicker", {**data, "T": RECORDED_AT + at, "E": RECORDED_AT + at}


def depth(at: int, bids: Levels = (), asks: Levels = (), *, id: int | None = None) -> Line:
    """A `depthUpdate` of levels as (price, quantity)."""
    data = {"u": at if id is None else id, "s": "BTCUSDT", "b": [*bids], "a": [*asks]}
    return at, "btcusdt@depth@100ms", {**data, "T": RECORDED_AT + at, "E": RECORDED_AT + at}


def snapshot(at: int, bids: Levels, asks: Levels, *, id: int) -> Line:
    """The answer to a request for the whole book."""
    return at, "", {"lastUpdateId": id, "T": RECORDED_AT + at, "bids": [*bids], "asks": [*asks]}


def trade(at: int, aggressor: str, price: str, quantity: str) -> Line:
    """A `trade`; `aggressor` is `buy` or `sell`."""
    data = {"s": "BTCUSDT", "p": price, "q": quantity, "m": aggressor == "sell"}
    return at, "btcusdt@trade", {**data, "T": RECORDED_AT + at, "E": RECORDED_AT + at}


def quoted(bid: str = "60000.0", ask: str = "60000.1", quantity: str = "4", at: int = 0) -> Line:
    """The best prices with which most hand-made recordings begin."""
    return touch(at, bid, quantity, ask, quantity)


def late(line: Line, by_ms: int) -> Line:
    """The same message, received later than others that it happened before."""
    return line[0] + by_ms, line[1], line[2]


def text(lines: Iterable[Line]) -> str:
    """The lines as a recorder writes them."""
    written = []
    for at, stream, data in lines:
        body = {"stream": stream, "data": data} if stream else data
        received_ns = (RECORDED_AT - RECORDER_BEHIND_MS + at) * 1_000_000
        written.append(f"{received_ns} {json.dumps(body, separators=(',', ':'))}\n")
    return "".join(written)


def save(directory: Path, linear: Iterable[Line], spot: Iterable[Line] = (quoted(),)) -> Path:
    """Write both markets' files; the directory."""
    for prefix, lines in (("spot", spot), ("usdm", linear)):
        (directory / f"{prefix}_btcusdt.gz").write_bytes(gzip.compress(text(lines).encode()))
    return directory
