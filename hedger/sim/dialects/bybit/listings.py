"""What a simulated Bybit lists, and what it costs: contracts of one coin or one dollar, dated ones, options.

`bybit_listings(coins, start_at)` is, of each coin of `COINS`, the spot pair, the USDT and the coin-settled perpetual,
and of each of these two the contracts of the next two quarters. With `usdc` there is the perpetual in USDC besides; the
exchange's wallet of USDC is filled by `exchange.deposit(user, Wallet.INVERSE, "USDC", ...)`. Options are made one by
one (`bybit_option`), given to users by `exchange.grant_option`, and quoted to everybody as `BybitBoard(chain=...)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE
from hedger.model.option import OptionType
from hedger.sim.fees import FeeTier
from hedger.sim.listings import COINS, contract, default_listings, option
from hedger.sim.naming import quarters, terms_of
from hedger.sim.nouns import Listing, OptionListing, Wallet

MIN_NOTIONAL = Decimal(5)  # of a linear order, in its quote
DELIVERY_FEE, OPTION_DELIVERY_FEE = Decimal("0.0005"), Decimal("0.00015")
DOLLARS_IN_ONE_ORDER = Decimal(25_000_000)


def _free_of_volume(maker: str, taker: str) -> tuple[FeeTier, ...]:
    return (FeeTier(volume=Decimal(0), maker=Decimal(maker), taker=Decimal(taker)),)


# What an account without a VIP level pays [V].
BYBIT_FEES: Mapping[Wallet, Sequence[FeeTier]] = MappingProxyType(
    {
        Wallet.SPOT: _free_of_volume("0.001", "0.001"),
        Wallet.LINEAR: _free_of_volume("0.0002", "0.00055"),
        Wallet.INVERSE: _free_of_volume("0.0002", "0.00055"),
    }
)


def bybit_listings(
    coins: Iterable[str] = ("BTC",), start_at: int | None = None, *, usdc: bool = False
) -> tuple[Listing, ...]:
    """The listings of each coin; dated ones only with a `start_at` (ms). Raises KeyError for an unknown coin."""
    found: list[Listing] = []
    ends: tuple[int | None, ...] = (None, *quarters(start_at)) if start_at is not None else (None,)
    for coin in coins:
        pair, _ = default_listings((coin,))
        found.append(pair)
        found += [bybit_contract(coin, expiry_at=end) for end in ends]
        found += [bybit_contract(coin, quote="USD", expiry_at=end) for end in ends]
        if usdc:
            found.append(bybit_contract(coin, quote="USDC"))
    return tuple(found)


def bybit_contract(coin: str, *, quote: str = "USDT", expiry_at: int | None = None) -> Listing:
    """A contract as Bybit has it: of one coin in USDT or USDC, or of one dollar in the coin."""
    payoff = Payoff.INVERSE if quote == "USD" else Payoff.LINEAR
    made = contract(coin, quote=quote, payoff=payoff, expiry_at=expiry_at)
    if expiry_at is not None:
        made = replace(made, delivery_fee=DELIVERY_FEE)
    if payoff is Payoff.LINEAR:
        return replace(made, min_notional=MIN_NOTIONAL)
    return replace(made, contract_multiplier=ONE, max_quantity=DOLLARS_IN_ONE_ORDER)


def bybit_option(
    coin: str, *, strike: Decimal, expiry_at: int, option_type: OptionType, settle: str = "USDT"
) -> OptionListing:
    """An option on one coin that settles in USDT or USDC."""
    made = option(coin, quote=settle, payoff=Payoff.LINEAR, strike=strike, expiry_at=expiry_at, option_type=option_type)
    return replace(made, delivery_fee=OPTION_DELIVERY_FEE)


def from_unified(symbol: str) -> Listing | OptionListing:
    """The contract or option of a unified symbol, as Bybit has it; raises GiveUp for what it does not have."""
    terms = terms_of(symbol.replace("/USD:USDC", "/USDC:USDC"))
    kinds = ("USDT", "USDC") if terms.payoff is Payoff.LINEAR else ("USD",)
    inverse_option = terms.strike is not None and terms.payoff is Payoff.INVERSE
    if terms.settle is None or terms.base not in COINS or terms.quote not in kinds or inverse_option:
        raise GiveUp(f"The paper exchange of Bybit has no contract {symbol!r}.")
    if terms.strike is not None and terms.option_type is not None and terms.expiry_at is not None:
        return bybit_option(
            terms.base,
            strike=terms.strike,
            expiry_at=terms.expiry_at,
            option_type=terms.option_type,
            settle=terms.settle,
        )
    return bybit_contract(terms.base, quote=terms.quote, expiry_at=terms.expiry_at)
