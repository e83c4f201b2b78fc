"""The exchange's memory in the hedger's words: closed bars of an index, and what a perpetual has paid."""

from __future__ import annotations

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Candle, FundingRate
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing
from hedger.sim.past import LENGTHS_MS
from hedger.sim.translation import parse_symbol


def candles(exchange: Exchange, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
    """The last `count` closed bars of the index under an instrument; raises AskAgain where there are fewer."""
    if interval_ms not in LENGTHS_MS:
        raise GiveUp(f"The paper exchange keeps no bars of {interval_ms} ms.")
    rows = exchange.past.bars(_listing(exchange, id).base, interval_ms, count + 1)
    closed = [row for row in rows if row.opened_at + interval_ms <= exchange.now][-count:]
    if len(closed) < count or closed[-1].opened_at + 2 * interval_ms <= exchange.now:
        raise AskAgain(f"{id} has {len(closed)} closed bars of the {count} that are wanted.")
    return tuple(Candle(**row._asdict()) for row in closed)


def funding_rates(exchange: Exchange, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
    """What the last `count` settlements of a perpetual paid; raises AskAgain where there was none yet."""
    listing = _listing(exchange, id)
    interval_ms, interest = listing.funding_interval_ms, listing.interest
    rows = exchange.past.settlements(listing.symbol, interval_ms, exchange.now, interest)[-count:]
    if not rows:
        raise AskAgain(f"{id} has not paid any funding yet.")
    return tuple(FundingRate(rate=row.rate, interval_ms=interval_ms, settled_at=row.settled_at) for row in rows)


def _listing(exchange: Exchange, id: InstrumentId) -> Listing:
    listing = exchange.listings.get(parse_symbol(id.symbol))
    if listing is None:
        raise GiveUp(f"{id.symbol} is not listed on the paper exchange.")
    return listing
