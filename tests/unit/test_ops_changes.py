"""What an operator is told when an account changes without us: a line and a count for each cause."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal as D

import pytest
import structlog
from prometheus_client import generate_latest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Change, ChangeCause, State
from hedger.engine.step import Result
from hedger.model.message import OrderWrittenOff, Stamped, TimePassed
from hedger.ops.logs import configure_logging
from hedger.ops.metrics import Metrics
from hedger.ops.narrate import Narrator
from tests.support.ops_states import NOW, ORDER_ID, hedging_state, order, policy

ERRORS = {ChangeCause.LIQUIDATION, ChangeCause.DELEVERAGING, ChangeCause.UNEXPLAINED}


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    structlog.reset_defaults()


def told(before: State, after: State, changes: tuple[Change, ...] = (), event: object = None) -> list[dict[str, str]]:
    out = io.StringIO()
    configure_logging("DEBUG", "json", (), stream=out)
    stamped = Stamped(NOW, event or TimePassed())  # type: ignore[arg-type]
    Narrator(policy()).observe(before, stamped, Result(after, (), (), changes), 0.0)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def change(cause: ChangeCause) -> Change:
    account = policy().accounts[0]
    return Change(at=NOW, account=account, what="BTC/USDT:USDT", cause=cause, quantity=D("-0.5"), detail="d")


@pytest.mark.parametrize("cause", ChangeCause)
def test_each_change_is_a_line_as_loud_as_its_cause(cause: ChangeCause) -> None:
    state = hedging_state()
    (line,) = told(state, state, (change(cause),))
    assert (line["event"], line["cause"], line["quantity"]) == ("account_changed", cause.value, "-0.5")
    loud = (
        "error"
        if cause in ERRORS
        else "info"
        if cause in (ChangeCause.TRANSFER, ChangeCause.OPTION_TRADE)
        else "warning"
    )
    assert line["level"] == loud


@pytest.mark.parametrize("cause", ChangeCause)
def test_each_change_is_counted_by_its_cause(cause: ChangeCause) -> None:
    metrics, state, account = Metrics(policy()), hedging_state(), policy().accounts[0]
    sample = f'hedger_account_changes_total{{account="{account}",cause="{cause.value}"}}'
    assert f"{sample} 0.0" in generate_latest(metrics.registry).decode(), "there from the start"
    metrics.observe(state, Stamped(NOW, TimePassed()), Result(state, (), (), (change(cause),)), 0.0)
    assert f"{sample} 1.0" in generate_latest(metrics.registry).decode()


def test_an_order_that_was_written_off_and_lives_is_an_error() -> None:
    state = hedging_state()
    ended, lives = (order(status=status) for status in (OrderStatus.REJECTED, OrderStatus.OPEN))
    before = state._replace(orders={ended.client_order_id: ended})
    lines = told(before, before._replace(orders={lives.client_order_id: lives}))
    assert [(line["event"], line["level"], line["was"]) for line in lines] == [("order_changed", "error", "rejected")]


def test_a_write_off_is_told_with_its_reason() -> None:
    state = hedging_state()
    (line,) = told(state, state, event=OrderWrittenOff(client_order_id=ORDER_ID, reason="not in the history"))
    assert (line["event"], line["reason"]) == ("order_written_off", "not in the history")
