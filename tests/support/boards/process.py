"""The process: its mode, whether its loop turns in time, its journal, and what it uses of the machine."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import AGE_OF, ANY_IS_BAD, BAD, DOUBTFUL, GOOD, MUTED, WHICH, Board, Row, ask, row
from tests.support.boards.panels import line, lines, stat, timeline

BUSY = ((None, GOOD), (0.1, DOUBTFUL), (0.5, BAD))


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat(
                "Running",
                "Whether Prometheus can read the hedger's metrics.",
                "none",
                ask("up{P}"),
                width=3,
                words=s.RUNNING,
            ),
            stat("Mode", s.MODE_TEXT, "none", ask(s.MODE), width=4, words=s.MODES),
            stat(
                "Believed?",
                "Whether the accounts are believed: nothing is created before.",
                "none",
                ask("hedger_reconciled{P}"),
                width=3,
                words=s.NO_IS_BAD,
            ),
            stat(
                "Journal writes?",
                "Without a journal nothing is created; cancels are always allowed.",
                "none",
                ask("hedger_journal_healthy{P}"),
                width=3,
                words=s.NO_IS_BAD,
            ),
            stat(
                "Sends orders?",
                "In shadow mode it decides as if live, and sends nothing.",
                "none",
                ask("hedger_sends_orders{P}"),
                width=3,
                words=s.SENDS,
            ),
            stat(
                "Starts, 24 h",
                "How often it began anew in a day. Six failed starts in ten minutes make the next one begin halted.",
                "none",
                ask("changes(process_start_time_seconds{P}[1d])"),
                width=2,
                steps=((None, GOOD), (1, DOUBTFUL), (3, BAD)),
            ),
            stat(
                "Up for",
                "Since the process began.",
                "s",
                ask("time() - process_start_time_seconds{P}"),
                width=3,
                decimals=0,
            ),
            stat(
                "Version",
                "What runs.",
                "none",
                ask("hedger_build_info{P}", "{{version}} on Python {{python}}"),
                width=3,
                name_only=True,
            ),
        )
    )


def _mode() -> Row:
    return row(
        "What it may do",
        timeline("Mode over time", s.MODE_TEXT, ask(s.MODE, "mode"), words=s.MODES),
        timeline(
            "Stopped by a person, or stopping",
            "Halted: only a person lifts it. Paused by an operator. Draining: it takes its orders off the books, and "
            "ends.",
            ask("hedger_halted{P}", "halted"),
            ask("hedger_paused{P}", "paused"),
            ask("hedger_draining{P}", "draining"),
            words=s.YES_IS_BAD,
        ),
    )


def _loop() -> Row:
    return row(
        "The loop",
        lines(
            "Seconds of its clock in a second of ours",
            "How fast each stage's heartbeat goes on: 1 is live, a paper run may be faster, and 0 stands still.",
            "none",
            ask("deriv(hedger_heartbeat_timestamp_seconds{P}[$__rate_interval])", "{{stage}}"),
            least=0,
            width=8,
        ),
        lines(
            "Lag of the event loop",
            "How late its beats came: the last one, and 95 %. Past the limit (dashed) creates stop for ten seconds.",
            "s",
            ask("hedger_loop_lag_seconds{P}", "last"),
            ask("histogram_quantile(0.95, rate(hedger_beat_lag_seconds_bucket{P}[$__rate_interval]))", "95 %"),
            ask("hedger_loop_lag_limit_seconds{P}", "limit"),
            styles=(line("limit", BAD, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Events that wait",
            "The depth of the inbox: it should be near 0.",
            "none",
            ask("hedger_inbox_depth{P}", "inbox"),
            least=0,
            width=8,
        ),
        lines(
            "Late beats, and reconciling anew",
            "Beats past the limit, and times that the accounts had to be read anew before new risk.",
            "none",
            ask("increase(hedger_loop_late_total{P}[$__rate_interval])", "late beats"),
            ask("increase(hedger_reconciles_total{P}[$__rate_interval])", "reconciles"),
            columns=True,
            width=6,
        ),
        lines(
            "Time of a step",
            "95 % of the engine's steps were faster, and their mean.",
            "s",
            ask("program:hedger_step_duration_seconds:p95_5m{P}", "95 %"),
            ask(
                "rate(hedger_step_duration_seconds_sum{P}[$__rate_interval])"
                " / rate(hedger_step_duration_seconds_count{P}[$__rate_interval])",
                "mean",
            ),
            least=0,
            width=6,
        ),
        lines(
            "Events handled",
            "A second, by kind.",
            "eps",
            ask("rate(hedger_events_total{P}[$__rate_interval]) > 0", "{{event}}"),
            least=0,
            width=6,
        ),
        lines(
            "Commands given",
            "A second, by kind.",
            "ops",
            ask("rate(hedger_commands_total{P}[$__rate_interval]) > 0", "{{command}}"),
            least=0,
            width=6,
        ),
    )


def _journal() -> Row:
    return row(
        "The journal",
        lines(
            "Time of a durable commit",
            "95 % were faster, and their mean: an order waits for its own.",
            "s",
            ask("program:hedger_journal_commit_duration_seconds:p95_5m{P}", "95 %"),
            ask(
                "rate(hedger_journal_commit_duration_seconds_sum{P}[$__rate_interval])"
                " / rate(hedger_journal_commit_duration_seconds_count{P}[$__rate_interval])",
                "mean",
            ),
            least=0,
            width=8,
        ),
        lines(
            "Durable commits",
            "A second.",
            "ops",
            ask("rate(hedger_journal_commit_duration_seconds_count{P}[$__rate_interval])", "commits"),
            least=0,
            width=8,
        ),
        lines(
            "Since rows were last written",
            "On the program's clock; rows that no order waits for are written every few seconds.",
            "s",
            ask(f"{AGE_OF}(hedger_journal_commit_timestamp_seconds{{P}} > 0)", "last commit"),
            least=0,
            width=8,
        ),
        lines(
            "Its size, and the room beside it",
            "Where less is free than wanted (dashed), nothing is created.",
            "bytes",
            ask("hedger_journal_size_bytes{P}", "journal"),
            ask("hedger_journal_disk_free_bytes{P}", "free"),
            ask("hedger_journal_disk_wanted_bytes{P}", "wanted"),
            styles=(line("wanted", BAD, dashed=True), line("free", GOOD)),
            least=0,
            width=16,
        ),
        stat(
            "Stopped writing, 24 h",
            "Times that the journal stopped accepting writes in a day.",
            "none",
            ask("increase(hedger_journal_failures_total{P}[1d])"),
            width=8,
            height=8,
            steps=ANY_IS_BAD,
            decimals=0,
        ),
    )


def _configuration() -> Row:
    return row(
        "The configuration in force",
        stat(
            "File changed?",
            "YES: the file says something else than is in force, or cannot be used. `hedger config diff` tells what.",
            "none",
            ask("hedger_config_file_changed{P}"),
            width=4,
            height=6,
            words=s.CHANGED,
        ),
        stat(
            "In force since",
            "How long ago it was loaded, on the program's clock, and the digest of it.",
            "s",
            ask(
                f"{AGE_OF}(hedger_config_loaded_timestamp_seconds{{P}} > 0)"
                " + on (instance) group_right () 0 * hedger_config_info{P}",
                "{{digest}}",
            ),
            width=8,
            height=6,
        ),
        lines(
            "Reloads",
            "By what came of them: a refused one changes nothing.",
            "none",
            ask("increase(hedger_config_reloads_total{P}[$__rate_interval])", "{{outcome}}"),
            columns=True,
            height=6,
            width=6,
        ),
        lines(
            "Messages to people",
            "By what became of them: a failed one reached nobody.",
            "none",
            ask("increase(hedger_messages_total{P}[$__rate_interval])", "{{outcome}}"),
            columns=True,
            height=6,
            width=6,
        ),
    )


def _console() -> Row:
    return row(
        "The console",
        stat(
            "Console serves?",
            "NO: its page and its API do not answer. Hedging goes on, and so do the commands.",
            "none",
            ask("hedger_console_up{P}"),
            width=6,
            height=6,
            words=s.SERVES,
        ),
        lines(
            "Console begun anew",
            "Times that its thread had died and was begun anew: more than two in an hour are a fault.",
            "none",
            ask("increase(hedger_console_revived_total{P}[$__rate_interval])", "begun anew"),
            columns=True,
            height=6,
            width=18,
        ),
    )


def _machine() -> Row:
    return row(
        "The machine",
        lines(
            "Memory",
            "What the process holds of it.",
            "bytes",
            ask("process_resident_memory_bytes{P}", "resident"),
            ask("process_virtual_memory_bytes{P}", "virtual"),
            styles=(line("virtual", MUTED, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Processor",
            "Of one core.",
            "percentunit",
            ask("rate(process_cpu_seconds_total{P}[$__rate_interval])", "used"),
            least=0,
            width=8,
        ),
        lines(
            "Open files",
            "Files and sockets, beside the most that it may have (dashed).",
            "none",
            ask("process_open_fds{P}", "open"),
            ask("process_max_fds{P}", "most"),
            styles=(line("most", BAD, dashed=True),),
            least=0,
            width=8,
        ),
    )


BOARD = Board(
    uid="hedger-process",
    title="Hedger: process",
    text="Its mode, whether its loop turns in time, its journal, and what it uses of the machine.",
    rows=(_at_one_look(), _mode(), _loop(), _journal(), _configuration(), _console(), _machine()),
    variables=(WHICH,),
)
