"""Credits: what each asker may spend, refilled all the time; orders are paid from a pool of their own.

The pools are those of Deribit's lowest tier. A few methods have pools of their own, as its documentation tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hedger.sim.dialects.deribit.refusals import RpcError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`most` credits at once, `per_s` of them back each second, `cost` for one request."""

    name: str
    most: int
    per_s: int
    cost: int

    @property
    def rate(self) -> int:
        """Requests a second that can be kept up."""
        return self.per_s // self.cost

    @property
    def burst(self) -> int:
        """Requests at once after a rest."""
        return self.most // self.cost


OTHERS = Pool(name="non_matching_engine", most=50_000, per_s=10_000, cost=500)
ENGINE = Pool(name="matching_engine", most=10_000, per_s=2_500, cost=500)
OWN: Mapping[str, Pool] = {
    "public/get_instruments": Pool(name="get_instruments", most=500_000, per_s=10_000, cost=10_000),
    "private/get_transaction_log": Pool(name="get_transaction_log", most=80_000, per_s=10_000, cost=10_000),
    "public/subscribe": Pool(name="subscribe", most=30_000, per_s=10_000, cost=3_000),
    "private/subscribe": Pool(name="subscribe", most=30_000, per_s=10_000, cost=3_000),
}


def pool_of(method: str, engine: bool) -> Pool:
    """What a method is paid from."""
    return ENGINE if engine else OWN.get(method, OTHERS)


@dataclass(slots=True)
class Credits:
    """What is left of each pool to each asker: a sub-account, or an address that has not signed in. Instants in ms."""

    _left: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def charge(self, who: str, pool: Pool, now: int) -> None:
        """Pay for a request; raises 10028 where there is not enough left."""
        left, at = self._left.get((who, pool.name), (float(pool.most), now))
        left = min(float(pool.most), left + (now - at) * pool.per_s / 1_000)
        if left < pool.cost:
            self._left[who, pool.name] = (left, now)
            raise RpcError(10028, "too_many_requests", status=429)
        self._left[who, pool.name] = (left - pool.cost, now)


def limits() -> dict[str, object]:
    """The `limits` of an account summary."""
    engine = {"burst": ENGINE.burst, "rate": ENGINE.rate}
    return {
        "limits_per_currency": False,
        "non_matching_engine": {"burst": OTHERS.burst, "rate": OTHERS.rate},
        "matching_engine": {"trading": {"total": engine}, "spot": engine, "cancel_all": engine},
    }
