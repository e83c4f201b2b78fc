"""Reading a buy or a sell: what Deribit checks in its parameters before the exchange sees it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedger.sim.dialects.deribit.catalogue import contract_size
from hedger.sim.dialects.deribit.naming import quantity_of
from hedger.sim.dialects.deribit.notes import LONGEST_LABEL, Note
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.refusals import RpcError, invalid, missing
from hedger.sim.nouns import Listing, OrderKind

TYPES = ("limit", "market")
# [V] Fill-or-kill and the others that Deribit has are refused here as values that are not known.
TIMES = ("good_til_cancelled", "immediate_or_cancel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order as it was asked for. `price` is None of a market order."""

    kind: OrderKind
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    note: Note

    @property
    def repriced(self) -> bool:
        """Post-only without `reject_post_only`: moved rather than refused."""
        return self.kind is OrderKind.POST_ONLY and not self.note.reject_post_only


def read_entry(params: Params, listing: Listing, now: int) -> Entry:
    """An order; raises 13888 where `valid_until` has passed."""
    until = params.integer("valid_until")
    if until is not None and now >= until:
        raise RpcError(13888, "timed_out")
    kind, price = _kind(params), None
    if kind is not OrderKind.MARKET:
        price = params.decimal("price")
        if price is None:
            raise missing("price")
    label = params.optional("label") or ""
    if len(label) > LONGEST_LABEL:
        raise invalid("label", "too long")
    return Entry(
        kind=kind,
        quantity=_quantity(params, listing),
        price=price,
        reduce_only=params.boolean("reduce_only"),
        note=Note(
            label=label,
            reject_post_only=params.boolean("reject_post_only"),
            immediate=params.choice("time_in_force", TIMES, TIMES[0]) == TIMES[1],
        ),
    )


def _kind(params: Params) -> OrderKind:
    post_only = params.boolean("post_only")
    if params.choice("type", TYPES, "limit") == "market":
        if post_only:
            raise invalid("post_only", "not allowed for market orders")
        return OrderKind.MARKET
    return OrderKind.POST_ONLY if post_only else OrderKind.LIMIT


def _quantity(params: Params, listing: Listing) -> Decimal:
    """`amount`, or `contracts`; both may be sent if they agree."""
    amount, contracts = params.decimal("amount"), params.decimal("contracts")
    if contracts is not None:
        counted = contracts * contract_size(listing)
        if amount is not None and amount != counted:
            raise invalid("amount", "amount and contracts do not match")
        amount = counted
    if amount is None:
        raise missing("amount")
    quantity = quantity_of(listing, amount)
    if 0 <= quantity < listing.min_quantity:
        raise RpcError(10002, "qty_too_low")
    return quantity
