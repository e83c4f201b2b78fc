"""The endpoints for the key, the account, its wallet, fees, margin mode, disconnect protection and transfers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from hedger.sim.dialects.bybit.dcp import LONGEST_S, PRODUCTS, SHORTEST_S, DisconnectProtection
from hedger.sim.dialects.bybit.desk import Call, Route, Routes
from hedger.sim.dialects.bybit.digits import plain
from hedger.sim.dialects.bybit.journal import Journal
from hedger.sim.dialects.bybit.names import WALLETS, Category, Directory, name_of
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.bybit.signing import Credential
from hedger.sim.dialects.bybit.unified import UnifiedAccount
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL
from hedger.sim.nouns import Refused, Wallet

UTA_2_PRO = 6
CREATED = "2022-10-16T02:24:40Z"
EXPIRES = "2099-01-01T00:00:00Z"
MARGIN_MODES = {"REGULAR_MARGIN": False, "ISOLATED_MARGIN": True}
OUTSIDE, INSIDE = "FUND", "UNIFIED"
OPTION_FEES = (Decimal("0.0002"), Decimal("0.0003"))


class AccountApi:
    """The account of a user. Its funding wallet is outside of the exchange and known here only."""

    def __init__(
        self,
        exchange: Exchange,
        directory: Directory,
        account: UnifiedAccount,
        journal: Journal,
        protection: DisconnectProtection,
    ) -> None:
        self._exchange, self._directory, self._account = exchange, directory, account
        self._journal, self._protection = journal, protection
        self._funding: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def routes(self) -> Routes:
        """(method, path) → route."""
        return {
            ("GET", "/v5/user/query-api"): Route(handler=self._key, per_second=10, message=""),
            ("GET", "/v5/account/info"): Route(handler=self._info, per_second=50),
            ("GET", "/v5/account/wallet-balance"): Route(handler=self._wallet, per_second=50),
            ("GET", "/v5/account/fee-rate"): Route(handler=self._fees, per_second=10),
            ("GET", "/v5/account/query-dcp-info"): Route(handler=self._windows, per_second=5, message="success"),
            ("POST", "/v5/account/set-margin-mode"): Route(
                handler=self._set_margin_mode, per_second=5, message="Request accepted"
            ),
            ("POST", "/v5/order/disconnected-cancel-all"): Route(
                handler=self._set_window, per_second=5, message="success"
            ),
            ("POST", "/v5/asset/transfer/inter-transfer"): Route(
                handler=self._transfer, per_second=1, message="success"
            ),
            ("GET", "/v5/asset/coin/query-info"): Route(handler=self._coins, per_second=5, message=""),
        }

    # --- the key --------------------------------------------------------------------------------------------

    def _key(self, call: Call) -> Mapping[str, object]:
        credential = call.credential
        user_id = 24_600_000 + sum(call.user.encode())
        return {
            "id": str(13_770_661),
            "note": "hedger",
            "apiKey": call.key,
            "readOnly": 1 if credential.read_only else 0,
            "secret": "",
            "permissions": _permissions(credential),
            "ips": list(credential.addresses) or ["*"],
            "type": 1,
            "deadlineDay": -2 if credential.addresses else 83,
            "expiredAt": EXPIRES,
            "createdAt": CREATED,
            "unified": 0,
            "uta": 1,
            "userID": user_id,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    # --- the account ----------------------------------------------------------------------------------------

    def _info(self, call: Call) -> Mapping[str, object]:
        isolated = self._account.is_isolated(call.user)
        return {
            "marginMode": "ISOLATED_MARGIN" if isolated else "REGULAR_MARGIN",
            "updatedTime": str(self._exchange.now),
            "unifiedMarginStatus": UTA_2_PRO,
            "dcpStatus": "OFF",
            "timeWindow": self._protection.window_s(call.user, "DERIVATIVES"),
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def _wallet(self, call: Call) -> Mapping[str, object]:
        if call.params.text("accountType") != INSIDE:
            raise ApiError(10001, "accountType only support UNIFIED.")
        asked = call.params.optional("coin")
        coins = tuple(asked.split(",")) if asked is not None else None
        return {"list": [self._account.wallet(call.user, coins, self._journal.realised(call.user))]}

    def _fees(self, call: Call) -> Mapping[str, object]:
        """Spot and contracts by symbol, options by coin."""
        category, params = call.params.category(), call.params
        name, coin = params.optional("symbol"), params.optional("baseCoin")
        if category is Category.OPTION:
            maker, taker = OPTION_FEES
            bases = sorted({option.base for option in self._directory.options()} | ({coin} if coin else set()))
            rows = [("", base, maker, taker) for base in bases if coin in (None, base)]
        else:
            maker, taker = self._exchange.fees(call.user, WALLETS[category])
            listings = self._directory.listings(category)
            if name is not None:
                listings = [self._directory.find(category, name)]
            rows = [(name_of(x), x.base, maker, taker) for x in listings if coin in (None, x.base)]
        told = [
            {
                "symbol": symbol,
                "baseCoin": base if category is Category.OPTION else "",
                "takerFeeRate": plain(high),
                "makerFeeRate": plain(low),
            }
            for symbol, base, low, high in rows
        ]
        return {"category": category.value, "list": told}

    def _set_margin_mode(self, call: Call) -> Mapping[str, object]:
        """Of the whole account: every contract's, or none where one of them has a position or an order."""
        mode = call.params.choice("setMarginMode", (*MARGIN_MODES, "PORTFOLIO_MARGIN"))
        if mode not in MARGIN_MODES:
            raise _not_set("3400000", "Equity needs to be equal to or greater than 1000 USDC")
        isolated, user = MARGIN_MODES[mode], call.user
        account, contracts = self._exchange.floor.account(user), self._exchange.floor.contracts
        changing = [symbol for symbol in contracts if (symbol in account.isolated) is not isolated]
        held = any(account.holding(symbol).quantity for symbol in contracts)
        if changing and (held or any(o.wallet is not Wallet.SPOT for o in account.working.values())):
            raise _not_set("3400094", "You have existing positions or open orders")
        for symbol in changing:
            self._exchange.set_isolated(user, symbol, isolated)
        return {"reasons": []}

    # --- disconnect protection ------------------------------------------------------------------------------

    def _set_window(self, call: Call) -> Mapping[str, object]:
        product = call.params.optional("product") or "OPTIONS"
        window_s = call.params.integer("timeWindow")
        if product not in PRODUCTS or window_s is None or not SHORTEST_S <= window_s <= LONGEST_S:
            raise ApiError(10001, "params error: product or timeWindow invalid")
        self._protection.set_window(call.user, product, window_s)
        return {}

    def _windows(self, call: Call) -> Mapping[str, object]:
        return {
            "dcpInfos": [
                {
                    "product": product,
                    "dcpStatus": "ON",
                    "timeWindow": str(self._protection.window_s(call.user, product)),
                }
                for product in PRODUCTS
            ]
        }

    # --- coins ----------------------------------------------------------------------------------------------

    def _transfer(self, call: Call) -> Mapping[str, object]:
        """Between the account and the funding wallet; money goes to where contracts settle, coins to spot."""
        params, user = call.params, call.user
        coin, amount = params.text("coin"), params.decimal("amount")
        source, goal = params.text("fromAccountType"), params.text("toAccountType")
        if {source, goal} != {INSIDE, OUTSIDE} or not amount:
            raise ApiError(131200, "transfer is not supported between these accounts")
        outside = (user, coin)
        if source == OUTSIDE and self._funding[outside] < amount:
            raise ApiError(131212, "insufficient balance")
        signed = amount if goal == INSIDE else -amount
        try:
            self._exchange.deposit(user, self._purse(user, coin, signed), coin, signed)
        except Refused as refused:
            raise ApiError(131212, "insufficient balance") from refused
        self._funding[outside] -= signed
        return {"transferId": params.text("transferId"), "status": "SUCCESS"}

    def _purse(self, user: str, coin: str, signed: Decimal) -> Wallet:
        """The wallet of the exchange that a transfer moves."""
        derivatives = Wallet.LINEAR if coin == COLLATERAL else Wallet.INVERSE
        backing = self._exchange.floor.account(user).wallets.get(coin, Decimal(0))
        if coin == COLLATERAL and signed > 0:
            return derivatives
        return derivatives if backing >= -signed > 0 else Wallet.SPOT

    def _coins(self, _: Call) -> Mapping[str, object]:
        listings = self._exchange.listings.values()
        coins = sorted({coin for x in listings for coin in (x.base, x.quote) if coin != "USD"})
        return {"rows": [_coin(coin) for coin in coins]}


