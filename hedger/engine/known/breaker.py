"""The breaker of an account, or of one instrument: after too many refusals or lost answers nothing that would meet the
same is created there for a while, then one order may try."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from hedger.engine.known.policy import BreakerLimits
from hedger.model.order import RejectReason
from hedger.model.spans import DAY_MS

NOT_AUTHORISED_MS = 300_000
MOST_NOT_AUTHORISED = 3

# An order that was not sent says nothing of the venue, and these refusals speak of the order and not of the account.
HARMLESS = frozenset(
    {RejectReason.POST_ONLY_WOULD_CROSS, RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE, RejectReason.NOT_SENT}
)
# These speak of one instrument, and are counted for it alone; all others speak of the account.
OF_INSTRUMENT = frozenset({RejectReason.INVALID_ORDER, RejectReason.UNAVAILABLE})
# These speak of every request: an order that only reduces would not be taken either.
_OF_EVERY_REQUEST = frozenset({RejectReason.NOT_AUTHORISED, RejectReason.RATE_LIMITED, RejectReason.CLOCK})
# How many refusals of a kind in a row open it; of all kinds together it is the configured number.
_ALIKE = {RejectReason.INSUFFICIENT_MARGIN: 2, RejectReason.UNAVAILABLE: 2, RejectReason.NOT_AUTHORISED: 1}


class BreakerStatus(StrEnum):
    """Closed: orders leave. Open: none does, except a margin reduction, unless our key was refused. Half open: one may,
    to try. Restricted: only what reduces."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    RESTRICTED = "restricted"


