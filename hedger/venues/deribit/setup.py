"""Before the first order on Deribit: what is listed, what the keys may do, and what stands for its leverage."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hedger.errors import AskAgain, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.deribit.codes import REST
from hedger.venues.deribit.listing import has_ended, is_trading, rules_of
from hedger.venues.deribit.names import raw_of, terms_of
from hedger.venues.deribit.payloads import CurrencyRow, Fee, Fees, Grant, fee_of, fee_rows, result_of
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing, not_listed
from hedger.venues.modes import Change
from hedger.venues.profile import KeyRights
from hedger.venues.wire import Moment, reader

# Every key has the areas of its scope with a level each, such as `trade:read_write`.
_WITHDRAWING = ("wallet", "custody")
_read_time: Understand[int] = result_of(Moment)
_read_grant: Understand[Grant] = result_of(Grant)
_read_currencies: Understand[list[CurrencyRow]] = result_of(list[CurrencyRow])
_read_fees: Understand[Fees] = result_of(Fees)
_read_fee: Understand[Fee] = reader(Fee)


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    return await link.asker.need("time", link.client.public_get_get_time, _read_time, host=link.hosts[REST], lane=lane)


async def check_key(link: Link) -> KeyRights:
    """What the keys may do: the scope that the venue grants to a signature of theirs. The secret does not leave. Raises
    CredentialsError for keys that may make other keys: whoever steals them makes one that may withdraw.

    The venue does not tell here whether they are bound to addresses.
    """
    client = link.client

    def ask() -> Awaitable[Any]:
        now = str(client.milliseconds())
        signature = hmac.new(client.secret.encode(), f"{now}\n{now}\n".encode(), hashlib.sha256).hexdigest()
        asked = {"grant_type": "client_signature", "client_id": client.apiKey, "timestamp": now, "nonce": now}
        found: Awaitable[Any] = client.public_get_auth({**asked, "signature": signature})
        return found

    grant = await link.asker.need("rights of the key", ask, _read_grant, host=link.hosts[REST])
    if _levels(grant.scope).get("account") == "read_write":
        raise CredentialsError(
            "deribit: the API key has account: read_write, and so may make other keys, also ones that withdraw: "
            "give it account: read, then start again."
        )
    return rights_of(grant.scope)


def rights_of(scope: str) -> KeyRights:
    """What a scope such as `account:read trade:read_write wallet:none` lets its bearer do."""
    levels = _levels(scope)
    reads = all(levels.get(area) in ("read", "read_write") for area in ("account", "trade"))
    return KeyRights(
        may_read=reads,
        may_trade=levels.get("trade") == "read_write",
        may_withdraw=any(levels.get(area) == "read_write" for area in _WITHDRAWING),
        bound=None,
    )


def _levels(scope: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in scope.split() if ":" in word)


class Leverage:
    """What stands for the leverage of each contract. Deribit has none to set: everything backs everything, and it asks
    for a few per cent of margin. So what was configured is kept here, a contract is told with it, and the free margin
    of a reading is what is free at it (`account.py`)."""

    def __init__(self) -> None:
        self._set: dict[InstrumentId, Decimal] = {}

    def of(self, id: InstrumentId) -> Decimal:
        """The leverage of a contract; of one that nobody configured, the least of those that somebody did, or 1."""
        return self._set.get(id) or min(self._set.values(), default=Decimal(1))

    async def differences(self, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode) -> list[Change]:
        """Remember it; nothing is to be changed there. Positions are net, always. GiveUp for isolated margin."""
        if margin_mode is not MarginMode.CROSS:
            raise GiveUp('deribit: it has no isolated margin: set margin_mode = "cross", then start again.')
        self._set |= dict.fromkeys(ids, Decimal(leverage))
        return []


async def load_wallets(link: Link) -> frozenset[str]:
    """The currencies that an account may hold: of a coin that is not among them it holds none."""
    rows = await link.asker.need(
        "currencies", link.client.public_get_get_currencies, _read_currencies, host=link.hosts[REST]
    )
    if not rows:
        raise AskAgain("deribit: currencies: an empty list.")
    return frozenset(row.currency for row in rows)


async def load_listing(link: Link, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`, but for those that have ended; ConfigError for any
    other that it does not list."""
    markets = await _markets_of(link, symbols)
    ended = _ended(link, symbols, markets)
    symbols = [symbol for symbol in symbols if symbol not in ended]
    for symbol in symbols:
        if symbol not in markets:
            raise not_listed("Deribit", symbol, markets)
    chosen = [markets[symbol] for symbol in symbols]
    link.client.set_markets(chosen)
    instruments = await _rules(link, chosen)
    raw = {rules.id: str(market["id"]) for market, rules in zip(chosen, instruments, strict=True)}
    return Listing(
        account=link.account,
        derivatives=_derivatives(markets),
        raw=raw | {InstrumentId(link.account, symbol): raw_of(symbol) for symbol in ended},
        ids={(raw[rules.id], rules.kind): rules.id for rules in instruments},
        instruments={rules.id: rules for rules in instruments},
        gone=frozenset(InstrumentId(link.account, symbol) for symbol in ended),
    )


