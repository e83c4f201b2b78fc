"""The default paper world lives by itself, the same life from the same seed."""

import hashlib
import itertools
from decimal import Decimal

from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.fair import STORMY
from hedger.sim.nouns import USDT_WALLETS, BookNews, OrderKind, OrderState, SimOrder, Wallet
from hedger.sim.scenario import ScenarioConfig
from hedger.sim.world import Funds, World, paper_world
from tests.support.bare_exchange import LINEAR, SPOT, START, SYMBOL, bare_exchange

D = Decimal


def digest_of(seed: int, seconds: int = 600) -> str:
    world = paper_world(seed, START, coins=("BTC", "ETH"))
    digest = hashlib.sha256()
    world.exchange.subscribe(lambda news: digest.update(repr(news).encode()))
    trade_a_little(world.exchange, seconds)
    digest.update(repr(world.exchange.truth("main")).encode())
    return digest.hexdigest()


def trade_a_little(exchange: Exchange, seconds: int) -> None:
    for _ in range(seconds // 60):
        join(exchange, Side.SELL, prices(exchange, LINEAR)[1])
        exchange.advance(exchange.now + 60_000)


def prices(exchange: Exchange, wallet: Wallet) -> tuple[Decimal, Decimal]:
    best = exchange.best(wallet, SYMBOL)
    assert best.bid is not None
    assert best.ask is not None
    return best.bid, best.ask


def join(exchange: Exchange, side: Side, price: Decimal, quantity: str = "0.1") -> SimOrder:
    return exchange.place(
        "main",
        LINEAR,
        SYMBOL,
        side=side,
        kind=OrderKind.POST_ONLY,
        quantity=D(quantity),
        price=price,
        reduce_only=False,
        client_order_id="",
    )


def test_the_same_seed_gives_the_same_world_to_the_last_digit() -> None:
    assert digest_of(1) == digest_of(1)


def test_another_seed_gives_another_world() -> None:
    assert digest_of(1) != digest_of(2)


def test_how_finely_time_is_advanced_does_not_change_the_world() -> None:
    fine, coarse = paper_world(3, START).exchange, paper_world(3, START).exchange
    for at in range(START, START + 60_001, 37):
        fine.advance(at)
    fine.advance(START + 60_000)
    coarse.advance(START + 60_000)
    assert fine.truth("main") == coarse.truth("main")
    assert fine.depth(LINEAR, SYMBOL, 20) == coarse.depth(LINEAR, SYMBOL, 20)


def test_books_stay_two_sided_narrow_and_near_each_other_in_a_storm() -> None:
    exchange = paper_world(4, START, weathers=(STORMY,)).exchange
    for _ in range(600):
        exchange.advance(exchange.now + 1_000)
        spot, linear = prices(exchange, SPOT), prices(exchange, LINEAR)
        assert spot[0] < spot[1]
        assert linear[0] < linear[1]
        assert abs(spot[0] - linear[0]) < spot[0] / 200
        assert len(exchange.depth(LINEAR, SYMBOL, 100)[0]) >= 5


def test_an_order_at_the_best_price_is_filled_within_a_minute_more_often_than_not() -> None:
    exchange = paper_world(5, START, still=True).exchange
    filled = 0
    for attempt in range(60):
        side = Side.BUY if attempt % 2 else Side.SELL
        order = join(exchange, side, prices(exchange, LINEAR)[side is Side.SELL], "0.3")
        exchange.advance(exchange.now + 60_000)
        if order.state is OrderState.FILLED:
            filled += 1
        else:
            exchange.cancel("main", LINEAR, SYMBOL, order_id=order.order_id)
    assert 30 < filled < 60


def test_the_holding_changes_first_within_forty_seconds_and_never_leaves_its_bounds() -> None:
    config = ScenarioConfig(floor=D("0.8"), ceiling=D("1.1"))
    world = paper_world(6, START, scenario=config)
    holding = D("1.2")
    world.exchange.advance(START + 6 * 3_600_000)
    assert world.scenario is not None
    changes = world.scenario.changes
    assert 20_000 <= changes[0].at - START <= 40_000
    gaps = [b.at - a.at for a, b in itertools.pairwise(changes)]
    assert all(30_000 <= gap <= 180_000 for gap in gaps)
    assert {change.quantity > 0 for change in changes} == {True, False}
    for change in changes:
        assert abs(change.quantity) <= D("1.2") * D("0.15")
        holding += change.quantity
        assert D("0.96") <= holding <= D("1.32")
    assert world.exchange.truth("main").spot["BTC"] == holding


def test_a_still_world_leaves_the_holding_alone() -> None:
    world = paper_world(6, START, still=True)
    world.exchange.advance(START + 3_600_000)
    assert world.exchange.truth("main").spot == {"BTC": D("1.2"), "USDT": D(20_000)}


def test_users_begin_with_what_they_are_given() -> None:
    users = {"main": Funds(spot={"BTC": D(3)}), "other": Funds(linear=D(10))}
    exchange = paper_world(1, START, users=users).exchange
    assert exchange.spot_balances("main") == {"BTC": (D(3), D(0)), "USDT": (D(0), D(0))}
    assert exchange.linear_account("other").wallet_balance == 10
    assert exchange.linear_account("main").wallet_balance == 0


def test_what_is_scheduled_happens_at_its_time_and_in_its_order() -> None:
    exchange = bare_exchange()
    happened: list[tuple[str, int]] = []
    exchange.schedule(START + 20, lambda: happened.append(("second", exchange.now)))
    exchange.schedule(START + 20, lambda: happened.append(("third", exchange.now)))
    exchange.schedule(START + 10, lambda: happened.append(("first", exchange.now)))
    assert exchange.next_at() == START + 10
    exchange.advance(START + 15)
    assert happened == [("first", START + 10)]
    exchange.advance(START + 100)
    assert happened[1:] == [("second", START + 20), ("third", START + 20)]
    assert exchange.now == START + 100


def test_a_jump_of_the_fair_price_fills_what_stands_in_its_way() -> None:
    world = paper_world(8, START, still=True)
    order = join(world.exchange, Side.SELL, D("60300"), "0.3")
    world.exchange.advance(START + 1_000)
    assert order.filled == 0
    world.market.fair.jump("BTC", 0.02)
    world.exchange.advance(START + 10_000)
    assert order.state is OrderState.FILLED


def test_book_news_tell_the_best_prices_as_they_change() -> None:
    world: World = paper_world(9, START)
    heard: list[BookNews] = []
    world.exchange.subscribe(lambda news: heard.append(news) if isinstance(news, BookNews) else None)
    world.exchange.advance(START + 10_000)
    assert {news.wallet for news in heard} == set(USDT_WALLETS)
    linear = [news.best for news in heard if news.wallet is Wallet.LINEAR]
    assert linear[-1] == world.exchange.best(LINEAR, SYMBOL)
    ids = [best.update_id for best in linear]
    assert ids == sorted(set(ids))
