"""Prices as no market means them: no numbers, other units, books that are crossed, empty or far apart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.sim.faults.strikes import Strikes

Price = Quote | Mark

NAN = Decimal("NaN")
NONSENSE = (NAN, ZERO, Decimal("Infinity"))
FACTORS = (Decimal(10), Decimal("0.1"), Decimal(100))
QUOTE_FIELDS = ("bid", "ask", "bid_quantity", "ask_quantity")
MARK_FIELDS = ("mark_price", "index_price", "funding_rate")


class Prices:
    """Bends the quotes and marks of one account as the plan says."""

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes

    def bend(self, price: Price) -> Price:
        """The price as the venue tells it."""
        if self._strikes.due("D01"):
            price = self._without_sense(price)
        if self._strikes.due("D02"):
            price = self._in_other_units(price)
        if isinstance(price, Quote) and self._strikes.due("D03"):
            price = self._odd_book(price)
        return price

    def _without_sense(self, price: Price) -> Price:
        draw = self._strikes.draw("D01")
        field = draw.choice(QUOTE_FIELDS if isinstance(price, Quote) else MARK_FIELDS)
        value = draw.choice((*NONSENSE, -getattr(price, field)))
        self._strikes.tell("D01", f"{field} of {price.id} is {value}")
        bent: dict[str, Any] = {field: value}
        return replace(price, **bent)

    def _in_other_units(self, price: Price) -> Price:
        """All prices, or those of one kind only, by one factor for as long as the window lasts."""
        form = self._strikes.variant("D02", 12)
        factor, which = FACTORS[form % 3], form // 3
        if isinstance(price, Quote):
            if which not in (0, 1):
                return price
            bent: Price = replace(price, bid=price.bid * factor, ask=price.ask * factor)
        elif which in (0, 2):
            bent = replace(price, mark_price=price.mark_price * factor, index_price=price.index_price * factor)
        elif which == 3:
            bent = replace(price, index_price=price.index_price * factor)
        else:
            return price
        self._strikes.tell("D02", f"{type(price).__name__} of {price.id} times {factor}")
        return bent

    def _odd_book(self, quote: Quote) -> Quote:
        form = self._strikes.draw("D03").randrange(5)
        name, odd = (
            ("crossed", replace(quote, bid=quote.ask, ask=quote.bid)),
            ("locked", replace(quote, bid=quote.ask)),
            ("one-sided", replace(quote, ask=ZERO, ask_quantity=ZERO)),
            ("empty", replace(quote, bid_quantity=ZERO, ask_quantity=ZERO)),
            ("wide", replace(quote, bid=quote.bid * Decimal("0.9"), ask=quote.ask * Decimal("1.1"))),
        )[form]
        self._strikes.tell("D03", f"the book of {quote.id} is {name}")
        return odd
