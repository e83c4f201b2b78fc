"""A person writes an order of unknown fate off: the hedge goes on, and a wrong word is found out."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.orders import OrderStatus
from hedger.model.account import AccountReading
from hedger.model.market import Quote
from hedger.model.message import OrderWrittenOff
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

POLICY = policy_of(hedge_of())


def higher(quote: Quote) -> Quote:
    """A market out of reach: orders to sell rest."""
    return replace(quote, bid=quote.bid + 240, ask=quote.ask + 240)


def without_orders(reading: AccountReading) -> AccountReading:
    return replace(reading, open_orders=())


async def lost(it: Play) -> str:
    """The id of an order that nobody can find: its answer was lost, and the venue has forgotten it."""
    await it.until_hedged()
    it.venue.quote, it.venue.reading = higher, without_orders
    it.venue.lose_acks = it.venue.silent = it.venue.hide_orders = True
    it.deposit("0.3")
    await it.until(lambda: bool(it.resting()), "it rests, and nobody knows")
    name = it.resting()[0].client_order_id
    order = it.state.orders[name]
    # It was seen once, so the venue may have forgotten it for hours: nothing but a person ends it sooner.
    known = replace(order, venue_order_id=str(it.resting()[0].order_id))
    it.daemon.loop.state = it.state._replace(orders={**it.state.orders, name: known})
    it.venue.lose_acks = False
    await it.until(lambda: it.state.orders[name].status is OrderStatus.UNKNOWN, "unknown")
    return name


def write_off(it: Play, name: str) -> None:
    it.daemon.loop.inbox.put(OrderWrittenOff(client_order_id=name, reason="support says that it is gone"))


def test_an_order_that_is_gone_is_written_off_and_the_hedge_goes_on(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        name = await lost(it)
        await it.sleep(30)
        assert len(it.resting()) == 1, "what may still fill is reserved: there is no second order for it"
        it.world.exchange.cancel("main", it.resting()[0].wallet, "BTCUSDT", client_order_id=name)
        await it.sleep(30)
        assert it.delta() == D("0.3")
        write_off(it, name)
        it.venue.clear()
        await it.until_hedged()
        assert it.delta() == 0
        assert it.state.orders[name].status is OrderStatus.REJECTED
        assert next(key for _, key, _ in it.journal.rows("operator")) == f"write_off/{name}"

    play(script, POLICY, tmp_path)


def test_an_order_that_was_written_off_and_lives_is_reserved_and_taken_off(tmp_path: Path) -> None:
    """The replacement works already when the venue lists the first one again."""

    async def script(it: Play) -> None:
        name = await lost(it)
        it.checks.on = False
        write_off(it, name)
        await it.until(lambda: len(it.resting()) == 2, "a replacement", within=30)
        it.venue.silent = it.venue.hide_orders = False
        it.venue.reading = lambda reading: reading
        await it.until(lambda: name in [order.client_order_id for order in it.venue.canceled], "canceled", within=30)
        await it.until(lambda: it.state.orders[name].status is OrderStatus.CANCELED, "its end is known", within=30)
        it.venue.clear()
        await it.until_hedged()
        assert it.delta() == 0

    assert play(script, POLICY, tmp_path).state.halted is None
