"""Deribit's public reference data: instruments, currencies, time and status."""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

from hedger.model.instrument import Payoff
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.listings import OPTION_FEE
from hedger.sim.dialects.deribit.naming import (
    KINDS,
    Catalogue,
    Instrument,
    amount_of,
    belongs,
    index_of,
    kind_of,
    name_of,
)
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import Account
from hedger.sim.nouns import Listing, OptionListing, Wallet

NEVER = 32_503_708_800_000  # the expiration of a perpetual
CREATED_AT = 1_534_242_287_000
WEEK_MS, MONTH_MS = 7 * 86_400_000, 31 * 86_400_000
LIQUIDATION_FEE = Decimal("0.0075")
# What coin-settled options are priced in: 0.0001 coins, and 0.0005 from 0.005 coins on.
OPTION_TICK, OPTION_STEP, OPTION_ABOVE = Decimal("0.0001"), Decimal("0.0005"), Decimal("0.005")
_NOBODY = Account(name="(nobody)")
LONG_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "XRP": "XRP", "USDC": "USD Coin"}


class CatalogueApi:
    """The public methods about what there is."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue) -> None:
        self._exchange, self._catalogue = exchange, catalogue

    def methods(self) -> Methods:
        """By name."""
        return {
            "public/get_time": Method(handler=lambda call: self._exchange.now),
            "public/status": Method(handler=lambda call: {"locked": "false", "locked_indices": []}),
            "public/get_currencies": Method(handler=self._currencies),
            "public/get_instruments": Method(handler=self._instruments),
            "public/get_instrument": Method(handler=self._instrument),
            "public/get_contract_size": Method(handler=self._contract_size),
        }

    def _currencies(self, call: Call) -> object:
        return [
            {
                "currency": currency,
                "currency_long": LONG_NAMES.get(currency, currency),
                "coin_type": {"BTC": "BITCOIN"}.get(currency, currency),
                "network_currency": currency,
                "min_confirmations": 1,
                "min_withdrawal_fee": 0.0001,
                "withdrawal_fee": 0.0001,
                "network_fee": 0.0001,
                "fee_precision": 4,
                "decimals": 6 if currency == "USDC" else 8,
                "apr": 0.0,
                "withdrawal_priorities": [],
                "in_cross_collateral_pool": False,
            }
            for currency in self._catalogue.currencies()
        ]

    def _instruments(self, call: Call) -> object:
        """`expired` ones are those that the exchange has settled, of which it keeps futures only."""
        currency = call.params.optional("currency") or "any"
        if currency != "any":
            self._catalogue.currency(currency)
        kind = call.params.choice("kind", KINDS, "any")
        listed: list[Instrument] = list(self._catalogue)
        if call.params.boolean("expired"):
            listed = [settled.listing for settled in self._exchange.expiries.settled.values()]
        return [self.row(x) for x in listed if belongs(x, currency, kind)]

    def _instrument(self, call: Call) -> object:
        return self.row(self._catalogue.find_past(call.params.text("instrument_name")))

    def _contract_size(self, call: Call) -> object:
        return {"contract_size": figure(contract_size(self._catalogue.find(call.params.text("instrument_name"))))}

    def row(self, instrument: Instrument) -> Body:
        """All about one instrument."""
        active = instrument.expiry_at is None or instrument.expiry_at > self._exchange.now
        body: Body = {
            "instrument_name": name_of(instrument),
            "instrument_id": crc32(name_of(instrument).encode()) % 1_000_000,
            "kind": kind_of(instrument),
            "base_currency": instrument.base,
            "quote_currency": instrument.quote,
            "counter_currency": instrument.quote,
            "price_index": index_of(instrument),
            "contract_size": figure(contract_size(instrument)),
            "is_active": active,
            "state": "open" if active else "closed",
            "rfq": False,
            "creation_timestamp": CREATED_AT,
            "expiration_timestamp": NEVER if instrument.expiry_at is None else instrument.expiry_at,
        }
        if isinstance(instrument, OptionListing):
            return body | self._option(instrument)
        return body | (self._spot(instrument) if instrument.wallet is Wallet.SPOT else self._future(instrument))

    def _fees(self, listing: Listing) -> Body:
        """What anybody pays: the first tier."""
        maker, taker = self._exchange.floor.rates(_NOBODY, listing.wallet)
        return {"maker_commission": figure(maker), "taker_commission": figure(taker)}

    def _grid(self, listing: Listing) -> Body:
        return {
            "tick_size": figure(listing.tick_size),
            "tick_size_steps": [],
            "min_trade_amount": figure(amount_of(listing, listing.min_quantity)),
            "block_trade_commission": figure(OPTION_FEE),
            "block_trade_min_trade_amount": 200_000,
            "block_trade_tick_size": 0.01,
        }

    def _spot(self, listing: Listing) -> Body:
        return {"instrument_type": "linear"} | self._fees(listing) | self._grid(listing)

    def _future(self, listing: Listing) -> Body:
        form = "reversed" if listing.payoff is Payoff.INVERSE else "linear"
        return (
            {
                "instrument_type": form,
                "future_type": form,
                "settlement_currency": listing.settle,
                "settlement_period": self._period(listing.expiry_at),
                "max_leverage": listing.tiers[0].leverage_cap,
                "max_liquidation_commission": figure(LIQUIDATION_FEE),
            }
            | self._fees(listing)
            | self._grid(listing)
        )

    def _option(self, option: OptionListing) -> Body:
        inverse = option.payoff is Payoff.INVERSE
        steps = [{"above_price": figure(OPTION_ABOVE), "tick_size": figure(OPTION_STEP)}] if inverse else []
        return {
            "instrument_type": "reversed" if inverse else "linear",
            "quote_currency": option.settle,
            "settlement_currency": option.settle,
            "settlement_period": self._period(option.expiry_at),
            "option_type": option.option_type.value,
            "strike": figure(option.strike),
            "tick_size": figure(OPTION_TICK if inverse else Decimal(5)),
            "tick_size_steps": steps,
            "min_trade_amount": figure(option.contract_multiplier / 10),
            "maker_commission": figure(OPTION_FEE),
            "taker_commission": figure(OPTION_FEE),
            "block_trade_commission": figure(OPTION_FEE),
            "block_trade_min_trade_amount": 25,
            "block_trade_tick_size": figure(OPTION_TICK),
        }

    def _period(self, expiry_at: int | None) -> str:
        if expiry_at is None:
            return "perpetual"
        left = expiry_at - self._exchange.now
        return "day" if left < WEEK_MS else "week" if left < MONTH_MS else "month"


def contract_size(instrument: Instrument) -> Decimal:
    """10 dollars of BTC-PERPETUAL, a lot of a linear future or a pair, one coin of an option."""
    if isinstance(instrument, OptionListing) or instrument.payoff is Payoff.INVERSE:
        return instrument.contract_multiplier
    return instrument.lot_size
