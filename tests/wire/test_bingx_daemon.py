"""The whole daemon on BingX's own wire: it arms the switch, hedges once, and reads its own fill, in either book."""

import asyncio
import gzip
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from aiohttp import web

from hedger.app.daemon import Daemon, Parts, polling_of
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId
from hedger.model.message import ReadFailed, Stamped
from hedger.model.numeric import plain
from hedger.model.spans import HOUR_MS
from hedger.runtime.journal import Journal
from hedger.settings.policy import to_policy
from hedger.venues.abilities import Ability
from tests.support.configurations import load
from tests.support.stand import proves
from tests.support.stands.bingx import (
    BALANCE,
    BTC,
    COIN,
    COIN_BALANCE,
    COIN_POSITIONS,
    COINS,
    CREATE,
    FIND,
    OPEN,
    POSITIONS,
    SPOT,
    STAND,
    SWAP,
    SWITCH,
    coin_position,
    coin_record,
    coin_wallet,
    ok,
    position,
    quick,
    record,
    said,
    wallet,
)
from tests.support.wire_server import FakeVenue, Seen
from tests.support.wire_venue import opened

SPEED = 10.0
TEXT = """\
mode = "live"

[accounts.main]
venue = "bingx"
key_environment = "live"
dead_mans_switch_s = {switch}

[hedges.{coin}]
instruments = ["{instrument}"]
numeraire = "usd"
band = {{ rule = "coins", width = {width} }}
guards = {{ position = 1000, order_notional = 50000 }}
"""


@dataclass
class Exchange:
    """A small BingX that moves: one contract, `held` signed in its own units, and orders that fill a while later."""

    fake: FakeVenue
    held: D
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    filling: list[asyncio.Task[None]] = field(default_factory=list)

    def found(self, seen: Seen) -> Any:
        """An order's record by our id."""
        row = self.orders.get(seen.params["clientOrderID"])
        return ok({"order": row}) if row is not None else said(80016, "order not exist")

    def taken(self, seen: Seen, row: dict[str, Any]) -> Any:
        """A create: the order rests, and fills in a moment."""
        now, params = self.fake.clock_ms(), seen.params
        told = {"side": params["side"], "price": params["price"], "time": now, "updateTime": now}
        id = params["clientOrderID"]
        self.orders[id] = (
            row | told | {"clientOrderId": id, "orderId": str(1_736_012_449_498_123_000 + len(self.orders))}
        )
        task = asyncio.create_task(self.fill(id))
        self.filling.append(task)
        echo = {name: params[name] for name in ("symbol", "side", "positionSide", "type", "timeInForce")}
        order = {"orderId": self.orders[id]["orderId"], "clientOrderID": id, "price": float(params["price"])}
        return echo | order

    def ended(self, seen: Seen) -> Any:
        """A cancel that comes too late."""
        row = self.orders.get(seen.params["clientOrderID"])
        return said(80016, "order not exist") if row is None else said(80018, "order is already filled")

    async def fill(self, id: str) -> None:
        """Fill an order whole, a moment after it came, and tell the stream of it, as the venue does: packed."""
        await asyncio.sleep(0.2)
        row, now = self.orders[id], self.fake.clock_ms()
        quantity = D(str(row["quantity"] if row["symbol"] == "SOL-USD" else row["origQty"]))
        row |= {"status": "Filled", "executedQty": plain(quantity), "updateTime": now}
        self.held += quantity if row["side"] == "BUY" else -quantity
        moment = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
        told = {"symbol": row["symbol"], "orderId": row["orderId"], "tradeId": "77", "side": row["side"]}
        self.fills.append(
            told
            | {"qty": plain(quantity), "price": row["price"], "commission": "-1.2", "commissionAsset": "USDT"}
            | {"role": "maker", "filledTime": moment.replace("+00:00", "+0000"), "tradePrice": row["price"]}
            | {"volume": plain(quantity), "currency": "SOL", "maker": True, "tradeTime": now}
        )
        trade = {"s": row["symbol"], "c": id, "i": row["orderId"], "S": row["side"], "o": "LIMIT", "p": row["price"]}
        trade |= {"q": plain(quantity), "z": plain(quantity), "l": plain(quantity), "L": row["price"], "t": 77}
        trade |= {"x": "TRADE", "X": "FILLED", "n": "-1.2", "N": "USDT", "T": now, "m": True, "ps": "BOTH"}
        frame = {"e": "ORDER_TRADE_UPDATE", "E": now, "o": trade}
        for _, path, connection in self.fake.sockets:
            if "listenKey" in path and not connection.closed:
                await connection.send_bytes(gzip.compress(json.dumps(frame).encode()))

    @property
    def resting(self) -> list[dict[str, Any]]:
        return [row for row in self.orders.values() if row["status"] in ("NEW", "Pending")]

    def set(self, method: str, path: str, answer: Callable[[Seen], Any]) -> None:
        async def handler(_request: web.Request, seen: Seen) -> web.StreamResponse:
            return web.json_response(answer(seen))

        self.fake.answers[method, path] = handler

    def depth(self, bid: str, ask: str) -> Callable[[Seen], Any]:
        return lambda _: ok({"T": self.fake.clock_ms(), "bids": [[bid, "500"]], "asks": [[ask, "500"]]})

    def premium(self, symbol: str, price: str) -> dict[str, Any]:
        due = self.fake.clock_ms() + HOUR_MS
        rate = {"lastFundingRate": "0.0001", "nextFundingTime": due}
        return {"symbol": symbol, "markPrice": price, "indexPrice": price} | rate


