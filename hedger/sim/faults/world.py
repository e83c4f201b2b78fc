"""What happens on the exchange itself while a plan lasts: shocks of the market, and other hands on the accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from hedger.sim.faults.catalogue import CATALOGUE, Layer
from hedger.sim.faults.foreign import ACCOUNT_ACTS
from hedger.sim.faults.hands import Hands
from hedger.sim.faults.market import MARKET_ACTS
from hedger.sim.faults.plan import Plan, Window
from hedger.sim.faults.scene import Scene
from hedger.sim.faults.strikes import Strikes
from hedger.sim.happenings import Tell
from hedger.sim.world import World

Act = Callable[[Scene], None]
ACTS: Mapping[str, Act] = {**MARKET_ACTS, **ACCOUNT_ACTS}


@dataclass(slots=True, kw_only=True)
class WorldFaults:
    """Puts a plan's world faults on the exchange's schedule. `users` are the exchange's names of the accounts.

    A fault of the market happens once; a fault of an account happens to one of them, or to two where coins travel.
    `foreign` are the ids of orders of another hand, which no hedger may touch. `beside` are the accounts on other
    exchanges: they count where chance picks one, so that what strikes every exchange is the same on each.
    """

    world: World
    plan: Plan
    tell: Tell
    users: Mapping[str, str]
    foreign: set[str] = field(default_factory=set)
    beside: Collection[str] = ()

    def begin(self) -> None:
        """Put everything on the schedule: to be called once, before time moves."""
        exchange = self.world.exchange
        for code in self.plan.codes:
            if CATALOGUE[code].layer is Layer.WORLD:
                for number, window in enumerate(self.plan.doses[code].windows):
                    at = max(window.start_at, exchange.now)
                    exchange.schedule(at, self._act(code, number, window))

    def _act(self, code: str, number: int, window: Window) -> Callable[[], None]:
        return lambda: ACTS[code](self._scene(code, number, window))

    def _scene(self, code: str, number: int, window: Window) -> Scene:
        exchange = self.world.exchange
        rng = self.plan.random(code, f"act/{number}")
        accounts = sorted({*self.users, *self.beside})
        rng.shuffle(accounts)
        accounts = [account for account in accounts if account in self.users]
        hands = [Hands(exchange, self.users[account]) for account in accounts]
        return Scene(
            world=self.world,
            strikes=Strikes(self.plan, accounts[0], self.tell, lambda: exchange.now),
            code=code,
            window=window,
            rng=rng,
            hands=hands[0],
            others=hands[1:],
            symbol=rng.choice(self._lasting(window)),
            foreign=self.foreign,
        )

    def _lasting(self, window: Window) -> list[str]:
        """The contracts that are there as long as a window is open."""
        listed = self.world.exchange.floor.board.contracts.values()
        return sorted(c.symbol for c in listed if c.expiry_at is None or c.expiry_at > window.end_at + 60_000)
