"""Logs: one form for all, UTC, no secret in any line or traceback, and names that the docs list."""

import base64
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hedger.app.consoling import console_of
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, Severity, State
from hedger.engine.step import Result
from hedger.model.message import Halt, JournalChanged, Operation, OperatorAsked, ReadFailed, Stamped, TimePassed
from hedger.ops.console.tokens import own_token
from hedger.ops.events import EVENT_WORDS, LogEvent, logs_page
from hedger.ops.logs import configure_logging
from hedger.ops.narrate import Narrator
from hedger.ops.redact import MASK, Redactor
from hedger.settings.load import load_settings
from tests.support.console_stand import feed_of
from tests.support.ops_states import NOW, ORDER_ID, decision, hedging_state, order, policy

SECRET = "s3cr3t/KEY+with=odd&signs"
DOCS = Path(__file__).resolve().parents[2] / "docs"


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


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def json_log(level: str = "DEBUG", *secrets: str) -> io.StringIO:
    out = io.StringIO()
    configure_logging(level, "json", secrets, stream=out)
    return out


def test_our_lines_and_those_of_libraries_have_one_form() -> None:
    out = json_log()
    structlog.get_logger("hedger.engine").info(LogEvent.MODE_CHANGED, decision_id=4)
    logging.getLogger("aiohttp.client").warning("hello %s", "there")
    ours, theirs = lines_of(out)
    assert list(ours)[:4] == list(theirs) == ["timestamp", "level", "logger", "event"]
    assert (ours["event"], ours["logger"], ours["decision_id"]) == ("mode_changed", "hedger.engine", 4)
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("hello there", "aiohttp.client", "warning")
    assert ours["timestamp"].endswith("Z")


def test_the_context_of_a_decision_is_carried_by_every_line() -> None:
    out = json_log()
    with structlog.contextvars.bound_contextvars(decision_id=7, client_order_id=ORDER_ID):
        structlog.get_logger("hedger").info(LogEvent.ORDER_PLACED)
    assert lines_of(out)[0]["client_order_id"] == ORDER_ID


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_form_of_a_secret_reaches_a_line_or_a_traceback(form: str) -> None:
    out = io.StringIO()
    configure_logging("DEBUG", form, [SECRET], stream=out)
    log = structlog.get_logger("hedger")
    encoded = base64.b64encode(f"key:{SECRET}".encode()).decode()
    log.info(LogEvent.READ_FAILED, text=SECRET, url=f"https://x/?k={quote(SECRET, safe='')}", auth=encoded)
    logging.getLogger("aiohttp.client").error("headers %r", {"secret": SECRET, "hex": SECRET.encode().hex()})
    try:
        raise RuntimeError(f"refused {SECRET}")
    except RuntimeError:
        log.exception(LogEvent.UNCAUGHT_EXCEPTION)
        logging.getLogger("asyncio").exception("task failed")
    written = out.getvalue()
    for form_of_it in (SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), encoded, "refused s3c"):
        assert form_of_it not in written
    assert written.count(f"RuntimeError: refused {MASK}") == 2


def test_tracebacks_never_show_local_variables() -> None:
    out = json_log()
    private = "a local value" + " of the frame"
    try:
        raise RuntimeError(str(len(private)))
    except RuntimeError:
        structlog.get_logger("hedger").exception(LogEvent.UNCAUGHT_EXCEPTION)
    assert "a local value of the frame" not in out.getvalue()


@given(st.text(min_size=6, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_longer_base64_is_found_at_any_alignment(secret: str, before: bytes, after: bytes) -> None:
    raw = secret.strip().encode("utf-8", "replace")
    if len(raw) < 8 or "?" in secret:
        return
    redact = Redactor([raw.decode()])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in redact(encode(before + raw + after).decode())


def test_the_lines_of_a_private_key_are_secrets_too() -> None:
    key = "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END KEY-----\n"
    redact = Redactor([key])
    assert "MIGHAgEAMBMGByqGSM49" not in redact("found MIGHAgEAMBMGByqGSM49 in it")
    assert redact(json.dumps(key)).count("MIGH") == 0


def test_without_secrets_nothing_is_replaced() -> None:
    assert Redactor(["", "  "])("all of it stays") == "all of it stays"


def test_a_token_that_is_made_after_the_log_began_is_in_no_line_either(tmp_path: Path) -> None:
    out = json_log()
    console = console_of(tmp_path, load_settings(None, {}, {"HEDGER_CONSOLE__PORT": "1"}), feed_of(), lambda: None)
    assert console is not None
    with console:
        logging.getLogger("somebody").error("it says %s", own_token(tmp_path))
    assert lines_of(out)[-1]["event"] == f"it says {MASK}"


def test_ccxt_stays_silent_below_warning_even_when_its_logger_is_lowered() -> None:
    out = json_log()
    logger = logging.getLogger("ccxt.base.exchange")
    logger.setLevel(logging.DEBUG)
    logger.debug("signed request")
    logger.warning("a warning")
    logger.setLevel(logging.NOTSET)
    assert [line["event"] for line in lines_of(out)] == ["a warning"]


def test_a_flood_of_like_lines_is_cut_and_counted() -> None:
    out = json_log()
    handler = logging.getLogger().handlers[0]
    for number in range(100):
        record = logging.LogRecord("flood", logging.WARNING, "f.py", 1, "again %d", (number,), None)
        record.created = 1000.5 if number < 99 else 1001.5
        handler.handle(record)
    events = [line["event"] for line in lines_of(out)]
    assert len(events) == 21
    assert events[-1] == "again 99 (suppressed=79)"


def test_a_line_that_cannot_be_formatted_is_named_without_its_content() -> None:
    out = json_log("DEBUG", SECRET)
    logging.getLogger("odd").info("%d", f"not a number {SECRET}")
    assert out.getvalue().startswith("a log line of odd (")
    assert "s3cr3t" not in out.getvalue()


def test_uncaught_exceptions_go_through_the_redaction() -> None:
    out = json_log("INFO", SECRET)
    error = RuntimeError(f"lost {SECRET}")
    sys.excepthook(RuntimeError, error, None)
    line = lines_of(out)[0]
    assert line["event"] == "uncaught_exception"
    assert line["exception"] == f"RuntimeError: lost {MASK}"


def test_lines_go_to_what_standard_error_is_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "auto", [])
    structlog.get_logger("hedger").info(LogEvent.PROGRAM_STARTED)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "program_started"


def test_an_unknown_level_or_format_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match="'LOUD' is not a log level"):
        configure_logging("LOUD", "json", [])
    with pytest.raises(ValueError, match="not 'xml'"):
        configure_logging("INFO", "xml", [])