class Calmed(NamedTuple):
    """A row of refusals that was over when an order was acknowledged."""

    by: str
    rejects: int
    last: RejectReason | None
    alike: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What the refusals and lost answers of an account, or of one instrument, have come to.

    `cause` says for a person why it is not closed. Open or restricted, it stays so until `until_at`; `cooldown_ms` is
    how long that is and doubles with each attempt that fails. `probe` is the order that tries while it is half open;
    after a restriction (`restricted`) only an order that adds risk can tell. `rejects` counts refusals in a row,
    `alike` the last of them with the reason `last`; `calmed` is what both were before the order was acknowledged that
    ended the row: the venue may take that off again, which is a refusal too. `trips` are the moments of the last day
    when it left CLOSED by itself since a person last resumed, `tripped` counts all of them.
    """

    status: BreakerStatus = BreakerStatus.CLOSED
    cause: str = ""
    until_at: int = 0
    cooldown_ms: int = 0
    restricted: bool = False
    probe: str | None = None
    rejects: int = 0
    last: RejectReason | None = None
    alike: int = 0
    calmed: Calmed | None = None
    trips: tuple[int, ...] = ()
    tripped: int = 0

    @property
    def lost_authority(self) -> bool:
        """Whether the venue refused our key so often that only a person can mend it."""
        return self.last is RejectReason.NOT_AUTHORISED and self.alike >= MOST_NOT_AUTHORISED

    def forbids(self, client_order_id: str | None, *, adds_risk: bool, saves: bool = False) -> bool:
        """Whether an order may not leave; the one that tries while the breaker is half open may, and so may a margin
        reduction (`saves`) as long as the venue accepts our key: that refusal may be a ban."""
        if saves and self.last is not RejectReason.NOT_AUTHORISED:
            return False
        match self.status:
            case BreakerStatus.CLOSED:
                return False
            case BreakerStatus.OPEN:
                return True
            case BreakerStatus.RESTRICTED:
                return adds_risk
            case BreakerStatus.HALF_OPEN:
                freed = self.restricted and not adds_risk
                return not freed and self.probe is not None and self.probe != client_order_id

    def sent(self, client_order_id: str, *, adds_risk: bool) -> Breaker:
        """An order is on its way; the first one that leaves a half-open breaker is its probe."""
        tells = adds_risk or not self.restricted
        if self.status is BreakerStatus.HALF_OPEN and self.probe is None and tells:
            return replace(self, probe=client_order_id)
        return self

    def accepted(self, client_order_id: str) -> Breaker:
        """The venue took an order: refusals are not in a row any more, and a probe has shown that all is well."""
        if self.status is BreakerStatus.HALF_OPEN and client_order_id == self.probe:
            calm = replace(_calm(self), cause="", until_at=0, cooldown_ms=0)
            return replace(calm, status=BreakerStatus.CLOSED, probe=None, restricted=False)
        if self.rejects:
            return replace(_calm(self), calmed=Calmed(client_order_id, self.rejects, self.last, self.alike))
        return self if self.calmed is None or self.calmed.by == client_order_id else replace(self, calmed=None)

    def freed(self, client_order_id: str | None) -> Breaker:
        """An order that tried has told nothing of this breaker's matter: another one may try."""
        return replace(self, probe=None) if self.probe is not None and client_order_id == self.probe else self

    def rejected(
        self,
        client_order_id: str,
        reason: RejectReason,
        limits: BreakerLimits,
        now: int,
        *,
        reduces: bool,
        saves: bool = False,
    ) -> Breaker:
        """A create was refused. Refusals that were under way when it opened say nothing new.

        Where an order that adds risk was refused for itself, only what adds risk is forbidden: what reduces may find
        out for itself, and its refusal shuts the rest.
        """
        probed = self.status is BreakerStatus.HALF_OPEN and client_order_id == self.probe
        if reason in HARMLESS:
            return self.freed(client_order_id) if probed else self
        if self.status is BreakerStatus.OPEN and not (saves and reason is RejectReason.NOT_AUTHORISED):
            return self
        row = self
        if self.calmed is not None and self.calmed.by == client_order_id:
            row = replace(self, rejects=self.calmed.rejects, last=self.calmed.last, alike=self.calmed.alike)
        alike = row.alike + 1 if reason is row.last else 1
        counted = replace(self, rejects=row.rejects + 1, last=reason, alike=alike, calmed=None)
        spares = not reduces and reason not in _OF_EVERY_REQUEST
        if spares and self.status is BreakerStatus.RESTRICTED:
            return counted
        if not (probed or reason is RejectReason.RESTRICTED or _too_many(counted, limits)):
            return counted
        status = BreakerStatus.RESTRICTED if spares else BreakerStatus.OPEN
        return counted.opened(_words_of(counted, reason, reduces=reduces), limits, now, status)

    def lost(self, client_order_id: str, limits: BreakerLimits, now: int) -> Breaker:
        """The answer to a create was lost: a probe of unknown fate has not shown that all is well."""
        if self.status is BreakerStatus.HALF_OPEN and client_order_id == self.probe:
            return self.opened("the answer to the order that tried was lost", limits, now)
        return self

    def looked_at(self, unknowns: str | None, limits: BreakerLimits, now: int) -> Breaker:
        """A beat later. `unknowns` says that too many orders are of unknown fate, None that they are not: as long as
        they are, it stays open."""
        trips = tuple(at for at in self.trips if at > now - DAY_MS) if self.trips else self.trips
        breaker = self if len(trips) == len(self.trips) else replace(self, trips=trips)
        if unknowns is not None and self.status is not BreakerStatus.OPEN:
            return breaker.opened(unknowns, limits, now)
        if unknowns is None and now >= self.until_at and self.status in (BreakerStatus.OPEN, BreakerStatus.RESTRICTED):
            return replace(breaker, status=BreakerStatus.HALF_OPEN, probe=None)
        return breaker

    def opened(
        self, cause: str, limits: BreakerLimits, now: int, status: BreakerStatus = BreakerStatus.OPEN
    ) -> Breaker:
        """Open (or restricted) for the cool-down, twice as long as the last time if it had not closed since."""
        closed = self.status is BreakerStatus.CLOSED
        first = NOT_AUTHORISED_MS if self.last is RejectReason.NOT_AUTHORISED else limits.cooldown_ms
        cooldown = first if closed else min(max(first, 2 * self.cooldown_ms), max(first, limits.longest_cooldown_ms))
        return replace(
            self,
            status=status,
            cause=cause,
            until_at=now + cooldown,
            cooldown_ms=cooldown,
            restricted=status is BreakerStatus.RESTRICTED,
            probe=None,
            trips=(*self.trips, now) if closed else self.trips,
            tripped=self.tripped + closed,
        )

    def resumed(self) -> Breaker:
        """A person looked at it: what was counted is forgotten, and one order may try."""
        fresh = replace(_calm(self), trips=(), probe=None, restricted=False)
        return fresh if self.status is BreakerStatus.CLOSED else replace(fresh, status=BreakerStatus.HALF_OPEN)


def _calm(breaker: Breaker) -> Breaker:
    return replace(breaker, rejects=0, last=None, alike=0, calmed=None)


def _words_of(breaker: Breaker, reason: RejectReason, *, reduces: bool) -> str:
    if reason is RejectReason.RESTRICTED and not reduces:
        return "the venue lets it reduce only"
    times = "once" if breaker.rejects == 1 else f"{breaker.rejects} times in a row"
    return f"the venue refused creates {times}, last for {reason.value}"


def _too_many(breaker: Breaker, limits: BreakerLimits) -> bool:
    alike = _ALIKE.get(breaker.last) if breaker.last is not None else None
    return breaker.rejects >= limits.rejects or (alike is not None and breaker.alike >= alike)
