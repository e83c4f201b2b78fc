"""What stands in no state reaches metrics, status, alarms and the console's feed on the same beat."""

import json
import os
import pty
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from decimal import Decimal
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from hedger.app.watching import Wanted, Watched, Watchers
from hedger.cli.told import status_rows
from hedger.engine.known.state import Change, ChangeCause, State
from hedger.engine.step import Result
from hedger.model.message import Stamped, TimePassed
from hedger.model.spans import DAY_MS
from hedger.ops.configuration import Configured
from hedger.ops.forced import LATELY_MS, ForcedCloses
from hedger.ops.standstill import TOO_LONG_MS
from hedger.ops.surroundings import Serving
from hedger.ops.view import Banner
from tests.support.ops_states import NOW, decision, hedging_state, policy

WATCHED = Watched()
BANNER = Banner(kind="paper", transport="port", started_at=NOW)


def watchers(directory: Path) -> Watchers:
    wanted = Wanted(
        banner=BANNER,
        view=False,
        lines=None,
        log=False,
        metrics_port=0,
        status_path=directory / "status.json",
        watched=WATCHED,
    )
    return Watchers(policy(), wanted)


def beat(one: Watchers, after_ms: int) -> State:
    """A beat so long after anything was heard, of a hedge inside its band."""
    state = hedging_state()
    inside = {"btc": replace(state.hedges["btc"], outside_since=None)}
    state = state._replace(now=NOW + after_ms, hedges=inside)
    one.observe(state, Stamped(state.now, TimePassed()), Result(state, (), ()), 0.0)
    return state


def value(name: str, **labels: str) -> float | None:
    assert WATCHED.metrics is not None
    return WATCHED.metrics.registry.get_sample_value(f"hedger_{name}", labels)


def status(directory: Path) -> dict[str, object]:
    return {"age_s": 0.0, "stale": False, **json.loads((directory / "status.json").read_text())}


def test_a_refused_configuration_is_a_row_of_the_status_and_known_to_the_console(tmp_path: Path) -> None:
    one = watchers(tmp_path)
    one.configured(Configured(path="/x.toml", digest="d", loaded_at=NOW, refused="line 3: no such key", refused_at=NOW))
    beat(one, 1_000)
    why = "at 2026-03-01 12:00 UTC: line 3: no such key"
    assert one.feed.around.refused == why
    assert dict(status_rows(status(tmp_path)))["configuration refused"] == f"{why}; what was in force goes on"


def test_a_console_that_does_not_serve_is_a_metric_an_alarm_and_a_row_of_the_status(tmp_path: Path) -> None:
    one = watchers(tmp_path)
    one.console = {"host": "127.0.0.1", "port": 9109, "token_file": None}
    told = [Serving(None, 1)]
    one.serving = lambda: told[-1]
    beat(one, 1_000)
    assert (value("console_up"), value("console_revived_total")) == (1, 1)
    told.append(Serving("its thread died", 4))
    beat(one, 3_000)
    assert (value("console_up"), value("console_revived_total")) == (0, 4)
    assert one.feed.around.console_fault == "its thread died"
    rows = dict(status_rows(status(tmp_path)))
    assert rows["console"] == "DOWN: its thread died"
    assert rows["alarm ConsoleDown"].startswith("warning: the console does not serve: its thread died; hedging goes on")


def test_a_hedge_that_could_not_act_is_a_metric_and_an_alarm_of_the_status(tmp_path: Path) -> None:
    one = watchers(tmp_path)
    beat(one, 60_000)
    assert value("cannot_act", hedge="btc") == 0
    beat(one, 60_000 + TOO_LONG_MS)
    assert value("cannot_act", hedge="btc") == 1
    assert "alarm CannotAct:btc" in dict(status_rows(status(tmp_path)))
    assert one.feed.around.stuck_since == {"btc": NOW + 60_000}


def test_what_the_venue_liquidated_is_an_alarm_of_the_status_for_an_hour(tmp_path: Path) -> None:
    """The hedge may be back within seconds, or not be outside its band for long enough to be an alarm of its own."""
    one = watchers(tmp_path)
    state = beat(one, 1_000)
    lost = Change(
        at=state.now,
        account="binance",
        what="BTC/USDT:USDT",
        cause=ChangeCause.LIQUIDATION,
        quantity=Decimal("0.400"),
        detail="the venue's own trade",
    )
    one.observe(state, Stamped(state.now, TimePassed()), Result(state, (), (), (lost,)), 0.0)
    beat(one, 2_500)
    told = dict(status_rows(status(tmp_path)))["alarm AccountChanged:binance"]
    assert told.startswith("critical: account binance: the venue closed 0.4 of BTC/USDT:USDT at 12:00:01 UTC (liquid")
    beat(one, 1_000 + LATELY_MS)
    assert "alarm AccountChanged:binance" not in dict(status_rows(status(tmp_path)))


def test_keys_that_end_within_a_week_are_a_metric_and_an_alarm_of_the_status(tmp_path: Path) -> None:
    one = watchers(tmp_path)
    one.keys_end({"binance": NOW + 8 * DAY_MS})
    beat(one, 1_000)
    assert value("keys_expire_timestamp_seconds", account="binance") == (NOW + 8 * DAY_MS) / 1000
    assert "alarm KeysExpire:binance" not in dict(status_rows(status(tmp_path)))
    beat(one, 2 * DAY_MS)
    told = dict(status_rows(status(tmp_path)))["alarm KeysExpire:binance"]
    assert told.startswith("warning: account binance: the venue ends its keys on 2026-03-09 12:00:00 UTC: bind them")


def test_somebody_s_own_trade_is_no_forced_close() -> None:
    closes = ForcedCloses()
    traded = Change(
        at=NOW, account="binance", what="BTC", cause=ChangeCause.FOREIGN_TRADE, quantity=Decimal(1), detail=""
    )
    closes.note((traded,))
    assert closes.look(NOW) == ()


def test_without_a_console_nothing_is_said_of_one(tmp_path: Path) -> None:
    one = watchers(tmp_path)
    beat(one, 1_000)
    assert str(value("console_up")) == "nan"
    assert "console" not in dict(status_rows(status(tmp_path)))


@pytest.mark.parametrize("whole", [True, False], ids=["closed", "of another alphabet"])
def test_lines_that_cannot_be_written_stop_nothing(whole: bool) -> None:
    told = TextIOWrapper(BytesIO(), encoding="ascii")
    if whole:
        told.close()
    state = hedging_state()
    one = Watchers(policy(), Wanted(banner=BANNER, view=False, lines=told, log=False))
    decided = Result(state, (), (replace(decision(), detail="half is wanted, ½"),))
    for _ in range(2):
        one.observe(state, Stamped(NOW, TimePassed()), decided, 0.0)


def test_a_terminal_that_has_gone_makes_no_end_in_order_a_failure() -> None:
    ours, theirs = pty.openpty()
    terminal = os.fdopen(theirs, "w", buffering=1)
    with redirect_stdout(terminal), Watchers(policy(), Wanted(banner=BANNER, view=True, lines=None, log=False)) as one:
        os.close(ours)
        with pytest.raises(OSError, match="Input/output error"):
            terminal.write("nobody reads this\n")
        one.observe(hedging_state(), Stamped(NOW, TimePassed()), Result(hedging_state(), (), ()), 0.0)
    with suppress(OSError):
        terminal.close()
