"""The span of time that a request asks for: `startTime` and `endTime`, with Bybit's defaults and its seven days."""

from __future__ import annotations

from hedger.model.spans import DAY_MS
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import ApiError

WEEK_MS = 7 * DAY_MS


def span(params: Params, now: int, default_ms: int = WEEK_MS) -> tuple[int, int]:
    """(from, until) in ms, both included: `default_ms` after a start, before an end, or before `now`."""
    start, end = params.integer("startTime"), params.integer("endTime")
    if start is None and end is None:
        return now - default_ms, now
    if start is None:
        assert end is not None, "one of them was sent"
        return end - default_ms, end
    if end is None:
        return start, start + default_ms
    if not 0 <= end - start <= WEEK_MS:
        raise ApiError(10001, "params error: the time range between startTime and endTime cannot exceed 7 days")
    return start, end
