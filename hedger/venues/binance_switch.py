"""Binance's dead man's switch: a countdown for each contract, at whose end its every order there is canceled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hedger.errors import AskAgain, Bug, GiveUp, HedgerError
from hedger.model.instrument import InstrumentId, Kind
from hedger.venues.asking import Understand
from hedger.venues.binance_codes import FAPI, Environment
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import Listing
from hedger.venues.binance_wire import Countdown, reader
from hedger.venues.lanes import Lane

_read_countdown: Understand[Countdown] = reader(Countdown)


class Switch:
    """The countdowns of one account's contracts. Spot pairs have none, and we have no orders there."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def extend(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start each countdown anew, one request each; at 0 it is off.

        Returns when the venue has confirmed every one, AskAgain otherwise: the others may then have been extended.
        """
        if self._link.environment is Environment.SHADOW:
            raise GiveUp(f"account {self._link.account} is only watched: its countdowns are left alone.")
        ids = [InstrumentId(self._link.account, symbol) for symbol in symbols]
        work = [self._extend(id, timeout_ms) for id in ids if self._has_countdown(id)]
        problems = [result for result in await asyncio.gather(*work, return_exceptions=True) if result is not None]
        for problem in problems:
            if isinstance(problem, Bug) or not isinstance(problem, HedgerError):
                raise problem
        if problems:
            raise AskAgain(f"{len(problems)} of {len(work)} countdowns were not confirmed; {problems[0]}")

    def _has_countdown(self, id: InstrumentId) -> bool:
        """A contract that does not trade any more has no orders to cancel."""
        return self._listing.instruments[id].kind is Kind.PERPETUAL and id not in self._listing.gone

    async def _extend(self, id: InstrumentId, timeout_ms: int) -> None:
        link, raw = self._link, self._listing.raw[id]
        params = {"symbol": raw, "countdownTime": timeout_ms}

        def understand(payload: Any) -> bool:
            told = _read_countdown(payload)
            if told.symbol != raw or told.countdownTime != timeout_ms:
                raise ValueError(f"a countdown of {told.countdownTime} ms on {told.symbol} was confirmed instead")
            return True

        await link.asker.need(
            f"countdown of {raw}",
            lambda: link.client.fapiprivate_post_countdowncancelall(params),
            understand,
            host=link.hosts[FAPI],
            lane=Lane.CONTROL,
            attempts=1,
        )
