"""The page of metrics is the library's own, to the byte, and costs a fraction of it."""

import time
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from hedger.engine.step import Result
from hedger.model.message import Stamped, TimePassed
from hedger.ops.exposition import Exposition
from hedger.ops.meters import Declaring
from hedger.ops.metrics import Metrics
from tests.support.ops_states import hedging_state, perpetual, policy, quote

PLAIN, OPEN = "text/plain", "application/openmetrics-text; version=1.0.0"
FORMATS = pytest.mark.parametrize("accept", [PLAIN, OPEN], ids=["plain", "openmetrics"])


def by_library(registry: CollectorRegistry, accept: str) -> bytes:
    encode, _ = choose_encoder(accept)
    return encode(registry)


@FORMATS
def test_the_page_is_to_the_byte_what_the_library_writes(accept: str) -> None:
    disable_created_metrics()
    registry = CollectorRegistry()
    on, exposition = Declaring(registry), Exposition(registry)
    plain, many = on.gauge("plain", "No labels."), on.counter("many", 'A "quote" and a \\ in it.', ("b", "a"))
    times, asked = (
        on.histogram("times_seconds", "Buckets.", ("what",), buckets=(0.1, 1, 20_000_000)),
        on.gauge("asked", ""),
    )
    on.gauge("empty", "Without a series.", ("a",))
    held = [1.0]
    asked.set_function(lambda: held[0])
    steps: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: plain.set(float("nan")),
        lambda: many.labels('x"y\nz\\', "é").inc(2_500_000.5),
        lambda: times.labels("a").observe(0.5),
        lambda: plain.set(float("-inf")),
        lambda: many.labels("second", "one").inc(),  # a series that was not there before
        lambda: times.labels("b").observe(5),
        lambda: times.labels("a").observe(1e9),
        lambda: held.__setitem__(0, 12_345_678.0),
        lambda: plain.set(1e-9),
    )
    for change in steps:
        change()
        content_type, page = exposition.page(accept)
        assert page == by_library(registry, accept)
        assert content_type == choose_encoder(accept)[1]


@FORMATS
def test_the_hedgers_own_page_is_the_librarys_but_for_the_process(accept: str) -> None:
    metrics = Metrics(policy("BTC", "ETH"))
    exposition, state = Exposition(metrics.registry), hedging_state(policy("BTC", "ETH"))
    for ms in range(0, 2_000, 500):
        state = state._replace(now=state.now + ms, quotes={perpetual("BTC"): (quote(bid=str(64_000 + ms)), state.now)})
        metrics.observe(state, Stamped(state.now, TimePassed()), Result(state, (), ()), 1e-5)
        shown, wanted = (
            without_process(text) for text in (exposition.page(accept)[1], by_library(metrics.registry, accept))
        )
        assert shown == wanted
        assert len(shown) > 1_000


def without_process(page: bytes) -> list[str]:
    return [line for line in page.decode().splitlines() if not line.startswith("process_")]


def test_a_page_of_twenty_hedges_costs_a_third_of_the_librarys_at_most() -> None:
    metrics = Metrics(policy(*(f"C{number:02}" for number in range(20))))
    exposition = Exposition(metrics.registry)
    exposition.page(PLAIN)
    ours = min(seconds(lambda: exposition.page(PLAIN)) for _ in range(5))
    theirs = min(seconds(lambda: by_library(metrics.registry, PLAIN)) for _ in range(3))
    assert ours < theirs / 3, f"{ours * 1e3:.1f} ms, and {theirs * 1e3:.1f} ms by the library"


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
