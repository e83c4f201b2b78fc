"""Several venues in one process: each user's keys and truth are of their own venue, and time and index are one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal as D
from pathlib import Path

import aiohttp
import pytest

from hedger.errors import GiveUp
from hedger.sim.attach import Attached, KeyPair, Note, find_running
from hedger.sim.dialects.known import DIALECTS
from hedger.sim.network import paper_connector
from hedger.sim.process import Stand, serve_exchanges
from hedger.sim.world import Funds, World, paper_world

START_AT = 1_767_253_200_000
TIMES = {"binance": "https://fapi.binance.com/fapi/v1/time", "bybit": "https://api.bybit.com/v5/market/time"}


def worlds() -> dict[str, World]:
    """One exchange for each venue; somebody has an account on each, and two people one on Binance."""
    people = {"binance": ("vault", "second"), "bybit": ("futures",)}
    return {
        venue: paper_world(
            1,
            START_AT,
            users={name: Funds(spot={"BTC": D(1)}, linear=D(50_000)) for name in names},
            owner=names[0],
            still=True,
        )
        for venue, names in people.items()
    }


@asynccontextmanager
async def serving(directory: Path, made: dict[str, World]) -> AsyncIterator[Attached]:
    stands = [
        Stand(venue=venue, exchange=world.exchange, users=tuple(world.exchange.floor.ledger.accounts))
        for venue, world in made.items()
    ]
    quiets: list[int] = []
    task = asyncio.create_task(
        serve_exchanges(stands, directory=directory, follow_stdin=False, seed=7, quiet=lambda: quiets.append(1))
    )
    try:
        attached = None
        while attached is None:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
            attached = await find_running(directory)
        yield attached
        await attached._ask("POST", "/stop")
        await asyncio.wait_for(task, 60)
    finally:
        task.cancel()


def on_two_venues(tmp_path: Path, look: Callable[[Attached, dict[str, World]], object]) -> None:
    async def run() -> None:
        made = worlds()
        async with serving(tmp_path / "x", made) as attached:
            looking = look(attached, made)
            assert asyncio.iscoroutine(looking)
            await looking

    asyncio.run(run())


def test_each_user_has_keys_in_the_form_of_their_venue_and_a_truth_of_their_own(tmp_path: Path) -> None:
    async def look(attached: Attached, made: dict[str, World]) -> None:
        note: Note = attached.note
        assert note.venues == {"vault": "binance", "second": "binance", "futures": "bybit"}
        assert set(note.hosts) == {*DIALECTS["binance"].hosts, *DIALECTS["bybit"].hosts}
        assert {user: len(pair.api_key) for user, pair in note.keys.items()} == {
            "vault": 64,
            "second": 64,
            "futures": 18,
        }
        assert all(isinstance(pair, KeyPair) for pair in note.keys.values())
        made["bybit"].exchange.floor.account("futures").spot["BTC"] = D(9)
        assert [(await attached.truth(user)).spot["BTC"] for user in note.venues] == [1, 1, 9]
        with pytest.raises(GiveUp, match="there is no user nobody"):
            await attached.truth("nobody")

    on_two_venues(tmp_path, look)


def test_both_venues_answer_on_one_port_at_their_own_hosts_and_at_one_time(tmp_path: Path) -> None:
    async def look(attached: Attached, made: dict[str, World]) -> None:
        async with aiohttp.ClientSession(connector=paper_connector(attached.network())) as session:
            for url in TIMES.values():
                async with session.get(url) as response:
                    assert response.status == 200
                    assert json.loads(await response.text())
            with pytest.raises(aiohttp.ClientConnectorDNSError):
                await session.get("https://www.okx.com/")
        nows = {world.exchange.now for world in made.values()}
        assert len(nows) == 1
        assert int(str((await attached.status())["now"])) >= min(nows) > START_AT

    on_two_venues(tmp_path, look)


def test_a_network_knows_the_hosts_of_the_run_and_no_others(tmp_path: Path) -> None:
    async def run() -> None:
        made = {"bybit": worlds()["bybit"]}
        async with serving(tmp_path / "x", made) as attached:
            resolver = attached.network().resolver
            assert (await resolver.resolve("api.bybit.com"))[0]["port"] == attached.note.port
            with pytest.raises(OSError, match="is not one of the simulated exchange's hosts"):
                await resolver.resolve("fapi.binance.com")

    asyncio.run(run())


def test_a_hand_on_the_world_reaches_the_exchange_that_is_meant(tmp_path: Path) -> None:
    async def look(attached: Attached, made: dict[str, World]) -> None:
        binance, bybit = made["binance"].exchange, made["bybit"].exchange
        await attached.scenario("deposit", user="futures", asset="BTC", quantity="2")
        await attached.scenario("deposit", venue="bybit", asset="BTC", quantity="0.5")
        await attached.scenario("deposit", asset="BTC", quantity="4")
        spots = [exchange.truth(user).spot["BTC"] for exchange, user in ((binance, "vault"), (bybit, "futures"))]
        assert spots == [5, D("3.5")], "nobody named is the first user of the first venue"
        await attached.scenario("set_index", base="BTC", price="61000")
        assert [e.floor.coin_index("BTC") for e in (binance, bybit)] == [61_000, 61_000]
        await attached.scenario("set_index", venue="bybit", base="BTC", price="62000")
        assert [e.floor.coin_index("BTC") for e in (binance, bybit)] == [61_000, 62_000]
        await attached.scenario("set_funding_rate", venue="bybit", symbol="BTCUSDT", rate="0.01")
        rates = [exchange.floor.tracker("BTCUSDT").forced_rate for exchange in (binance, bybit)]
        assert rates == [None, D("0.01")]
        for wrong in ({"venue": "okx"}, {"user": "nobody"}):
            with pytest.raises(GiveUp, match="missing or unusable"):
                await attached.scenario("set_funding_rate", symbol="BTCUSDT", rate="0", **wrong)
        with pytest.raises(GiveUp, match="bybit has no such thing"):
            await attached.scenario("expire_listen_key", user="futures")

    on_two_venues(tmp_path, look)