def _ended(link: Link, symbols: Sequence[str], markets: Mapping[str, Any]) -> list[str]:
    try:
        return [symbol for symbol in symbols if has_ended(symbol, markets, link.venue_now())]
    except ValueError as problem:
        raise AskAgain(f"deribit: the rules are not understood: {explain(problem)}.") from None


def _derivatives(markets: Mapping[str, Any]) -> dict[str, Listed]:
    """Every future by the venue's name."""
    found = {}
    for market in markets.values():
        raw = str(market["id"])
        terms = terms_of(raw)
        if terms is not None:
            found[raw] = Listed(terms.symbol, terms.underlying, Decimal(1), terms.expiry_at, terms.payoff)
    return found


async def reload_rules(link: Link, listing: Listing, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out.

    The client and the listing go by them from now on. What had ended before the start is not looked for. A row of ours
    that the client names otherwise than before, or that has no name, is no proof that ours does not trade: AskAgain.
    """
    symbols = [symbol for symbol in symbols if InstrumentId(link.account, symbol) in listing.instruments]
    markets = await _markets_of(link, symbols)
    names = {market["id"] for market in markets.values()}
    for symbol in symbols:
        if symbol not in markets and not names.isdisjoint((listing.raw[InstrumentId(link.account, symbol)], None)):
            raise AskAgain(f"deribit: the listing has a row of {symbol} that is not understood.")
    try:
        trading = [markets[symbol] for symbol in symbols if symbol in markets and is_trading(markets[symbol])]
    except ValueError as problem:
        raise AskAgain(f"deribit: the rules are not understood: {explain(problem)}.") from None
    found = await _rules(link, trading)
    link.client.set_markets(list({**link.client.markets, **{str(m["symbol"]): m for m in trading}}.values()))
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def _markets_of(link: Link, symbols: Sequence[str]) -> dict[str, Any]:
    """What the venue lists now by ccxt's names: every future, and every pair where one is asked for. Not its thousands
    of options, whose names tell all that must be known of them."""
    kinds = ["future", *(["spot"] if any(":" not in symbol for symbol in symbols) else [])]
    parts = await together(*(_listed(link, kind) for kind in kinds))
    return {str(market["symbol"]): market for part in parts for market in part}


async def _listed(link: Link, kind: str) -> list[Any]:
    client = link.client
    params = {"currency": "any", "kind": kind, "expired": "false"}
    return await link.asker.need(f"{kind} listing", lambda: client.fetch_markets(params), _some, host=link.hosts[REST])


def _some(markets: list[Any]) -> list[Any]:
    if not markets:
        raise ValueError("an empty listing")
    return markets


async def _rules(link: Link, markets: Sequence[Any]) -> list[Instrument]:
    """The rules of markets, with the fees of the currencies that they settle in."""
    settled = dict.fromkeys(str(market["settleId"]) for market in markets if market["contract"])
    fees = [fee for part in await together(*(_fees(link, currency) for currency in settled)) for fee in part]
    try:
        return [rules_of(market, link.account, fees) for market in markets]
    except ValueError as problem:
        raise AskAgain(f"deribit: the rules are not understood: {explain(problem)}.") from None


async def _fees(link: Link, currency: str) -> list[Fee]:
    """The account's own fees. Rows of a form that we do not know leave the listing's, which no discount exceeds."""
    client = link.client

    def understand(payload: Any) -> list[Fee]:
        told = _read_fees(payload)
        if told.currency != currency:
            raise ValueError(f"the fees of {told.currency} came as an answer about {currency}")
        rows = []
        for row in fee_rows(told.fees):
            with suppress(ValueError):
                rows.append(_read_fee(fee_of(row)))
        return rows

    return await link.asker.need(
        "fees",
        lambda: client.private_get_get_account_summary({"currency": currency, "extended": "true"}),
        understand,
        host=link.hosts[REST],
    )
