"""What Deribit calls its instruments, and their amounts: dollars of an inverse future, coins of everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.sim.dialects.deribit.refusals import RpcError, invalid
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL
from hedger.sim.nouns import Listing, OptionListing, Wallet

Instrument = Listing | OptionListing
KINDS = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")
_FORM = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)?(-[A-Z0-9]+)*(-\d+(d\d+)?-[CP])?")


def name_of(instrument: Instrument) -> str:
    """`BTC-PERPETUAL`, `BTC-26JUN26`, `BTC_USDC-PERPETUAL`, `BTC-26JUN26-80000-C`, `BTC_USDC`."""
    base, quote = instrument.base, instrument.quote
    if instrument.wallet is Wallet.SPOT:
        return f"{base}_{quote}"
    family = base if instrument.payoff is Payoff.INVERSE else f"{base}_{quote}"
    if instrument.expiry_at is None:
        return f"{family}-PERPETUAL"
    dated = f"{family}-{day_name(instrument.expiry_at)}"
    if isinstance(instrument, Listing):
        return dated
    strike = f"{instrument.strike:f}".replace(".", "d")
    return f"{dated}-{strike}-{instrument.option_type.value[0].upper()}"


def day_name(at: int) -> str:
    """The UTC day of an instant (ms), as `26JUN26` or `3JUL26`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.day}{moment.strftime('%b%y').upper()}"


def kind_of(instrument: Instrument) -> str:
    """`spot`, `future` or `option`."""
    if isinstance(instrument, OptionListing):
        return "option"
    return "spot" if instrument.wallet is Wallet.SPOT else "future"


def index_of(instrument: Instrument) -> str:
    """The index that an instrument follows: `btc_usd`, `btc_usdc`."""
    return f"{instrument.base}_{instrument.quote}".lower()


def settlement_of(instrument: Instrument) -> str:
    """The currency under which an instrument is counted: what it settles in, and a spot pair's quote."""
    return instrument.quote if instrument.wallet is Wallet.SPOT else instrument.settle


def amount_of(instrument: Instrument, quantity: Decimal) -> Decimal:
    """Units of the exchange as Deribit's amount."""
    return quantity * instrument.contract_multiplier


def quantity_of(listing: Listing, amount: Decimal) -> Decimal:
    """The other way round; not rounded to lots."""
    return amount / listing.contract_multiplier


class Catalogue:
    """Everything that is listed: the exchange's listings, the options that users hold, and `options` beside them.

    Deribit has no futures that settle in USDT: those that the exchange lists for the sake of its market are left out.
    """

    def __init__(self, exchange: Exchange, options: Sequence[OptionListing] = ()) -> None:
        self._exchange = exchange
        self._further = tuple(options)

    def __iter__(self) -> Iterator[Instrument]:
        yield from self.listings()
        yield from self.options()

    def listings(self) -> list[Listing]:
        """What is traded."""
        return [x for x in self._exchange.listings.values() if (x.wallet, x.settle) != (Wallet.LINEAR, COLLATERAL)]

    def options(self) -> list[OptionListing]:
        """The options that have not expired, by their names."""
        held = self._exchange.floor.options.listings.values()
        known = {name_of(option): option for option in (*self._further, *held)}
        return [option for _, option in sorted(known.items()) if option.expiry_at > self._exchange.now]

    def find(self, name: str) -> Instrument:
        """The instrument of a name; raises 13020 for one that is not listed, -32602 for what is no name."""
        if not _FORM.fullmatch(name):
            raise invalid("instrument_name", "wrong format")
        for instrument in self:
            if name_of(instrument) == name:
                return instrument
        raise RpcError(13020, "instrument_not_found", {"instrument_name": name})

    def find_listing(self, name: str) -> Listing:
        """The same of what is traded: an option is refused."""
        instrument = self.find(name)
        if isinstance(instrument, OptionListing):
            # The exchange has no books for options: users are granted them.
            raise RpcError(11030, "other_reject options_are_not_traded_here")
        return instrument

    def find_past(self, name: str) -> Instrument:
        """The same, of what was settled too."""
        for settled in self._exchange.expiries.settled.values():
            if name_of(settled.listing) == name:
                return settled.listing
        return self.find(name)

    def of(self, wallet: Wallet, symbol: str) -> Listing:
        """A listing by the exchange's own name, settled ones too."""
        return self._exchange.rules_of(wallet, symbol)

    def currencies(self) -> list[str]:
        """The currencies that accounts are kept in."""
        found = {settlement_of(instrument) for instrument in self}
        found |= {x.base for x in self.listings() if x.wallet is Wallet.SPOT}
        return sorted(found)

    def currency(self, name: str) -> str:
        """A currency, as it was asked for; raises -32602 for one that is not kept."""
        if name not in self.currencies():
            raise invalid("currency", "invalid currency")
        return name


def belongs(instrument: Instrument, currency: str, kind: str = "any") -> bool:
    """Whether an instrument is of a currency (a spot pair is of both; `any` is all) and a kind."""
    if kind not in ("any", kind_of(instrument)):
        return False
    if currency == "any":
        return True
    both = (instrument.base, instrument.quote)
    return currency in (both if instrument.wallet is Wallet.SPOT else (instrument.settle,))
