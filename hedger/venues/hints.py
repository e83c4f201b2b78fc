"""Streamed news on its way to the one reader: the latest price wins, and nothing said of an order is lost silently."""

from __future__ import annotations

import asyncio
from collections import deque

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.runtime.ports import Hint

MOST_NEWS = 1_000


class HintQueue:
    """A bounded queue for one reader. Prices are conflated per instrument; news of orders goes first."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._news: deque[Hint] = deque()
        self._prices: dict[tuple[type[Hint], InstrumentId], Quote | Mark] = {}
        self._ready = asyncio.Event()

    def put(self, hint: Hint) -> None:
        """Add a hint. When too much news waits, it is dropped and a gap in the stream is told instead."""
        if isinstance(hint, Quote | Mark):
            self._prices[type(hint), hint.id] = hint
        else:
            if len(self._news) >= MOST_NEWS:
                self._news.clear()
                text = f"{MOST_NEWS} hints waited unread and were dropped"
                self._news += [StreamChanged(account=self._account, up=up, text=text) for up in (False, True)]
            self._news.append(hint)
        self._ready.set()

    async def get(self) -> Hint:
        """The next hint, waiting for one."""
        while not self._news and not self._prices:
            self._ready.clear()
            await self._ready.wait()
        if self._news:
            return self._news.popleft()
        return self._prices.pop(next(iter(self._prices)))
