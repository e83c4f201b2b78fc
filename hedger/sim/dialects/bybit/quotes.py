"""Prices in Bybit's form: tickers of every category, order books, and what a coin is worth in dollars."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.spans import HOUR_MS
from hedger.sim.dialects.bybit.digits import money, on_grid, plain
from hedger.sim.dialects.bybit.names import name_of, option_name_of
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OptionListing

CENT = Decimal("0.01")
DOLLARS = {"USD": ONE, "USDC": ONE}


class Quotes:
    """Tickers of an exchange. It keeps no statistics of trading: volumes and open interest are told as nought, and the
    last price is the middle of the book."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dollars(self, coin: str) -> Decimal:
        """What one coin is worth in USD; 0 while it has no price."""
        if coin == "USDT":
            return self._exchange.floor.usdt_price
        return DOLLARS.get(coin) or self._exchange.floor.index_in(coin, "USD") or ZERO

    def spot(self, listing: Listing) -> Body:
        """The ticker of a pair."""
        return {
            "symbol": name_of(listing),
            **self._best(listing),
            **self._day(listing),
            "usdIndexPrice": money(self.dollars(listing.base)),
        }

    def contract(self, listing: Listing) -> Body:
        """The ticker of a perpetual or dated contract."""
        premium, fine = self._exchange.premium(listing.symbol), min(CENT, listing.tick_size)
        dated = listing.expiry_at is not None
        basis = premium.mark_price - premium.index_price
        day = self._day(listing)
        return {
            "symbol": name_of(listing),
            **day,
            "indexPrice": on_grid(premium.index_price, fine),
            "markPrice": on_grid(premium.mark_price, fine),
            "prevPrice1h": day["prevPrice24h"],
            "openInterest": "0",
            "openInterestValue": "0",
            "fundingRate": "" if dated else plain(premium.funding_rate),
            "nextFundingTime": "0" if dated else str(premium.next_funding_at),
            "predictedDeliveryPrice": "",
            "basisRate": money(basis / premium.index_price) if dated and premium.index_price else "",
            "basis": money(basis) if dated else "",
            "deliveryFeeRate": plain(listing.delivery_fee) if dated else "",
            "deliveryTime": str(listing.expiry_at or 0),
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
            "fundingIntervalHour": "" if dated else str(listing.funding_interval_ms // HOUR_MS),
            "fundingCap": "" if dated else "0.003",
            "basisRateYear": "",
            **self._best(listing),
        }

    def option(self, option: OptionListing) -> Body:
        """The ticker of an option: a mark and greeks, and nobody who quotes. Greeks are those of one coin."""
        mark = self._exchange.floor.options.mark(option)
        return {
            "symbol": option_name_of(option),
            "bid1Price": "0",
            "bid1Size": "0",
            "bid1Iv": "0",
            "ask1Price": "0",
            "ask1Size": "0",
            "ask1Iv": "0",
            "lastPrice": money(mark.price),
            "highPrice24h": "0",
            "lowPrice24h": "0",
            "markPrice": money(mark.price),
            "indexPrice": money(mark.index_price),
            "markIv": money(mark.sigma),
            "underlyingPrice": money(mark.forward_price),
            "openInterest": "0",
            "turnover24h": "0",
            "volume24h": "0",
            "totalVolume": "0",
            "totalTurnover": "0",
            "delta": _greek(mark.greeks.delta),
            "gamma": _greek(mark.greeks.gamma),
            "vega": _greek(mark.greeks.vega),
            "theta": _greek(mark.greeks.theta),
            "predictedDeliveryPrice": "0",
            "change24h": "0",
        }

    def book(self, listing: Listing, depth: int) -> tuple[list[list[str]], list[list[str]]]:
        """(bids, asks) of a book, the best first."""
        tick, lot = listing.tick_size, listing.lot_size
        sides = self._exchange.depth(listing.wallet, listing.symbol, depth)
        bids, asks = ([[on_grid(p, tick), on_grid(q, lot)] for p, q in side] for side in sides)
        return bids, asks

    def _best(self, listing: Listing) -> Body:
        best, tick, lot = self._exchange.best(listing.wallet, listing.symbol), listing.tick_size, listing.lot_size
        return {
            "bid1Price": on_grid(best.bid, tick) if best.bid is not None else "",
            "bid1Size": on_grid(best.bid_quantity, lot) if best.bid is not None else "",
            "ask1Price": on_grid(best.ask, tick) if best.ask is not None else "",
            "ask1Size": on_grid(best.ask_quantity, lot) if best.ask is not None else "",
        }

    def _day(self, listing: Listing) -> Body:
        """The last price, and the day before it as the index saw it."""
        best, tick = self._exchange.best(listing.wallet, listing.symbol), listing.tick_size
        sides = [price for price in (best.bid, best.ask) if price is not None]
        last = sum(sides, ZERO) / len(sides) if sides else ZERO
        # A unit of a linear contract may be more or less than one coin, whose index this is.
        unit = listing.contract_multiplier if listing.payoff is Payoff.LINEAR else ONE
        bars = self._exchange.past.bars(listing.base, HOUR_MS, 24)
        before = bars[0].open * unit if bars else last
        return {
            "lastPrice": on_grid(last, tick),
            "prevPrice24h": on_grid(before, tick),
            "price24hPcnt": money((last - before) / before) if before else "0",
            "highPrice24h": on_grid(max([last, *(bar.high * unit for bar in bars)]), tick),
            "lowPrice24h": on_grid(min([last, *(bar.low * unit for bar in bars)]), tick),
            "turnover24h": "0",
            "volume24h": "0",
        }


def _greek(value: float | None) -> str:
    return money(Decimal(value)) if value is not None else ""
