"""Shocks of the market: jumps, trends, a basis that opens, a quote currency that loses its worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hedger.sim.fair import Weather
from hedger.sim.faults.scene import Scene

FIFTH = 0.2
STEPS = 12


def jump(scene: Scene) -> None:
    """M01: a fifth up or down in the window, in a dozen steps."""
    sign = scene.rng.choice((-1, 1))
    _move(scene, scene.listing.base, (1 + sign * FIFTH) ** (1 / STEPS) - 1, min(scene.span_ms, 60_000))
    scene.strike(f"{scene.listing.base} moves {sign * FIFTH:+.0%} in a minute")


def trend(scene: Scene) -> None:
    """M02: prices go one way for the window."""
    drift = scene.rng.choice((-1, 1)) * 250.0
    weather = Weather(name="trend", volatility=0.3, drift=drift)
    scene.world.market.fair.set_weather(weather, scene.span_ms / 1000)
    scene.strike(f"a drift of {drift} a year")


def basis(scene: Scene) -> None:
    """M05: perpetuals part from spot by a tenth."""
    fair, size = scene.world.market.fair, scene.rng.choice((-0.1, 0.1))
    fair.extra_basis = size
    scene.at_the_end(lambda: _close_basis(scene))
    scene.strike(f"the basis is {size:+.0%}")


def _close_basis(scene: Scene) -> None:
    scene.world.market.fair.extra_basis = 0.0


def depeg(scene: Scene) -> None:
    """M07: the quote currency loses up to a tenth, so every coin costs more of it, and recovers at the end."""
    loss = scene.rng.uniform(0.03, 0.1)
    coins = sorted({listing.base for listing in scene.exchange.floor.board.contracts.values()})
    up = (1 / (1 - loss)) ** (1 / STEPS)
    for coin in coins:
        _move(scene, coin, up - 1, scene.span_ms // 2)
    for coin in coins:
        _move(scene, coin, 1 / up - 1, scene.span_ms // 3, after_ms=scene.span_ms * 6 // 10)
    scene.strike(f"the quote currency is worth {1 - loss:.1%}")


def _move(scene: Scene, coin: str, fraction: float, over_ms: int, *, after_ms: int = 0) -> None:
    """A dozen jumps of a coin's price, spread over a time."""
    for number in range(STEPS):
        at = scene.exchange.now + after_ms + over_ms * number // STEPS
        scene.exchange.schedule(at, lambda: scene.world.market.fair.jump(coin, fraction))


MARKET_ACTS: Mapping[str, Callable[[Scene], None]] = MappingProxyType(
    {"M01": jump, "M02": trend, "M05": basis, "M07": depeg}
)
