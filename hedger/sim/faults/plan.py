"""Which faults strike in a run, how often and when: a pure function of the seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from hedger.sim.faults.catalogue import CATALOGUE, Kind, Layer

DENSITIES = (0.05, 0.1, 0.2, 0.35)  # the share of the catalogue that a swarm takes
SHAPES = ("burst", "long", "long", "rare")
EVERYWHERE = frozenset({"M01", "M02", "M07"})  # what a price does it does on every venue


class Window(NamedTuple):
    """From a moment until another, in ms since 1970; the end is not part of it."""

    start_at: int
    end_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One fault of a run: the chance that it strikes at an opportunity while one of its windows is open."""

    code: str
    chance: float
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The faults of one run. Until `ends_at` (ms) they may strike, from then on none does."""

    seed: int
    start_at: int
    ends_at: int
    doses: Mapping[str, Dose]

    @property
    def codes(self) -> tuple[str, ...]:
        """The faults of this run, in the catalogue's order."""
        return tuple(code for code in CATALOGUE if code in self.doses)

    def active(self, code: str, at: int) -> bool:
        """Whether a fault may strike at a moment (ms)."""
        return self.window(code, at) is not None

    def window(self, code: str, at: int) -> Window | None:
        """The window of a fault that is open at a moment (ms)."""
        dose = self.doses.get(code)
        if dose is None or at >= self.ends_at:
            return None
        return next((w for w in dose.windows if w.start_at <= at < w.end_at), None)

    def chance(self, code: str) -> float:
        """How likely a fault strikes at an opportunity in its windows; 0 for one that is not in the plan."""
        dose = self.doses.get(code)
        return dose.chance if dose is not None else 0.0

    def random(self, code: str, what: str) -> Random:
        """A fault's own chance for one purpose: another fault in the plan does not shift it."""
        return Random(f"{self.seed}/{code}/{what}")

    def variant(self, code: str, at: int, of: int) -> int:
        """Which of `of` forms a fault has in the window that is open at a moment: the same throughout the window."""
        window = self.window(code, at)
        return self.random(code, f"variant/{window.start_at if window else 0}").randrange(of)

    def digest(self) -> str:
        """The plan in a few characters: equal plans, equal digests, in every process."""
        told = (self.seed, self.start_at, self.ends_at, [(d.code, d.chance, d.windows) for d in self.doses.values()])
        return blake2b(repr(told).encode(), digest_size=8).hexdigest()


def plan_of(
    seed: int, codes: Iterable[str] | None, seconds: float, *, start_at: int = 0, beside: Iterable[str] = ()
) -> Plan:
    """The plan of a seed for a phase of so many seconds from `start_at` (ms).

    Without `codes` the seed chooses which faults there are, as a swarm: from a few to a third of the catalogue, and
    those of `beside`. A code that is not in the catalogue raises KeyError.
    """
    ends_at = start_at + int(seconds * 1000)
    chosen = [*_swarm(seed), *beside] if codes is None else [CATALOGUE[code].code for code in codes]
    doses = {code: _dose(seed, CATALOGUE[code], start_at, ends_at) for code in CATALOGUE if code in chosen}
    return Plan(seed=seed, start_at=start_at, ends_at=ends_at, doses=doses)


def plan_at(plan: Plan, venue: str, venues: Sequence[str]) -> Plan:
    """What of a plan befalls one of several venues: each window of a fault is of one of them, or of all. With one
    venue, and for what a price does, that is everything."""
    if len(venues) == 1:
        return plan
    doses = {}
    for code, dose in plan.doses.items():
        windows = tuple(w for w in dose.windows if venue in _struck(plan, code, w, venues))
        if windows:
            doses[code] = replace(dose, windows=windows)
    return replace(plan, doses=doses)


def _struck(plan: Plan, code: str, window: Window, venues: Sequence[str]) -> Sequence[str]:
    """The venues that a window is of."""
    if CATALOGUE[code].layer not in (Layer.VENUE, Layer.WORLD) or code in EVERYWHERE:
        return venues
    alone = [(venue,) for venue in venues]
    return plan.random(code, f"venue/{window.start_at}").choice([*alone, *alone, tuple(venues)])


def constant_plan(codes: Iterable[str], start_at: int, ends_at: int, *, seed: int = 1, chance: float = 1.0) -> Plan:
    """A plan whose faults may strike at any moment from `start_at` to `ends_at` (ms)."""
    windows = (Window(start_at, ends_at),)
    doses = {code: Dose(code=code, chance=chance, windows=windows) for code in CATALOGUE if code in set(codes)}
    return Plan(seed=seed, start_at=start_at, ends_at=ends_at, doses=doses)


def _swarm(seed: int) -> list[str]:
    density = Random(f"{seed}/swarm").choice(DENSITIES)
    return [c for c, kind in CATALOGUE.items() if Random(f"{seed}/swarm/{c}").random() < density * kind.share]


def _dose(seed: int, kind: Kind, start_at: int, ends_at: int) -> Dose:
    """A burst strikes often in a few windows, a long one less often for a good part of the phase, a rare one seldom
    at any time. What is either there or not comes in bursts only."""
    rng = Random(f"{seed}/plan/{kind.code}")
    chance, phase = rng.uniform(*kind.chance), ends_at - start_at
    shape = rng.choice(SHAPES) if kind.chance[0] < 1.0 else "burst"
    if shape == "rare":
        return Dose(code=kind.code, chance=chance * 0.15, windows=(Window(start_at, ends_at),))
    if shape == "long":
        windows = (_window(rng, start_at, ends_at, int(phase * rng.uniform(0.3, 0.9))),)
        return Dose(code=kind.code, chance=chance * 0.6, windows=windows)
    spans = [int(rng.uniform(*kind.span_s) * 1000) for _ in range(rng.randint(*kind.windows))]
    opened = sorted(_window(rng, start_at, ends_at, min(span, phase // 2)) for span in spans)
    return Dose(code=kind.code, chance=chance, windows=_apart(opened))


def _window(rng: Random, start_at: int, ends_at: int, span_ms: int) -> Window:
    begin = start_at + int(rng.random() * max(1, ends_at - start_at - span_ms))
    return Window(begin, min(begin + max(1, span_ms), ends_at))


def _apart(windows: list[Window]) -> tuple[Window, ...]:
    """Windows that do not overlap: a later one begins where the earlier one ends, or goes."""
    apart: list[Window] = []
    for window in windows:
        start_at = max(window.start_at, apart[-1].end_at if apart else window.start_at)
        if start_at < window.end_at:
            apart.append(Window(start_at, window.end_at))
    return tuple(apart)
