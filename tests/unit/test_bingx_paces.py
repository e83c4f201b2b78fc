"""BingX is asked each question as often as it allows, and orders never wait for a question."""

import asyncio
from typing import Any

from hedger.venues.bingx.paces import SPAN_MS, keep_pace


class Leaping:
    """A clock that is where a sleeper wants to be, at once."""

    speed = 1.0

    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.now

    def span(self, seconds: float) -> float:
        return seconds

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


class Client:
    """Notes when each request left."""

    def __init__(self, clock: Leaping) -> None:
        self.left: list[tuple[str, str, int]] = []
        self._clock = clock

    async def request(self, path: str, api: list[str], method: str, *_more: Any, **_named: Any) -> None:
        self.left.append((method, path, self._clock.now))


def left(asked: list[tuple[str, str, str]]) -> list[int]:
    """When each request left, from the first one on."""
    clock = Leaping()
    client = Client(clock)
    keep_pace(client, clock)

    async def scenario() -> None:
        for method, family, path in asked:
            await client.request(path, family.split("/"), method, {}, config={})

    begun = clock.now
    asyncio.run(scenario())
    assert [(method, path) for method, path, _ in client.left] == [(method, path) for method, _, path in asked]
    return [at - begun for *_, at in client.left]


def most_in_a_second(moments: list[int]) -> int:
    return max(sum(at <= other < at + 1_000 for other in moments) for at in moments)


def test_a_mode_is_asked_for_twice_a_second_and_anything_else_five_times() -> None:
    moments = left([("GET", "swap/v1/private", "positionSide/dual")] * 6)
    assert most_in_a_second(moments) == 2
    assert moments[-1] == 2 * SPAN_MS
    fills = left([("GET", "swap/v2/private", "trade/fillHistory")] * 12)
    assert most_in_a_second(fills) == 5
    assert fills[-1] == 2 * SPAN_MS


def test_setting_a_mode_counts_with_asking_for_it() -> None:
    question = ("swap/v2/private", "trade/marginType")
    moments = left([("GET", *question), ("POST", *question), ("GET", *question)])
    assert most_in_a_second(moments) == 2


def test_no_question_waits_for_another_one_and_no_order_for_any() -> None:
    one_each = [("GET", "swap/v2/private", f"user/{number}") for number in range(20)]
    orders = [(method, "swap/v2/private", "trade/order") for method in ("POST", "DELETE")] * 20
    countdown = [("POST", "swap/v2/private", "trade/cancelAllAfter")] * 5
    prices = [("GET", "swap/v2/public", "quote/depth")] * 20
    assert set(left([*one_each, *orders, *countdown, *prices])) == {0}
