"""Executions and the transaction log: two views of the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hedger.model.spans import DAY_MS
from hedger.sim.dialects.bybit.desk import Call, Route, Routes
from hedger.sim.dialects.bybit.execution_payloads import execution_row, given_row, log_row, move_row
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.journal import Execution, Journal
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.pages import page
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.bybit.spans import span
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange


class ExecutionApi:
    """What was executed, paid and moved."""

    def __init__(self, exchange: Exchange, journal: Journal, ids: Ids) -> None:
        self._exchange, self._journal, self._ids = exchange, journal, ids

    def routes(self) -> Routes:
        """(method, path) → route."""
        return {
            ("GET", "/v5/execution/list"): Route(handler=self._executions, per_second=50),
            ("GET", "/v5/account/transaction-log"): Route(handler=self._log, per_second=30),
        }

    def _executions(self, call: Call) -> Mapping[str, object]:
        """The newest first; seven days at most."""
        category, params = call.params.category(), call.params
        since_at, until_at = span(params, self._exchange.now)
        rows = [x for x in self._journal.executions(call.user, since_at) if x.category is category]
        wanted = self._wanted(params)
        rows = [x for x in rows if x.at <= until_at and wanted(x)]
        rows, cursor = page(rows, lambda x: x.sequence, params.limit(50, 100), params.optional("cursor"))
        told = [execution_row(x, self._ids) for x in rows]
        return {"nextPageCursor": cursor, "category": category.value, "list": told}

    def _wanted(self, params: Params) -> Callable[[Execution], bool]:
        """Whether an execution is of what was asked for. An order's id goes before its client's own."""
        symbol, coin, kind = (params.optional(name) for name in ("symbol", "baseCoin", "execType"))
        order_id, link_id = params.optional("orderId"), params.optional("orderLinkId")
        number = self._ids.order_number(order_id) if order_id is not None else None

        def wanted(execution: Execution) -> bool:
            record, trade = execution.record, execution.trade
            if order_id is not None and (trade is None or trade.order_id != number):
                return False
            if order_id is None and link_id is not None and (record is None or record.link_id != link_id):
                return False
            return (
                (symbol is None or symbol == execution.name)
                and (coin is None or coin == execution.listing.base)
                and (kind is None or kind == execution.kind)
            )

        return wanted

    def _log(self, call: Call) -> Mapping[str, object]:
        """The newest first; the last day where no time is named."""
        params = call.params
        if params.optional("accountType") not in (None, "UNIFIED"):
            raise ApiError(10001, "params error: accountType invalid")
        category = params.category() if params.optional("category") else None
        since_at, until_at = span(params, self._exchange.now, DAY_MS)
        executions = [
            x
            for x in self._journal.executions(call.user, since_at)
            if category in (None, x.category) and params.optional("baseCoin") in (None, x.listing.base)
        ]
        # A spot trade has two lines: what was received, and what was given for it.
        lines = [(2 * x.sequence, x.at, log_row(x, self._ids)) for x in executions]
        spot = [x for x in executions if x.category is Category.SPOT]
        lines += [(2 * x.sequence + 1, x.at, given_row(x, self._ids)) for x in spot]
        if category is None and params.optional("baseCoin") is None:
            lines += [(2 * x.sequence, x.at, move_row(x, self._ids)) for x in self._journal.moves(call.user)]
        lines = [x for x in lines if since_at <= x[1] <= until_at and _logged(x[2], params)]
        lines.sort(key=lambda x: x[0], reverse=True)
        lines, cursor = page(lines, lambda x: x[0], params.limit(20, 50), params.optional("cursor"))
        return {"nextPageCursor": cursor, "list": [body for _, _, body in lines]}


def _logged(body: Body, params: Params) -> bool:
    return params.optional("currency") in (None, body["currency"]) and params.optional("type") in (None, body["type"])
