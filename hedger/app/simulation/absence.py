"""After the faults: one venue of two goes away for a while, and within five minutes the other carries the hedge."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Protocol

from hedger.app.simulation.process import Process
from hedger.app.simulation.venues import Venues
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.numeric import ZERO
from hedger.sim.checkers.ends import off_target
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.witness import Witness, name_of
from hedger.sim.faults.plan import constant_plan
from hedger.sim.nouns import Wallet
from hedger.sim.several import OUTAGES
from hedger.sim.staging import Staging
from hedger.sim.virtual_time import VirtualClock

WITHIN_S = 300.0
STEP_S = 2.0
SPAN_S = (360.0, 1_200.0)
LONG_S = (3_600.0, 9_000.0)
CENT = Decimal("0.01")


def left_over(state: State, policy: Policy) -> str:
    """What is still to be learned of a venue that was away; nothing once it is there again: every account was read
    lately, and of each order the end and the executions are known."""
    limit = min(hedge.guards.account_age for hedge in policy.hedges)
    away = [name for name, view in state.accounts.items() if state.now - view.believed_at > limit]
    canceled = (order for order in state.orders.values() if order.status is OrderStatus.PENDING_CANCEL)
    orders = [*canceled, *(order for order in state.orders.values() if order.fills_missing)]
    lost = f"of {orders[0].client_order_id} the end or executions are not known" if orders else ""
    return f"accounts {away} are out of sight" if away else lost


class Stage(Protocol):
    """The run in which it happens."""

    staging: Staging
    venues: Venues
    witness: Witness
    clock: VirtualClock
    process: Process | None

    def take_what_rests(self) -> None:
        """What is quoted at the touch gets filled."""


class Absence:
    """One outage of a venue: a partition, a maintenance or a ban. Coins come meanwhile, and one time in three its venue
    takes a part of what is held there, or the daemon is killed. `found` gets what the other should have done."""

    def __init__(self, stage: Stage, rng: Random, found: Callable[[Finding], None]) -> None:
        self._stage, self._found, self._rng = stage, found, rng
        self._code, self._venue = rng.choice(OUTAGES), rng.choice(list(stage.venues.worlds))
        self._fate = rng.choice(("", "", "", "", "taken", "killed"))
        calm = stage.staging.pace.flow_ms > 1_000
        self._span_s = rng.uniform(*(LONG_S if calm and rng.random() < 0.2 else SPAN_S))

    async def happen(self) -> None:
        """From the last moments before it goes until it is there again."""
        self._move_coins()
        await self._pass(self._rng.uniform(0, 30))
        begun_at = self._now
        houses = [self._stage.venues.houses[account] for account in self._gone]
        plans = [house.strikes.plan for house in houses]
        until_at = begun_at + int(self._span_s * 1000)
        for house, plan in zip(houses, plans, strict=True):
            house.strikes.plan = constant_plan((self._code,), begun_at, until_at, seed=plan.seed + begun_at)
        await self._strike()
        self._move_coins()
        await self._watched(until_at)
        for house, plan in zip(houses, plans, strict=True):
            house.strikes.plan = plan

    @property
    def _now(self) -> int:
        return self._stage.clock.now_ms()

    @property
    def _gone(self) -> list[str]:
        return self._stage.venues.accounts_at(self._venue)

    async def _pass(self, seconds: float) -> None:
        until_at = self._now + int(seconds * 1000)
        while self._now < until_at:
            self._stage.take_what_rests()
            await self._stage.clock.sleep(STEP_S)

    async def _strike(self) -> None:
        """What else happens: a part of a position is taken, or the process ends."""
        if self._fate == "killed" and self._stage.process is not None:
            self._stage.process.kill()
        if self._fate == "taken":
            await self._pass(self._rng.uniform(0, 120))
            for hedge in self._stage.staging.policy.hedges:
                for id in (id for id in hedge.instruments if id.account in self._gone):
                    position = self._stage.witness.position(id)
                    part = abs(position * Decimal(self._rng.choice(("0.3", "1")))).quantize(CENT, ROUND_DOWN)
                    if part:
                        user = self._stage.staging.users[id.account]
                        self._stage.venues.exchange_of(id.account).deleverage(user, name_of(id), part)

    def _move_coins(self) -> None:
        """Coins come, of each hedge a few bands; they go where the venue that goes is long, or loses its positions."""
        staging = self._stage.staging
        holder = next(account for account, user in staging.users.items() if user == staging.owner)
        exchange = self._stage.venues.exchange_of(holder)
        for hedge in staging.policy.hedges:
            held = exchange.spot_balances(staging.owner)[hedge.underlying][0]
            part = (held * Decimal(self._rng.choice(("0.03", "0.08", "0.15")))).quantize(CENT, ROUND_DOWN)
            go = self._is_long(hedge) or self._fate == "taken"
            exchange.deposit(staging.owner, Wallet.SPOT, hedge.underlying, -part if go else part)

    def _is_long(self, hedge: Hedge) -> bool:
        ids = (id for id in hedge.instruments if id.account in self._gone)
        return sum((self._stage.witness.position(id) for id in ids), ZERO) > 0

    # --- what is looked at ------------------------------------------------------------------------------------------

    async def _watched(self, until_at: int) -> None:
        """Until it is over; where the others may go on, they have hedged what came within five minutes."""
        judged = [hedge for hedge in self._stage.staging.policy.hedges if self._may_go_on(hedge)]
        due_at = self._now + int(WITHIN_S * 1000)
        if judged and not self._fate and due_at < until_at:
            while self._now < due_at and any(self._lacks(hedge) for hedge in judged):
                self._stage.take_what_rests()
                await self._stage.clock.sleep(STEP_S)
            for hedge in judged:
                self._judge(hedge)
        await self._pass((until_at - self._now) / 1000)

    def _may_go_on(self, hedge: Hedge) -> bool:
        """Whether by the owner's wishes the other venue carries the hedge for five minutes and what comes before."""
        policy = self._stage.staging.policy
        traded = {account for account in self._gone if any(id.account == account for id in hedge.instruments)}
        known_ms = hedge.guards.account_age + int((WITHIN_S + 60) * 1000)
        return policy.may_miss.issuperset(traded) and self._spares(hedge, traded) and hedge.failover.blind_ms > known_ms

    def _spares(self, hedge: Hedge, traded: Collection[str]) -> bool:
        """Whether no coin that counts is where nobody sees it."""
        return not set(self._gone) & set(hedge.spot_accounts) and bool(traded)

    def _lacks(self, hedge: Hedge) -> Decimal:
        """How far the true delta is outside its band, orders that are lost with the venue left out: what they are for
        has to wait for it."""
        price = self._stage.venues.exchange.premium(f"{hedge.underlying}USDT").index_price
        process = self._stage.process
        state = process.daemon.state if process is not None and process.running else None
        return max(ZERO, off_target(self._stage.witness, hedge, price) - self._reserved(hedge, state))

    def _reserved(self, hedge: Hedge, state: State | None) -> Decimal:
        orders = state.orders.values() if state is not None else ()
        lost = (
            order for order in orders if order.live and order.id.account in self._gone and order.hedge == hedge.name
        )
        return sum((order.quantity - order.filled for order in lost), ZERO)

    def _judge(self, hedge: Hedge) -> None:
        process, lacks = self._stage.process, self._lacks(hedge)
        if not lacks or process is None or not process.running:
            return
        state = process.daemon.state
        views = [state.accounts[account] for account in self._gone if account in hedge.may_miss]
        if any(view.doubted is not None or view.mistrusted for view in views):
            return  # what was read last of it is not believed, so that nothing may be built on it
        decision = state.hedges[hedge.name].decision
        why = f"{decision.reason.value} {decision.detail}" if decision is not None else "nothing decided"
        gone = f"{self._code} at venue {self._venue} for {self._span_s:.0f} s"
        text = f"{gone}: hedge {hedge.name} is {lacks} outside: {why}"
        self._found(Finding(invariant="I26", at=self._now, sentence=text))
