"""What was: bars, funding rates and delivery prices.

Bars are of the coin's index, without volume, and there are none shorter than five minutes. The exchange settles funding
at the end of an interval: its rate is told as if it had been paid evenly over the hours of that, so that eight hours of
`interest_1h` and the last `interest_8h` come to what was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

from hedger.model.numeric import ZERO
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import Catalogue, index_of
from hedger.sim.dialects.deribit.refusals import invalid
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, Wallet
from hedger.sim.past import MOST_BARS, Bar

MOST_RATES = 744
LENGTHS = {name: int(name) * MINUTE_MS for name in ("1", "3", "5", "10", "15", "30", "60", "120", "180", "360", "720")}
LENGTHS["1D"] = 24 * HOUR_MS
KEPT = (4 * HOUR_MS, HOUR_MS, 15 * MINUTE_MS, 5 * MINUTE_MS)
EIGHT = 8


class PastApi:
    """The public methods about the past."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue) -> None:
        self._exchange, self._catalogue = exchange, catalogue

    def methods(self) -> Methods:
        """By name."""
        return {
            "public/get_tradingview_chart_data": Method(handler=self._chart),
            "public/get_funding_rate_history": Method(handler=self._rates),
            "public/get_funding_rate_value": Method(handler=self._rate),
            "public/get_delivery_prices": Method(handler=self._deliveries),
        }

    # --- bars -----------------------------------------------------------------------------------------------

    def _chart(self, call: Call) -> object:
        instrument = self._catalogue.find(call.params.text("instrument_name"))
        length = LENGTHS[call.params.choice("resolution", LENGTHS)]
        first, last = call.params.moment("start_timestamp"), call.params.moment("end_timestamp")
        bars = [bar for bar in self._bars(instrument.base, length) if first <= bar.opened_at <= last]
        return {
            "status": "ok" if bars else "no_data",
            "ticks": [bar.opened_at for bar in bars],
            "open": [figure(bar.open) for bar in bars],
            "high": [figure(bar.high) for bar in bars],
            "low": [figure(bar.low) for bar in bars],
            "close": [figure(bar.close) for bar in bars],
            "volume": [0 for _ in bars],
            "cost": [0 for _ in bars],
        }

    def _bars(self, coin: str, length: int) -> list[Bar]:
        """Bars of a length, made of shorter ones where the exchange keeps no such bars."""
        past = self._exchange.past
        kept = past.bars(coin, length, MOST_BARS)
        if kept:
            return kept
        part = next((x for x in KEPT if x < length and length % x == 0), None)
        parts = past.bars(coin, part, MOST_BARS) if part is not None else []
        return [
            _joined(start, list(group)) for start, group in groupby(parts, lambda b: b.opened_at - b.opened_at % length)
        ]

    # --- funding --------------------------------------------------------------------------------------------

    def _rates(self, call: Call) -> object:
        listing = self._perpetual(call)
        first, last = call.params.moment("start_timestamp"), call.params.moment("end_timestamp")
        prices = {bar.opened_at + HOUR_MS: bar.close for bar in self._bars(listing.base, HOUR_MS)}
        rows = [row for row in self._hourly(listing) if first <= row[0] <= last]
        return [
            {
                "timestamp": at,
                "index_price": figure(prices.get(at, ZERO)),
                "prev_index_price": figure(prices.get(at - HOUR_MS, ZERO)),
                "interest_8h": figure(eight),
                "interest_1h": figure(one),
            }
            for at, one, eight in rows[-MOST_RATES:]
        ]

    def _rate(self, call: Call) -> object:
        """What the hours between two instants paid."""
        listing = self._perpetual(call)
        first, last = call.params.moment("start_timestamp"), call.params.moment("end_timestamp")
        return figure(sum((one for at, one, _ in self._hourly(listing) if first < at <= last), ZERO))

    def _hourly(self, listing: Listing) -> list[tuple[int, Decimal, Decimal]]:
        """(when, rate of that hour, rate of the eight hours until then), oldest first."""
        interval = listing.funding_interval_ms
        hours = max(1, interval // HOUR_MS)
        paid = self._exchange.past.settlements(listing.symbol, interval, self._exchange.now, listing.interest)
        each = [
            (settled.settled_at - back * HOUR_MS, settled.rate / hours)
            for settled in paid
            for back in range(hours - 1, -1, -1)
        ]
        ones = [rate for _, rate in each]
        return [(at, one, sum(ones[max(0, n - EIGHT + 1) : n + 1], ZERO)) for n, (at, one) in enumerate(each)]

    def _perpetual(self, call: Call) -> Listing:
        instrument = self._catalogue.find(call.params.text("instrument_name"))
        if not isinstance(instrument, Listing) or instrument.wallet is Wallet.SPOT or instrument.expiry_at is not None:
            raise invalid("instrument_name", "not a perpetual")
        return instrument

    # --- deliveries -----------------------------------------------------------------------------------------

    def _deliveries(self, call: Call) -> object:
        """Days on which a future of the index was delivered; Deribit tells every day."""
        name, offset = call.params.text("index_name"), call.params.integer("offset") or 0
        count = call.params.count(10, 1_000)
        known = {index_of(instrument) for instrument in self._catalogue}
        settled = [s for s in self._exchange.expiries.settled.values() if index_of(s.listing) == name]
        if name not in known and not settled:
            raise invalid("index_name", "invalid index")
        rows = [{"date": _date(s.at), "delivery_price": figure(s.price)} for s in sorted(settled, key=lambda s: -s.at)]
        return {"data": rows[offset : offset + count], "records_total": len(rows)}


def _joined(opened_at: int, parts: Sequence[Bar]) -> Bar:
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    return Bar(opened_at, parts[0].open, high, low, parts[-1].close)


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
