"""What Bybit calls the exchange's pairs, contracts and options, and which of them are in which category.

    exchange                        Bybit                          category      ccxt
    BTCUSDT (spot)                  BTCUSDT                        spot          BTC/USDT
    BTCUSDT                         BTCUSDT                        linear        BTC/USDT:USDT
    BTCUSDC                         BTCPERP                        linear        BTC/USDC:USDC
    BTCUSDT_260626                  BTCUSDT-26JUN26                linear        BTC/USDT:USDT-260626
    BTCUSDC_260626                  BTC-26JUN26                    linear        BTC/USDC:USDC-260626
    BTCUSD_PERP                     BTCUSD                         inverse       BTC/USD:BTC
    BTCUSD_260626                   BTCUSDM26                      inverse       BTC/USD:BTC-260626
    BTCUSDT-260626-80000-C          BTC-26JUN26-80000-C-USDT       option        BTC/USDT:USDT-260626-80000-C
    BTCUSDC-260626-80000-C          BTC-26JUN26-80000-C            option        BTC/USD:USDC-260626-80000-C

Bybit has no options that settle in coins: such an option of the exchange has no name here. How dated contracts in USDT
are called is not verified [V].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from hedger.model.instrument import Payoff
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OptionListing, Wallet

MONTH_CODES = "FGHJKMNQUVXZ"


class Category(StrEnum):
    """Bybit's product types."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"
    OPTION = "option"


WALLETS: Mapping[Category, Wallet] = MappingProxyType(
    {Category.SPOT: Wallet.SPOT, Category.LINEAR: Wallet.LINEAR, Category.INVERSE: Wallet.INVERSE}
)
CATEGORIES: Mapping[Wallet, Category] = MappingProxyType({wallet: category for category, wallet in WALLETS.items()})


def name_of(listing: Listing) -> str:
    """What Bybit calls a pair or a contract. Days of futures have two digits, those of options may have one."""
    base, quote, expiry_at = listing.base, listing.quote, listing.expiry_at
    if listing.wallet is Wallet.SPOT:
        return f"{base}{quote}"
    if listing.payoff is Payoff.INVERSE:
        return f"{base}{quote}{_month_code(expiry_at)}" if expiry_at is not None else f"{base}{quote}"
    if quote == "USDC":
        return f"{base}-{day_name(expiry_at):0>7}" if expiry_at is not None else f"{base}PERP"
    return f"{base}{quote}-{day_name(expiry_at):0>7}" if expiry_at is not None else f"{base}{quote}"


def option_name_of(option: OptionListing) -> str:
    """What Bybit calls an option that does not settle in its coin."""
    kind = option.option_type.value[0].upper()
    name = f"{option.base}-{day_name(option.expiry_at)}-{option.strike:f}-{kind}"
    return name if option.settle == "USDC" else f"{name}-{option.settle}"


def day_name(expiry_at: int) -> str:
    """The UTC day of an instant (ms), as `6JUN26`."""
    day = datetime.fromtimestamp(expiry_at / 1000, UTC)
    return f"{day.day}{day:%b}{day:%y}".upper()


def _month_code(expiry_at: int) -> str:
    day = datetime.fromtimestamp(expiry_at / 1000, UTC)
    return f"{MONTH_CODES[day.month - 1]}{day:%y}"


class Directory:
    """Everything that is listed, by category and Bybit's name.

    Options are those of `chain`, which are quoted though nobody need hold them, and those that somebody was granted.
    """

    def __init__(self, exchange: Exchange, chain: Iterable[OptionListing] = ()) -> None:
        self._exchange = exchange
        self._chain = tuple(option for option in chain if option.payoff is Payoff.LINEAR)
        self._edition = -1
        self._listed: dict[tuple[Category, str], Listing] = {}

    def listings(self, category: Category) -> list[Listing]:
        """What of a category is listed now, in the order of listing."""
        present = [x for (place, _), x in self._present().items() if place is category]
        # The rules may have changed since the names were collected.
        return [self._exchange.rules_of(x.wallet, x.symbol) for x in present]

    def find(self, category: Category, name: str, *, ended: bool = False) -> Listing:
        """A listing; with `ended` also one that has been settled. Raises 10001."""
        found = self._present().get((category, name))
        if found is None and ended:
            found = next((x for x in self.ended(category) if name_of(x) == name), None)
        if found is None:
            raise ApiError(10001, f"params error: symbol invalid {name}")
        return self._exchange.rules_of(found.wallet, found.symbol)

    def ended(self, category: Category) -> list[Listing]:
        """The contracts of a category that have been settled."""
        return [s.listing for s in self._exchange.expiries.settled.values() if CATEGORIES[s.listing.wallet] is category]

    def options(self) -> list[OptionListing]:
        """The options that have not expired."""
        held = self._exchange.floor.options.listings.values()
        known = {x.symbol: x for x in (*self._chain, *held) if x.payoff is Payoff.LINEAR}
        return [x for x in known.values() if x.expiry_at > self._exchange.now]

    def find_option(self, name: str) -> OptionListing:
        """An option by Bybit's name; raises 10001."""
        for option in self.options():
            if option_name_of(option) == name:
                return option
        raise ApiError(10001, f"params error: symbol invalid {name}")

    def _present(self) -> dict[tuple[Category, str], Listing]:
        if self._edition != self._exchange.floor.editions:
            self._edition = self._exchange.floor.editions
            listed = self._exchange.listings.values()
            self._listed = {(CATEGORIES[x.wallet], name_of(x)): x for x in listed}
        return self._listed
