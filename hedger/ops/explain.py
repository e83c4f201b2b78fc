"""A stored decision told in words: the facts, the arithmetic, the band, the reason, the order and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Action, Mode, Reason
from hedger.model.numeric import BPS, plain
from hedger.model.spans import YEAR_MS
from hedger.ops.figures import MINUS, bps, coins, instant, iso, money, percent, price, span
from hedger.ops.greeks import OPTIONS_HELD, option_words
from hedger.ops.words import ACTION_WORDS, MODE_WORDS, ORDER_WORDS, REASON_WORDS
from hedger.runtime.kill import printable

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A decision and what surrounds it, as the journal has it: JSON of our own values.

    `life` are (at, order) of each change of its order, `fills` its executions, `nearby` (at, kind, key, body) of
    starts, stops, halts, changes and what people asked for, in the minutes around it.
    """

    decision: Record
    life: Sequence[tuple[int, Record]] = ()
    fills: Sequence[Record] = ()
    nearby: Sequence[tuple[int, str, str, Record]] = ()

    def as_record(self) -> dict[str, object]:
        """All of it as one record: the decision's own keys, and `life`, `fills` and `nearby`."""
        life = [{"at": at, **order} for at, order in self.life]
        nearby = [{"at": at, "kind": kind, "key": key, **body} for at, kind, key, body in self.nearby]
        return {**self.decision, "life": life, "fills": list(self.fills), "nearby": nearby}


def explain(decision_record: Record) -> str:
    """A decision as it stands in the journal (JSON of `Decision`), as a text of several lines.

    Raises KeyError or ValueError where the record is not one of a decision.
    """
    return _joined(_lines(decision_record))


def explain_story(story: Story) -> str:
    """A decision, what became of its order, and what happened around it; raises as `explain` does."""
    began = story.decision["at"]
    later = [
        *_row("then", _turns(began, story.life)),
        *_row("fills", (_fill(fill) for fill in story.fills)),
        *_row("nearby", (_event(at, kind, key, body) for at, kind, key, body in story.nearby)),
    ]
    return _joined([*_lines(story.decision), *(["", *later] if later else [])])


def _joined(lines: Iterable[str]) -> str:
    """The lines as a text that no terminal obeys: some of the words are a venue's, or were typed by somebody."""
    return "\n".join(printable(line) for line in lines)


def _turns(began: int, life: Iterable[tuple[int, Record]]) -> Iterator[str]:
    """Each change of the order once: the journal has a row for its fill and one for what the venue reported of it."""
    said = ""
    for at, order in life:
        told = _turn(order)
        if told != said:
            yield f"after {span(at - began)} {told}"
        said = told


def _turn(order: Record) -> str:
    filled = max(Decimal(order["reported"]), Decimal(order["booked"]))
    so_far = f", {_exact(filled)} of {_exact(Decimal(order['quantity']))} filled" if filled else ""
    return f"{ORDER_WORDS[OrderStatus(order['status'])]}{so_far}"


def _fill(fill: Record) -> str:
    paid = Decimal(fill["fee"])
    fee = f"{'fee' if paid >= 0 else 'rebate'} {_exact(abs(paid))} {fill['fee_asset']}"
    role = "maker" if fill["maker"] else "TAKER"
    traded = f"{fill['side']} {_exact(Decimal(fill['quantity']))} at {price(Decimal(fill['price']))}"
    return f"{iso(fill['exchange_at'])} {traded}, {role}, {fee}, trade {fill['trade_id']}"


def _event(at: int, kind: str, key: str, body: Record) -> str:
    told = body.get("reason") or body.get("detail") or ""
    return f"{iso(at)} {kind} {key}{f': {told}' if told else ''}"


def _lines(record: Record) -> Iterator[str]:
    mode, action, reason = Mode(record["mode"]), Action(record["action"]), Reason(record["reason"])
    yield f"Decision {record['decision_id']} of hedge {record['hedge']}, {instant(record['at'])}"
    yield ""
    yield f"It {ACTION_WORDS[action]}: {REASON_WORDS[reason]}."
    if record.get("detail"):
        yield f"In its own words: {record['detail']}."
    yield f"Mode {mode.value}: {MODE_WORDS[mode]}."
    yield ""
    yield from _row("market", _market(record))
    yield from _row("exposure", _exposure(record))
    yield from _row("band", _band(record))
    yield from _row("order", _order(record.get("order"), _mid(record), _decimal(record, "notional")))


