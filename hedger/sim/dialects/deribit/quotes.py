"""What an instrument is worth, as Deribit tells it: tickers, order books and summaries.

What the exchange does not count is told as nothing: volumes and open interest are 0, and the last price is the middle
of the book. Nobody trades options: their books are empty, their only implied volatility is that of the mark.
`current_funding` is what the running interval would settle at now, `funding_8h` what the last one settled at: on the
exchange funding is paid at the end of an interval, on Deribit all the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hedger.model.numeric import ONE, ZERO
from hedger.sim.dialects.deribit.figures import figure, price_or_zero
from hedger.sim.dialects.deribit.naming import Catalogue, Instrument, amount_of, day_name, index_of, kind_of, name_of
from hedger.sim.dialects.deribit.refusals import invalid
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.funding import EIGHT_HOURS_MS
from hedger.sim.nouns import Listing, OptionListing, Wallet
from hedger.sim.options import OptionMark

Rows = list[tuple[Decimal, Decimal]]
FURTHEST = Decimal("0.015")  # from the mark: what `min_price` and `max_price` tell of a future
MARK_GRID, GREEK_PLACES = Decimal("0.0001"), 8
NO_CHANGE: Body = {"price_change": None, "low": None, "high": None}


class Quotes:
    """Reads the exchange; everything is as of now."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue) -> None:
        self._exchange, self._catalogue = exchange, catalogue

    # --- prices ---------------------------------------------------------------------------------------------

    def index(self, instrument: Instrument) -> Decimal:
        """What a coin is worth in the quote of an instrument; 0 while nothing is known."""
        return self._exchange.floor.index_in(instrument.base, instrument.quote) or ZERO

    def index_named(self, name: str) -> Decimal:
        """The same by the name of an index; raises -32602 for one that nothing follows."""
        for instrument in self._catalogue:
            if index_of(instrument) == name:
                return self.index(instrument)
        raise invalid("index_name", "invalid index")

    def mark(self, instrument: Instrument) -> Decimal:
        """The mark price: the index of a spot pair."""
        if isinstance(instrument, OptionListing):
            return self.option(instrument).price
        if instrument.wallet is Wallet.SPOT:
            return self.index(instrument)
        return self._exchange.premium(instrument.symbol).mark_price

    def option(self, option: OptionListing) -> OptionMark:
        """An option's mark and greeks."""
        return self._exchange.floor.options.mark(option)

    def depth(self, instrument: Instrument, limit: int) -> tuple[Rows, Rows]:
        """(bids, asks) as (price, amount), best first; both empty for an option."""
        if isinstance(instrument, OptionListing):
            return [], []
        bids, asks = self._exchange.depth(instrument.wallet, instrument.symbol, limit)
        return _amounts(instrument, bids), _amounts(instrument, asks)

    # --- payloads -------------------------------------------------------------------------------------------

    def ticker(self, instrument: Instrument) -> Body:
        """`public/ticker`, and the channel of that name."""
        bids, asks = self.depth(instrument, 1)
        mark, index = self.mark(instrument), self.index(instrument)
        body: Body = {
            "timestamp": self._exchange.now,
            "stats": dict.fromkeys(("volume", "volume_usd", "volume_notional"), 0) | NO_CHANGE,
            "state": "open",
            "instrument_name": name_of(instrument),
            "mark_price": figure(mark),
            "index_price": figure(index),
            "estimated_delivery_price": figure(index),
            "last_price": _last(bids, asks, mark),
            "min_price": figure((mark * (1 - FURTHEST)).quantize(MARK_GRID)),
            "max_price": figure((mark * (1 + FURTHEST)).quantize(MARK_GRID)),
            **best(bids, asks),
        }
        if isinstance(instrument, OptionListing):
            return body | self._of_option(instrument)
        if instrument.wallet is Wallet.SPOT:
            return body
        body |= {"open_interest": 0, "settlement_price": figure(mark)}
        return body | (self._of_perpetual(instrument) if instrument.expiry_at is None else {})

    def order_book(self, instrument: Instrument, limit: int) -> Body:
        """`public/get_order_book`: a ticker with levels."""
        bids, asks = self.depth(instrument, limit)
        update_id = 1
        if isinstance(instrument, Listing):
            update_id = self._exchange.best(instrument.wallet, instrument.symbol).update_id
        return self.ticker(instrument) | {"bids": levels(bids), "asks": levels(asks), "change_id": update_id}

    def summary(self, instrument: Instrument) -> Body:
        """A row of `public/get_book_summary_by_currency`."""
        bids, asks = self.depth(instrument, 1)
        mark = self.mark(instrument)
        inverse_option = isinstance(instrument, OptionListing) and instrument.settle == instrument.base
        body: Body = {
            "instrument_name": name_of(instrument),
            "base_currency": instrument.base,
            "quote_currency": instrument.base if inverse_option else instrument.quote,
            "creation_timestamp": self._exchange.now,
            "bid_price": figure(bids[0][0]) if bids else None,
            "ask_price": figure(asks[0][0]) if asks else None,
            "mid_price": figure((bids[0][0] + asks[0][0]) / 2) if bids and asks else None,
            "mark_price": figure(mark),
            "last": _last(bids, asks, mark),
            "high": None,
            "low": None,
            "price_change": None,
            "volume": 0,
            "volume_usd": 0,
            "volume_notional": 0,
            "open_interest": 0,
            "estimated_delivery_price": figure(self.index(instrument)),
        }
        if isinstance(instrument, OptionListing):
            told = self._of_option(instrument)
            shared = ("underlying_index", "underlying_price", "interest_rate", "mark_iv")
            return body | {name: told[name] for name in shared}
        funded = kind_of(instrument) == "future" and instrument.expiry_at is None
        return body | (self.funding(instrument) if funded else {})

    def funding(self, listing: Listing) -> Body:
        """What a perpetual's running interval and its last one come to, for eight hours."""
        interval_ms, now = listing.funding_interval_ms, self._exchange.now
        scale = Decimal(EIGHT_HOURS_MS) / interval_ms
        rate = self._exchange.premium(listing.symbol).funding_rate
        paid = self._exchange.past.settlements(listing.symbol, interval_ms, now, listing.interest)
        last = paid[-1].rate if paid else rate
        return {"current_funding": figure(rate * scale), "funding_8h": figure(last * scale)}

    def _of_perpetual(self, listing: Listing) -> Body:
        return self.funding(listing) | {"interest_value": figure(self._exchange.premium(listing.symbol).funding_rate)}

    def _of_option(self, option: OptionListing) -> Body:
        """Volatilities in per cent; vega for a point of them, theta for a day, both in dollars."""
        mark = self.option(option)
        iv = figure((mark.sigma * 100).quantize(MARK_GRID))
        dated = self._exchange.floor.dated(option.base, option.quote, option.expiry_at)
        greeks = mark.greeks
        return {
            "mark_iv": iv,
            "bid_iv": 0,
            "ask_iv": 0,
            "underlying_price": figure(mark.forward_price),
            "underlying_index": name_of(dated[0]) if dated else f"SYN.{option.base}-{day_name(option.expiry_at)}",
            "interest_rate": 0,
            "open_interest": 0,
            "settlement_price": figure(mark.price),
            "greeks": {
                "delta": greek_of(greeks.delta),
                "gamma": greek_of(greeks.gamma),
                "vega": greek_of(greeks.vega),
                "theta": greek_of(greeks.theta),
                "rho": 0,
            },
        }


def greek_of(greek: float | None, coins: Decimal = ONE) -> int | float:
    """A greek of one coin, or of so many."""
    return figure(round(Decimal(greek or 0.0) * coins, GREEK_PLACES))


def best(bids: Rows, asks: Rows) -> Body:
    """The best prices and amounts; 0 on a side that is empty."""
    return {
        "best_bid_price": price_or_zero(bids[0][0] if bids else None),
        "best_bid_amount": price_or_zero(bids[0][1] if bids else None),
        "best_ask_price": price_or_zero(asks[0][0] if asks else None),
        "best_ask_amount": price_or_zero(asks[0][1] if asks else None),
    }


def levels(rows: Rows) -> list[list[int | float]]:
    """Levels as `[price, amount]`."""
    return [[figure(price), figure(amount)] for price, amount in rows]


def _amounts(listing: Listing, rows: Sequence[tuple[Decimal, Decimal]]) -> Rows:
    return [(price, amount_of(listing, quantity)) for price, quantity in rows]


def _last(bids: Rows, asks: Rows, mark: Decimal) -> int | float:
    return figure((bids[0][0] + asks[0][0]) / 2 if bids and asks else mark)