def in_money(fake: FakeVenue) -> Exchange:
    """1.5 BTC in the spot wallet, 1.4 of them hedged."""
    venue = Exchange(fake, D("-1.4"))
    fake.answers["GET", f"{SPOT}/account/balance"] = ok({"balances": [{"asset": "BTC", "free": "1.5", "locked": "0"}]})

    def row() -> dict[str, Any]:
        margin = plain(abs(venue.held) * 60_000)
        return position(positionAmt=plain(abs(venue.held)), initialMargin=margin, avgPrice="60000", markPrice="60000")

    def purse() -> dict[str, Any]:
        margin = plain(abs(venue.held) * 60_000)
        return wallet(balance="200000", equity="200000", unrealizedProfit="0", usedMargin=margin)

    def create(seen: Seen) -> Any:
        return ok({"order": venue.taken(seen, record(origQty=seen.params["quantity"]))})

    venue.set("GET", POSITIONS, lambda _: ok([row()]))
    venue.set("GET", BALANCE, lambda _: ok([purse()]))
    venue.set("GET", OPEN, lambda _: ok({"orders": venue.resting}))
    venue.set("POST", CREATE, create)
    venue.set("GET", CREATE, venue.found)
    venue.set("DELETE", CREATE, venue.ended)
    venue.set("GET", f"{SWAP}/v2/trade/fillHistory", lambda _: ok({"fill_history_orders": venue.fills}))
    venue.set("GET", f"{SWAP}/v2/quote/depth", venue.depth("59999.9", "60000.1"))
    venue.set("GET", f"{SWAP}/v2/quote/premiumIndex", lambda _: ok(venue.premium("BTC-USDT", "60000")))
    return venue


def in_coins(fake: FakeVenue) -> Exchange:
    """20 SOL in the COIN-M wallet, worth 3,168 dollars, against 306 contracts of 10."""
    venue = Exchange(fake, D("-306"))
    fake.answers["GET", f"{SPOT}/account/balance"] = ok({"balances": [{"asset": "SOL", "free": "0", "locked": "0"}]})

    def row() -> dict[str, Any]:
        side: dict[str, Any] = {"positionSide": "SHORT", "positionAmt": plain(abs(venue.held)), "liquidationPrice": 0}
        margin = plain(round(abs(venue.held) * 10 / D("158.4"), 8))
        return coin_position(**side, initialMargin=margin, avgPrice="158.4", markPrice="158.4", unrealizedProfit="0")

    def purse() -> dict[str, Any]:
        margin = plain(round(abs(venue.held) * 10 / D("158.4"), 8))
        return coin_wallet(balance="20", equity="20", unrealizedProfit="0", usedMargin=margin, availableMargin="0.7")

    def create(seen: Seen) -> Any:
        return ok(venue.taken(seen, coin_record(quantity=int(seen.params["quantity"]))))

    def orders(seen: Seen) -> Any:
        first, last = int(seen.params["startTime"]), int(seen.params["endTime"])
        return ok({"orders": [row for row in venue.orders.values() if first < row["time"] < last]})

    venue.set("GET", COIN_POSITIONS, lambda _: ok([row()]))
    venue.set("GET", COIN_BALANCE, lambda _: ok([purse()]))
    venue.set("GET", f"{COINS}/trade/openOrders", lambda _: ok({"orders": venue.resting}))
    venue.set("POST", f"{COINS}/trade/order", create)
    venue.set("GET", FIND, venue.found)
    venue.set("DELETE", f"{COINS}/trade/cancelOrder", venue.ended)
    venue.set("GET", f"{COINS}/trade/orderHistory", orders)
    venue.set("GET", f"{COINS}/trade/allFillOrders", lambda _: ok(venue.fills))
    venue.set("GET", f"{COINS}/market/depth", venue.depth("158.39", "158.41"))
    venue.set("GET", f"{COINS}/market/premiumIndex", lambda _: ok([venue.premium("SOL-USD", "158.4")]))
    return venue


