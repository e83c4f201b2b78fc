"""The whole daemon where one order cannot turn a position round: it closes the wrong leg, then opens the right one."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hedger.app.daemon import Daemon, Parts, polling_of
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.message import OrderRejected, Stamped
from hedger.model.numeric import plain
from hedger.model.spans import HOUR_MS
from hedger.runtime.journal import Journal
from hedger.settings.policy import to_policy
from hedger.venues.abilities import Ability
from tests.support.configurations import load
from tests.support.stand import Stand, proves
from tests.support.stands import mexc, weex
from tests.support.wire_server import FakeVenue, Seen
from tests.support.wire_venue import WireClock, opened

SPEED = 10.0
TEXT = """\
mode = "live"

[accounts.main]
venue = "{venue}"
key_environment = "live"
dead_mans_switch_s = 0

[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
numeraire = "usd"
band = {{ rule = "coins", width = 0.05 }}
guards = {{ position = 1000, order_notional = 500000 }}
"""


@dataclass
class Exchange:
    """A small venue that moves: `legs` of one contract in coins, and orders that fill whole a while after they came.

    The list of positions lags behind the orders by `lag_s`, real.
    """

    fake: FakeVenue
    lag_s: float = 0.05
    legs: dict[str, D] = field(default_factory=lambda: {"LONG": D("0.4"), "SHORT": D(0)})
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    filling: list[asyncio.Task[None]] = field(default_factory=list)
    taken: list[tuple[str, str, D]] = field(default_factory=list)
    both: bool = False

    def set(self, method: str, path: str, answer: Callable[[Seen], Any]) -> None:
        async def handler(_request: web.Request, seen: Seen) -> web.StreamResponse:
            return web.json_response(answer(seen))

        self.fake.answers[method, path] = handler

    def take(self, row: dict[str, Any], side: str, leg: str, quantity: D, end: Callable[[], None]) -> None:
        """An order rests, and fills in a moment: of a leg that it closes no more than is there."""
        self.taken.append((side, leg, quantity))

        async def fill() -> None:
            await asyncio.sleep(0.2)
            end()
            await asyncio.sleep(self.lag_s)
            opens = (side == "BUY") == (leg == "LONG")
            held = self.legs[leg]
            self.legs[leg] = held + quantity if opens else max(held - quantity, D(0))
            self.both = self.both or all(self.legs.values())

        self.filling.append(asyncio.create_task(fill()))

    @property
    def value(self) -> str:
        return plain(sum(self.legs.values(), D(0)) * 60_000)


def on_weex(venue: Exchange) -> None:
    """WEEX: legs are named in each order, and positions are in coins."""
    fake, at = venue.fake, venue.fake.clock_ms
    spot = [{"asset": "USDT", "free": "5", "locked": "0"}, {"asset": "BTC", "free": "1.5", "locked": "0"}]
    fake.answers["GET", weex.SPOT_ACCOUNT] = {"balances": spot}
    best = {"bidPrice": "59999.9", "bidQty": "500", "askPrice": "60000.1", "askQty": "500"}
    venue.set("GET", weex.BOOK, lambda _: [{"symbol": "BTCUSDT", **best, "time": at()}])
    due = {"markPrice": "60000", "indexPrice": "60000", "collectCycle": 480}
    venue.set(
        "GET",
        weex.PREMIUM,
        lambda _: [weex.premium(**due, time=at(), nextFundingTime=at() + HOUR_MS)],
    )

    def positions(_: Seen) -> Any:
        return [
            weex.position(side=leg, size=plain(held), openValue=plain(held * 60_000), unrealizePnl="0", marginSize="1")
            | {"liquidatePrice": "0"}
            for leg, held in venue.legs.items()
            if held
        ]

    def create(seen: Seen) -> Any:
        told, number = seen.params, str(737185556881998184 + len(venue.orders))
        row = weex.record(
            clientOrderId=told["newClientOrderId"],
            orderId=int(number),
            side=told["side"],
            positionSide=told["positionSide"],
            origQty=told["quantity"],
            price=told["price"],
            time=at(),
            updateTime=at(),
        )
        venue.orders[number] = row

        def end() -> None:
            row.update(status="FILLED", executedQty=row["origQty"], updateTime=at())
            made = {"id": int(number) + 1000, "orderId": int(number), "side": row["side"], "price": row["price"]}
            venue.fills.append(weex.fill(**made, qty=row["origQty"], time=at()))

        venue.take(row, told["side"], told["positionSide"], D(told["quantity"]), end)
        done = {"success": True, "errorCode": "", "errorMessage": ""}
        return {"orderId": number, "clientOrderId": told["newClientOrderId"], **done}

    venue.set("GET", weex.POSITIONS, positions)
    venue.set("GET", weex.POSITION, positions)
    venue.set(
        "GET", weex.BALANCE, lambda _: [weex.wallet(balance="900000", availableBalance="800000", unrealizePnl="0")]
    )
    venue.set("GET", weex.OPEN, lambda _: [row for row in venue.orders.values() if row["status"] == "NEW"])
    venue.set("GET", weex.ORDER, lambda seen: venue.orders[seen.params["orderId"]])
    venue.set("POST", weex.ORDER, create)
    venue.set("GET", weex.FILLS, lambda _: venue.fills)


def on_mexc(venue: Exchange) -> None:
    """MEXC: orders name what they do by a number, and count contracts of 0.0001."""
    fake, at, size = venue.fake, venue.fake.clock_ms, D("0.0001")
    fake.answers["GET", mexc.WALLET] = mexc.wallet(("BTC", "1.5", "0"), ("USDT", "5", "0"))
    book = {"asks": [[60000.1, 5000, 1]], "bids": [[59999.9, 5000, 1]]}
    venue.set("GET", mexc.DEPTH, lambda _: mexc.ok(book | {"timestamp": at()}))
    prices: dict[str, Any] = {"indexPrice": 60000, "fairPrice": 60000}
    venue.set("GET", mexc.TICKER, lambda _: mexc.ok(mexc.ticker(**prices, timestamp=at())))
    rate = {"symbol": "BTC_USDT", "fundingRate": 0.00001, "collectCycle": 4}
    venue.set("GET", mexc.FUNDING, lambda _: mexc.ok(rate | {"nextSettleTime": at() + HOUR_MS}))

    def positions(_: Seen) -> Any:
        rows = [
            mexc.position(positionType=kind, positionId=77 + kind, holdVol=int(venue.legs[leg] / size))
            | {"im": plain(venue.legs[leg] * 60_000), "oim": plain(venue.legs[leg] * 60_000), "liquidatePrice": 0}
            for leg, kind in (("LONG", 1), ("SHORT", 2))
            if venue.legs[leg]
        ]
        return mexc.ok(rows)

    def create(seen: Seen) -> Any:
        told, number = seen.params, str(814218083416790528 + len(venue.orders))
        row = mexc.record(
            externalOid=told["externalOid"],
            orderId=number,
            side=told["side"],
            vol=told["vol"],
            price=told["price"],
            createTime=at(),
            updateTime=at(),
        )
        venue.orders[told["externalOid"]] = row
        side = "BUY" if int(told["side"]) in (1, 2) else "SELL"
        leg = "LONG" if int(told["side"]) in (1, 4) else "SHORT"

        def end() -> None:
            row.update(state="3", dealVol=row["vol"], updateTime=at())
            made = {"orderId": number, "side": row["side"], "vol": row["vol"], "price": row["price"]}
            venue.fills.append(mexc.deal(len(venue.fills), **made, timestamp=at()))

        venue.take(row, side, leg, D(str(told["vol"])) * size, end)
        return mexc.ok({"orderId": number, "ts": at()})

    def purse(_: Seen) -> Any:
        margin: dict[str, Any] = {"positionMargin": venue.value, "availableBalance": 800000}
        return mexc.ok([mexc.asset(equity=900000, unrealized=0, **margin)])

    def found(seen: Seen) -> Any:
        row = venue.orders.get(seen.path.rpartition("/")[2])
        return mexc.ok(row) if row is not None else {"success": True, "code": 0}

    class Finder(dict[tuple[str, str], Any]):
        """Answers a look-up by any id, which stands in the path."""

        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(("GET", mexc.FIND) if key[1].startswith(mexc.EXTERNAL) else key, default)

    fake.answers = Finder(fake.answers)
    venue.set("GET", mexc.POSITIONS, positions)
    venue.set("GET", mexc.ASSETS, purse)
    venue.set("GET", mexc.OPEN, lambda _: mexc.ok([row for row in venue.orders.values() if row["state"] == "2"]))
    venue.set("GET", mexc.FIND, found)
    venue.set("POST", mexc.CREATE, create)
    venue.set("GET", mexc.DEALS, lambda _: mexc.paged(list(reversed(venue.fills))))


@dataclass
class Watching:
    """Remembers the refusals of orders."""

    refused: list[str] = field(default_factory=list)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        if isinstance(stamped.event, OrderRejected):
            self.refused.append(f"{stamped.event.reason}: {stamped.event.text}")

    def queued(self, events: int) -> None:
        """Nothing waits."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Nothing is measured."""


def hedged(folder: Path, stand: Stand, make: Callable[[Exchange], None]) -> tuple[Exchange, Watching, State]:
    """Run the daemon until the short is open, and a while after, then drain it."""

    async def scenario() -> tuple[Exchange, Watching, State]:
        clock, fake, watching = WireClock(speed=SPEED), stand.fake(), Watching()
        fake.clock_ms, fake.judges_age = clock.now_ms, False
        venue = Exchange(fake)
        make(venue)
        settings = load(folder, TEXT.format(venue=stand.venue), {"live_armed": True}, to_run=False)

        async def meanwhile(daemon: Daemon) -> None:
            async with asyncio.timeout(60):
                while venue.legs["SHORT"] < D("1.5"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await clock.sleep(8)

        async with opened([stand.contract.symbol], stand=stand, ready=False, fake=fake, clock=clock) as desk:
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
        return venue, watching, daemon.state

    return asyncio.run(scenario())


@proves(Ability.REDUCE_ONLY)
@pytest.mark.parametrize(("stand", "make"), [(weex.STAND, on_weex), (mexc.STAND, on_mexc)], ids=["weex", "mexc"])
def test_a_hedge_that_is_long_where_it_should_be_short_closes_and_then_opens_and_is_not_refused_again_and_again(
    tmp_path: Path, stand: Stand, make: Callable[[Exchange], None]
) -> None:
    venue, watching, state = hedged(tmp_path, stand, make)
    assert venue.taken[0] == ("SELL", "LONG", D("0.4"))
    assert {(side, leg) for side, leg, _ in venue.taken[1:]} == {("SELL", "SHORT")}
    assert sum(quantity for _, _, quantity in venue.taken[1:]) == D("1.5")
    assert venue.legs == {"LONG": D(0), "SHORT": D("1.5")}
    assert not venue.both
    assert len(watching.refused) <= 3, watching.refused
    assert state.halted is None