def _row(label: str, texts: Iterator[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield f"{'' if place else label:<10}{text}"


def _market(record: Record) -> Iterator[str]:
    quote, mark = record.get("quote"), record.get("mark")
    if quote is None or mark is None:
        yield "prices had not been seen yet"
        return
    bid, ask = Decimal(quote["bid"]), Decimal(quote["ask"])
    mark_price, index = Decimal(mark["mark_price"]), Decimal(mark["index_price"])
    spread = bps((ask / bid - 1) * BPS, signed=False)
    yield f"{':'.join(quote['id'])}: bid {price(bid)}, ask {price(ask)}, spread {spread}"
    yield f"mark {price(mark_price)}, index {price(index)}, basis {bps(basis_bps(mark_price, index))}"
    rate = Decimal(mark["funding_rate"])
    yearly = rate * YEAR_MS / mark["funding_interval_ms"]
    payer = "longs pay shorts" if rate > 0 else "shorts pay longs" if rate < 0 else "nobody pays"
    each, annual = percent(rate, places=4, signed=True), percent(yearly, signed=True)
    yield f"funding {each} an interval, {annual} a year: {payer}"


def _exposure(record: Record) -> Iterator[str]:
    held = record.get("exposure")
    if held is None:
        yield "the accounts had not been read yet"
        return
    spot, static, futures, low, high = (Decimal(held[key]) for key in ("spot", "static", "futures", "low", "high"))
    options = held.get("options")  # journals of before have none
    parts = [("spot", spot), ("static", static), ("futures", futures)]
    if options and options[OPTIONS_HELD]:
        parts.append(("options", Decimal(options[0])))
    delta = sum((value for _, value in parts), Decimal(0))
    yield f"{' + '.join(f'{name} {_exact(value)}' for name, value in parts)} = net delta {_exact(delta)} coins"
    if len(parts) > 3 and options:
        yield option_words(options)
    if low != high:
        unsure = "orders that could still fill, and positions out of sight,"
        yield f"{unsure} allowed anything from {_exact(low)} to {_exact(high)}"


def _band(record: Record) -> Iterator[str]:
    target, deviation, upper, lower = (_decimal(record, key) for key in ("target", "deviation", "upper", "lower"))
    if target is None or deviation is None or upper is None or lower is None:
        yield "no target could be worked out"
        return
    yield f"target {_exact(target)}, allowed {_exact(target - lower)} to {_exact(target + upper)}"
    yield f"deviation {_exact(deviation)}: {_where(deviation, upper, lower)}"


def _where(deviation: Decimal, upper: Decimal, lower: Decimal) -> str:
    if deviation > upper:
        return f"{_exact(deviation - upper)} above the upper edge"
    if deviation < -lower:
        return f"{_exact(-lower - deviation)} below the lower edge"
    return "inside the band"


def _order(order: Record | None, mid: Decimal | None, notional: Decimal | None) -> Iterator[str]:
    if order is None:
        yield "none"
        return
    if "side" not in order:
        yield f"cancel {order['client_order_id']} on {':'.join(order['id'])}"
        return
    quantity, at = Decimal(order["quantity"]), Decimal(order["price"])
    yield f"{order['side']} {_exact(quantity)} at {price(at)} on {':'.join(order['id'])}, post-only"
    reduce = "may only reduce the position" if order["reduce_only"] else "may add to the position"
    quote = order["id"][1].partition("/")[2].partition(":")[0]
    worth = f"worth {money(notional)} {quote}, " if notional is not None else ""  # journals of before do not say it
    yield f"{worth}{reduce}, void if it is not there within {order['ttl_ms']} ms"
    if mid:
        yield f"{bps((at / mid - 1) * BPS)} from the mid price {price(mid)}"
    yield f"client order id {order['client_order_id']}"


def _mid(record: Record) -> Decimal | None:
    quote = record.get("quote")
    return None if quote is None else (Decimal(quote["bid"]) + Decimal(quote["ask"])) / 2


def _decimal(record: Record, key: str) -> Decimal | None:
    value = record.get(key)
    return None if value is None else Decimal(value)


def _exact(value: Decimal) -> str:
    """All digits where they are few: an explanation must add up. Long quotients are rounded."""
    exponent = value.as_tuple().exponent
    short = isinstance(exponent, int) and exponent >= -10
    return plain(value).replace("-", MINUS) if short else coins(value)
