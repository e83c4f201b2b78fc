"""What is asked of each venue when its answers go wrong: a column of the table of outcomes for each question."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hedger.errors import AskAgain, CredentialsError, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown
from hedger.model.order import OrderReport
from tests.support.leave import let_go
from tests.support.wire_venue import BTC, OUR_ID, Desk, cancel_order, place_order

PERIOD_MS = 60_000
RAISED: dict[type[Exception], str] = {AskAgain: "ask again", GiveUp: "give up", CredentialsError: "keys refused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a question came to: the class, the text that a person may read, and the traceback of what was raised."""

    word: str
    text: str
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One question of one venue: how it is asked, how often it may be on the wire, and what no evidence means."""

    venue: str
    what: str
    method: str
    path: str
    most: int
    usual: str
    ask: Callable[[Desk], Awaitable[Verdict]]


async def _create(desk: Desk) -> Verdict:
    order = place_order() if desk.stand is None else desk.stand.order()
    outcome = await desk.venue.place(order, let_go)
    assert outcome.client_order_id == OUR_ID
    if isinstance(outcome, OrderAccepted):
        return Verdict(word="accepted", text=outcome.venue_order_id)
    if isinstance(outcome, OrderOutcomeUnknown):
        return Verdict(word="unknown", text=outcome.text)
    return Verdict(word=f"refused: {outcome.reason}", text=outcome.text)


async def _cancel(desk: Desk) -> Verdict:
    outcome = await desk.venue.cancel(cancel_order() if desk.stand is None else desk.stand.cancel())
    if isinstance(outcome, OrderReport):
        return Verdict(word="record", text=outcome.status)
    assert isinstance(outcome, CancelAnswered)
    words = {None: "proves nothing", False: "not known there", True: "noted"}
    return Verdict(word=words[outcome.known], text=outcome.text)


async def _reading(read: Awaitable[object], word: str) -> Verdict:
    try:
        found = await read
    except (AskAgain, GiveUp, CredentialsError) as problem:
        trace = "".join(traceback.format_exception(problem)) + repr(problem.__cause__) + repr(problem.__context__)
        word = next(word for kind, word in RAISED.items() if isinstance(problem, kind))
        return Verdict(word=word, text=str(problem), trace=trace)
    return Verdict(word=word if found is not None or word == "confirmed" else "none", text=word)


async def _find(desk: Desk) -> Verdict:
    return await _reading(desk.venue.find_order(_contract(desk), OUR_ID), "record")


async def _switch(desk: Desk) -> Verdict:
    return await _reading(desk.venue.extend_switch([_contract(desk).symbol], PERIOD_MS), "confirmed")


async def _account(desk: Desk) -> Verdict:
    return await _reading(desk.venue.read_account(), "reading")


def _contract(desk: Desk) -> InstrumentId:
    return BTC if desk.stand is None else desk.stand.contract


ASKED: dict[str, Callable[[Desk], Awaitable[Verdict]]] = {
    "create": _create,
    "cancel": _cancel,
    "find": _find,
    "switch": _switch,
    "account": _account,
}
COLUMNS = {
    "create": Column(
        venue="Binance USDⓈ-M",
        what="create",
        method="POST",
        path="/fapi/v1/order",
        most=1,
        usual="unknown",
        ask=_create,
    ),
    "cancel": Column(
        venue="Binance USDⓈ-M",
        what="cancel",
        method="DELETE",
        path="/fapi/v1/order",
        most=1,
        usual="proves nothing",
        ask=_cancel,
    ),
    "find": Column(
        venue="Binance USDⓈ-M",
        what="find by our id",
        method="GET",
        path="/fapi/v1/order",
        most=3,
        usual="ask again",
        ask=_find,
    ),
    "switch": Column(
        venue="Binance USDⓈ-M",
        what="extend the switch",
        method="POST",
        path="/fapi/v1/countdownCancelAll",
        most=1,
        usual="ask again",
        ask=_switch,
    ),
    "spot": Column(
        venue="Binance spot",
        what="read the account",
        method="GET",
        path="/api/v3/account",
        most=3,
        usual="ask again",
        ask=_account,
    ),
}
