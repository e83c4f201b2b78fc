"""Binance's dead man's switch: a countdown for each contract, at whose end its every order there is canceled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hedger.errors import AskAgain, Bug, GiveUp, HedgerError
from hedger.model.instrument import InstrumentId, Kind
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import NOT_TRADING
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.names import api_of
from hedger.venues.binance.payloads import Countdown
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader

_read_countdown: Understand[Countdown] = reader(Countdown)


class Switch:
    """The countdowns of one account's contracts. Spot pairs have none, and we have no orders there."""

    def __init__(self, link: Link, listing: Listing, suspicion: Suspicion) -> None:
        self._link = link
        self._listing = listing
        self._suspicion = suspicion

    async def extend(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start each countdown anew, one request each; at 0 it is off.

        Returns when the venue has confirmed every one, AskAgain otherwise: the others may then have been extended. One
        that the venue refuses because the contract does not trade, while it confirms others, does not take their switch
        from them: nothing is created on that contract until its own is confirmed.
        """
        if self._link.environment is Environment.SHADOW:
            raise GiveUp(f"account {self._link.account} is only watched: its countdowns are left alone.")
        ids = [InstrumentId(self._link.account, symbol) for symbol in symbols]
        ids = [id for id in ids if self._has_countdown(id)]
        results = await asyncio.gather(*(self._extend(id, timeout_ms) for id in ids), return_exceptions=True)
        problems = [result for result in results if isinstance(result, BaseException)]
        for problem in problems:
            if isinstance(problem, Bug) or not isinstance(problem, HedgerError):
                raise problem
        refused = [id for id, result in zip(ids, results, strict=True) if result is False]
        confirmed = [id for id, result in zip(ids, results, strict=True) if result is True]
        self._listing.unguarded = (self._listing.unguarded | set(refused)) - set(confirmed)
        for id in refused:
            self._suspicion.doubt(id)
        if refused and not confirmed:
            problems.append(AskAgain(f"the venue knows no {refused[0].symbol} that trades"))
        if problems:
            raise AskAgain(f"{len(ids) - len(confirmed)} of {len(ids)} countdowns were not confirmed; {problems[0]}")

    def _has_countdown(self, id: InstrumentId) -> bool:
        """A contract that does not trade any more has no orders to cancel."""
        return id not in self._listing.gone and self._listing.instruments[id].kind is not Kind.SPOT

    async def _extend(self, id: InstrumentId, timeout_ms: int) -> bool:
        """Whether it was confirmed; False where the venue says that this contract does not trade."""
        link, raw = self._link, self._listing.raw[id]
        params, api = {"symbol": raw, "countdownTime": timeout_ms}, api_of(id.symbol)

        def understand(payload: Any) -> bool:
            told = _read_countdown(payload)
            if told.symbol != raw or told.countdownTime != timeout_ms:
                raise ValueError(f"a countdown of {told.countdownTime} ms on {told.symbol} was confirmed instead")
            return True

        confirmed = await link.asker.ask(
            f"countdown of {raw}",
            lambda: private(link, api, "post_countdowncancelall")(params),
            understand,
            host=host_of(link, api),
            lane=Lane.CONTROL,
            attempts=1,
            absent=NOT_TRADING,
        )
        return confirmed is not None
