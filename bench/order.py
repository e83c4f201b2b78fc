"""From the exchange's event to our order received there, in bare round trips over the same TLS; and where it goes."""

from __future__ import annotations

import asyncio
import gc
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from bench.ahead import ahead_of_others
from bench.order_stage import PLACE, Stamps, staged
from bench.rows import Row, median, percentile
from hedger.sim.dialects.binance.hosts import HOSTS
from hedger.sim.network import paper_connector, paper_network
from hedger.sim.tls import Certificates, make_certificates

ORDERS = 200
WARM = 20
PAUSE_S = 0.1  # more often, and the account readings of the fast minutes would pass the weight limit
TARGET = 8.0  # what ccxt.pro and a REST order come to elsewhere, without TLS
PARTS = (
    ("frame to event", "told", "heard"),
    ("step and journal", "heard", "decided"),
    ("lane, build, sign", "decided", "signed"),
    ("send to received", "signed", "received"),
)


def measure() -> list[Row]:
    """Orders, and after each a bare round trip, so that both meet the same machine, as cold as it is between orders."""
    with ahead_of_others() as how:
        bare, orders, commits = asyncio.run(_run())
    totals = [order["received"] - order["told"] for order in orders]
    diskless = [total - commit for total, commit in zip(totals, commits, strict=True)]
    p50 = median(totals) / median(bare)
    parts = (f"{name} {_ms(median([order[until] - order[since] for order in orders]))}" for name, since, until in PARTS)
    return [
        Row(
            name="order: event to order received ÷ bare round trip, p50",
            value=p50,
            unit="×",
            target=f"< {TARGET:.0f}×",
            met=p50 < TARGET,
            detail=f"{_ms(median(totals))} ÷ {_ms(median(bare))} ms, {len(orders)} orders, {how}",
        ),
        Row(
            name="order: the same, p99",
            value=percentile(totals, 0.99) / percentile(bare, 0.99),
            unit="×",
            detail=f"{_ms(percentile(totals, 0.99))} ÷ {_ms(percentile(bare, 0.99))} ms: what the disk makes of it",
        ),
        Row(
            name="order: the same without the commit to disk, p99",
            value=percentile(diskless, 0.99) / percentile(bare, 0.99),
            unit="×",
            detail=f"{_ms(percentile(diskless, 0.99))} ms; at p50 {_ms(median(diskless))} ms",
        ),
        Row(
            name="order: event to order received, p50",
            value=median(totals) * 1e3,
            unit="ms",
            detail=f"{', '.join(parts)} ms; the commit to disk is {_ms(median(commits))} of it",
        ),
    ]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


async def _run() -> tuple[list[float], list[Stamps], list[float]]:
    with tempfile.TemporaryDirectory(prefix="hedger-bench-") as scratch:
        certificates, bare, orders = make_certificates(Path(scratch), HOSTS), [], []
        async with staged(Path(scratch), certificates) as stage, _bare(certificates) as round_trip:
            gc.freeze()  # as the daemon does once it has started
            try:
                for _ in range(WARM + ORDERS):
                    orders.append(await stage.order())
                    await asyncio.sleep(PAUSE_S)
                    bare.append(await round_trip())
            finally:
                gc.unfreeze()
        return bare[WARM:], orders[WARM:], stage.commits[WARM:]


@asynccontextmanager
async def _bare(certificates: Certificates) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Seconds of a small POST and its answer: aiohttp on both ends, one connection kept alive, the same TLS."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.json_response({})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain)
    runner = web.ServerRunner(web.Server(answer), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    network = paper_network(runner.addresses[0][1], certificates.authority)
    async with aiohttp.ClientSession(connector=paper_connector(network)) as session:

        async def round_trip() -> float:
            began = time.perf_counter()
            async with session.post(f"https://fapi.binance.com{PLACE}", json={"a": 1}) as response:
                await response.read()
            return time.perf_counter() - began

        yield round_trip
    await runner.cleanup()
