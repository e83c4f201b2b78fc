"""Binance's names and ours: which of its APIs a symbol belongs to, and what it is called there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hedger.venues.binance.codes import API, DAPI, FAPI

_IN_COIN = re.compile(r"([A-Z0-9]+)/USD:\1(-[0-9]{6})?", re.ASCII)


def settles_in_coin(symbol: str) -> bool:
    """Whether a symbol is one of COIN-M's: `BTC/USD:BTC`, `BTC/USD:BTC-260626`."""
    return _IN_COIN.fullmatch(symbol) is not None


def api_of(symbol: str) -> str:
    """The API that knows a symbol: spot, USDⓈ-M or COIN-M."""
    if ":" not in symbol:
        return API
    return DAPI if settles_in_coin(symbol) else FAPI


def contract_apis(symbols: Iterable[str]) -> tuple[str, ...]:
    """The APIs of contracts that are asked about these symbols. USDⓈ-M's is one of them whatever they are, for a
    position there counts; COIN-M's only where a symbol is its own."""
    return (FAPI, DAPI) if any(settles_in_coin(symbol) for symbol in symbols) else (FAPI,)


def raw_name(symbol: str) -> str:
    """The venue's name: `BTC/USDT:USDT` is BTCUSDT, `BTC/USDT:USDT-261225` BTCUSDT_261225, `BTC/USD:BTC` BTCUSD_PERP
    and `BTC/USD:BTC-261225` BTCUSD_261225."""
    pair, _, settle = symbol.partition(":")
    day = settle.partition("-")[2] or ("PERP" if settles_in_coin(symbol) else "")
    return "_".join(filter(None, (pair.replace("/", ""), day)))


def traded_apis(symbols: Iterable[str]) -> tuple[str, ...]:
    """The APIs of these contracts; USDⓈ-M's where there are none."""
    return tuple(sorted({api_of(symbol) for symbol in symbols})) or (FAPI,)
