"""The names of the log lines: a closed list with what each means, for people who search and alert by name."""

from __future__ import annotations

from enum import StrEnum


class LogEvent(StrEnum):
    """What a log line is about. A name, once published, keeps its meaning."""

    PROGRAM_STARTED = "program_started"
    PROGRAM_STOPPED = "program_stopped"
    STATE_RECOVERED = "state_recovered"
    HEALTH_LISTENING = "health_listening"
    HEALTH_REQUEST_FAILED = "health_request_failed"
    LOOP_LAGGED = "loop_lagged"
    MODE_CHANGED = "mode_changed"
    SWITCH_ARMED = "switch_armed"
    SWITCH_LOST = "switch_lost"
    SWITCH_FAILED = "switch_failed"
    BREAKER_OPENED = "breaker_opened"
    BREAKER_HALF_OPEN = "breaker_half_open"
    BREAKER_CLOSED = "breaker_closed"
    ACCOUNT_RESTRICTED = "account_restricted"
    VENUE_QUIETED = "venue_quieted"
    DECISION_MADE = "decision_made"
    ORDER_PLACED = "order_placed"
    ORDER_CHANGED = "order_changed"
    ORDER_REJECTED = "order_rejected"
    ORDER_OUTCOME_UNKNOWN = "order_outcome_unknown"
    ORDER_FILLED = "order_filled"
    ORDER_WRITTEN_OFF = "order_written_off"
    ACCOUNT_CHANGED = "account_changed"
    FUNDING_BOOKED = "funding_booked"
    FLOW_BOOKED = "flow_booked"
    PNL_UNEXPLAINED = "pnl_unexplained"
    BAND_LEFT = "band_left"
    BAND_REGAINED = "band_regained"
    GUARD_LEVEL_CHANGED = "guard_level_changed"
    OPTION_GREEKS_DIFFER = "option_greeks_differ"
    INSTRUMENTS_LOADED = "instruments_loaded"
    INSTRUMENT_LEFT_OUT = "instrument_left_out"
    READ_FAILED = "read_failed"
    STREAM_CHANGED = "stream_changed"
    JOURNAL_CHANGED = "journal_changed"
    OPERATOR_ASKED = "operator_asked"
    REQUEST_REFUSED = "request_refused"
    CONFIG_RELOADED = "config_reloaded"
    CONFIG_REFUSED = "config_refused"
    CONFIG_FILE_CHANGED = "config_file_changed"
    CONSOLE_LISTENING = "console_listening"
    CONSOLE_USED = "console_used"
    CONSOLE_LOCKED = "console_locked"
    CONSOLE_FAILED = "console_failed"
    CONSOLE_DIED = "console_died"
    WATCHDOG_TRIPPED = "watchdog_tripped"
    HALTED = "halted"
    STOPPING = "stopping"
    RATE_WEIGHT_HIGH = "rate_weight_high"
    RATE_LANES_CLOSED = "rate_lanes_closed"
    ORDER_ABANDONED = "order_abandoned"
    FRAME_IGNORED = "frame_ignored"
    MESSAGE_NOT_SENT = "message_not_sent"
    UNCAUGHT_EXCEPTION = "uncaught_exception"


