"""What the simulated exchange lists: pairs, perpetuals, dated contracts and options of larger coins.

`default_listings(coins)` is the spot pair and the USDT perpetual of each coin. Everything else is made one by one:

    contract("BTC", quote="USD", payoff=Payoff.INVERSE)                           BTC/USD:BTC, 100 dollars a contract
    contract("BTC", expiry_at=quarters(start_at)[0])                              BTC/USDT:USDT-260327
    contract("BTC", quote="USD", payoff=Payoff.INVERSE, expiry_at=...)            BTC/USD:BTC-260327
    option("BTC", quote="USD", payoff=Payoff.INVERSE, expiry_at=..., strike=Decimal(80000), option_type=OptionType.CALL)
    from_symbol("BTC/USD:BTC-260327-80000-C")                                     any of them, by its unified symbol

Contracts go into `paper_world(contracts=...)`, options to users by `Funds(options={symbol: quantity})`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE
from hedger.model.option import OptionType
from hedger.sim.margin import tiers
from hedger.sim.naming import contract_name, option_name, terms_of
from hedger.sim.nouns import Listing, OptionListing, Tier, Wallet

MAJOR_TIERS = tiers(
    [
        ("300000", 125, "0.004"),
        ("800000", 100, "0.005"),
        ("3000000", 75, "0.0065"),
        ("12000000", 50, "0.01"),
        ("70000000", 25, "0.02"),
        ("100000000", 20, "0.025"),
        ("230000000", 10, "0.05"),
        ("480000000", 5, "0.1"),
        ("600000000", 4, "0.125"),
        ("800000000", 3, "0.15"),
        ("1200000000", 2, "0.25"),
        ("1800000000", 1, "0.5"),
    ]
)
OTHER_TIERS = tiers(
    [
        ("10000", 75, "0.01"),
        ("50000", 50, "0.015"),
        ("250000", 25, "0.02"),
        ("1000000", 10, "0.05"),
        ("2000000", 5, "0.1"),
        ("5000000", 2, "0.25"),
        ("10000000", 1, "0.5"),
    ]
)
# The tiers of coin-settled contracts, in dollars; a contract's own are these over its coin's usual price.
INVERSE_ROWS = (
    (300_000, 125, "0.004"),
    (600_000, 100, "0.005"),
    (1_200_000, 50, "0.01"),
    (3_000_000, 20, "0.025"),
    (6_000_000, 10, "0.05"),
    (12_000_000, 5, "0.1"),
    (24_000_000, 4, "0.125"),
    (60_000_000, 3, "0.15"),
    (90_000_000, 2, "0.25"),
    (600_000_000, 1, "0.5"),
)
SETTLEMENT_MS = 30 * 60_000
SETTLED_IN = ((Payoff.LINEAR, "USDT"), (Payoff.INVERSE, "USD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin's grids and its usual price (USDT), spot and perpetual."""

    price: Decimal
    spot_tick: Decimal
    spot_lot: Decimal
    linear_tick: Decimal
    linear_lot: Decimal
    linear_min_notional: Decimal
    tiers: tuple[Tier, ...]


def _coin(price: str, spot: tuple[str, str], linear: tuple[str, str, str], tiers: tuple[Tier, ...]) -> Coin:
    return Coin(
        price=Decimal(price),
        spot_tick=Decimal(spot[0]),
        spot_lot=Decimal(spot[1]),
        linear_tick=Decimal(linear[0]),
        linear_lot=Decimal(linear[1]),
        linear_min_notional=Decimal(linear[2]),
        tiers=tiers,
    )


COINS: Mapping[str, Coin] = MappingProxyType(
    {
        "BTC": _coin("60000", ("0.01", "0.00001"), ("0.1", "0.001", "100"), MAJOR_TIERS),
        "ETH": _coin("3000", ("0.01", "0.0001"), ("0.01", "0.001", "20"), MAJOR_TIERS),
        "SOL": _coin("150", ("0.01", "0.001"), ("0.01", "0.01", "5"), OTHER_TIERS),
        "XRP": _coin("0.6", ("0.0001", "0.1"), ("0.0001", "0.1", "5"), OTHER_TIERS),
    }
)
LARGEST_NOTIONAL = Decimal(60_000_000)  # USDT in one order


