"""Deribit's account summaries: balance, equity and margin of each currency, and the greeks of its options.

Every currency is margin for itself (`segregated_sm`): balance + unrealized profit of futures is the margin balance,
with the value of options it is the equity, and the margin balance less the initial margin is what is available.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from zlib import crc32

from hedger.model.numeric import ZERO
from hedger.sim.dialects.deribit.catalogue import CREATED_AT
from hedger.sim.dialects.deribit.credits import limits
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.keys import Keyring
from hedger.sim.dialects.deribit.listings import OPTION_FEE
from hedger.sim.dialects.deribit.naming import Catalogue, index_of
from hedger.sim.dialects.deribit.positions import Positions
from hedger.sim.dialects.deribit.purse import Purse
from hedger.sim.dialects.deribit.quotes import GREEK_PLACES, Quotes
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL
from hedger.sim.nouns import Listing, OptionListing, Wallet

READ = ("account", "read")
GREEKS = ("delta", "gamma", "vega", "theta")
NOTHING_YET = (
    "session_rpl",
    "futures_session_rpl",
    "options_session_rpl",
    "options_session_upl",
    "options_pl",
    "fee_balance",
    "additional_reserve",
    "locked_balance",
)


class AccountApi:
    """Summaries, API keys and locks of who has signed in."""

    def __init__(
        self,
        exchange: Exchange,
        catalogue: Catalogue,
        quotes: Quotes,
        positions: Positions,
        purse: Purse,
        keys: Keyring,
    ) -> None:
        self._exchange, self._catalogue, self._quotes = exchange, catalogue, quotes
        self._positions, self._purse, self._keys = positions, purse, keys

    def methods(self) -> Methods:
        """By name."""
        return {
            "private/get_account_summary": Method(handler=self._one, scope=READ),
            "private/get_account_summaries": Method(handler=self._all, scope=READ),
            "private/list_api_keys": Method(handler=self._list_keys, scope=READ),
            "private/get_user_locks": Method(handler=self._locks, scope=READ),
            "private/get_subaccounts": Method(handler=lambda call: [self._owner(call.user)], scope=READ),
        }

    def _one(self, call: Call) -> object:
        currency = self._catalogue.currency(call.params.text("currency"))
        extended = call.params.boolean("extended")
        body = self.summary(call.user, currency) | {"limits": limits()}
        return body | (self._owner(call.user) | {"fees": self._fees(call.user, currency)} if extended else {})

    def _all(self, call: Call) -> object:
        extended = call.params.boolean("extended")
        head = self._owner(call.user) if extended else {"id": _number(call.user), "username": call.user}
        summaries = [
            self.summary(call.user, currency)
            | {"limits": limits()}
            | ({"fees": self._fees(call.user, currency)} if extended else {})
            for currency in self._catalogue.currencies()
        ]
        return head | {"summaries": summaries}

    def _list_keys(self, call: Call) -> object:
        """The keys of this account. Their secrets are not told."""
        assert call.client is not None
        return [
            {
                "id": number,
                "client_id": client_id,
                "client_secret": "********",
                "name": credential.name,
                "enabled": True,
                "default": number == 1,
                "enabled_features": [],
                "ip_whitelist": [],
                "max_scope": credential.full_scope,
                "timestamp": CREATED_AT,
            }
            for number, (client_id, credential) in enumerate(self._keys.items(), start=1)
            if credential.user == call.user
        ]

    def _locks(self, call: Call) -> object:
        return [{"currency": currency, "enabled": False, "message": ""} for currency in self._catalogue.currencies()]

    # --- summaries ------------------------------------------------------------------------------------------

    def summary(self, user: str, currency: str) -> Body:
        """One currency, as of now; also what `user.portfolio` tells."""
        floor = self._exchange.floor
        wallet = floor.board.wallet(floor.account(user), currency)
        balance = self._purse.balance(user, currency)
        reserved = self._purse.reserved(user, currency)
        margin_balance = balance + wallet.unrealized_pnl
        initial = wallet.initial_margin + wallet.open_order_margin
        available = margin_balance - initial - reserved
        options = self._options(user, currency)
        deltas = self._deltas(user, currency)
        # By index it is that of Black-Scholes; the total is less what coin-settled options are worth, so that equity +
        # delta_total is the delta of the account's dollars.
        worth = ZERO if currency == COLLATERAL else options["value"]
        total = figure(_rounded(sum(deltas.values(), ZERO) - worth))
        body: Body = {
            "currency": currency,
            "balance": figure(balance),
            "equity": figure(margin_balance + options["value"]),
            "margin_balance": figure(margin_balance),
            "initial_margin": figure(initial),
            "maintenance_margin": figure(wallet.maintenance_margin),
            "projected_initial_margin": figure(initial),
            "projected_maintenance_margin": figure(wallet.maintenance_margin),
            "available_funds": figure(available),
            "available_withdrawal_funds": figure(max(ZERO, min(available, balance - reserved))),
            "spot_reserve": figure(reserved),
            "session_upl": figure(wallet.unrealized_pnl),
            "futures_session_upl": figure(wallet.unrealized_pnl),
            "futures_pl": figure(wallet.unrealized_pnl),
            "total_pl": figure(wallet.unrealized_pnl),
            "delta_total": total,
            "projected_delta_total": total,
            "delta_total_map": {index: figure(_rounded(delta)) for index, delta in deltas.items()},
            "options_value": figure(options["value"]),
            "margin_model": "segregated_sm",
            "portfolio_margining_enabled": False,
            "cross_collateral_enabled": False,
            "estimated_liquidation_ratio": 0,
            "estimated_liquidation_ratio_map": {},
        }
        index = f"{currency}_usd".lower()
        for greek in GREEKS:
            body[f"options_{greek}"] = figure(_rounded(options[greek]))
            if greek != "delta":
                body[f"options_{greek}_map"] = {index: body[f"options_{greek}"]} if options["held"] else {}
        return body | dict.fromkeys(NOTHING_YET, 0)

    def _options(self, user: str, currency: str) -> Mapping[str, Decimal]:
        """The value and greeks of the options that settle in a currency, and how many kinds are held."""
        sums = dict.fromkeys(("value", "held", *GREEKS), ZERO)
        for option in self._catalogue.options():
            size = self._positions.options_held(user, option)
            if option.settle != currency or not size:
                continue
            mark = self._quotes.option(option)
            sums["held"] += 1
            sums["value"] += size * mark.price
            for greek in GREEKS:
                sums[greek] += size * Decimal(getattr(mark.greeks, greek) or 0.0)
        return sums

    def _deltas(self, user: str, currency: str) -> dict[str, Decimal]:
        """Coins of all positions that settle in a currency, by index. The balance itself is not in them."""
        deltas: dict[str, Decimal] = {}
        for instrument in self._catalogue:
            if instrument.wallet is Wallet.SPOT or instrument.settle != currency:
                continue
            delta = self._delta(user, instrument)
            if delta:
                deltas[index_of(instrument)] = deltas.get(index_of(instrument), ZERO) + delta
        return deltas

    def _delta(self, user: str, instrument: Listing | OptionListing) -> Decimal:
        if isinstance(instrument, Listing):
            return self._positions.delta(user, instrument)
        size = self._positions.options_held(user, instrument)
        return size * Decimal(self._quotes.option(instrument).greeks.delta or 0.0) if size else ZERO

    # --- who ------------------------------------------------------------------------------------------------

    def _owner(self, user: str) -> Body:
        return {
            "id": _number(user),
            "email": f"{user}@example.com",
            "username": user,
            "system_name": user,
            "type": "main",
            "creation_timestamp": CREATED_AT,
            "login_enabled": True,
            "security_keys_enabled": False,
            "mmp_enabled": False,
            "interuser_transfers_enabled": False,
            "self_trading_reject_mode": "cancel_maker",
            "self_trading_extended_to_subaccounts": False,
            "referrer_id": None,
        }

    def _fees(self, user: str, currency: str) -> list[Body]:
        inverse = any(x.base == x.settle == currency for x in self._catalogue if x.wallet is Wallet.INVERSE)
        maker, taker = self._exchange.fees(user, Wallet.INVERSE if inverse else Wallet.LINEAR)
        rows = (("future", maker, taker), ("perpetual", maker, taker), ("option", OPTION_FEE, OPTION_FEE))
        return [
            {
                "currency": currency,
                "instrument_type": kind,
                "fee_type": "fixed",  # a relative one would be a share of the listing's
                "maker_fee": figure(maker_fee),
                "taker_fee": figure(taker_fee),
            }
            for kind, maker_fee, taker_fee in rows
        ]


def _rounded(value: Decimal) -> Decimal:
    return round(value, GREEK_PLACES)


def _number(user: str) -> int:
    return 1 + crc32(user.encode()) % 100_000
