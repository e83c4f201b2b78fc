"""What is held of each contract, at what prices, and how far it is from liquidation: as JSON for status and console."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hedger.engine.guards.margin import distance_of
from hedger.engine.held.exposure import coins_of
from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.state import AccountView, State
from hedger.model.account import Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO, plain
from hedger.model.option import OptionPosition
from hedger.ops.figures import iso


def positions_status(state: State) -> list[dict[str, Any]]:
    """Every position that is not flat, on every account, with our own fills that the believed reading cannot have seen
    in `quantity`. Quantities are signed, in units; `coins` is the same in coins; prices and `unrealized` are in quote;
    `liquidation_distance` is a ratio of the mark. What is not known is None."""
    rows = []
    for account in state.accounts.values():
        if account.reading is not None:
            held = {position.id: position for position in account.reading.positions}
            rows += [_position(state, account, position) for position in held.values()]
            rows += [_unread(state, id, fills) for id, fills in account.fills_since.items() if id not in held and fills]
    return [row for row in rows if row["quantity"] != "0"]


def options_status(state: State) -> list[dict[str, Any]]:
    """Every option that is held, on every account: `quantity` in contracts, `coins` in coins, signed."""
    readings = (account.reading for account in state.accounts.values())
    return [_option(option) for reading in readings if reading is not None for option in reading.options]


def prices_status(state: State) -> dict[str, dict[str, Any]]:
    """The prices of each instrument that were seen last, with their age: `funding_rate` is for one interval, and longs
    pay shorts where it is above 0."""
    seen = dict.fromkeys((*state.quotes, *state.marks))
    return {str(id): _prices(state, id) for id in sorted(seen)}


def _position(state: State, view: AccountView, position: Position) -> dict[str, Any]:
    since = view.fills_since.get(position.id, ZERO)
    quantity = position.quantity + since
    distance = distance_of(state, position)
    return {
        "account": position.id.account,
        "instrument": str(position.id),
        "underlying": position.underlying,
        "hedges": list(state.hedges_of_instrument.get(position.id, ())),
        "quantity": plain(quantity),
        "coins": _coins(state, position, quantity),
        "fills_since_reading": plain(since),
        "entry_price": _price(position.entry_price),
        "mark_price": _price(position.mark_price),
        "unrealized": _unrealized(state, position),
        "liquidation_price": None if position.liquidation_price is None else plain(position.liquidation_price),
        "liquidation_distance": None if distance is None else plain(round(distance, 6)),
        "leverage": plain(position.leverage),
        "margin_mode": position.margin_mode.value,
        "payoff": position.payoff.value,
        "expires_at": None if position.expiry_at is None else iso(position.expiry_at),
    }


def _unread(state: State, id: InstrumentId, fills: Decimal) -> dict[str, Any]:
    """What only our own fills tell of: no believed reading has a row of it yet."""
    rules = state.instruments.get(id)
    unknown = ("entry_price", "mark_price", "unrealized", "liquidation_price", "liquidation_distance")
    return {
        "account": id.account,
        "instrument": str(id),
        "underlying": None if rules is None else rules.underlying,
        "hedges": list(state.hedges_of_instrument.get(id, ())),
        "quantity": plain(fills),
        "coins": None if rules is None or id not in state.marks else plain(round(coins_of(state, rules, fills), 8)),
        "fills_since_reading": plain(fills),
        **dict.fromkeys(unknown),
        "leverage": None,
        "margin_mode": None,
        "payoff": None if rules is None else rules.payoff.value,
        "expires_at": None if rules is None or rules.expiry_at is None else iso(rules.expiry_at),
    }


def _coins(state: State, position: Position, quantity: Decimal) -> str:
    """What is held in coins: as the engine counts it where it knows the contract, else at the position's own mark."""
    rules = state.instruments.get(position.id)
    if rules is not None and position.id in state.marks:
        return plain(round(coins_of(state, rules, quantity), 8))
    return plain(round(position.delta, 8))


def _unrealized(state: State, position: Position) -> str | None:
    """What the position has gained since its entry, in quote, at the mark of its reading."""
    rules = state.instruments.get(position.id)
    if rules is None or position.entry_price <= 0 or position.mark_price <= 0:
        return None
    return plain(round(rules.gain(position.quantity, position.entry_price, position.mark_price), 2))


def _price(price: Decimal) -> str | None:
    return plain(price) if price > 0 else None


def _option(option: OptionPosition) -> dict[str, Any]:
    return {
        "account": option.id.account,
        "instrument": str(option.id),
        "underlying": option.underlying,
        "type": option.option_type.value,
        "strike": plain(option.strike),
        "expires_at": iso(option.expiry_at),
        "quantity": plain(option.quantity),
        "coins": plain(option.coins),
        "mark_price": None if option.mark_price is None else plain(option.mark_price),
        "mark_sigma": None if option.mark_sigma is None else plain(round(option.mark_sigma, 6)),
    }


def _prices(state: State, id: InstrumentId) -> dict[str, Any]:
    quote, mark = state.quotes.get(id), state.marks.get(id)
    told: dict[str, Any] = dict.fromkeys(
        ("bid", "ask", "mid", "quote_age_s", "mark", "index", "basis_bps", "funding_rate", "next_funding_at")
    )
    told["mark_age_s"] = None
    if quote is not None:
        best, at = quote
        told |= {"bid": plain(best.bid), "ask": plain(best.ask), "mid": plain(best.mid_price)}
        told["quote_age_s"] = _seconds(state.now - at)
    if mark is not None:
        price, at = mark
        told |= {"mark": plain(price.mark_price), "index": plain(price.index_price)}
        told["basis_bps"] = plain(round(basis_bps(price.mark_price, price.index_price), 2))
        told["funding_rate"] = plain(price.funding_rate)
        told["next_funding_at"] = iso(price.next_funding_at) if price.next_funding_at else None
        told["mark_age_s"] = _seconds(state.now - at)
    return told


def _seconds(ms: int) -> float:
    return round(max(ms, 0) / 1000, 3)
