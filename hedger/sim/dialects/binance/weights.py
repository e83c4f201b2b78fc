"""Request limits by address and order limits by account, on the exchange's time: 429, then 418 for who goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from hedger.model.spans import MINUTE_MS
from hedger.sim.dialects.binance.refusals import ApiError

PATIENCE = 20  # requests refused with 429 before the ban
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimit:
    """At most `limit` creates in a window; `label` is its name in headers, `interval` in errors."""

    label: str
    interval: str
    window_ms: int
    limit: int


@dataclass(slots=True, kw_only=True)
class _Visitor:
    """What one address has used of the minute that began at `minute`, and its bans."""

    minute: int = 0
    used: int = 0
    refused: int = 0
    bans: int = 0
    banned_until: int = 0


@dataclass(slots=True, kw_only=True)
class Meter:
    """One API's limits. All instants are the exchange's, ms."""

    name: str
    per_minute: int
    order_limits: tuple[OrderLimit, ...] = ()
    _visitors: dict[str, _Visitor] = field(default_factory=dict)
    _orders: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def charge(self, now: int, address: str, weight: int) -> None:
        """Count a request; raises the 429 of an address over its limit or the 418 of one that is banned."""
        visitor = self._visitor(now, address)
        if now < visitor.banned_until:
            raise _banned(now, address, visitor.banned_until)
        visitor.used += weight
        if visitor.used <= self.per_minute:
            return
        visitor.refused += 1
        if visitor.refused > PATIENCE:
            self._ban(now, visitor)
            raise _banned(now, address, visitor.banned_until)
        raise self._too_many(now, address)

    def used(self, now: int, address: str) -> int:
        """The weight that an address has used in this minute."""
        return self._visitor(now, address).used

    def count_order(self, now: int, user: str) -> None:
        """Count a create; raises the 429 (-1015) of an account over one of its order limits."""
        for limit in self.order_limits:
            count = self._count(now, user, limit) + 1
            if count > limit.limit:
                text = f"Too many new orders; current limit is {limit.limit} orders per {limit.interval}."
                wait = limit.window_ms - now % limit.window_ms
                raise ApiError(-1015, text, status=429, headers={"Retry-After": str(-(-wait // 1000))})
            self._orders[user, limit.label] = (now // limit.window_ms, count)

    def order_counts(self, now: int, user: str) -> dict[str, str]:
        """The headers that tell an account its order counts."""
        return {f"X-MBX-ORDER-COUNT-{x.label}": str(self._count(now, user, x)) for x in self.order_limits}

    def _count(self, now: int, user: str, limit: OrderLimit) -> int:
        window, count = self._orders.get((user, limit.label), (0, 0))
        return count if window == now // limit.window_ms else 0

    def _visitor(self, now: int, address: str) -> _Visitor:
        visitor = self._visitors.setdefault(address, _Visitor())
        if visitor.minute != now // MINUTE_MS:
            visitor.minute, visitor.used, visitor.refused = now // MINUTE_MS, 0, 0
        return visitor

    def _ban(self, now: int, visitor: _Visitor) -> None:
        visitor.banned_until = now + min(LONGEST_BAN_MS, FIRST_BAN_MS << min(visitor.bans, 20))
        visitor.bans += 1
        visitor.refused = 0

    def _too_many(self, now: int, address: str) -> ApiError:
        text = (
            f"Too many requests; current limit of IP({address}) is {self.per_minute} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        return ApiError(-1003, text, status=429, headers=_retry_after(MINUTE_MS - now % MINUTE_MS))


def _banned(now: int, address: str, until: int) -> ApiError:
    text = (
        f"Way too many requests; IP({address}) banned until {until}. "
        "Please use the websocket for live updates to avoid bans."
    )
    return ApiError(-1003, text, status=418, headers=_retry_after(until - now))


def _retry_after(wait_ms: int) -> dict[str, str]:
    return {"Retry-After": str(-(-wait_ms // 1000))}
