"""How far it is known that BingX gives what a hedger needs."""

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
            "whether coins of which there is none are listed; the fund account, and COIN-M where no such contract is "
            "configured, are not read",
        ),
        Ability.POSITIONS: Told(
            _U,
            "USDT-M in coins, COIN-M in contracts of 10 or 100 dollars, signed by their side; what is not listed is "
            "flat where the wallet uses no margin that the list leaves unexplained, and where, with another contract "
            "held, a question about it alone says so too (of more than ten, in turn)",
            "by which price the wallet reckons the margin in use",
        ),
        Ability.OPTIONS: Told(_A, "it has no options by API: options of another account are hedged here all the same"),
        Ability.EQUITY_AND_MARGIN: Told(
            _U,
            "equity as the wallet tells it; maintenance margin is reckoned by us from the venue's table of tiers "
            "(COIN-M has none: from the risk rate of its positions, and half a percent of them at least), and never "
            "less than the risk rate says",
            "the venue tells no maintenance margin, and that a risk rate is of the wallet's equity is read from "
            "recorded figures",
        ),
        Ability.LIQUIDATION_PRICE: Told(_W, "of each position; 0 is none"),
        Ability.POST_ONLY: Told(_W, "timeInForce PostOnly, by the raw endpoint: ccxt would make floats of the price"),
        Ability.WOULD_CROSS: Told(
            _U,
            "refused by code 101215, or its record ends in the half second in which it came, with nothing filled and "
            "no cancel asked for: both are told as a post-only order that would have crossed",
            "which of the two the venue does",
        ),
        Ability.REDUCE_ONLY: Told(
            _U,
            "reduceOnly with positionSide BOTH",
            "of COIN-M, only one form of the documentation names it; its sizes are bounded by the position here anyway",
        ),
        Ability.OUR_ID: Told(
            _U,
            "by both of its names, clientOrderID and clientOrderId; a second use (101481, 109201) is unknown and "
            "looked up, never a refusal",
            "the answer of COIN-M to a create does not name it: an order is known by it when it is found",
        ),
        Ability.FIND: Told(_U, "its record by our id, or 80016 or 109421", "for how long an ended order is found"),
        Ability.CANCEL: Told(_W, "by our id; COIN-M's answer is only taken as a note that it was asked for"),
        Ability.TIME_TO_LIVE: Told(
            _U,
            "recvWindow on each create, five seconds at most",
            "that a window shorter than five seconds is heeded: an order counts as on its way for five",
        ),
        Ability.OPEN_ORDERS: Told(
            _W, "every order of a book in one list, without pages", "whether it is cut somewhere"
        ),
        Ability.FILLS: Told(
            _U,
            "USDT-M by windows of a week, halved while one is full; COIN-M order by order, from the list of its orders",
            "by which time the list of COIN-M orders is cut: it is read from a day earlier; USDT-M fills are timed to "
            "the second; that `role` is ours, which the documentation words as the side of the trade, is known from "
            "the fees in payloads that others published",
        ),
        Ability.MODES: Told(
            _U,
            "one-way, single-asset, margin mode and leverage, set where they differ and read again",
            "COIN-M has no question about its position mode: an order in the other one is refused",
        ),
        Ability.PRICES: Told(_W, "the book's first levels, and the mark with its index, by REST; books are streamed"),
        Ability.FUNDING_RATE: Told(
            _W, "with the mark; eight hours where the venue names no interval", "COIN-M names none"
        ),
        Ability.FUNDING_PAYMENTS: Told(
            _U,
            "the account's income, by windows of a week, halved while one is full",
            "COIN-M tells none: on an account with such a contract this is refused, for a part is not the whole; the "
            "venue keeps three months, and what is older is missing without a word",
        ),
        Ability.PAST: Told(
            _U,
            "bars of the mark price (there are none of the index) and past rates of USDT-M; bars of trades of COIN-M",
            "COIN-M tells no past rates",
        ),
        Ability.FEES: Told(_W, "our own rates, of each book"),
        Ability.SWITCH: Told(
            _U,
            "one countdown of 10 to 120 s for all of USDT-M, whoever placed the orders; refused on an account with a "
            "COIN-M contract, which it would not guard",
            "it was never seen to run out",
        ),
        Ability.TRANSFER: Told(
            _U, "between spot and USDT-M, or COIN-M for a coin", "the keys need the right of universal transfer"
        ),
        Ability.TEST_ENVIRONMENT: Told(
            _U,
            "simulated trading of USDT-M perpetuals, whose play money, VST, counts as USDT; others are refused there",
            "whether it lists its contracts under USDT there as well",
        ),
        Ability.FORCED: Told(
            _U, "by the type of the order in the stream, and by the list of forced orders", "neither was recorded"
        ),
        Ability.KEY_RIGHTS: Told(
            _U, "asked at the start; withdrawal is refused", "the answer is documented in two shapes: both are read"
        ),
        Ability.STREAMS: Told(
            _U,
            "books, and our orders on USDT-M, whose key we renew every 20 minutes; marks are polled, for frames of "
            "them tell neither index nor funding",
            "ccxt does not watch orders on COIN-M: they are polled; frames without a trade's figures leave the fill "
            "to the list",
        ),
        Ability.LIMITS: Told(
            _U,
            "1,000 requests a minute counted here, five orders and five cancels in any second, also of the watchdog; "
            "each question of the account five times a second and each of the modes twice; 100410 is heeded until the "
            "moment it names",
            "other programs on the same account are not counted",
        ),
    }
)
