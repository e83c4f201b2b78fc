"""A simulated exchange without a market of its own: the test lays the books and sets the index."""

from decimal import Decimal

from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.listings import COINS, default_listings
from hedger.sim.nouns import OrderKind, OrderState, SimOrder, Wallet

START = 1_700_006_400_000 - 3_600_000  # an hour before a funding time
SYMBOL = "BTCUSDT"
BUY, SELL = Side.BUY, Side.SELL
SPOT, LINEAR = Wallet.SPOT, Wallet.LINEAR
POST_ONLY, LIMIT, MARKET = OrderKind.POST_ONLY, OrderKind.LIMIT, OrderKind.MARKET


def bare_exchange(*users: str, coins: tuple[str, ...] = ("BTC",)) -> Exchange:
    """Users without funds, empty books, and every coin's index at its usual price (BTC 60,000, ETH 3,000)."""
    exchange = Exchange(listings=default_listings(coins), start_at=START, users=users or ("main",))
    for coin in coins:
        exchange.set_index(coin, COINS[coin].price)
    exchange.refresh_marks()
    return exchange


def funded(*users: str, linear: str = "150000", coins: tuple[str, ...] = ("BTC",)) -> Exchange:
    """The same with collateral for each user."""
    exchange = bare_exchange(*users, coins=coins)
    for user in users or ("main",):
        exchange.deposit(user, LINEAR, "USDT", Decimal(linear))
    return exchange


def lay(exchange: Exchange, side: Side, price: str, quantity: str, wallet: Wallet = LINEAR) -> None:
    """Put anonymous quantity at a price."""
    exchange.set_crowd(wallet, SYMBOL, side, Decimal(price), Decimal(quantity))


def set_mark(exchange: Exchange, price: str | Decimal, coin: str = "BTC") -> None:
    """Move index and mark, and let the exchange liquidate whom that sinks."""
    exchange.set_index(coin, Decimal(price))
    exchange.refresh_marks()


def order(
    exchange: Exchange,
    side: Side,
    quantity: str,
    price: str | None,
    *,
    user: str = "main",
    kind: OrderKind = LIMIT,
    wallet: Wallet = LINEAR,
    symbol: str = SYMBOL,
    reduce_only: bool = False,
    name: str = "",
) -> SimOrder:
    """Place one order."""
    return exchange.place(
        user,
        wallet,
        symbol,
        side=side,
        kind=kind,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        reduce_only=reduce_only,
        client_order_id=name,
    )


def hold(exchange: Exchange, quantity: str, price: str = "60000", *, user: str = "main") -> None:
    """Give a user a position by a passive order that the crowd fills."""
    signed = Decimal(quantity)
    side, other = (BUY, SELL) if signed > 0 else (SELL, BUY)
    placed = order(exchange, side, str(abs(signed)), price, user=user, kind=POST_ONLY)
    exchange.crowd_takes(LINEAR, SYMBOL, other, abs(signed), Decimal(price))
    assert placed.state is OrderState.FILLED, "something stood in the way"


def liquidation_price(exchange: Exchange) -> Decimal:
    """The main user's liquidation price in BTCUSDT, which must exist."""
    price = exchange.positions("main")[0].liquidation_price
    assert price is not None
    return price


def position(exchange: Exchange, user: str = "main") -> Decimal:
    """The user's BTCUSDT position."""
    return exchange.truth(user).positions[SYMBOL]
