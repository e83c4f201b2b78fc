"""The venue's dead man's switch as a lease: orders may leave while it is sure not to fire before we know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

MARGIN_MS = 1_000
RETRY_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One account's switch: the venue cancels our orders `timeout_ms` after it last heard from us.

    `asked_at` is when it was last asked for; an answer or failure may still be due. After failures in a row it is
    asked again after `retry_ms`. Until `lease_until` orders may leave; from `fires_at` on it may have fired (0: it was
    never armed by us). `held` and `fired` say what was last made of that, on the clock's beat.
    """

    timeout_ms: int
    asked_at: int = 0
    retry_ms: int = 0
    lease_until: int = 0
    fires_at: int = 0
    held: bool = False
    fired: bool = False

    @property
    def armed(self) -> bool:
        """Whether the venue ever confirmed it in this start."""
        return self.fires_at > 0

    def due(self, now: int) -> bool:
        """Whether to ask for it now: at a quarter of its time, sooner after a failure."""
        return now - self.asked_at >= (self.retry_ms or self.timeout_ms // 4)

    def asked(self, now: int) -> Switch:
        """A request is on its way."""
        return replace(self, asked_at=now)

    def failed(self) -> Switch:
        """Asked for in vain, or nobody knows: the lease runs on, and it is asked again soon, then less often."""
        retry = min(max(RETRY_MS, 2 * self.retry_ms), self.timeout_ms // 4)
        return replace(self, retry_ms=retry)

    def extended(self, requested_at: int, timeout_ms: int, now: int) -> Switch:
        """The venue confirmed a request of `requested_at`. Answers may overtake each other: the longest lease counts.

        Two round trips and a margin are kept back, so that what leaves at the last moment is not met by the firing.
        """
        fires_at = requested_at + timeout_ms
        lease_until = fires_at - 2 * (now - requested_at) - MARGIN_MS
        return replace(
            self,
            retry_ms=0,
            lease_until=max(self.lease_until, lease_until),
            fires_at=max(self.fires_at, fires_at),
            held=now < max(self.lease_until, lease_until),
            fired=False,
        )

    def may_have_fired(self, now: int) -> bool:
        """Whether the venue may have canceled our orders because it did not hear from us in time."""
        return self.fired or (self.armed and now >= self.fires_at)

    def looked_at(self, now: int) -> Switch:
        """A beat later; the same object if nothing is different."""
        held, fired = now < self.lease_until, self.may_have_fired(now)
        return self if (held, fired) == (self.held, self.fired) else replace(self, held=held, fired=fired)
