"""How far it is known that Binance gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

_WIRE, _UNVERIFIED, _ABSENT = Proof.WIRE, Proof.UNVERIFIED, Proof.ABSENT

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            _UNVERIFIED,
            "`GET /api/v3/account`: free and locked of every asset; one of ours that goes missing is no zero",
            "that zeros are listed when `omitZeroBalances` is false",
        ),
        Ability.POSITIONS: Told(
            _WIRE, "`positionRisk` and the account's own list must agree; flat is what neither has a quantity of"
        ),
        Ability.OPTIONS: Told(_ABSENT, "options on Binance are not read yet: hold them in a hedge on another venue"),
        Ability.EQUITY_AND_MARGIN: Told(
            _WIRE, "`GET /fapi/v3/account`: totalMarginBalance, totalMaintMargin, totalInitialMargin, availableBalance"
        ),
        Ability.LIQUIDATION_PRICE: Told(_WIRE, "of `positionRisk`; 0 is none, and then it is computed"),
        Ability.POST_ONLY: Told(_WIRE, "timeInForce GTX, and the record that is said back must have it too"),
        Ability.WOULD_CROSS: Told(_WIRE, "-5022 at once, or a record that is EXPIRED without a fill"),
        Ability.REDUCE_ONLY: Told(_WIRE, "reduceOnly on one-way positions"),
        Ability.OUR_ID: Told(_WIRE, "newClientOrderId; -4116 means that it exists: it is looked up, never sent anew"),
        Ability.FIND: Told(_WIRE, "`GET /fapi/v1/order` by origClientOrderId; -2013 is one of four proofs of absence"),
        Ability.CANCEL: Told(_WIRE, "`DELETE /fapi/v1/order` by origClientOrderId, answered by the order's record"),
        Ability.TIME_TO_LIVE: Told(_WIRE, "recvWindow of the create: what is left of the time-to-live when it leaves"),
        Ability.OPEN_ORDERS: Told(_WIRE, "`GET /fapi/v1/openOrders` of each contract, which has no pages"),
        Ability.FILLS: Told(_WIRE, "`GET /fapi/v1/userTrades`, a week at a time and then by trade id, to the end"),
        Ability.MODES: Told(
            _WIRE, "positionSide/dual, marginType and leverage are set where they differ and read again"
        ),
        Ability.PRICES: Told(
            _WIRE, "`ticker/bookTicker` and `premiumIndex`; a spot book carries no time: ours when asked"
        ),
        Ability.FUNDING_RATE: Told(
            _WIRE, "`premiumIndex`, and `fundingInfo` for the contracts that do not pay every eight hours"
        ),
        Ability.FUNDING_PAYMENTS: Told(_WIRE, "`GET /fapi/v1/income` FUNDING_FEE, paged to the end"),
        Ability.PAST: Told(_WIRE, "`indexPriceKlines` (spot: `klines`) and `fundingRate`, each proven to have no gap"),
        Ability.FEES: Told(_WIRE, "`GET /fapi/v1/commissionRate` of each contract"),
        Ability.SWITCH: Told(
            _WIRE, "`countdownCancelAll` of each contract, confirmed; orders placed by hand there fall with ours"
        ),
        Ability.TRANSFER: Told(_ABSENT, "coins and contracts have a wallet each; transfers are left to people"),
        Ability.TEST_ENVIRONMENT: Told(
            _UNVERIFIED,
            "demo trading with keys of its own; it cannot be asked for the keys' rights",
            "its stream hosts",
        ),
        Ability.FORCED: Told(
            _UNVERIFIED,
            "ids that begin with autoclose-, adl_autoclose and settlement_autoclose-, and `forceOrders`",
            "how late forceOrders tells of an order",
        ),
        Ability.KEY_RIGHTS: Told(
            _WIRE, "`apiRestrictions`: withdrawal is refused; whether addresses bind the keys is told"
        ),
        Ability.STREAMS: Told(_WIRE, "best prices, marks with funding, and our orders by a listen key that we renew"),
        Ability.LIMITS: Told(
            _WIRE, "x-mbx-used-weight-1m against 6,000 (spot) and 2,400 (futures) a minute; 429 and 418"
        ),
    }
)
