"""One window of one world fault: where it happens, whose hands act, and how acts are put on the schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from hedger.model.numeric import ONE, ZERO
from hedger.sim.exchange import Exchange
from hedger.sim.faults.hands import Hands
from hedger.sim.faults.plan import Window
from hedger.sim.faults.strikes import Strikes
from hedger.sim.nouns import Listing
from hedger.sim.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`hands` act on the account that was drawn, `others` on the rest; `symbol` is the contract that was drawn."""

    world: World
    strikes: Strikes
    code: str
    window: Window
    rng: Random
    hands: Hands
    others: list[Hands]
    symbol: str
    foreign: set[str]

    @property
    def exchange(self) -> Exchange:
        """The exchange on which it happens."""
        return self.world.exchange

    @property
    def listing(self) -> Listing:
        """The rules of the drawn contract as they are now."""
        return self.hands.listing(self.symbol)

    @property
    def span_ms(self) -> int:
        """How long the window is, in ms."""
        return self.window.end_at - self.window.start_at

    def strike(self, detail: str) -> None:
        """The fault had its effect."""
        self.strikes.tell(self.code, detail)

    def at_the_end(self, happen: Callable[[], None]) -> None:
        """Have something happen when the window closes."""
        self.exchange.schedule(self.window.end_at - 1, happen)

    def every(self, least_ms: int, most_ms: int, happen: Callable[[], None], *, surely: bool = False) -> None:
        """Have something happen again and again until the window closes; not `surely`: with the plan's chance."""

        def again() -> None:
            if self.exchange.now >= self.window.end_at - 1:
                return
            if surely or self.rng.random() < self.strikes.plan.chance(self.code):
                happen()
            self.exchange.schedule(self.exchange.now + self.rng.randint(least_ms, most_ms), again)

        again()

    def coin(self) -> Decimal:
        """What the account holds of the drawn contract's coin in its spot wallet."""
        account = self.exchange.floor.account(self.hands.user)
        return account.spot.get(self.listing.base, ZERO)

    def position(self) -> Decimal:
        """The account's position in the drawn contract, in units."""
        return self.exchange.floor.account(self.hands.user).holding(self.symbol).quantity

    def units(self, coins: Decimal) -> Decimal:
        """How many units of the drawn contract are so many coins at its mark; not on the grid."""
        listing = self.listing
        one = listing.coins(ONE, self.exchange.floor.marks[self.symbol])
        return coins if one == 1 else coins / one

    def part(self, quantity: Decimal, least: float, most: float) -> Decimal:
        """A part of a quantity on the contract's grid, at least one lot."""
        lot = self.listing.lot_size
        wanted = abs(quantity) * Decimal(str(round(self.rng.uniform(least, most), 4)))
        return max(lot, wanted // lot * lot)

    def mid(self) -> Decimal:
        """The middle of the drawn contract's book on its grid, or the mark."""
        floor, tick = self.exchange.floor, self.listing.tick_size
        mid = floor.mid(floor.contract(self.symbol)) or floor.marks[self.symbol]
        return mid // tick * tick
