"""Every venue of a paper world sees one price: whatever it lists, whatever it charges, and whoever trades there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.model.order import Side
from hedger.sim.dialects.known import DIALECTS
from hedger.sim.nouns import Listing, OrderKind, Refused, Wallet
from hedger.sim.world import Funds, World, paper_world

START_AT = 1_767_253_200_000
COINS = ("BTC", "ETH")
FURTHER = ("BTC/USD:BTC", "ETH/USD:ETH", "BTC/USD:BTC-260327", "BTC/USDT:USDT-260102", "ETH/USDT:USDT-260327")
IN_COINS = [symbol for symbol in FURTHER if "/USD:" in symbol]
OPTION = "BTC/USD:BTC-260131-60000-C"
SECONDS = 40

seeds = st.integers(0, 2**32 - 1)
orders = st.lists(
    st.tuples(
        st.integers(0, SECONDS - 1),
        st.sampled_from(list(Wallet)),
        st.sampled_from(list(Side)),
        st.integers(-300, 300),
    ),
    max_size=12,
)
Orders = Sequence[tuple[int, Wallet, Side, int]]


def world_of(venue: str, seed: int, contracts: Sequence[str], *, option: bool) -> World:
    dialect = DIALECTS[venue]
    made = [dialect.terms(symbol) for symbol in contracts]
    funds = Funds(
        spot={"BTC": D(5), "USDT": D(500_000)},
        linear=D(500_000),
        coins={"BTC": D(3)},
        options={OPTION: D(-1)} if option else {},
    )
    return paper_world(
        seed,
        START_AT,
        coins=COINS,
        users={"main": funds},
        still=True,
        contracts=[listing for listing in made if isinstance(listing, Listing)],
        terms=dialect.terms,
        fee_table=dialect.fees(),
    )


def prices_of(world: World, traded: Orders, *, spot: bool) -> list[tuple[object, ...]]:
    """Second by second, fair prices, bases and indices, while orders come that rest or take (`spot`: there too)."""
    seen: list[tuple[object, ...]] = []
    floor, fair = world.exchange.floor, world.market.fair
    for second in range(SECONDS):
        world.exchange.advance(START_AT + second * 1_000)
        for at, wallet, side, away in traded:
            if at == second and (spot or wallet is not Wallet.SPOT):
                trade(world, wallet, side, away)
        indices = () if spot else tuple(floor.coin_index(coin) for coin in COINS)
        seen.append((*(fair.price(coin) for coin in COINS), *(fair.basis(coin) for coin in COINS), *indices))
    return [*seen, *((tuple(world.exchange.past.bars(coin, 3_600_000, 24)),) for coin in COINS if not spot)]


def trade(world: World, wallet: Wallet, side: Side, away: int) -> None:
    """An order that many ticks beside the other side of the book: it takes, or it rests."""
    symbol = "BTCUSD_PERP" if wallet is Wallet.INVERSE else "BTCUSDT"
    if (wallet, symbol) not in world.exchange.listings:
        return
    best = world.exchange.best(wallet, symbol)
    price = best.ask if side is Side.BUY else best.bid
    if price is None:
        return
    listing = world.exchange.listings[wallet, symbol]
    with suppress(Refused):
        world.exchange.place(
            "main",
            wallet,
            symbol,
            side=side,
            kind=OrderKind.LIMIT,
            quantity=D(100) if wallet is Wallet.INVERSE else D("0.5"),
            price=price + listing.tick_size * away,
            reduce_only=False,
            client_order_id="",
        )


@settings(max_examples=12)
@given(seed=seeds, listed=st.sets(st.sampled_from(FURTHER)), coined=st.sets(st.sampled_from(IN_COINS)), traded=orders)
def test_the_index_is_the_same_on_every_venue(seed: int, listed: set[str], coined: set[str], traded: Orders) -> None:
    plain = prices_of(world_of("binance", seed, (), option=False), (), spot=False)
    bybit = prices_of(world_of("bybit", seed, sorted(listed), option=False), traded, spot=False)
    deribit = prices_of(world_of("deribit", seed, sorted(coined), option=True), traded[::-1], spot=False)
    assert plain == bybit == deribit


@settings(max_examples=8)
@given(seed=seeds, traded=orders)
def test_what_a_coin_is_worth_does_not_hang_on_who_trades_it(seed: int, traded: Orders) -> None:
    """Whoever takes the spot book bends that venue's index for a while, and never what the crowd comes back to."""
    quiet = prices_of(world_of("binance", seed, (), option=False), (), spot=True)
    assert prices_of(world_of("bybit", seed, FURTHER, option=True), traded, spot=True) == quiet


def test_another_seed_is_another_price() -> None:
    one, two = (prices_of(world_of("binance", seed, (), option=False), (), spot=False) for seed in (1, 2))
    assert one != two
