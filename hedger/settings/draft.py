"""A first configuration before it is written: what may be chosen for each venue, and what is suggested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from hedger.engine.known.policy import TargetKind
from hedger.errors import ConfigError
from hedger.model.instrument import Payoff
from hedger.settings.money import MONEY
from hedger.settings.symbols import fault_of, parse_contract
from hedger.settings.values import PAPER_COINS, PATTERN_MEANINGS, VenueName
from hedger.settings.venues import VENUES


class Stage(StrEnum):
    """How far a first configuration goes; none of them trades with real money by itself."""

    PAPER = "paper"
    SHADOW = "shadow"
    TESTNET = "testnet"
    LIVE_LATER = "live-later"


STAGE_WORDS: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.PAPER: "an exchange on this machine: no keys, no network, no money",
        Stage.SHADOW: "your account as it is; it decides and sends nothing",
        Stage.TESTNET: "the venue's test network: real orders, play money",
        Stage.LIVE_LATER: "begins as shadow, with limits for real money; you arm it later, in two steps",
    }
)


class DraftBand(StrEnum):
    """The bands that a first configuration offers; docs/bands.md has more."""

    RELATIVE = "relative"
    COINS = "coins"
    BUDGET = "budget"


class Sizes(NamedTuple):
    """What is suggested for a coin, in coins: the least width of a band, the largest position, and a paper wallet."""

    floor: Decimal
    position: Decimal
    paper: Decimal


SIZES: Mapping[str, Sizes] = MappingProxyType(
    {
        "BTC": Sizes(Decimal("0.004"), Decimal(1), Decimal("1.2")),
        "ETH": Sizes(Decimal("0.1"), Decimal(20), Decimal(20)),
        "SOL": Sizes(Decimal(2), Decimal(400), Decimal(200)),
        "XRP": Sizes(Decimal(500), Decimal(100_000), Decimal(50_000)),
    }
)
WIDTHS: Mapping[DraftBand, Decimal] = MappingProxyType(
    {DraftBand.RELATIVE: Decimal("0.02"), DraftBand.BUDGET: Decimal("0.01")}
)
ORDER_NOTIONAL: Mapping[Stage, int] = MappingProxyType(
    {Stage.PAPER: 50_000, Stage.SHADOW: 20_000, Stage.TESTNET: 5_000, Stage.LIVE_LATER: 20_000}
)
# On paper coins come and go all day long: a real book trades far less.
DAILY_COST: Mapping[Stage, int] = MappingProxyType({stage: 10_000 if stage is Stage.PAPER else 200 for stage in Stage})
# How many of the largest orders a day may hold.
ORDERS_A_DAY: Mapping[Stage, int] = MappingProxyType({stage: 400 if stage is Stage.PAPER else 10 for stage in Stage})
_NO_INVERSE = frozenset({VenueName.WEEX, VenueName.MEXC})
_COIN, _ACCOUNT = r"^[A-Z0-9]{1,20}$", r"^[a-z](_?[a-z0-9]){0,15}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinDraft:
    """One hedge: `symbols` as the venue's client writes them, `held` in coins elsewhere. `width` is in the unit of the
    band (None for what `floor` alone gives), `value` what the target's kind asks for."""

    coin: str
    symbols: tuple[str, ...]
    held: Decimal
    target: TargetKind
    value: Decimal | None
    band: DraftBand
    width: Decimal
    floor: Decimal
    position: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole first configuration. Amounts are in quote."""

    venue: VenueName
    stage: Stage
    account: str
    coins: tuple[CoinDraft, ...]
    order_notional: Decimal
    daily_notional: Decimal
    daily_cost: Decimal


def stages_of(venue: VenueName) -> tuple[Stage, ...]:
    """What can be begun with on a venue."""
    return tuple(stage for stage in Stage if stage is not Stage.TESTNET or VENUES[venue].no_testnet is None)


def coins_of_paper(venue: VenueName) -> tuple[str, ...]:
    """The coins that the paper exchange lists as this venue."""
    return VENUES[venue].coin_perpetuals if VENUES[venue].counts_in_coins else PAPER_COINS


def symbols_of(venue: VenueName, stage: Stage, coin: str) -> tuple[str, ...]:
    """What a coin can be hedged with there, the usual contract first."""
    linear, inverse, usdc = f"{coin}/USDT:USDT", f"{coin}/USD:{coin}", f"{coin}/USDC:USDC"
    if VENUES[venue].counts_in_coins:
        known = coin in VENUES[venue].coin_perpetuals
        return (inverse,) if stage is Stage.PAPER else (inverse, usdc) if known else (usdc,)
    if venue in _NO_INVERSE:
        return (linear,)
    if stage is Stage.PAPER:
        return (linear, inverse) if coin in VENUES[venue].coin_perpetuals else (linear,)
    if venue is VenueName.BINGX and stage is Stage.TESTNET:
        return (linear,)
    return linear, inverse


def settles_in_coin(account: str, coin: CoinDraft) -> bool:
    """Whether one of its contracts does: then it must be said what wealth is counted in."""
    contracts = (parse_contract(f"{account}:{symbol}") for symbol in coin.symbols)
    return any(contract is not None and contract.payoff is Payoff.INVERSE for contract in contracts)


# --- what was typed ---------------------------------------------------------------------------------------------------


def read_coin(text: str, venue: VenueName, stage: Stage) -> str:
    """A coin that can be hedged there; raises ConfigError."""
    coin = text.strip().upper()
    if not re.fullmatch(_COIN, coin):
        raise ConfigError(f"{text!r} {PATTERN_MEANINGS[_COIN]}")
    if coin in MONEY:
        raise ConfigError(f"{coin} is money here and not a coin with a price to hedge")
    if stage is Stage.PAPER and coin not in coins_of_paper(venue):
        listed = ", ".join(coins_of_paper(venue))
        raise ConfigError(f"{coin} is not on the paper exchange, which lists {listed} as {VENUES[venue].title}")
    return coin


def read_account(text: str) -> str:
    """An account's name; raises ConfigError."""
    if not re.fullmatch(_ACCOUNT, text):
        raise ConfigError(f"{text!r} {PATTERN_MEANINGS[_ACCOUNT]}")
    return text


