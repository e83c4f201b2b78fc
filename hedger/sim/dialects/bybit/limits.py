"""Request limits on the exchange's time: so many a second of each endpoint by account, and so many by address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hedger.sim.dialects.bybit.refusals import ApiError

SECOND_MS = 1_000
ADDRESS_WINDOW_MS = 5_000
MOST_OF_ADDRESS = 600  # in the window
BAN_MS = 10 * 60_000


@dataclass(slots=True, kw_only=True)
class _Count:
    """Requests of the window that began at `begun_at`."""

    begun_at: int = 0
    used: int = 0


@dataclass(slots=True, kw_only=True)
class Limits:
    """Who has asked how often. All instants are the exchange's, ms."""

    _accounts: dict[tuple[str, str], _Count] = field(default_factory=dict)
    _addresses: dict[str, _Count] = field(default_factory=dict)
    _banned_until: dict[str, int] = field(default_factory=dict)

    def knock(self, now: int, address: str) -> None:
        """Count a request of an address; raises the 403 of one that asks too much, and for ten minutes after that."""
        if now < self._banned_until.get(address, 0):
            raise _too_frequent()
        if _counted(self._addresses.setdefault(address, _Count()), now, ADDRESS_WINDOW_MS) > MOST_OF_ADDRESS:
            self._banned_until[address] = now + BAN_MS
            raise _too_frequent()

    def charge(self, now: int, user: str, endpoint: str, per_second: int) -> tuple[bool, Mapping[str, str]]:
        """Count a request of an account: whether it is within the limit, and the headers that tell what is left."""
        used = _counted(self._accounts.setdefault((user, endpoint), _Count()), now, SECOND_MS)
        within = used <= per_second
        reset_at = now if within else (now // SECOND_MS + 1) * SECOND_MS
        return within, {
            "X-Bapi-Limit": str(per_second),
            "X-Bapi-Limit-Status": str(max(0, per_second - used)),
            "X-Bapi-Limit-Reset-Timestamp": str(reset_at),
        }


def _counted(count: _Count, now: int, window_ms: int) -> int:
    """How many requests the present window has seen, this one included."""
    if count.begun_at != now // window_ms:
        count.begun_at, count.used = now // window_ms, 0
    count.used += 1
    return count.used


def _too_frequent() -> ApiError:
    return ApiError(403, "access too frequent", status=403)
