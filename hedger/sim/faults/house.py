"""The exchange's side of the faults on one account: whom its door turns away, and what its back office forgets.

It outlives the daemon's processes, as a ban does. What a process knows of it is the venue's (`faults/venue.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.model.message import PlaceOrder
from hedger.model.order import RejectReason
from hedger.runtime.ports import Clock
from hedger.sim.exchange import Exchange
from hedger.sim.faults.hands import Hands
from hedger.sim.faults.plan import Plan
from hedger.sim.faults.strikes import Strikes
from hedger.sim.happenings import Accepted, Tell
from hedger.sim.nouns import News, OrderNews, SimOrder, UserTrade, Wallet
from hedger.sim.port import TurnedAway

CONTROL = frozenset({"cancel", "switch"})
UNSIGNED = frozenset({"prices", "clock", "instruments", "candles", "funding_rates"})
ORDERS = frozenset({"place", "cancel", "switch"})
RECEIVE_WINDOW_MS = 5_000
AHEAD_MS = 1_000
HALVED = (5, 10_000)  # so many requests in so many ms while limits are halved


class Quieting(TurnedAway):
    """The door turned a request away and asked for quiet until `until_at` (true ms)."""

    def __init__(self, text: str, until_at: int, *, banned: bool) -> None:
        super().__init__(RejectReason.RATE_LIMITED, text)
        self.until_at, self.banned = until_at, banned


class Breach(NamedTuple):
    """A request that left although the venue had asked for quiet, and had been heard."""

    at: int
    what: str


class Forgotten(NamedTuple):
    """An order that one endpoint (`find` or `open`) does not know until a moment."""

    endpoint: str
    until_at: int


class House:
    """One account's venue as the plan has it. `user` is the account's name on the exchange."""

    def __init__(self, exchange: Exchange, clock: Clock, plan: Plan, tell: Tell, *, account: str, user: str) -> None:
        self.exchange, self.account, self.user = exchange, account, user
        self.strikes = Strikes(plan, account, tell, clock.now_ms)
        self.hands = Hands(exchange, user)
        self.sent: dict[str, PlaceOrder] = {}
        self.accepted_at: dict[str, int] = {}
        self.forgotten: dict[str, Forgotten] = {}
        self.slow_answers: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.history: deque[AccountReading] = deque(maxlen=16)
        self.breaches: list[Breach] = []
        self.quiet_until = self.banned_until = self.heard_until = 0
        self._tell = tell
        self._seen: set[int] = set()
        self._last_trade: UserTrade | None = None
        self._numbered: set[tuple[int, str]] = set()  # (order id, number that its trade bears)
        self._requests: deque[int] = deque()
        exchange.subscribe(self._hear)

    def leaves(self, what: str, *, control: bool, heard_until: int) -> None:
        """A request leaves a process: that must not be while a quiet lasts of which that process has heard, or one that
        ran before it. Of two that run side by side neither knows what the other was told."""
        now = self.strikes.now
        until = self.banned_until if control else max(self.quiet_until, self.banned_until)
        if now < min(until, heard_until):
            self.breaches.append(Breach(now, what))

    # --- the door -------------------------------------------------------------------------------------------

    def clock_error_ms(self) -> int:
        """How far the exchange's clock is from the true time now, in ms."""
        if not self.strikes.active("V33"):
            return 0
        size = 1_500 + 500 * self.strikes.variant("V33", 18)
        error_ms = size if size % 1_000 else -size
        self.strikes.tell_once("V33", f"the exchange's clock is {error_ms} ms off")
        return error_ms

    def suspended(self) -> bool:
        """Whether the account's perpetuals do not trade now."""
        return self.strikes.active("V31") and self.strikes.variant("V31", 4) == 3

    def refuses(self, what: str, measured_ms: int) -> AskAgain | None:
        """Why a request that has arrived goes no further; its stamp allows for a clock error of `measured_ms`."""
        refused = self._loud(what) or self._closed(what) or self._unknown_key(what)
        return refused or self._badly_stamped(what, measured_ms)

    def _loud(self, what: str) -> TurnedAway | None:
        """429 (with and without Retry-After), 418 and 403, and what they cost who goes on."""
        strikes, now = self.strikes, self.strikes.now
        self._requests.append(now)
        while self._requests[0] <= now - HALVED[1]:
            self._requests.popleft()
        until, banned = max(self.banned_until, 0 if what in CONTROL else self.quiet_until), self.banned_until > now
        if now < until:
            return Quieting("429 Too Many Requests, again", until, banned=banned)
        if strikes.active("V28") and len(self._requests) > HALVED[0]:
            strikes.tell("V28", f"{what}: over the halved limit")
            return self._quiet(5_000, "429: the limit was halved", banned=False)
        if not strikes.hits("V27", what):
            return None
        draw = strikes.draw("V27")
        match strikes.variant("V27", 4):
            case 0:
                return self._quiet(draw.randint(5, 60) * 1000, "429 with Retry-After", banned=False)
            case 1:
                return self._quiet(60_000, "429 without Retry-After", banned=False)
            case 2:
                return self._quiet(int(draw.uniform(120, 3 * 86_400) * 1000), "418 I'm a teapot", banned=True)
            case _:
                return self._quiet(300_000, "403 from the firewall", banned=True)

    def _quiet(self, span_ms: int, text: str, *, banned: bool) -> Quieting:
        until = min(self.strikes.now + span_ms, self.strikes.plan.ends_at)
        if banned:
            self.banned_until = max(self.banned_until, until)
        else:
            self.quiet_until = max(self.quiet_until, until)
        return Quieting(text, until, banned=banned)

    def _closed(self, what: str) -> AskAgain | None:
        strikes = self.strikes
        if strikes.active("V25"):
            strikes.tell("V25", what)
            proven = strikes.variant("V25", 2) == 1  # a bare 503 leaves open what became of a create
            text = "503 Service Unavailable: maintenance"
            return TurnedAway(RejectReason.UNAVAILABLE, text) if proven else AskAgain(text)
        if what == "place" and strikes.active("V26"):
            strikes.tell("V26", what)
            return TurnedAway(RejectReason.UNAVAILABLE, "the market is in cancel-only mode")
        return None

    def _unknown_key(self, what: str) -> TurnedAway | None:
        strikes = self.strikes
        if what in UNSIGNED:
            return None
        for code, asks in (("N11", True), ("O08", True), ("A06", what in ORDERS)):
            if asks and strikes.active(code):
                strikes.tell(code, what)
                return TurnedAway(RejectReason.NOT_AUTHORISED, "-2015 Invalid API-key, IP, or permissions for action")
        return None

    def _badly_stamped(self, what: str, measured_ms: int) -> TurnedAway | None:
        ahead = self.clock_error_ms() - measured_ms
        if what in UNSIGNED or -AHEAD_MS <= ahead <= RECEIVE_WINDOW_MS:
            return None
        if self.strikes.left_s:  # that the clock is right again, at the very end, is no fault
            self.strikes.tell("V33", f"{what}: stamped {ahead} ms off")
        return TurnedAway(RejectReason.CLOCK, "-1021 Timestamp for this request is outside of the recvWindow")

    # --- the back office ------------------------------------------------------------------------------------

    def forgets(self, name: str | None, endpoint: str) -> bool:
        """Whether an endpoint does not know an order now."""
        forgotten = self.forgotten.get(name or "")
        if forgotten is None or endpoint != forgotten.endpoint or self.strikes.now >= forgotten.until_at:
            return False
        self.strikes.tell("V07", f"{name} is unknown to {endpoint}")
        return True

    def lags(self, name: str | None) -> bool:
        """Whether an order was accepted so lately that queries may not know it yet."""
        accepted_at = self.accepted_at.get(name or "")
        if accepted_at is None or self.strikes.now - accepted_at > 5_000:
            return False
        return self.strikes.hits("V05", f"{name} is not found yet")

    def _hear(self, news: News) -> None:
        if not isinstance(news, OrderNews) or news.order.user != self.user or news.order.wallet is Wallet.SPOT:
            return
        name = news.order.client_order_id
        if name not in self.sent:
            return
        if news.order.order_id not in self._seen:
            self._seen.add(news.order.order_id)
            self._accepted(news.order, self.sent[name])
        if news.trade is not None:
            self._traded(news.trade)

    def _accepted(self, order: SimOrder, command: PlaceOrder) -> None:
        strikes, name = self.strikes, order.client_order_id
        self.accepted_at[name] = strikes.now
        self._tell(Accepted(at=strikes.now, account=self.account, order=command))
        if strikes.due("V07"):
            draw = strikes.draw("V07")
            until = min(strikes.now + draw.randint(1_800, 3_600) * 1000, strikes.plan.ends_at)
            self.forgotten[name] = Forgotten(draw.choice(("find", "open")), until)
        if strikes.active("V16") and strikes.variant("V16", 3) == 1 and strikes.due("V16"):
            self._soon(strikes.draw("V16").randint(1, 50), lambda: self._expire(order.order_id, name))
        if strikes.due("V11"):
            self.slow_answers.add(name)
            self._soon(strikes.draw("V11").randint(1, 50), lambda: self._fill_early(order))

    def _soon(self, wait_ms: int, happen: Callable[[], None]) -> None:
        self.exchange.schedule(self.exchange.now + wait_ms, happen)

    def _expire(self, order_id: int, name: str) -> None:
        if self.hands.expire(order_id):
            self.strikes.tell("V16", f"{name} was accepted, then expired as post-only")

    def _fill_early(self, order: SimOrder) -> None:
        part = order.quantity if self.strikes.draw("V11").random() < 0.5 else self.hands.listing(order.symbol).lot_size
        if self.hands.hit(order.order_id, part):
            self.strikes.tell("V11", f"{order.client_order_id} filled before its acknowledgement")

    def _traded(self, trade: UserTrade) -> None:
        """A venue numbers trades by market: two of our orders can bear one number, but no order bears it twice."""
        last, self._last_trade = self._last_trade, trade
        number = str(trade.trade_id)
        if last is not None and last.order_id != trade.order_id:
            shared = self.aliases.get(str(last.trade_id), str(last.trade_id))
            if (trade.order_id, shared) not in self._numbered and self.strikes.due("V11"):
                self.aliases[number] = shared
                number = shared
                self.strikes.tell("V11", f"trade {last.trade_id} on two orders")
        self._numbered.add((trade.order_id, number))
