"""What an owner's settings must know of each venue: its name for people, its test environment, its third secret."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hedger.settings.values import PAPER_COINS, VenueName


class VenueFacts(NamedTuple):
    """One venue: how people call it, whether keys have a passphrase there, and why mode testnet is refused, if it is.

    Where it `counts_in_coins`, coins are margin wherever they lie, and perpetuals and options settle in them. (Its
    contracts in USDC are nothing that the paper exchange has.) `coin_perpetuals` are the coins of which it lists a
    perpetual that settles in the coin, on paper without being told. `switch` is whether it has a dead man's switch that
    can be used, which counts down from `longest_switch_s` at most, where that is published; where it is not a
    `coin_switch`, it guards no contract that settles in its coin.
    """

    title: str
    passphrase: bool = False
    no_testnet: str | None = None
    counts_in_coins: bool = False
    coin_perpetuals: tuple[str, ...] = ()
    switch: bool = True
    longest_switch_s: int | None = None
    coin_switch: bool = True


VENUES: Mapping[VenueName, VenueFacts] = MappingProxyType(
    {
        VenueName.BINANCE: VenueFacts("Binance"),
        VenueName.BYBIT: VenueFacts("Bybit", switch=False, coin_perpetuals=PAPER_COINS),
        VenueName.BINGX: VenueFacts("BingX", longest_switch_s=120, coin_switch=False),
        VenueName.WEEX: VenueFacts(
            "WEEX",
            passphrase=True,
            switch=False,
            no_testnet="has no test environment that its documentation describes",  # [V] the client knows one
        ),
        VenueName.MEXC: VenueFacts("MEXC", switch=False, no_testnet="has no test environment"),
        VenueName.OKX: VenueFacts("OKX", passphrase=True, longest_switch_s=120),
        VenueName.DERIBIT: VenueFacts("Deribit", switch=False, counts_in_coins=True, coin_perpetuals=("BTC", "ETH")),
    }
)