def default_listings(coins: Iterable[str] = ("BTC",)) -> tuple[Listing, ...]:
    """The spot pair and the perpetual of each coin, against USDT; raises KeyError for a coin not in COINS."""
    return tuple(listing for coin in coins for listing in (_spot(coin), _linear(coin)))


def contract(
    coin: str,
    *,
    quote: str = "USDT",
    payoff: Payoff = Payoff.LINEAR,
    expiry_at: int | None = None,
    settlement_ms: int = SETTLEMENT_MS,
) -> Listing:
    """A future on a coin of COINS: a perpetual without `expiry_at` (ms). Raises KeyError for another coin."""
    if payoff is Payoff.LINEAR:
        made = _linear(coin)
    else:
        terms, worth = COINS[coin], Decimal(100 if coin == "BTC" else 10)
        rows = [
            (str((Decimal(cap) / terms.price).quantize(ONE)), leverage, rate) for cap, leverage, rate in INVERSE_ROWS
        ]
        made = Listing(
            wallet=Wallet.INVERSE,
            symbol="",
            base=coin,
            quote=quote,
            tick_size=terms.linear_tick,
            lot_size=ONE,
            min_quantity=ONE,
            max_quantity=(LARGEST_NOTIONAL / worth).quantize(ONE),
            min_notional=Decimal(0),
            tiers=tiers(rows),
            payoff=payoff,
            contract_multiplier=worth,
        )
    return replace(
        made,
        symbol=contract_name(coin, quote, payoff, expiry_at),
        quote=quote,
        expiry_at=expiry_at,
        settlement_ms=settlement_ms if expiry_at is not None else 0,
    )


def option(
    coin: str,
    *,
    quote: str,
    payoff: Payoff,
    strike: Decimal,
    expiry_at: int,
    option_type: OptionType,
    settlement_ms: int = SETTLEMENT_MS,
) -> OptionListing:
    """A European option on one coin, settled in `quote` where linear and in the coin where inverse."""
    return OptionListing(
        symbol=option_name(coin, quote, expiry_at, strike, option_type),
        base=coin,
        quote=quote,
        payoff=payoff,
        option_type=option_type,
        strike=strike,
        expiry_at=expiry_at,
        settlement_ms=settlement_ms,
    )


def from_symbol(symbol: str) -> Listing | OptionListing:
    """The contract or option of a unified symbol; raises GiveUp for another form, and for a coin not in COINS."""
    terms = terms_of(symbol)
    known = terms.base in COINS and (terms.payoff, terms.quote) in SETTLED_IN
    if not known or terms.settle is None:
        raise GiveUp(f"The paper exchange has no contract {symbol!r}.")
    if terms.strike is not None and terms.option_type is not None and terms.expiry_at is not None:
        return option(
            terms.base,
            quote=terms.quote,
            payoff=terms.payoff,
            strike=terms.strike,
            expiry_at=terms.expiry_at,
            option_type=terms.option_type,
        )
    return contract(terms.base, quote=terms.quote, payoff=terms.payoff, expiry_at=terms.expiry_at)


def _spot(base: str) -> Listing:
    coin = COINS[base]
    return Listing(
        wallet=Wallet.SPOT,
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=coin.spot_tick,
        lot_size=coin.spot_lot,
        min_quantity=coin.spot_lot,
        max_quantity=_largest(coin),
        min_notional=Decimal(5),
    )


def _linear(base: str) -> Listing:
    coin = COINS[base]
    return Listing(
        wallet=Wallet.LINEAR,
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=coin.linear_tick,
        lot_size=coin.linear_lot,
        min_quantity=coin.linear_lot,
        max_quantity=_largest(coin),
        min_notional=coin.linear_min_notional,
        tiers=coin.tiers,
    )


def _largest(coin: Coin) -> Decimal:
    return (LARGEST_NOTIONAL / coin.price).quantize(Decimal(1))
