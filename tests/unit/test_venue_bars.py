"""The past is proven whole, and a coin is gone, only by what every venue's rows must show."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from hedger.model.spans import HOUR_MS
from hedger.venues.bars import JITTER_MS, Settled, by_length, closed_bars, full_hour, settlements
from hedger.venues.vanished import VANISHED_MS, Vanished, listed_twice

HOUR = 1_790_000_000_000 // HOUR_MS * HOUR_MS
RATE, TEN = Decimal("0.0001"), Decimal(10)


def test_a_settlement_belongs_to_the_hour_that_it_is_near() -> None:
    assert full_hour(HOUR + JITTER_MS) == full_hour(HOUR - JITTER_MS) == HOUR
    for at in (HOUR + JITTER_MS + 1, HOUR - JITTER_MS - 1):
        with pytest.raises(ValueError, match="at no full hour"):
            full_hour(at)


def test_a_settlement_pays_for_the_time_since_the_one_before_it() -> None:
    told = [Settled(HOUR - hours * HOUR_MS, RATE, "X") for hours in (12, 4, 0)]
    assert [rate.interval_ms // HOUR_MS for rate in settlements(told, "X", HOUR)] == [8, 4]
    with pytest.raises(ValueError, match="missing"):
        settlements(told, "X", HOUR, every_hours=(8,))


def test_bars_that_run_still_are_left_out_and_those_that_cannot_be_are_refused() -> None:
    rows = [(HOUR + n * HOUR_MS, TEN, TEN, TEN, TEN) for n in range(4)]
    assert [bar.opened_at for bar in closed_bars(rows, HOUR_MS, 2, HOUR + 3 * HOUR_MS)] == [rows[1][0], rows[2][0]]
    rows[2] = (rows[2][0], TEN, TEN, TEN, TEN + 1)
    with pytest.raises(ValueError, match="cannot be"):
        closed_bars(rows, HOUR_MS, 2, HOUR + 3 * HOUR_MS)


def test_a_length_is_read_from_the_name_of_an_interval() -> None:
    assert by_length("5m", "12h", "1d") == {300_000: "5m", 12 * HOUR_MS: "12h", 24 * HOUR_MS: "1d"}


def test_two_lists_that_name_other_coins_are_not_believed() -> None:
    lists = [{"ETH": TEN}, {"SOL": TEN}]

    async def listed() -> dict[str, Decimal]:
        return lists.pop(0)

    async def told_twice() -> None:
        await listed_twice(listed, frozenset({"BTC"}))

    with pytest.raises(ValueError, match="name other coins"):
        asyncio.run(told_twice())


def test_a_coin_that_was_held_is_gone_only_after_half_a_minute() -> None:
    vanished, ours = Vanished(), frozenset({"BTC"})
    assert vanished.believe({"BTC": TEN}, ours, HOUR) == {"BTC": TEN}
    for now in (HOUR + 1, HOUR + VANISHED_MS):
        with pytest.raises(ValueError, match="held BTC"):
            vanished.believe({}, ours, now)
    assert vanished.believe({}, ours, HOUR + VANISHED_MS + 1) == {"BTC": Decimal(0)}
