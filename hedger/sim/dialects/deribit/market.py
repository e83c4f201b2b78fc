"""Deribit's public methods about prices."""

from __future__ import annotations

from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import KINDS, Catalogue, belongs, index_of
from hedger.sim.dialects.deribit.quotes import Quotes
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods

DEPTHS = (1, 5, 10, 20, 50, 100, 1_000, 10_000)


class MarketApi:
    """Tickers, books, summaries and indices."""

    def __init__(self, catalogue: Catalogue, quotes: Quotes) -> None:
        self._catalogue, self._quotes = catalogue, quotes

    def methods(self) -> Methods:
        """By name."""
        return {
            "public/ticker": Method(handler=self._ticker),
            "public/get_order_book": Method(handler=self._order_book),
            "public/get_book_summary_by_currency": Method(handler=self._summaries),
            "public/get_book_summary_by_instrument": Method(handler=self._summary),
            "public/get_index_price": Method(handler=self._index_price),
            "public/get_index_price_names": Method(handler=self._index_names),
        }

    def _ticker(self, call: Call) -> object:
        return self._quotes.ticker(self._catalogue.find(call.params.text("instrument_name")))

    def _order_book(self, call: Call) -> object:
        """Other depths than Deribit's are taken to the next."""
        asked = call.params.integer("depth") or 5
        depth = next((d for d in DEPTHS if d >= asked), DEPTHS[-1])
        return self._quotes.order_book(self._catalogue.find(call.params.text("instrument_name")), depth)

    def _summaries(self, call: Call) -> object:
        currency = self._catalogue.currency(call.params.text("currency"))
        kind = call.params.choice("kind", KINDS, "any")
        return [self._quotes.summary(x) for x in self._catalogue if belongs(x, currency, kind)]

    def _summary(self, call: Call) -> object:
        return [self._quotes.summary(self._catalogue.find(call.params.text("instrument_name")))]

    def _index_price(self, call: Call) -> object:
        price = figure(self._quotes.index_named(call.params.text("index_name")))
        return {"index_price": price, "estimated_delivery_price": price}

    def _index_names(self, call: Call) -> object:
        return sorted({index_of(instrument) for instrument in self._catalogue})
