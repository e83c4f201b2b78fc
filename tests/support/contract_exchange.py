"""A bare exchange that also lists inverse and dated contracts; the test sets the index, and the books are empty."""

from collections.abc import Sequence
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.model.spans import MINUTE_MS
from hedger.sim.exchange import Exchange
from hedger.sim.listings import COINS, contract, default_listings, option
from hedger.sim.nouns import Listing, OptionListing, OrderKind, OrderState, SimPosition, Wallet
from tests.support.bare_exchange import START

D = Decimal
INVERSE = Wallet.INVERSE
EXPIRY = START + 70 * MINUTE_MS
PERP, LINEAR_PERP = "BTCUSD_PERP", "BTCUSDT"
DATED = contract("BTC", expiry_at=EXPIRY)
INVERSE_DATED = contract("BTC", quote="USD", payoff=Payoff.INVERSE, expiry_at=EXPIRY)
INVERSE_PERP = contract("BTC", quote="USD", payoff=Payoff.INVERSE)


def contract_exchange(
    *users: str,
    contracts: Sequence[Listing] = (INVERSE_PERP, DATED, INVERSE_DATED),
    coins: str = "10",
    linear: str = "500000",
) -> Exchange:
    """Users with USDT and coins in their derivatives wallets, and the index at 60,000."""
    listings = (*default_listings(("BTC",)), *contracts)
    exchange = Exchange(listings=listings, start_at=START, users=users or ("main",), beat_ms=5_000)
    exchange.set_index("BTC", COINS["BTC"].price)
    exchange.refresh_marks()
    for user in users or ("main",):
        exchange.deposit(user, Wallet.LINEAR, "USDT", D(linear))
        exchange.deposit(user, INVERSE, "BTC", D(coins))
    return exchange


def take(exchange: Exchange, symbol: str, quantity: str | Decimal, price: str | Decimal, user: str = "main") -> None:
    """Give a user a position by a passive order that the crowd fills."""
    signed, at = D(quantity), D(price)
    listing = exchange.floor.contract(symbol).listing
    side, other = (Side.BUY, Side.SELL) if signed > 0 else (Side.SELL, Side.BUY)
    placed = exchange.place(
        user,
        listing.wallet,
        symbol,
        side=side,
        kind=OrderKind.POST_ONLY,
        quantity=abs(signed),
        price=at,
        reduce_only=False,
        client_order_id="",
    )
    exchange.crowd_takes(listing.wallet, symbol, other, abs(signed), at)
    assert placed.state is OrderState.FILLED, "something stood in the way"


def move(exchange: Exchange, price: str | Decimal) -> None:
    """Set index and marks, and let the exchange liquidate whom that sinks."""
    exchange.set_index("BTC", D(price))
    exchange.refresh_marks()


def row(exchange: Exchange, symbol: str, user: str = "main") -> SimPosition:
    """A user's row of a contract."""
    return next(row for row in exchange.positions(user) if row.symbol == symbol)


def an_option(
    strike: str,
    option_type: OptionType = OptionType.CALL,
    payoff: Payoff = Payoff.INVERSE,
    expiry_at: int = EXPIRY,
) -> OptionListing:
    """An option on one BTC."""
    quote = "USD" if payoff is Payoff.INVERSE else "USDT"
    return option("BTC", quote=quote, payoff=payoff, strike=D(strike), expiry_at=expiry_at, option_type=option_type)