@dataclass
class Watching:
    """Remembers which reads failed."""

    failed: set[str] = field(default_factory=set)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        if isinstance(stamped.event, ReadFailed):
            self.failed.add(stamped.event.what)

    def queued(self, events: int) -> None:
        """Nothing waits."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Nothing is measured."""


@dataclass
class Ended:
    """What a run left."""

    state: State
    venue: Exchange
    failed: set[str]

    def posted(self, path: str) -> list[dict[str, Any]]:
        return [seen.params for seen in self.venue.fake.requests("POST", path)]


def hedged(folder: Path, id: InstrumentId, made: Callable[[FakeVenue], Exchange], *, switch: int, width: str) -> Ended:
    """Run the daemon until it has booked a fill and looked at the account for some while after, then drain it."""

    async def scenario() -> Ended:
        fast = quick(SPEED)
        venue, clock, watching = made(fast["fake"]), fast["clock"], Watching()
        coin = id.symbol.partition("/")[0]
        text = TEXT.format(switch=switch, coin=coin, instrument=id, width=width)
        settings = load(folder, text, {"live_armed": True}, to_run=False)

        async def meanwhile(daemon: Daemon) -> None:
            async with asyncio.timeout(60):
                while not daemon.state.ledgers[coin].fills:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await clock.sleep(12)

        async with opened([id.symbol], stand=STAND, ready=False, **fast) as desk:
            with closing(Journal.open(folder)) as journal:
                parts = Parts(
                    policy=to_policy(settings),
                    venues={"main": desk.venue},
                    clock=clock,
                    journal=journal,
                    polling=polling_of(settings),
                    observer=watching,
                    start_record={},
                )
                daemon = Daemon(parts)
                await daemon.run(meanwhile)
        return Ended(daemon.state, venue, watching.failed)

    return asyncio.run(scenario())


@proves(Ability.FILLS, Ability.SWITCH)
def test_a_hedge_in_money_is_placed_once_under_an_armed_switch_and_its_fill_is_read(tmp_path: Path) -> None:
    ended = hedged(tmp_path, BTC, in_money, switch=60, width="0.05")
    (order,) = ended.posted(CREATE)
    assert (order["side"], order["timeInForce"], order["positionSide"]) == ("SELL", "PostOnly", "BOTH")
    assert D(order["quantity"]) == D("0.1")
    assert ended.venue.held == D("-1.5")
    ledger = ended.state.ledgers["BTC"]
    assert (ledger.fills, ledger.maker_fills, ledger.quantity, ledger.fees) == (1, 1, D("0.1"), D("-1.2"))
    assert ended.state.halted is None
    posts = [seen.path for seen in ended.venue.fake.seen if seen.method == "POST" and seen.path in (SWITCH, CREATE)]
    assert posts[0] == SWITCH


@proves(Ability.FILLS, Ability.FUNDING_PAYMENTS)
def test_a_hedge_in_coins_runs_although_the_venue_tells_no_funding_there(tmp_path: Path) -> None:
    ended = hedged(tmp_path, COIN, in_coins, switch=0, width="0.3")
    (order,) = ended.posted(f"{COINS}/trade/order")
    assert (order["side"], order["quantity"], order["timeInForce"]) == ("SELL", "10", "PostOnly")
    ledger = ended.state.ledgers["SOL"]
    assert (ledger.fills, ledger.maker_fills, ended.state.halted) == (1, 1, None)
    assert {"funding", "funding_rates"} <= ended.failed
    assert ended.state.accounts["main"].failures == 0
    assert ended.posted(SWITCH) == []
