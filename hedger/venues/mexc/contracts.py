"""The contracts that MEXC lists, by its names; read anew when a position names one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.venues.asking import Understand
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.mexc.answers import Row, answered
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.listing import Known, known_of
from hedger.venues.mexc.payloads import Contract
from hedger.venues.wire import reader

AGAIN_MS = 60_000
_read_rows: Understand[list[Row]] = answered(list[Row])
_read_contract: Understand[Contract] = reader(Contract)


class Contracts:
    """What is known of the venue's listing. What was listed once stays known: a position may outlive its listing."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.by_raw: dict[str, Known] = {}
        self._read_at = 0

    async def load(self) -> dict[str, Known]:
        """Read every contract; those that are listed now and understood, by our symbol."""
        method = self._link.client.contract_public_get_detail
        rows = await self._link.asker.need("listing", method, _some, host=self._link.hosts[API], lane=Lane.RECONCILE)
        found = {}
        for row in rows:
            with suppress(ValueError):  # One that we need and that is odd is missing, and whoever needs it says so.
                known = known_of(_read_contract(row.model_dump()), self.money)
                found[known.raw] = known
        self.by_raw |= found
        return {known.symbol: known for known in found.values()}

    def money(self, asset: str) -> str:
        """The client's name of a coin."""
        return str(self._link.client.safe_currency_code(asset))

    async def learn(self, raws: Iterable[str]) -> None:
        """Where a position is in what we do not know, read the listing again, once a minute at most."""
        now = self._link.clock.now_ms()
        if set(raws) <= self.by_raw.keys() or now - self._read_at < AGAIN_MS:
            return
        self._read_at = now
        with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
            await self.load()


def _some(payload: Any) -> list[Row]:
    rows = _read_rows(payload)
    if not rows:
        raise ValueError("an empty listing")
    return rows
