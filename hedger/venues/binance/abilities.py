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
            "`GET /api/v3/account`: free and locked of every asset; one of ours that goes missing is no zero. What is "
            "in the derivatives wallet counts too; what goes missing there is believed gone after half a minute",
            "that zeros are listed when `omitZeroBalances` is false; that in single-asset mode the derivatives wallet "
            "lists coins that nothing settles in",
        ),
        Ability.POSITIONS: Told(
            _WIRE,
            "`positionRisk` and the account's own list must agree, of USDⓈ-M and, where it is configured, of COIN-M; "
            "flat is what neither has a quantity of, and COIN-M must say it with a row",
        ),
        Ability.OPTIONS: Told(
            _UNVERIFIED,
            "read where the keys have the right 'European options': `position`, `mark` and `index` of eapi; the "
            "forward is that of the marks of a call and a put of one strike. The options wallet is not counted",
            "units of contracts that are not one coin, and of vega and theta, which are left out; keys without that "
            "right read none, which the doctor says unless the venue says that the account has no options",
        ),
        Ability.EQUITY_AND_MARGIN: Told(
            _WIRE,
            "`GET /fapi/v3/account`: totalMarginBalance, totalMaintMargin, totalInitialMargin, availableBalance; of "
            "each coin `GET /dapi/v1/account`. In single-asset mode those totals are of USDT alone: what settles in "
            "another money is judged by the row of that money. In portfolio margin, which is only watched, "
            "accountEquity and accountMaintMargin of `GET /papi/v1/account`, whose uniMMR must be their ratio",
        ),
        Ability.LIQUIDATION_PRICE: Told(_WIRE, "of `positionRisk`; 0 is none, and then it is computed"),
        Ability.POST_ONLY: Told(_WIRE, "timeInForce GTX, and the record that is said back must have it too"),
        Ability.WOULD_CROSS: Told(_WIRE, "-5022 at once, or a record that is EXPIRED without a fill"),
        Ability.REDUCE_ONLY: Told(_WIRE, "reduceOnly on one-way positions"),
        Ability.OUR_ID: Told(_WIRE, "newClientOrderId; -4116 means that it exists: it is looked up, never sent anew"),
        Ability.FIND: Told(
            _WIRE, "`GET order` by origClientOrderId at fapi or dapi; -2013 is one of four proofs of absence"
        ),
        Ability.CANCEL: Told(_WIRE, "`DELETE order` by origClientOrderId, answered by the order's record"),
        Ability.TIME_TO_LIVE: Told(_WIRE, "recvWindow of the create: what is left of the time-to-live when it leaves"),
        Ability.OPEN_ORDERS: Told(_WIRE, "`GET openOrders` of each contract, which has no pages"),
        Ability.FILLS: Told(
            _WIRE,
            "`GET userTrades`, a week at a time (COIN-M: a day) and then by trade id, to the end; a commission above 0 "
            "was paid",
            "the sign of the commission: recorded ones that were paid are positive, the documented example is negative",
        ),
        Ability.MODES: Told(
            _WIRE,
            "positionSide/dual, marginType and leverage are set where they differ and read again, of each API its own; "
            "one-way mode is one setting for USDⓈ-M and COIN-M since June 2026, and is refused while either has an "
            "order or a position",
        ),
        Ability.PRICES: Told(
            _WIRE, "`ticker/bookTicker` and `premiumIndex`; a spot book carries no time: ours when asked"
        ),
        Ability.FUNDING_RATE: Told(
            _WIRE,
            "`premiumIndex`, and `fundingInfo`, read again with the rules, for the contracts that do not pay every "
            "eight hours",
        ),
        Ability.FUNDING_PAYMENTS: Told(_WIRE, "`GET income` FUNDING_FEE of each API, paged to the end"),
        Ability.PAST: Told(_WIRE, "`indexPriceKlines` (spot: `klines`) and `fundingRate`, each proven to have no gap"),
        Ability.FEES: Told(_WIRE, "`GET commissionRate` of each contract"),
        Ability.SWITCH: Told(
            _WIRE,
            "`countdownCancelAll` of each contract, confirmed; orders placed by hand there fall with ours. Portfolio "
            "margin has none, so such an account is not traded",
        ),
        Ability.TRANSFER: Told(
            _UNVERIFIED,
            "`POST /sapi/v1/asset/transfer` between the spot wallet and USDⓈ-M's or COIN-M's, once, for keys that may",
            "the codes of its refusals",
        ),
        Ability.TEST_ENVIRONMENT: Told(
            _UNVERIFIED,
            "demo trading with keys of its own, USDⓈ-M and COIN-M; it cannot be asked for the keys' rights, and has no "
            "options, no portfolio margin and no transfers",
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
        Ability.STREAMS: Told(
            _WIRE,
            "best prices, marks with funding, and our orders by a listen key that we renew; the address names the "
            "events that are told",
            "that the stream of orders tells what its address names: without, others found, it is connected and silent",
        ),
        Ability.LIMITS: Told(
            _WIRE,
            "x-mbx-used-weight-1m against 6,000 (spot, portfolio margin), 2,400 (USDⓈ-M and COIN-M together) and 400 "
            "(options) a minute; 429 and 418",
        ),
    }
)
