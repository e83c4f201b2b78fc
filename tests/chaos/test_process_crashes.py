"""kill -9 at the worst moments: the next start continues on the same exchange and never hedges twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.support.processes import Exchange, Nursery, Watch, has_ended, is_hedged, order_faults, ours

TICK = Decimal("0.1")


def accepted(exchange: Exchange) -> bool:
    return exchange.truth().creates_accepted >= 1


def filled_in_part(exchange: Exchange) -> bool:
    """Somebody takes all that is before our order, which rests far from the market, and then a little of it."""
    for order in ours(exchange.truth()):
        exchange.take("500", order.price - TICK)
        exchange.take("0.1", order.price)
    return any(order.filled for order in ours(exchange.truth()))


def between_two(exchange: Exchange) -> bool:
    truth = exchange.truth()
    return bool(truth.trades) and not ours(truth)


MOMENTS: dict[str, Callable[[Exchange], bool]] = {
    "as the first order is accepted": accepted,
    "while an order works that filled in part": filled_in_part,
    "between two orders": between_two,
}


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_a_killed_hedger_continues_and_hedges_once(processes: Nursery, tmp_path: Path, moment: str) -> None:
    first = processes.patient(tmp_path) if MOMENTS[moment] is filled_in_part else processes.still(tmp_path)
    exchange = first.exchange()
    with Watch(exchange).watching():
        first.until(lambda: MOMENTS[moment](exchange), moment)
        first.signal(signal.SIGKILL)
        assert first.wait().code == -signal.SIGKILL
        assert order_faults(first.journal(), exchange.truth()) == []
        second = processes.still(tmp_path)
        second.until(partial(second.journal_has_start, 2), "second start")
        second.until_mode("hedging")  # the book may be flat all the while, and a start that is cut off drains nothing
        second.until(lambda: is_hedged(exchange.truth()), "hedge")
        assert_whole(exchange, second.journal().keys("order"), starts=second.journal().count("start"), expected=2)
        ended = second.stop()
    assert has_ended(exchange.note.pid)
    summary = json.loads(ended.out.splitlines()[-1])
    assert (ended.code, summary["truth_matches"], summary["differences"]) == (0, True, [])


def test_a_hedger_killed_before_its_first_order_leaves_nothing_behind(processes: Nursery, tmp_path: Path) -> None:
    """Three kills in a row, each as early as a journal can exist, then a start that works."""
    exchange = None
    for number in range(1, 4):
        running = processes.still(tmp_path)
        exchange = running.exchange()
        running.until(partial(running.journal_has_start, number), "start in the journal")
        running.signal(signal.SIGKILL)
        running.wait()
        assert order_faults(running.journal(), exchange.truth()) == []
    assert exchange is not None
    with Watch(exchange).watching():
        last = processes.still(tmp_path)
        last.until(partial(last.journal_has_start, 4), "fourth start")
        last.until(lambda: is_hedged(exchange.truth()), "hedge")
        assert_whole(exchange, last.journal().keys("order"), starts=last.journal().count("start"), expected=4)
        assert last.stop().code == 0


def assert_whole(exchange: Exchange, intended: set[str], *, starts: int, expected: int) -> None:
    """One world, one journal: every accepted order was intended, none twice, and each start has its own epoch."""
    truth = exchange.truth()
    assert starts == expected
    assert truth.duplicate_client_ids == 0
    assert {t.client_order_id for t in truth.trades} <= intended
    assert truth.creates_accepted <= len(intended)