EVENT_WORDS: dict[LogEvent, str] = {
    LogEvent.PROGRAM_STARTED: "The program began; version, kind of run, and digest of the configuration.",
    LogEvent.PROGRAM_STOPPED: "The program ended as it was asked to.",
    LogEvent.STATE_RECOVERED: "What the journal holds of earlier runs was taken up: epoch, orders in doubt, halt.",
    LogEvent.HEALTH_LISTENING: "Metrics and health are served at this address.",
    LogEvent.HEALTH_REQUEST_FAILED: "A request for metrics or health broke off.",
    LogEvent.LOOP_LAGGED: "The event loop came late by more than its limit.",
    LogEvent.MODE_CHANGED: "What the program may do changed; from, to and why.",
    LogEvent.SWITCH_ARMED: "The venue cancels our orders once it hears nothing from us: orders may leave.",
    LogEvent.SWITCH_LOST: "The dead man's switch was not extended in time: nothing is created, what rests is canceled.",
    LogEvent.SWITCH_FAILED: "The dead man's switch could not be extended; what is left of its lease runs on.",
    LogEvent.BREAKER_OPENED: "Nothing is created on the account (or the symbol) for a while: refusals, lost answers.",
    LogEvent.BREAKER_HALF_OPEN: "The cool-down is over: one order may try.",
    LogEvent.BREAKER_CLOSED: "The venue took the order that tried: creates go on.",
    LogEvent.ACCOUNT_RESTRICTED: "On the account (or symbol) only what reduces is created; one order may try later.",
    LogEvent.VENUE_QUIETED: "The venue asked for quiet on an account: nothing is created there until this time.",
    LogEvent.DECISION_MADE: "A hedge decided something new; ERROR where margin is saved without the switch.",
    LogEvent.ORDER_PLACED: "A create is on its way to the venue; the journal already holds it.",
    LogEvent.ORDER_CHANGED: "An order reached another status; ERROR where an order that had ended lives.",
    LogEvent.ORDER_REJECTED: "The venue did not accept a create; the reason is from a closed list.",
    LogEvent.ORDER_OUTCOME_UNKNOWN: "The answer to a create was lost: it is looked for, never sent again.",
    LogEvent.ORDER_FILLED: "More of an order has filled; cumulative and total.",
    LogEvent.ORDER_WRITTEN_OFF: "A person says that an order of unknown fate is gone.",
    LogEvent.ACCOUNT_CHANGED: "A position or balance moved that no order of ours moved; cause and signed quantity.",
    LogEvent.FUNDING_BOOKED: "Funding was received (+) or paid (−), in quote.",
    LogEvent.FLOW_BOOKED: "Dollars (or coins at their price) came in from outside or went there: no profit.",
    LogEvent.PNL_UNEXPLAINED: "Of today's residual more than so many dollars stay unexplained: look at the account.",
    LogEvent.BAND_LEFT: "The delta of a hedge left its band.",
    LogEvent.BAND_REGAINED: "The delta of a hedge is inside its band again; how long it was outside.",
    LogEvent.GUARD_LEVEL_CHANGED: "A levelled guard rose or fell: clear, warn, stop, reduce.",
    LogEvent.OPTION_GREEKS_DIFFER: "A venue's delta of options has been away from ours for a minute; ours decides.",
    LogEvent.INSTRUMENTS_LOADED: "An account's markets were read and its modes and leverage confirmed.",
    LogEvent.INSTRUMENT_LEFT_OUT: "A configured contract had expired before this start; its hedge does without it.",
    LogEvent.READ_FAILED: "A read did not succeed; what it would have refreshed grows stale.",
    LogEvent.STREAM_CHANGED: "A stream of an account went up or down.",
    LogEvent.JOURNAL_CHANGED: "The journal stopped or began again to accept writes.",
    LogEvent.OPERATOR_ASKED: "A person, a signal or the runtime asked for something, with a reason.",
    LogEvent.REQUEST_REFUSED: "A file in the mailbox of requests was moved aside and not obeyed; why.",
    LogEvent.CONFIG_RELOADED: "The configuration was read again and is in force, or says what is; what changed.",
    LogEvent.CONFIG_REFUSED: "A reload of the configuration was refused, and nothing changed; why.",
    LogEvent.CONFIG_FILE_CHANGED: "The file says something else than is in force, or cannot be used: reload it.",
    LogEvent.CONSOLE_LISTENING: "The console, its page and its API, is served at this address.",
    LogEvent.CONSOLE_USED: "Somebody with the token used a route of the console's API that changes something.",
    LogEvent.CONSOLE_LOCKED: "Too many wrong tokens in a row at the console: further wrong ones wait for a while.",
    LogEvent.CONSOLE_FAILED: "A request to the console met a bug of ours; the trading loop has no part in it.",
    LogEvent.CONSOLE_DIED: "The console's thread ended by a bug of ours; whether it is begun anew. Hedging goes on.",
    LogEvent.WATCHDOG_TRIPPED: "The event loop stood still: the watchdog canceled our orders and ends the process.",
    LogEvent.HALTED: "Nothing is created until a person resumes with a reason.",
    LogEvent.STOPPING: "Everything of ours is off the books: the process ends.",
    LogEvent.RATE_WEIGHT_HIGH: "The venue counts most of its request weight as used.",
    LogEvent.RATE_LANES_CLOSED: "The venue told us to be quiet until this time; only cancels go on.",
    LogEvent.ORDER_ABANDONED: "Whoever waited for a create was canceled; the order is unknown and looked for.",
    LogEvent.FRAME_IGNORED: "A streamed frame could not be understood and was not used.",
    LogEvent.MESSAGE_NOT_SENT: "A message to people could not be sent, after three attempts; which kind.",
    LogEvent.UNCAUGHT_EXCEPTION: "An exception reached the top of a thread: a bug.",
}


def logs_page() -> str:
    """docs/logs.md: every event name and its meaning."""
    rows = "\n".join(f"| `{event.value}` | {EVENT_WORDS[event]} |" for event in LogEvent)
    return _PAGE.replace("ROWS", rows)


_PAGE = """# Logs

Written by `hedger.ops.events`; a test keeps this page current.

Log lines go to standard error; standard output belongs to what you asked for. On a terminal they are coloured
text, elsewhere one JSON object a line. Each has `timestamp` (UTC, ISO 8601), `level`, `logger` and `event`. Lines
of libraries (ccxt, aiohttp, asyncio) have the same form; their `event` is their own text.

`decision_id` and `client_order_id` stand on every line that concerns a decision or an order, and lead to the whole
story: `hedger explain DECISION_ID`.

Secrets are replaced by `•••`, in tracebacks too. ccxt never logs below WARNING, whatever the level: its DEBUG lines
hold signed requests. Of lines that are alike at most 20 a second are written; the next one says in `suppressed` how
many were left out.

| event | meaning |
|---|---|
ROWS
"""