def test_every_event_name_is_snake_case_and_explained() -> None:
    assert EVENT_WORDS.keys() == set(LogEvent)
    assert all(event.value == event.name.lower() for event in LogEvent)


def test_the_page_of_log_events_is_current() -> None:
    assert (DOCS / "logs.md").read_text(encoding="utf-8") == logs_page()


# --- the narrator -----------------------------------------------------------------------------------------------------


def told(before: State, after: State, event: Any = None, **result: Any) -> list[dict[str, Any]]:
    out = json_log()
    commands, decisions = result.get("commands", ()), result.get("decisions", ())
    stamped = Stamped(NOW, event or TimePassed())
    Narrator(policy()).observe(before, stamped, Result(after, commands, decisions), 1e-4)
    return lines_of(out)


def test_a_step_that_changes_nothing_is_not_told() -> None:
    state = hedging_state()
    assert told(state, state) == []


def test_an_order_is_told_when_it_is_placed_fills_and_changes() -> None:
    empty = hedging_state(working=False)
    sent = replace(order(status=OrderStatus.SENT), reported=order().quantity * 0, booked=order().quantity * 0)
    partly, done = order(), replace(order(status=OrderStatus.FILLED), reported=order().quantity)
    with_order = [empty._replace(orders={ORDER_ID: each}) for each in (sent, partly, done)]
    names = [
        [line["event"] for line in told(before, after)]
        for before, after in zip([empty, *with_order], with_order, strict=False)
    ]
    assert names == [["order_placed"], ["order_changed", "order_filled"], ["order_changed", "order_filled"]]


def test_lines_of_orders_carry_decision_and_order_id() -> None:
    line = told(hedging_state(working=False), hedging_state())[0]
    assert (line["decision_id"], line["client_order_id"], line["quantity"]) == (41, ORDER_ID, "0.015")


def test_leaving_and_regaining_the_band_is_told_with_its_length() -> None:
    outside = hedging_state(working=False)
    inside = outside._replace(hedges={"btc": replace(outside.hedges["btc"], outside_since=None, outside_ms=22_400)})
    assert told(inside, outside)[0]["event"] == "band_left"
    regained = told(outside, inside)[0]
    assert (regained["event"], regained["outside_ms"]) == ("band_regained", 4_000)


def test_a_guard_that_rises_is_told_with_both_levels() -> None:
    calm = hedging_state()
    tense = calm._replace(hedges={"btc": replace(calm.hedges["btc"], margin_severity=Severity.REDUCE)})
    line = told(calm, tense)[0]
    assert (line["event"], line["level"], line["guard"]) == ("guard_level_changed", "error", "margin_ratio")
    assert (line["was"], line["now"]) == ("clear", "reduce")


def test_mode_journal_reads_and_operators_are_told_by_name() -> None:
    state = hedging_state()
    paused = state._replace(mode=Mode.CANCEL_ONLY, mode_reason="lunch", paused="lunch")
    asked = OperatorAsked(operation=Operation.PAUSE, reason="lunch")
    events: list[tuple[Any, str, str]] = [
        (ReadFailed(account="binance", what="account", reason="timeout"), "read_failed", "warning"),
        (JournalChanged(healthy=False, text="disk full"), "journal_changed", "critical"),
        (asked, "operator_asked", "warning"),
    ]
    for event, name, level in events:
        line = told(state, state, event)[0]
        assert (line["event"], line["level"]) == (name, level)
    assert told(state, state, asked)[0]["remedy"] == "`hedger unpause --reason …`"
    halted = told(state, state, commands=(Halt(reason="a drill"),))[-1]
    assert (halted["event"], halted["remedy"]) == ("halted", "`hedger resume --reason …`")
    line = told(state, paused, asked)[1]
    assert (line["event"], line["mode"], line["reason"]) == ("mode_changed", "cancel_only", "lunch")


def test_a_decision_is_told_with_the_keys_of_its_line() -> None:
    state = hedging_state()
    line = told(state, state, decisions=(decision(),))[0]
    assert (line["event"], line["decision_id"], line["net_delta"]) == ("decision_made", 41, "0.065")


def test_a_loop_that_comes_late_is_told_once_it_matters() -> None:
    out = json_log()
    narrator = Narrator(policy())
    narrator.timed("lag", "", 0.2, "ok")
    narrator.timed("lag", "", 1.5, "ok")
    assert [line["seconds"] for line in lines_of(out)] == [1.5]
