"""The names of channels, read: what of which instruments is told, to whom, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from hedger.sim.dialects.deribit.naming import KINDS, Catalogue, Instrument, belongs, index_of, name_of
from hedger.sim.dialects.deribit.refusals import RpcError

EVERY_MS = {"raw": 0, "100ms": 100, "agg2": 1_000}
GROUPS = ("none",)
DEPTHS = ("1", "10", "20")
OF_USERS = ("orders", "trades", "changes", "portfolio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`topic` is `ticker`, `quote`, `book`, `depth`, `trades`, `index`, or of a user: `user.orders` and the like.

    `every_ms` is the least time between two frames. A market topic is of one `instrument` (the index of one for
    `index`); a user's is of that, or of all of a `kind` and `currency`.
    """

    name: str
    topic: str
    every_ms: int = 0
    depth: int = 0
    instrument: Instrument | None = None
    kind: str = "any"
    currency: str = "any"

    @property
    def private(self) -> bool:
        """Whether it is of a user."""
        return self.topic.startswith("user.")

    @property
    def raw(self) -> bool:
        """Whether it tells everything: to those who have signed in."""
        return self.name.endswith(".raw")

    def concerns(self, instrument: Instrument) -> bool:
        """Whether a user's channel is of an instrument."""
        if self.instrument is not None:
            return self.instrument == instrument
        return belongs(instrument, self.currency, self.kind)


def read_channel(name: str, catalogue: Catalogue) -> Channel | None:
    """A channel by its name; None for one that there is not."""
    parts = name.split(".")
    if parts[0] == "user" and len(parts) > 2 and parts[1] in OF_USERS:
        return _of_user(name, parts[1:], catalogue)
    if parts[0] == "deribit_price_index" and len(parts) == 2:
        return _index(name, parts[1], catalogue)
    instrument = _instrument(parts[1], catalogue) if len(parts) > 1 else None
    if instrument is None:
        return None
    match parts[0], parts[2:]:
        case "quote", []:
            return Channel(name=name, topic="quote", instrument=instrument)
        case "ticker" | "book" | "trades", [every] if every in EVERY_MS:
            return Channel(name=name, topic=parts[0], every_ms=EVERY_MS[every], instrument=instrument)
        case "book", [group, depth, every] if group in GROUPS and depth in DEPTHS and every in EVERY_MS:
            wait = EVERY_MS[every]
            return Channel(name=name, topic="depth", every_ms=wait, depth=int(depth), instrument=instrument)
        case _:
            return None


def _of_user(name: str, parts: list[str], catalogue: Catalogue) -> Channel | None:
    """`orders.BTC-PERPETUAL.raw`, `orders.future.BTC.raw`, `portfolio.btc`."""
    topic, rest = f"user.{parts[0]}", parts[1:]
    if topic == "user.portfolio":
        currency = rest[0].upper() if len(rest) == 1 else ""
        known = currency == "ANY" or currency in catalogue.currencies()
        return Channel(name=name, topic=topic, currency=currency.replace("ANY", "any")) if known else None
    if rest[-1] not in EVERY_MS:
        return None
    if len(rest) == 2:
        instrument = _instrument(rest[0], catalogue)
        every = EVERY_MS[rest[-1]]
        return (
            Channel(name=name, topic=topic, every_ms=every, instrument=instrument) if instrument is not None else None
        )
    if len(rest) != 3 or rest[0] not in KINDS:
        return None
    currency = rest[1].upper().replace("ANY", "any")
    if currency not in ("any", *catalogue.currencies()):
        return None
    return Channel(name=name, topic=topic, every_ms=EVERY_MS[rest[-1]], kind=rest[0], currency=currency)


def _index(name: str, index: str, catalogue: Catalogue) -> Channel | None:
    for instrument in catalogue:
        if index_of(instrument) == index:
            return Channel(name=name, topic="index", instrument=instrument)
    return None


def _instrument(name: str, catalogue: Catalogue) -> Instrument | None:
    try:
        found = catalogue.find(name)
    except RpcError:
        return None
    assert name_of(found) == name, "found by its name"
    return found
