"""How far it is known that MEXC gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

_W, _U, _A = Proof.WIRE, Proof.UNVERIFIED, Proof.ABSENT

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            _U,
            "free and locked coins of the spot wallet; a coin that is not listed is none when two lists in a row do "
            "without it, and half a minute later where it was held",
            "whether coins of which there is none are listed",
        ),
        Ability.POSITIONS: Told(
            _U,
            "contracts times their size, in coins, signed by positionType; what is not listed is flat where a question "
            "about it alone says so too and the wallet uses no margin that the list leaves unexplained",
            "by which price the wallet reckons the margin in use",
        ),
        Ability.OPTIONS: Told(_A, "it has no options by API: options of another account are hedged here all the same"),
        Ability.EQUITY_AND_MARGIN: Told(
            _U,
            "equity and unrealised profit as the futures wallet tells them; maintenance margin is reckoned by us, the "
            "value of a position times the rate of its risk level in `contract/detail`",
            "the venue tells no maintenance margin, and whether its equity has a trial bonus in it",
        ),
        Ability.LIQUIDATION_PRICE: Told(
            _U, "of each position; 0 is none, and then it is computed", "documented for isolated margin only"
        ),
        Ability.POST_ONLY: Told(
            _W,
            "type 2, by the raw `order/create`, with price and contracts written exactly: ccxt would send floats; an "
            "order of ours whose record says another type is not believed, and ends all creates of the session",
        ),
        Ability.WOULD_CROSS: Told(
            _U,
            "by the errorCode of its record: 20 is told as a post-only order that would have crossed, and so is one "
            "that names no fault and ends in the second in which it came, with nothing filled and no cancel asked for; "
            "other faults, such as a short balance, are told as what they are",
            "the venue documents no code for it: 20 was seen by others",
        ),
        Ability.REDUCE_ONLY: Told(
            _U,
            "sides 2 and 4, which only close, with reduceOnly; an order against the position that was read last closes "
            "as well, and one that would take it across zero is not sent",
            "what sides 1 and 3 do against a position in one-way mode is not documented, so they are never sent there",
        ),
        Ability.OUR_ID: Told(
            _U,
            "externalOid; a second use (2042, 603) is unknown and looked up, never a refusal",
            "the answer to a create does not say it back, and how long the venue keeps two orders from sharing it",
        ),
        Ability.FIND: Told(
            _U,
            "`order/external` by our id; none is a good answer without data, or 2040, where the open orders do without "
            "it too",
            "for how long an ended order is found",
        ),
        Ability.CANCEL: Told(
            _U,
            "`cancel_with_external` with one object; its answer has a code of its own inside, where 2040 and 2041 say "
            "that no such order is open",
            "the documentation has a list there, which the venue was seen to refuse",
        ),
        Ability.TIME_TO_LIVE: Told(
            _U,
            "the venue refuses a request that is ten seconds old (513): an order counts as on its way for as long, "
            "whatever its own time-to-live",
            "ccxt sends no `Recv-Window` for contracts, which might make it shorter",
        ),
        Ability.OPEN_ORDERS: Told(_U, "of the whole account, page by page; several pages are read twice", "the pages"),
        Ability.FILLS: Told(
            _U,
            "`order_deals/v3` of each contract, page by page, the newest first, as far back as ninety days",
            "its pages, and whether the window's ends are in it",
        ),
        Ability.MODES: Told(
            _U,
            "one-way mode, and leverage of both directions, set where they differ and read again; the margin mode goes "
            "with each order, and a position in the other mode is refused",
            "that the list of leverage has rows of the margin mode that was set",
        ),
        Ability.PRICES: Told(_W, "the book's first levels, and fair and index price of the ticker; spot books by REST"),
        Ability.FUNDING_RATE: Told(_W, "`funding_rate` with collectCycle and nextSettleTime, at most a minute old"),
        Ability.FUNDING_PAYMENTS: Told(
            _U, "`funding_records` of each contract, long and short, page by page", "whether its window is heeded"
        ),
        Ability.PAST: Told(_W, "bars of the index (of trades for a spot pair) and past funding rates, page by page"),
        Ability.FEES: Told(
            _U, "our own rates of each contract, discounts in them", "`tiered_fee_rate/v2` is known by its description"
        ),
        Ability.SWITCH: Told(_A, "it has none: keep orders short-lived, and the watchdog running"),
        Ability.TRANSFER: Told(_U, "between SPOT and FUTURES, of the money of our contracts", "never seen to move any"),
        Ability.TEST_ENVIRONMENT: Told(_A, "it has none: try it with mode shadow, then with the smallest order"),
        Ability.FORCED: Told(
            _U,
            "by the category of a fill: 2, 3 and 6 liquidation, 4 auto-deleveraging, 5 delivery",
            "none was recorded",
        ),
        Ability.KEY_RIGHTS: Told(
            _U,
            "`apiKeyInfo`, and a question to the futures API, which was closed to the public until March 2026; any "
            "right with WITHDRAW in its name is refused",
            "by which word the right to withdraw is told",
        ),
        Ability.STREAMS: Told(
            _U,
            "books, marks and our orders on contracts over one connection; spot pairs are polled, for their streams "
            "need protocol buffers, which are not installed",
            "frames were seen in documentation and in other programs only",
        ),
        Ability.LIMITS: Told(
            _U,
            "1,200 requests a minute counted here, four creates in two seconds; 510 and 429 are heeded",
            "the venue counts by endpoint, which is not counted here",
        ),
    }
)
