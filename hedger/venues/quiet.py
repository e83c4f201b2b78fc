"""Quiet that a venue asked for: until when nothing may leave, and how much less is asked of it afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hedger.model.message import VenueQuieted
from hedger.model.spans import MINUTE_MS
from hedger.runtime.ports import Clock
from hedger.venues.watching import VenueObserver

LONGEST_MS = 3 * 24 * 60 * MINUTE_MS
# Where the venue names no time: a minute after a 429; after a ban ten minutes, as Bybit's documentation asks for, and
# twice as long after each further one, until a day has passed without.
PAUSE_MS = MINUTE_MS
FIRST_BAN_MS = 10 * MINUTE_MS
FORGIVEN_MS = 24 * 60 * MINUTE_MS
# What a 429 teaches: half of the weight is left alone, and a tenth of the whole is taken back in each minute.
SMALLEST_SHARE = 0.1
REGROWTH = 0.1
# As many digits of a number of seconds as matter: a text of thousands is no number to Python.
LONGEST_DIGITS = 12
_NAMED = re.compile(r"(?:until|after|after time:) (\d{13})(?!\d)", re.ASCII)


class Quiet:
    """What one venue account was told to leave off. All instants are of our clock, in milliseconds since 1970, UTC."""

    def __init__(
        self, account: str, clock: Clock, observer: VenueObserver, told: Callable[[VenueQuieted], None]
    ) -> None:
        self._account = account
        self._clock = clock
        self._observer = observer
        self._told = told
        self._quiet_until = 0
        self._banned_until = 0
        self._bans = 0
        self._shares: dict[str, tuple[float, int]] = {}

    @property
    def until(self) -> int:
        """Until when most requests must wait."""
        return max(self._quiet_until, self._banned_until)

    @property
    def banned_until(self) -> int:
        """Until when every request must wait, cancels included."""
        return self._banned_until

    @property
    def asked(self) -> bool:
        """Whether it must be quiet now."""
        return self._clock.now_ms() < self.until

    async def over(self) -> None:
        """Wait until anything may be sent."""
        while (left_ms := self.until - self._clock.now_ms()) > 0:
            await self._clock.sleep(min(left_ms, MINUTE_MS) / 1000)

    def keep(self, until_at: int, *, banned: bool) -> None:
        """Heed what was asked of an earlier start; never for longer than the venue's longest ban."""
        until_at = min(until_at, self._clock.now_ms() + LONGEST_MS)
        if banned:
            self._banned_until = max(self._banned_until, until_at)
        else:
            self._quiet_until = max(self._quiet_until, until_at)

    def share(self, host: str) -> float:
        """How much of its usual weight a host may be asked for: 1 until it complained, and again some time after."""
        share, at = self._shares.get(host, (1.0, 0))
        return min(1.0, share + REGROWTH * max(0, self._clock.now_ms() - at) / MINUTE_MS)

    def paused(self, host: str, headers: Mapping[str, str], body: str, text: str) -> None:
        """A 429: only control passes for a while, and this host is asked for less afterwards."""
        now = self._clock.now_ms()
        if now >= self._quiet_until:
            self._shares[host] = (max(SMALLEST_SHARE, self.share(host) / 2), now)
        until = _named(now, headers, body) or now + PAUSE_MS
        self._close(min(until, now + LONGEST_MS), banned=False, text=text)

    def banned(self, headers: Mapping[str, str], body: str, text: str) -> None:
        """A ban: nothing passes, for it would only prolong it. Further answers within it are of the same ban."""
        now = self._clock.now_ms()
        until = _named(now, headers, body)
        if now >= self._banned_until:
            self._bans = 0 if now - self._banned_until > FORGIVEN_MS else self._bans
            until = until or now + FIRST_BAN_MS * 2 ** min(self._bans, 20)
            self._bans += 1
        if until:
            self._close(min(until, now + LONGEST_MS), banned=True, text=text)

    def _close(self, until: int, *, banned: bool, text: str) -> None:
        before = self._banned_until if banned else self._quiet_until
        if until <= before:
            return
        self.keep(until, banned=banned)
        if until - before >= 1_000:  # Many answers may say the same within a moment.
            self._observer.lanes_closed(self._account, until, text)
            self._told(VenueQuieted(account=self._account, until_at=until, banned=banned, text=text))


def _named(now: int, headers: Mapping[str, str], body: str) -> int | None:
    """The latest moment that an answer names, in its `Retry-After` (seconds or a date) or in its text."""
    named = _NAMED.search(body)
    moments = [_retry_at(now, headers), int(named[1]) if named is not None else None]
    later = [moment for moment in moments if moment is not None and moment > now]
    return max(later) if later else None


def _retry_at(now: int, headers: Mapping[str, str]) -> int | None:
    text = headers.get("retry-after", "")
    if text.isdecimal():
        return now + int(text[:LONGEST_DIGITS]) * 1000
    moment = _moment(text)
    if moment is None:
        return None
    # The venue reckons by its own clock, which it tells in the same answer.
    return now + moment - (_moment(headers.get("date", "")) or now)


def _moment(text: str) -> int | None:
    """An HTTP date in milliseconds since 1970."""
    try:
        found: datetime = parsedate_to_datetime(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None
