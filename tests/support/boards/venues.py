"""Venue health: whether each account answers, may create, and is known freshly enough."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import (
    ACCOUNTS,
    AGE_OF,
    BAD,
    DOUBTFUL,
    GOOD,
    MUTED,
    NOW,
    WHICH,
    WORSE,
    Board,
    Row,
    ask,
    row,
)
from tests.support.boards.panels import Column, line, lines, stat, table, timeline

FAILING = ((None, GOOD), (1, DOUBTFUL), (3, BAD))


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat(
                "Orders may leave?",
                "By the breaker of each account: NO after refusals or lost answers, then one to try; to reduce only, "
                "where the venue says so.",
                "none",
                ask(s.BREAKER, "{{account}}"),
                width=6,
                words=s.LETS_LEAVE,
            ),
            stat(
                "Failed reads in a row",
                "Of each account; 0 is good.",
                "none",
                ask("hedger_account_failed_reads{A}", "{{account}}"),
                width=4,
                steps=FAILING,
            ),
            stat(
                "Stream",
                "Streams are hints: without one it polls, and fills are heard of later.",
                "none",
                ask("hedger_stream_up{A}", "{{account}}"),
                width=4,
                words=s.UP_OR_NOT,
            ),
            stat(
                "Banned?",
                "Whether the venue shut us out: then nothing at all may be sent.",
                "none",
                ask("hedger_banned{A}", "{{account}}"),
                width=3,
                words=s.YES_IS_BAD,
            ),
            stat(
                "Needs a word?",
                "Its readings lack our own fills: only a person who looked at the venue's page can say which is true, "
                "by `hedger resume`.",
                "none",
                ask("hedger_account_doubted{A}", "{{account}}"),
                width=3,
                words=s.YES_IS_BAD,
            ),
            stat(
                "Rate budget used",
                "The share of the venue's rate limit in use.",
                "percentunit",
                ask("hedger_rate_weight_used_ratio{A}", "{{account}}"),
                width=4,
                steps=((None, GOOD), (0.6, DOUBTFUL), (0.8, BAD)),
                decimals=0,
            ),
        )
    )


def _accounts() -> Row:
    return row(
        "Accounts",
        table(
            "Accounts",
            "What each account is worth, how near it is to its limits, and how freshly it is known.",
            Column(name="Equity", expr="sum by (account) (hedger_equity{A})", decimals=2),
            Column(name="Worth", expr="sum by (account) (hedger_net_value_usd{A})", unit="currencyUSD", decimals=2),
            Column(name="Free margin", expr="sum by (account) (hedger_available_margin{A})", decimals=2),
            Column(name="Bound", expr="sum by (account) (hedger_initial_margin{A})", decimals=2),
            Column(name="Maintenance", expr="sum by (account) (hedger_maintenance_margin{A})", decimals=2),
            Column(
                name="Margin ratio",
                expr="max by (account) (hedger_margin_ratio{A})",
                unit="percentunit",
                decimals=1,
            ),
            Column(
                name="Nearest liquidation",
                expr="min by (account) (hedger_liquidation_distance_ratio{A} >= 0)",
                unit="percentunit",
                decimals=0,
            ),
            Column(
                name="Age", expr="max by (account) (account:hedger_account_age_seconds:now{A})", unit="s", decimals=1
            ),
            Column(
                name="Reads that failed, 5 min",
                expr="max by (account) (account:hedger_read_failures:ratio5m{A})",
                unit="percentunit",
                steps=((None, GOOD), (0.05, DOUBTFUL), (0.3, BAD)),
                decimals=1,
            ),
            Column(name="Trips of the breaker", expr="sum by (account) (hedger_breaker_trips_total{A})"),
            Column(
                name="Clock",
                expr="sum by (account) (hedger_clock_offset_seconds{A})",
                unit="s",
                decimals=3,
            ),
            by=(("account", "Account"),),
            width=24,
            height=6,
        ),
        timeline("Breakers", "The breaker of each account.", ask(s.BREAKER, "{{account}}"), words=s.BREAKERS, width=8),
        timeline(
            "Breakers of single instruments",
            "Open: this instrument gets no order, others of the account may.",
            ask("hedger_instrument_breaker_open{A}", "{{account}} {{symbol}}"),
            words=s.OPEN_OR_NOT,
            width=8,
        ),
        timeline(
            "Streams",
            "The stream of each account.",
            ask("hedger_stream_up{A}", "{{account}}"),
            words=s.UP_OR_NOT,
            width=8,
        ),
    )


def _reads() -> Row:
    return row(
        "Reads",
        lines(
            "Reads",
            "Reads attempted a second, by what is read.",
            "reqps",
            ask("sum by (what) (rate(hedger_reads_total{A}[$__rate_interval])) > 0", "{{what}}"),
            least=0,
            width=8,
        ),
        lines(
            "Reads that failed",
            "By what was read. A failed read is never an empty one: what is known only grows older.",
            "none",
            ask(
                "sum by (what) (increase(hedger_read_failures_total{A}[$__rate_interval]))",
                "{{what}}",
            ),
            columns=True,
            width=8,
        ),
        lines(
            "Share that failed",
            "Over five minutes, and the reads that failed in a row.",
            "percentunit",
            ask("account:hedger_read_failures:ratio5m{A}", "{{account}}"),
            ask("hedger_account_failed_reads{A}", "in a row {{account}}"),
            styles=(line("in a row", dashed=True, right="none"),),
            least=0,
            width=8,
        ),
        lines(
            "What became of readings",
            "Believed, doubted until a second one says the same, refused, or asked for before what we did since.",
            "none",
            ask("sum by (outcome) (increase(hedger_account_readings_total{A}[$__rate_interval]))", "{{outcome}}"),
            styles=(line("believed", GOOD), line("doubted", DOUBTFUL), line("refused", BAD), line("late", MUTED)),
            columns=True,
            width=8,
        ),
        lines(
            "Believed in a row",
            "Believed readings of each account since it was last doubted; a start waits for so many (dashed).",
            "none",
            ask("hedger_account_clean_cycles{A}", "{{account}}"),
            ask("hedger_clean_cycles_wanted{P}", "wanted"),
            styles=(line("wanted", MUTED, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Streams that broke, and frames not understood",
            "How often, of each account.",
            "none",
            ask("increase(hedger_stream_ends_total{A}[$__rate_interval])", "ended {{account}}"),
            ask("increase(hedger_frames_ignored_total{A}[$__rate_interval])", "ignored {{account}}"),
            columns=True,
            width=8,
        ),
    )


def _time() -> Row:
    return row(
        "Answers, and the rate budget",
        lines(
            "Time to an answer",
            "95 % of requests were answered faster.",
            "s",
            ask("account:hedger_place_duration_seconds:p95_5m{A}", "create {{account}}"),
            ask("account:hedger_cancel_duration_seconds:p95_5m{A}", "cancel {{account}}"),
            ask("account:hedger_read_duration_seconds:p95_5m{A}", "read {{account}} {{what}}"),
            least=0,
            width=8,
        ),
        lines(
            "Rate budget used over time",
            "The venue's own count of our requests over its limit.",
            "percentunit",
            ask("hedger_rate_weight_used_ratio{A}", "{{account}}"),
            zones=((None, "transparent"), (0.8, "rgba(242, 73, 92, 0.12)")),
            least=0,
            most=1,
            width=8,
        ),
        lines(
            "Asked to be quiet",
            "For how much longer the venue wants nothing to be created; below 0 it is over, and without a line it "
            "never "
            "was.",
            "s",
            ask(f"hedger_quiet_until_timestamp_seconds{{A}} - {NOW} > -3600", "quiet {{account}}"),
            ask("increase(hedger_quiet_wishes_total{A}[$__rate_interval])", "asked for {{account}} {{kind}}"),
            styles=(line("asked", WORSE, right="none"),),
            width=8,
        ),
    )


def _fresh() -> Row:
    return row(
        "How fresh it is",
        lines(
            "Age of the believed reading",
            "How long ago it was asked for. Dashed: past this, nothing is created.",
            "s",
            ask("account:hedger_account_age_seconds:now{A}", "{{account}}"),
            ask("hedger_account_age_limit_seconds{A}", "limit {{account}}"),
            styles=(line("limit", BAD, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Age of quotes and marks",
            "How long ago the last one came. Dashed: past this, nothing is created.",
            "s",
            ask(f"{AGE_OF}(hedger_quote_timestamp_seconds{{A}} > 0)", "quote {{account}} {{symbol}}"),
            ask(f"{AGE_OF}(hedger_mark_timestamp_seconds{{A}} > 0)", "mark {{account}} {{symbol}}"),
            ask('min(hedger_guard_limit{P, guard=~"quote_age|mark_age"})', "limit"),
            styles=(line("limit", BAD, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Dead man's switch",
            "Until orders may not leave any more, if it is not extended, and after how much silence the venue cancels "
            "ours. Without lines: the venue has none.",
            "s",
            ask(f"(hedger_switch_lease_expiry_timestamp_seconds{{A}} > 0) - {NOW}", "lease {{account}}"),
            ask("hedger_switch_timeout_seconds{A}", "timeout {{account}}"),
            ask("increase(hedger_switch_extensions_total{A}[$__rate_interval])", "asked for {{account}}"),
            ask("increase(hedger_switch_failures_total{A}[$__rate_interval])", "in vain {{account}}"),
            styles=(
                line("timeout", MUTED, dashed=True),
                line("asked", "light-blue", right="none"),
                line("in vain", BAD, right="none"),
            ),
            width=8,
        ),
        lines(
            "Clock",
            "The venue's clock minus ours.",
            "s",
            ask("hedger_clock_offset_seconds{A}", "{{account}}"),
            width=8,
        ),
        lines(
            "Moved without an order of ours",
            "Positions and balances, by cause. A liquidation or deleveraging is the venue's own hand.",
            "none",
            ask(
                "sum by (cause) (increase(hedger_account_changes_total{A}[$__rate_interval]))",
                "{{cause}}",
            ),
            styles=(line("(liquidation|deleveraging)", BAD), line("unexplained", WORSE)),
            columns=True,
            width=8,
        ),
        lines(
            "Money against its peg",
            "What the money that contracts are in is worth, and what it should be.",
            "currencyUSD",
            ask("hedger_money_price_usd{P}", "{{asset}}"),
            ask("hedger_money_peg_usd{P}", "{{asset}} should be"),
            ask("hedger_money_peg_usd{P} * (1 - hedger_money_peg_limit_ratio{P})", "{{asset}} at least"),
            styles=(line(".* should be", MUTED, dashed=True), line(".* at least", BAD, dashed=True)),
            width=8,
        ),
    )


BOARD = Board(
    uid="hedger-venues",
    title="Hedger: venue health",
    text="Does each account answer, may it create, and is it known freshly enough?",
    rows=(_at_one_look(), _accounts(), _reads(), _time(), _fresh()),
    variables=(WHICH, ACCOUNTS),
)
