"""What `make bench` measures exists: an order goes past every station of its stage, in turn."""

import asyncio
from itertools import pairwise
from pathlib import Path

from bench.order_stage import STATIONS, Stamps, staged
from hedger.sim.dialects.binance.hosts import HOSTS
from hedger.sim.tls import make_certificates


def test_an_order_of_the_bench_passes_every_station_in_turn(tmp_path: Path) -> None:
    async def two() -> list[Stamps]:
        async with staged(tmp_path, make_certificates(tmp_path, HOSTS)) as stage:
            orders = [await stage.order() for _ in range(2)]
            assert len(stage.commits) == 2
            return orders

    for stamps in asyncio.run(two()):
        assert tuple(stamps) == STATIONS
        assert all(before <= after for before, after in pairwise(stamps.values()))