def read_symbols(text: str, account: str, coin: str) -> tuple[str, ...]:
    """Contracts that can hedge a coin, with commas between them, with or without the account; raises ConfigError."""
    symbols = tuple(part.strip().removeprefix(f"{account}:") for part in text.split(",") if part.strip())
    for symbol in symbols:
        fault = fault_of(f"{account}:{symbol}", coin)
        if fault is not None:
            raise ConfigError(f"{symbol} {fault}")
    if not symbols:
        raise ConfigError(f"a hedge needs a contract, such as {coin}/USDT:USDT")
    return symbols


def read_number(text: str, *, least: Decimal = Decimal(0), above: bool = True, most: Decimal | None = None) -> Decimal:
    """A plain number above (or from) `least` and up to `most`; raises ConfigError."""
    if not re.fullmatch(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,18})?", text.strip()):
        raise ConfigError(f"{text!r} must be a plain number such as 0.01, at most 999999999999")
    number = Decimal(text.strip())
    if number < least or (above and number == least):
        raise ConfigError(f"{text} must be {'more than' if above else 'at least'} {least}")
    if most is not None and number > most:
        raise ConfigError(f"{text} must be at most {most}")
    return number


def read_target(text: str) -> tuple[TargetKind, Decimal | None]:
    """`neutral`, `ratio=0.8`, `coins=0.5` or `quote=10000`; raises ConfigError."""
    name, _, value = text.strip().partition("=")
    kinds = {TargetKind.NEUTRAL.value, TargetKind.RATIO.value, TargetKind.COINS.value, TargetKind.QUOTE.value}
    if name not in kinds:
        raise ConfigError(
            f"{text!r} must be neutral, ratio=0.8, coins=0.5 or quote=10000 (docs/configuration.md: more)"
        )
    kind = TargetKind(name)
    if kind is TargetKind.NEUTRAL:
        if value:
            raise ConfigError("neutral has no number")
        return kind, None
    if not value:
        raise ConfigError(f"{name} needs a number: {name}=0.8")
    most = Decimal("1.5") if kind is TargetKind.RATIO else None
    return kind, read_number(value, above=False, most=most)
