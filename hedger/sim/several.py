"""A hedge that a seed spreads over two accounts of two venues: shares, failover, where the coins lie, what strikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal as D
from random import Random

from hedger.engine.known.policy import Failover, Hedge, Shares
from hedger.model.instrument import InstrumentId

SEATS = ("first", "second")  # the accounts that trade, one on each venue
VAULT = "vault"
VENUES = ("one", "two")
BLIND_MS = (0, 300_000, 900_000, 900_000, 7_200_000)
OUTAGES = ("V25", "V27", "N01")
BESIDE = ("A02", "M04", "P01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The hedges, the accounts and the venue of each, whose coins count, and the faults that strike in any case."""

    hedges: tuple[Hedge, ...]
    accounts: tuple[str, ...]
    venues: Mapping[str, str]
    holder: str
    faults: tuple[str, ...]


def spread(rng: Random, hedges: Sequence[Hedge], account_age_ms: int) -> Spread:
    """Each hedge on both accounts, mostly with failover, half of them by shares. The coins lie in a vault on the second
    venue, or with the first account, which then cannot be missed."""
    holder = rng.choice((VAULT, VAULT, VAULT, SEATS[0]))
    accounts = (*SEATS, VAULT) if holder == VAULT else SEATS
    blind_ms = rng.choice(BLIND_MS)
    assert blind_ms == 0 or blind_ms > account_age_ms, "an account is out of sight only after its age"
    return Spread(
        hedges=tuple(_over_both(rng, hedge, holder, blind_ms) for hedge in hedges),
        accounts=accounts,
        venues=dict(zip((*SEATS, VAULT), (*VENUES, VENUES[1]), strict=True)),
        holder=holder,
        faults=(*rng.sample(OUTAGES, rng.choice((1, 2))), *rng.sample(BESIDE, rng.choice((0, 1, 2)))),
    )


def _over_both(rng: Random, hedge: Hedge, holder: str, blind_ms: int) -> Hedge:
    seats = rng.sample(SEATS, 2)
    weights = rng.choice((None, None, (D(1), D(1)), (D(3), D(1)), (D(1), D(0))))
    allowed = rng.random() < 5 / 6
    return replace(
        hedge,
        instruments=tuple(InstrumentId(seat, hedge.instruments[0].symbol) for seat in seats),
        spot_accounts=(holder,),
        shares=None if weights is None else Shares(weights=weights),
        failover=Failover(allowed=True, blind_ms=blind_ms) if allowed else Failover(),
    )
