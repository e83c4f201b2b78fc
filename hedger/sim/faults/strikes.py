"""When a fault strikes: the plan's chance at each opportunity, told to whoever counts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hedger.sim.faults.plan import Plan, Window
from hedger.sim.happenings import Struck, Tell


class Strikes:
    """One account's faults. `now` is the true time, in ms; each fault draws from a chance of its own."""

    def __init__(self, plan: Plan, account: str, tell: Tell, now: Callable[[], int]) -> None:
        self.plan = plan
        self._account, self._tell, self._now = account, tell, now
        self._chances: dict[str, Random] = {}
        self._noted: set[tuple[str, int]] = set()

    @property
    def now(self) -> int:
        """The true time in ms since 1970."""
        return self._now()

    @property
    def left_s(self) -> float:
        """How much of the phase is left in which faults strike, in seconds."""
        return max(0.0, (self.plan.ends_at - self.now) / 1000)

    def active(self, code: str) -> bool:
        """Whether a window of a fault is open."""
        return self.plan.active(code, self.now)

    def window(self, code: str) -> Window | None:
        """The window of a fault that is open now."""
        return self.plan.window(code, self.now)

    def variant(self, code: str, of: int) -> int:
        """Which of a fault's forms the open window has."""
        return self.plan.variant(code, self.now, of)

    def draw(self, code: str) -> Random:
        """A fault's own chance on this account."""
        if code not in self._chances:
            self._chances[code] = self.plan.random(code, self._account)
        return self._chances[code]

    def due(self, code: str) -> bool:
        """Whether a fault strikes at this opportunity; nothing is told yet."""
        return self.active(code) and self.draw(code).random() < self.plan.chance(code)

    def hits(self, code: str, detail: str) -> bool:
        """Whether a fault strikes at this opportunity; told if it does."""
        struck = self.due(code)
        if struck:
            self.tell(code, detail)
        return struck

    def tell(self, code: str, detail: str) -> None:
        """A fault had its effect."""
        self._tell(Struck(at=self.now, account=self._account, code=code, detail=detail))

    def tell_once(self, code: str, detail: str) -> None:
        """A fault that is a state of things had its effect: told once in a window."""
        window = self.window(code)
        key = (code, window.start_at if window is not None else 0)
        if key not in self._noted:
            self._noted.add(key)
            self.tell(code, detail)
