"""The default paper world: an exchange with a live market, a funded owner, and a holding that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from hedger.errors import GiveUp
from hedger.sim.carry import Carry
from hedger.sim.exchange import Exchange
from hedger.sim.fair import WEATHERS, FairPrices, Weather
from hedger.sim.fees import BINANCE_LIKE, FeeTier
from hedger.sim.ledger import COLLATERAL
from hedger.sim.listings import COINS, default_listings, from_symbol
from hedger.sim.market import FlowConfig, SyntheticMarket
from hedger.sim.nouns import Listing, OptionListing, Wallet
from hedger.sim.past import Origin, long_run_volatility
from hedger.sim.scenario import Scenario, ScenarioConfig
from hedger.sim.settlement import BEAT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What a user begins with: coins in the spot wallet, USDT in the derivatives wallet, coins in the derivatives
    wallets that are kept in coins, and options by their unified symbols (contracts; negative: sold)."""

    spot: Mapping[str, Decimal] = field(default_factory=dict)
    linear: Decimal = Decimal(0)
    coins: Mapping[str, Decimal] = field(default_factory=dict)
    options: Mapping[str, Decimal] = field(default_factory=dict)


Terms = Callable[[str], Listing | OptionListing]
MAIN = Funds(spot={"BTC": Decimal("1.2"), "USDT": Decimal(20_000)}, linear=Decimal(150_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The exchange and what moves it. `scenario` is None in a world without one."""

    exchange: Exchange
    market: SyntheticMarket
    scenario: Scenario | None


def paper_world(
    seed: int,
    start_at: int,
    *,
    coins: Sequence[str] = ("BTC",),
    users: Mapping[str, Funds] | None = None,
    owner: str = "main",
    scenario: ScenarioConfig | None = None,
    still: bool = False,
    weathers: Sequence[Weather] = WEATHERS,
    flow: FlowConfig | None = None,
    beat_ms: int = BEAT_MS,
    contracts: Sequence[Listing] = (),
    wallet: Wallet = Wallet.SPOT,
    terms: Terms = from_symbol,
    fee_table: Mapping[Wallet, Sequence[FeeTier]] = BINANCE_LIKE,
    moves: Random | None = None,
) -> World:
    """Build a world from a seed. With `still` the owner's holding does not change by itself; else it does in `wallet`.

    `contracts` (see `listings.contract`) are listed beside each coin's spot pair and USDT perpetual, and change nothing
    in those; dated ones are followed by the next quarter's when they end.

    `moves` is a chance of its own for when prices move: worlds of one seed whose books are shaken apart keep one price.

    `terms` makes the listing of an option's unified symbol. `start_at` in ms since 1970. The same arguments give the
    same world, to the last trade.
    """
    users = users if users is not None else {owner: MAIN}
    origin = Origin(seed=seed, volatility={coin: long_run_volatility(coin, weathers) for coin in coins})
    exchange = Exchange(
        listings=(*default_listings(coins), *contracts),
        start_at=start_at,
        users=users,
        fee_table=fee_table,
        beat_ms=beat_ms,
        origin=origin,
    )
    fair = FairPrices(Random(f"{seed}/fair"), {coin: float(COINS[coin].price) for coin in coins}, weathers)
    carry = Carry(seed, coins)
    market = SyntheticMarket(exchange, Random(f"{seed}/flow"), fair, coins, flow, carry=carry, seed=seed, moves=moves)
    exchange.refresh_marks()
    for user, funds in users.items():
        furnish(exchange, user, funds, terms)
    moving = None if still else Scenario(exchange, Random(f"{seed}/scenario"), owner, coins, scenario, wallet=wallet)
    return World(exchange=exchange, market=market, scenario=moving)


def furnish(exchange: Exchange, user: str, funds: Funds, terms: Terms = from_symbol) -> None:
    """Give a user what they begin with; raises GiveUp for an option's symbol that is none."""
    for asset, quantity in funds.spot.items():
        exchange.deposit(user, Wallet.SPOT, asset, quantity)
    if funds.linear:
        exchange.deposit(user, Wallet.LINEAR, COLLATERAL, funds.linear)
    for coin, quantity in funds.coins.items():
        exchange.deposit(user, Wallet.INVERSE, coin, quantity)
    for symbol, quantity in funds.options.items():
        listing = terms(symbol)
        if isinstance(listing, Listing):
            raise GiveUp(f"{symbol!r} is not an option.")
        exchange.grant_option(user, listing, quantity)
