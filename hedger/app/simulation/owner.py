"""An owner who reloads while the daemon runs: narrower guards, smaller orders, wider bands, and in the end all back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Protocol

from hedger.app.daemon import Daemon
from hedger.app.simulation.process import Process
from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Hedge, Policy
from hedger.engine.known.revision import changed_hedges
from hedger.engine.known.state import Mode
from hedger.errors import ConfigError
from hedger.model.message import PolicyChanged
from hedger.runtime.journal import Row
from hedger.runtime.pollers import Polling
from hedger.settings.reachable import check_reachable
from hedger.sim.faults.plan import Plan
from hedger.sim.virtual_time import VirtualClock

EACH = 5  # of so many seeds one has an owner who cannot leave it alone
OF_THOSE = 2
WAITS_S = (30.0, 900.0)
SLICES = ("0.002", "0.01", "0.05")


class Machine(Protocol):
    """The host on which the daemon lives."""

    process: Process | None


class Owner:
    """Reloads now and then, and says each time which policy is in force: the checkers judge by that one.

    It is never looser than what the run began with, so that what was decided before is judged rightly too.
    """

    def __init__(
        self, machine: Machine, plan: Plan, policy: Policy, polling: Polling, in_force: Callable[[Policy, str], None]
    ) -> None:
        self._machine, self._plan, self._policy, self._polling = machine, plan, policy, polling
        self._in_force = in_force
        self._clock = VirtualClock()
        self._rng = plan.random("owner", "reloads")
        self.reloads = 0

    async def run(self) -> None:
        """Until the faults are over; then the first policy is put in force again, as soon as that can be."""
        while (left_s := (self._plan.ends_at - self._clock.now_ms()) / 1000) > 0:
            waits_s = self._rng.uniform(*WAITS_S)
            await self._clock.sleep(min(waits_s, left_s))
            if waits_s < left_s:
                self._reload(_another(self._policy, self._rng))
        while not self._reload(self._policy):
            await self._clock.sleep(1)

    def _reload(self, policy: Policy) -> bool:
        """Whether a running daemon took a policy: one that its instruments cannot do is refused, as in the app."""
        process = self._machine.process
        if process is None or not process.running or process.daemon.state.mode in (Mode.BOOT, Mode.DRAINING):
            return False
        daemon, old = process.daemon, process.daemon.policy
        prices = {id: quote.mid_price for id, (quote, _) in daemon.state.quotes.items()}
        with suppress(ConfigError):
            if policy != self._policy:
                check_reachable(policy, tuple(daemon.state.instruments.values()), prices, daemon.state.now)
            return self._put_in_force(daemon, old, policy)
        return False

    def _put_in_force(self, daemon: Daemon, old: Policy, policy: Policy) -> bool:
        row = Row(self._clock.now_ms(), "reload", str(self.reloads), {"who": "the owner"})
        if daemon.revise(policy, self._polling, row) is not None:
            return False
        self.reloads += 1
        self._in_force(policy, row.key)
        daemon.handle_now(PolicyChanged(digest=row.key, hedges=changed_hedges(old, policy)))
        return True


def is_restless(seed: int) -> bool:
    """Whether the owner of a seed's book changes the configuration while the daemon runs."""
    return seed % EACH == OF_THOSE


def _another(policy: Policy, rng: Random) -> Policy:
    return replace(policy, hedges=tuple(_changed(hedge, rng) for hedge in policy.hedges))


def _changed(hedge: Hedge, rng: Random) -> Hedge:
    def less(value: Decimal) -> Decimal:
        return value * Decimal(rng.choice(("1", "0.75", "0.5")))

    guards = replace(
        hedge.guards, position=less(hedge.guards.position), order_notional=less(hedge.guards.order_notional)
    )
    execution = replace(hedge.execution, slice_quantity=rng.choice((None, *map(Decimal, SLICES))))
    band = hedge.band
    if band.rule not in COMPUTED | OCCASIONAL:
        wider = Decimal(rng.choice(("1", "1.5", "3")))
        band = replace(band, upper=band.upper * wider, lower=band.lower * wider, floor=band.floor * wider)
    return replace(hedge, guards=guards, execution=execution, band=band)
