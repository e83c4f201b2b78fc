"""The venues of a simulation: an exchange for each, its part of the plan, and a house for each account."""

from __future__ import annotations

import asyncio

from hedger.sim.breakable import BreakableVenue
from hedger.sim.checkers.witness import Witness
from hedger.sim.exchange import Exchange
from hedger.sim.fair import CALM
from hedger.sim.faults.clocks import SkewedClock
from hedger.sim.faults.house import House
from hedger.sim.faults.plan import Plan, plan_at
from hedger.sim.faults.world import WorldFaults
from hedger.sim.happenings import Tell
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.staging import Staging
from hedger.sim.virtual_time import VirtualClock

CALM_S = 86_400


class Venues:
    """Every venue of a run. `exchange` is the first one: all have one time, and one price of each coin."""

    def __init__(self, staging: Staging, plan: Plan, clock: VirtualClock, tell: Tell) -> None:
        self._staging, self._clock, self._tell = staging, clock, tell
        self.worlds = staging.worlds()
        self.plans = {venue: plan_at(plan, venue, tuple(self.worlds)) for venue in self.worlds}
        self.houses = {account: self._house(account, user) for account, user in staging.users.items()}
        self.exchange = next(iter(self.worlds.values())).exchange
        self._faults = [self._faults_of(venue) for venue in self.worlds]

    def _house(self, account: str, user: str) -> House:
        plan = self.plans[self._staging.venue_of(account)]
        return House(self.exchange_of(account), self._clock, plan, self._tell, account=account, user=user)

    def _faults_of(self, venue: str) -> WorldFaults:
        users = self._staging.users
        here = {account: user for account, user in users.items() if self._staging.venue_of(account) == venue}
        beside = tuple(account for account in users if account not in here)
        plan = self.plans[venue]
        return WorldFaults(world=self.worlds[venue], plan=plan, tell=self._tell, users=here, beside=beside)

    def exchange_of(self, account: str) -> Exchange:
        """The exchange that an account is on."""
        return self.worlds[self._staging.venue_of(account)].exchange

    def accounts_at(self, venue: str) -> list[str]:
        """The accounts on a venue."""
        return [account for account in self._staging.users if self._staging.venue_of(account) == venue]

    def witness(self) -> Witness:
        """Who sees all of the exchanges."""
        others = {account: self.exchange_of(account) for account in self._staging.users}
        return Witness(self.exchange, self._staging.policy, self._staging.users, others)

    def begin(self) -> list[asyncio.Task[None]]:
        """Put the faults of the worlds on their schedules, and keep the exchanges at the clock's time."""
        for faults in self._faults:
            faults.begin()
        step_ms = self._staging.pace.drive_ms
        worlds = self.worlds.values()
        return [asyncio.create_task(drive(world.exchange, self._clock, step_ms=step_ms)) for world in worlds]

    def troubled(self, at: int) -> bool:
        """Whether faults may strike somewhere at a time (ms)."""
        return any(at < house.strikes.plan.ends_at for house in self.houses.values())

    def advance(self, at: int) -> None:
        """Let every exchange live until a time (ms), event by event: whoever is told of one sees all of them then."""
        exchanges = [world.exchange for world in self.worlds.values()]
        while (due_at := min(exchange.next_at() for exchange in exchanges)) <= at:
            for exchange in exchanges:
                exchange.advance(due_at)
        for exchange in exchanges:
            exchange.advance(at)

    def calm_down(self) -> None:
        """From now on the owner's coins rest, and the market is calm: from one moment on all of them, or their prices
        part."""
        if len(self.worlds) > 1:
            self.advance(self._clock.now_ms())
        fair = [[world.market.fair.price(coin) for coin in self._staging.coins] for world in self.worlds.values()]
        assert all(prices == fair[0] for prices in fair), f"the venues have different prices: {fair}"
        for world in self.worlds.values():
            if world.scenario is not None:
                world.scenario.stop()
            world.market.fair.set_weather(CALM, CALM_S)

    def connect(self, account: str, own: SkewedClock, seed: int) -> BreakableVenue:
        """A process's connection to an account, through the faults; `own` is the process's clock."""
        inner = SimVenue(
            self.exchange_of(account),
            self._clock,
            SteadyLink(self._clock, seed),
            account=account,
            user=self._staging.users[account],
            hint_interval_ms=self._staging.pace.hint_ms,
        )
        house = self.houses[account]
        return BreakableVenue(inner, house.strikes.plan, self._clock, self._tell, house=house, own=own)
