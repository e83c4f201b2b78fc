"""What the simulated exchange streams to one user: order news as it travels, prices once per interval."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.runtime.ports import Clock, Hint
from hedger.sim import translation as words
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BookNews, News, OrderNews, PremiumNews, Wallet

MOST_HINTS = 10_000


class Streams:
    """Listens to the exchange for one user and puts hints into `queue`. `ids` says which prices are wanted."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        news_ms: Callable[[], int],
        ids: dict[tuple[Wallet, str], InstrumentId],
        user: str,
        account: str,
        interval_ms: int,
    ) -> None:
        self.queue: asyncio.Queue[Hint] = asyncio.Queue(MOST_HINTS)
        self._exchange, self._clock, self._news_ms, self._ids = exchange, clock, news_ms, ids
        self._user, self._account, self._interval_ms = user, account, interval_ms
        self._latest: dict[tuple[type, str], BookNews | PremiumNews] = {}
        self._under_way: deque[OrderNews] = deque()
        self._last_news_at = 0
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order of their making
        self._started = False

    def start(self) -> None:
        """Begin to listen, once, and say each time that the stream is up."""
        if not self._started:
            self._started = True
            self._exchange.subscribe(self._hear)
            self._spawn(self._sample())
        self._offer(StreamChanged(account=self._account, up=True, text="open"))

    async def stop(self) -> None:
        """Listen no more."""
        if self._started:
            self._started = False
            self._exchange.unsubscribe(self._hear)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def id_of(self, wallet: Wallet, name: str) -> InstrumentId:
        """The instrument that the exchange calls `name`, also one that nobody opened."""
        known = self._ids.get((wallet, name))
        if known is not None:
            return known
        return InstrumentId(self._account, words.unified_symbol(self._exchange.rules_of(wallet, name)))

    def _hear(self, news: News) -> None:
        match news:
            case BookNews():
                if (news.wallet, news.symbol) in self._ids:
                    self._latest[BookNews, f"{news.wallet}{news.symbol}"] = news
            case PremiumNews():
                if (news.wallet, news.symbol) in self._ids:
                    self._latest[PremiumNews, news.symbol] = news
            case OrderNews() if news.order.user == self._user and news.order.wallet is not Wallet.SPOT:
                self._under_way.append(news)
                self._spawn(self._deliver(self._travel_s()))
            case _:
                pass

    def _travel_s(self) -> float:
        now = self._clock.now_ms()
        self._last_news_at = max(self._last_news_at, now + self._news_ms())
        return (self._last_news_at - now) / 1000

    async def _deliver(self, travel_s: float) -> None:
        """One stream keeps its order: who arrives, however tasks are woken, hands over the oldest under way."""
        await self._clock.sleep(travel_s)
        news = self._under_way.popleft()
        id = self.id_of(news.order.wallet, news.order.symbol)
        if news.trade is not None:
            self._offer(words.fill(id, news.trade))
        self._offer(words.report(id, news.order))

    async def _sample(self) -> None:
        while True:
            await self._clock.sleep(self._interval_ms / 1000)
            latest, self._latest = self._latest, {}
            for news in latest.values():
                hint = self._price_hint(news)
                if hint is not None:
                    self._offer(hint)

    def _price_hint(self, news: BookNews | PremiumNews) -> Quote | Mark | None:
        if isinstance(news, BookNews):
            return words.quote(self.id_of(news.wallet, news.symbol), news.best, news.best.at)
        listing = self._exchange.rules_of(news.wallet, news.symbol)
        return words.mark(self.id_of(news.wallet, news.symbol), news.premium, listing.funding_interval_ms)

    def _offer(self, hint: Hint) -> None:
        """Nobody reads: the oldest hint is lost, as on a socket that is too slow. A hint proves nothing."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(hint)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