def _permissions(credential: Credential) -> Mapping[str, list[str]]:
    """What a key may touch; one that only reads has the same words and `readOnly` 1."""
    wallet = ["AccountTransfer", "SubMemberTransferList"] + (["Withdraw"] if credential.withdrawals else [])
    return {
        "ContractTrade": ["Order", "Position"],
        "Spot": ["SpotTrade"],
        "Wallet": wallet,
        "Options": ["OptionsTrade"],
        "Derivatives": ["DerivativesTrade"],
        "CopyTrading": [],
        "BlockTrade": [],
        "Exchange": ["ExchangeHistory"],
        "NFT": [],
        "Affiliate": [],
        "Earn": [],
    }


def _not_set(code: str, text: str) -> ApiError:
    reasons = {"reasons": [{"reasonCode": code, "reasonMsg": text}]}
    return ApiError(3400045, "Set margin mode failed", result=reasons)


def _coin(coin: str) -> Mapping[str, object]:
    """A coin that can be neither deposited nor withdrawn: this exchange has no chain."""
    chain = {
        "chainType": coin,
        "confirmation": "1",
        "withdrawFee": "",
        "depositMin": "0",
        "withdrawMin": "0",
        "chain": coin,
        "chainDeposit": "0",
        "chainWithdraw": "0",
        "minAccuracy": "8",
        "withdrawPercentageFee": "0",
        "contractAddress": "",
    }
    return {"name": coin, "coin": coin, "remainAmount": "0", "chains": [chain]}
