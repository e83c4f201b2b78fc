"""The venues whose dialects the exchange speaks: their hosts, what they speak of, and what a key looks like there."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from hedger.sim.attach import KeyPair
from hedger.sim.dialects.binance import hosts as binance_hosts
from hedger.sim.dialects.bybit import hosts as bybit_hosts
from hedger.sim.dialects.deribit import hosts as deribit_hosts

if TYPE_CHECKING:
    from hedger.sim.dialects.board import Board
    from hedger.sim.exchange import Exchange
    from hedger.sim.fees import FeeTier
    from hedger.sim.nouns import Listing, OptionListing, Wallet

    Fees = Mapping[Wallet, Sequence[FeeTier]]

_WORD = string.ascii_letters + string.digits


class Topic(StrEnum):
    """What a dialect may speak of, in words."""

    SPOT = "spot pairs"
    PERPETUALS = "perpetuals in USDT"
    DATED = "dated contracts in USDT"
    OPTIONS = "options in USDT"
    COIN_PERPETUALS = "perpetuals that settle in coins"
    COIN_DATED = "dated contracts that settle in coins"
    COIN_OPTIONS = "options that settle in coins"
    COIN_MARGIN = "coins as margin"


Keys = Mapping[str, KeyPair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One venue's. `make` puts its board in front of an exchange, for the keys of each user and a seed.

    `terms` are the contract or option of a unified symbol as the venue has it, `fees` its table. A key has `key_length`
    letters and digits, its secret `secret_length`. `trade_base` is what its trade ids count in: their last part is the
    exchange's own number. `beside` is what the venue always lists of a coin besides, so that its client finds what it
    looks for: unified symbols with COIN in the place of the coin.
    """

    hosts: Collection[str]
    speaks: Collection[Topic]
    make: Callable[[Exchange, Keys, int], Board]
    terms: Callable[[str], Listing | OptionListing]
    fees: Callable[[], Fees]
    key_length: int
    secret_length: int
    trade_base: int = 10
    beside: tuple[str, ...] = ()

    def trade_number(self, trade_id: str) -> int | None:
        """The exchange's own number in a trade id of the venue or of the port; None for what is none."""
        stem, _, number = trade_id.rpartition("-")
        try:
            return int(number, self.trade_base if stem else 10)
        except ValueError:
            return None

    def new_keys(self) -> KeyPair:
        """A pair of keys in the venue's form."""
        return KeyPair(api_key=_random_word(self.key_length), secret=_random_word(self.secret_length))


def _random_word(length: int) -> str:
    return "".join(secrets.choice(_WORD) for _ in range(length))


# What a venue is made of is imported when it is made: a run pays for the venues that it has.


def plain_terms(symbol: str) -> Listing | OptionListing:
    """The contract or option of a unified symbol with the exchange's own rules, which are like Binance's."""
    from hedger.sim.listings import from_symbol

    return from_symbol(symbol)


def plain_fees() -> Fees:
    """The exchange's own fees, which are like Binance's."""
    from hedger.sim.fees import BINANCE_LIKE

    return BINANCE_LIKE


def _binance(exchange: Exchange, keys: Keys, seed: int) -> Board:
    from hedger.sim.dialects.binance.signing import Credential
    from hedger.sim.dialects.binance.switchboard import Switchboard

    ring = {pair.api_key: Credential(secret=pair.secret, user=user) for user, pair in keys.items()}
    return Switchboard(exchange, keys=ring, seed=seed)


def _bybit(exchange: Exchange, keys: Keys, seed: int) -> Board:
    from hedger.sim.dialects.bybit.board import BybitBoard
    from hedger.sim.dialects.bybit.signing import Credential

    ring = {pair.api_key: Credential(secret=pair.secret, user=user) for user, pair in keys.items()}
    return BybitBoard(exchange, keys=ring, seed=seed)


def _bybit_terms(symbol: str) -> Listing | OptionListing:
    """An option that settles in its coin is none of Bybit's: at the port it is had all the same."""
    from hedger.sim.dialects.bybit.listings import from_unified
    from hedger.sim.naming import terms_of

    terms = terms_of(symbol)
    foreign = terms.strike is not None and terms.settle == terms.base
    return plain_terms(symbol) if foreign else from_unified(symbol)


def _bybit_fees() -> Fees:
    from hedger.sim.dialects.bybit.listings import BYBIT_FEES

    return BYBIT_FEES


def _deribit(exchange: Exchange, keys: Keys, seed: int) -> Board:
    from hedger.sim.dialects.deribit.board import DeribitBoard
    from hedger.sim.dialects.deribit.keys import Credential

    ring = {pair.api_key: Credential(secret=pair.secret, user=user) for user, pair in keys.items()}
    return DeribitBoard(exchange, keys=ring, seed=seed)


def _deribit_terms(symbol: str) -> Listing | OptionListing:
    from hedger.sim.dialects.deribit.listings import from_unified

    return from_unified(symbol)


def _deribit_fees() -> Fees:
    from hedger.sim.dialects.deribit.listings import FEES

    return FEES


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "binance": Dialect(
            hosts=binance_hosts.HOSTS,
            speaks=frozenset({Topic.SPOT, Topic.PERPETUALS}),
            make=_binance,
            terms=plain_terms,
            fees=plain_fees,
            key_length=64,
            secret_length=64,
        ),
        "bybit": Dialect(
            hosts=bybit_hosts.HOSTS,
            speaks=frozenset(set(Topic) - {Topic.COIN_OPTIONS}),
            make=_bybit,
            terms=_bybit_terms,
            fees=_bybit_fees,
            key_length=18,
            secret_length=36,
            trade_base=16,
        ),
        "deribit": Dialect(
            hosts=deribit_hosts.HOSTS,
            speaks=frozenset(set(Topic) - {Topic.PERPETUALS, Topic.DATED, Topic.OPTIONS}),
            make=_deribit,
            terms=_deribit_terms,
            fees=_deribit_fees,
            key_length=8,
            secret_length=43,
            beside=("COIN/USDC:USDC",),
        ),
    }
)


def hosts_of(venues: Iterable[str]) -> tuple[str, ...]:
    """The hosts of venues whose dialects are known, each once."""
    return tuple(dict.fromkeys(host for venue in venues for host in DIALECTS[venue].hosts))
