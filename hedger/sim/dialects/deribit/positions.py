"""Positions as Deribit tells them: signed sizes, dollars of an inverse future and coins of everything else.

Profit is realized by trades alone: the exchange has no daily settlement that moves it into the balance, so that nothing
is ever "of this session" but realized. What a user paid for options is not known: their average price is 0.
"""

from __future__ import annotations

from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO
from hedger.sim.dialects.deribit.figures import figure, price_or_zero
from hedger.sim.dialects.deribit.naming import KINDS, Catalogue, Instrument, amount_of, belongs, kind_of, name_of
from hedger.sim.dialects.deribit.quotes import Quotes, greek_of
from hedger.sim.dialects.deribit.refusals import invalid
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OptionListing, Wallet

READ = ("trade", "read")


class Positions:
    """Rows of positions, and the methods that ask for them."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, quotes: Quotes) -> None:
        self._exchange, self._catalogue, self._quotes = exchange, catalogue, quotes

    def methods(self) -> Methods:
        """By name."""
        return {
            "private/get_position": Method(handler=self._get_one, scope=READ),
            "private/get_positions": Method(handler=self._get_all, scope=READ),
        }

    def _get_one(self, call: Call) -> object:
        """The row of one instrument, zero if nothing is held."""
        return self.row(call.user, self._catalogue.find(call.params.text("instrument_name")))

    def _get_all(self, call: Call) -> object:
        """What is held, and zero rows of what was traded."""
        currency = call.params.optional("currency") or "any"
        if currency != "any":
            self._catalogue.currency(currency)
        kind = call.params.choice("kind", KINDS, "any")
        return [
            self.row(call.user, x)
            for x in self._catalogue
            if belongs(x, currency, kind) and self._concerns(call.user, x)
        ]

    def _concerns(self, user: str, instrument: Instrument) -> bool:
        account = self._exchange.floor.account(user)
        if isinstance(instrument, OptionListing):
            return bool(account.options.get(instrument.symbol))
        key = (instrument.wallet, instrument.symbol)
        return instrument.wallet is not Wallet.SPOT and key in account.trades

    def row(self, user: str, instrument: Instrument) -> Body:
        """One position; a spot pair has none (-32602)."""
        if isinstance(instrument, OptionListing):
            return self._option(user, instrument)
        if instrument.wallet is Wallet.SPOT:
            raise invalid("instrument_name", "spot instruments have no positions")
        return self._future(user, instrument)

    def _future(self, user: str, listing: Listing) -> Body:
        floor = self._exchange.floor
        account = floor.account(user)
        held = floor.board.position(account, listing.symbol)
        amount = amount_of(listing, held.quantity)
        coins = self.delta(user, listing)
        profit = figure(held.unrealized_pnl)
        return _direction(amount) | {
            "instrument_name": name_of(listing),
            "kind": kind_of(listing),
            "size": figure(amount),
            "size_currency": figure(coins),
            "delta": figure(coins),
            "average_price": figure(held.entry_price),
            "mark_price": figure(held.mark_price),
            "index_price": figure(self._quotes.index(listing)),
            "settlement_price": figure(held.mark_price),
            "floating_profit_loss": profit,
            "total_profit_loss": profit,
            "realized_profit_loss": 0,
            "realized_funding": 0,
            "interest_value": 0,
            "leverage": held.leverage,
            "initial_margin": figure(held.initial_margin),
            "maintenance_margin": figure(held.maintenance_margin),
            "open_orders_margin": figure(floor.board.order_margin(account, listing.symbol)),
            "estimated_liquidation_price": price_or_zero(held.liquidation_price),
        }

    def _option(self, user: str, option: OptionListing) -> Body:
        """Greeks are of the whole position. Margins are told of the account only: the rule is not one of positions."""
        size = self.options_held(user, option)
        mark = self._quotes.option(option)
        greeks = mark.greeks
        return _direction(size) | {
            "instrument_name": name_of(option),
            "kind": "option",
            "size": figure(size),
            "delta": greek_of(greeks.delta, size),
            "gamma": greek_of(greeks.gamma, size),
            "vega": greek_of(greeks.vega, size),
            "theta": greek_of(greeks.theta, size),
            "average_price": 0,
            "average_price_usd": 0,
            "mark_price": figure(mark.price),
            "index_price": figure(mark.index_price),
            "settlement_price": figure(mark.price),
            "floating_profit_loss": 0,
            "floating_profit_loss_usd": 0,
            "realized_profit_loss": 0,
            "total_profit_loss": 0,
            "initial_margin": 0,
            "maintenance_margin": 0,
        }

    # --- of one user ----------------------------------------------------------------------------------------

    def delta(self, user: str, listing: Listing) -> Decimal:
        """The coins of a future's position, at its mark."""
        quantity = self._exchange.floor.account(user).holding(listing.symbol).quantity
        mark = self._quotes.mark(listing)
        if not quantity or (listing.payoff is Payoff.INVERSE and not mark):
            return ZERO
        return listing.coins(quantity, mark)

    def options_held(self, user: str, option: OptionListing) -> Decimal:
        """The coins of an option that a user has (negative: has sold)."""
        return amount_of(option, self._exchange.floor.account(user).options.get(option.symbol, ZERO))


def _direction(size: Decimal) -> Body:
    return {"direction": "buy" if size > 0 else "sell" if size < 0 else "zero"}
