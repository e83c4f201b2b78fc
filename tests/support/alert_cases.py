"""What each alert must see to fire, and what it must not fire on: series every ten seconds, as promtool writes them."""

from __future__ import annotations

from dataclasses import dataclass

HEDGER = {"job": "hedger", "instance": "hedger:9108"}
OTHER = {"job": "hedger", "instance": "other:9108"}
PROMETHEUS = {"job": "prometheus", "instance": "localhost:9090"}


@dataclass(frozen=True, slots=True)
class Series:
    """One input: a metric with its labels, and its values ten seconds apart (`0x6`: 0 and six more of it)."""

    metric: str
    values: str
    labels: dict[str, str]

    @property
    def text(self) -> str:
        """As promtool reads it."""
        return self.metric + "{" + ",".join(f'{name}="{value}"' for name, value in self.labels.items()) + "}"


@dataclass(frozen=True, slots=True)
class Case:
    """At `at` the alert must be firing once for each of `firing` (labels that it must have), and in no other way."""

    alert: str
    shows: str
    series: tuple[Series, ...]
    at: str
    firing: tuple[dict[str, str], ...] = ()


def of(metric: str, values: str, **labels: str) -> Series:
    """A series of the hedger that all cases are about."""
    return Series(metric, values, HEDGER | labels)


def beat(values: str = "1000+10x60") -> Series:
    """The program's own clock: its last beat."""
    return of("hedger_heartbeat_timestamp_seconds", values, stage="tick")


CRITICAL, WARNING, INFO = ({"severity": severity} for severity in ("critical", "warning", "info"))

ALIVE = (
    Case("HedgerWatchdog", "it always fires", (), "1m", (INFO,)),
    Case("HedgerDown", "a minute without a scrape", (of("up", "1x5 0x10"),), "2m30s", (CRITICAL,)),
    Case("HedgerDown", "a restart of half a minute", (of("up", "1x5 0x2 1x10"),), "2m"),
    Case(
        "HedgerDown",
        "it stands as long as the process is dead",
        (of("up", "1x5 0x360"), of("hedger_unhedged", "1x5 stale", hedge="BTC")),
        "1h",
        (CRITICAL,),
    ),
    Case("HedgerAbsent", "nothing was ever scraped", (), "3m", ({"severity": "critical", "job": "hedger"},)),
    Case("HedgerAbsent", "it is scraped", (of("up", "1x60"),), "5m"),
    Case("HedgerAbsent", "a dead one is down and not absent", (of("up", "0x60"),), "5m"),
    Case(
        "HedgerAbsent",
        "one of two is gone from the targets",
        (of("up", "1x5 stale"), Series("up", "1x60", OTHER)),
        "5m",
        (HEDGER | CRITICAL,),
    ),
    Case(
        "HedgerCrashLoop",
        "three starts within minutes",
        (of("process_start_time_seconds", "100x5 200x5 300x5 400x5"),),
        "4m",
        (CRITICAL,),
    ),
    Case("HedgerCrashLoop", "a single restart", (of("process_start_time_seconds", "100x5 200x50"),), "5m"),
    Case(
        "HedgerCrashLoop",
        "also between deaths, when the series is away",
        (of("process_start_time_seconds", "100x3 _x3 200x3 _x3 300x3 _x3 400x3 stale"),),
        "5m",
        (CRITICAL,),
    ),
    Case("HedgerStuck", "the beat stands still", (beat("1000+10x10 1100x30"),), "3m20s", (CRITICAL,)),
    Case("HedgerStuck", "the beat goes on, on a clock of long ago", (beat(),), "5m"),
    Case("HedgerStuck", "before the first beat", (beat("0x30"),), "4m"),
    Case(
        "HedgerMonitoringBroken",
        "a rule fails",
        (Series("prometheus_rule_evaluation_failures_total", "0x5 0+1x20", PROMETHEUS | {"rule_group": "alerts"}),),
        "2m20s",
        (WARNING,),
    ),
    Case(
        "HedgerMonitoringBroken",
        "nobody to tell",
        (Series("prometheus_notifications_alertmanagers_discovered", "0x30", PROMETHEUS),),
        "3m",
        (WARNING,),
    ),
    Case(
        "HedgerMonitoringBroken",
        "all is well",
        (
            Series("prometheus_rule_evaluation_failures_total", "3x60", PROMETHEUS | {"rule_group": "alerts"}),
            Series("prometheus_config_last_reload_successful", "1x60", PROMETHEUS),
            Series("prometheus_notifications_alertmanagers_discovered", "1x60", PROMETHEUS),
        ),
        "5m",
    ),
)

MODE = (
    Case("HedgerHalted", "halted", (of("hedger_halted", "0x5 1x20"),), "2m", (CRITICAL,)),
    Case("HedgerHalted", "not halted", (of("hedger_halted", "0x60"),), "5m"),
    Case(
        "HedgerHalted",
        "it still stands when HedgerDown begins",
        (of("hedger_halted", "0x5 1x5 stale"), of("up", "1x11 0x30")),
        "3m10s",
        (CRITICAL,),
    ),
    Case("HedgerPaused", "forgotten", (of("hedger_paused", "1x360"),), "35m", (INFO,)),
    Case("HedgerPaused", "for a while", (of("hedger_paused", "1x60"),), "10m"),
    Case(
        "HedgerCreatesStopped",
        "cancel only",
        (of("hedger_mode", "1x60", mode="cancel_only"), of("hedger_paused", "0x60")),
        "8m",
        ({"severity": "warning", "mode": "cancel_only"},),
    ),
    Case(
        "HedgerCreatesStopped",
        "a person paused it",
        (of("hedger_mode", "1x60", mode="cancel_only"), of("hedger_paused", "1x60")),
        "8m",
    ),
    Case(
        "HedgerCreatesStopped",
        "hedging",
        (of("hedger_mode", "1x60", mode="hedging"), of("hedger_mode", "0x60", mode="cancel_only")),
        "8m",
    ),
    Case(
        "HedgerNotReconciled",
        "never believed, and no beat yet",
        (of("hedger_reconciled", "0x60"), of("hedger_halted", "0x60"), beat("0x60")),
        "6m",
        (CRITICAL,),
    ),
    Case("HedgerNotReconciled", "a start", (of("hedger_reconciled", "0x12 1x60"), of("hedger_halted", "0x60")), "6m"),
    Case("HedgerNotReconciled", "halted", (of("hedger_reconciled", "0x60"), of("hedger_halted", "1x60")), "6m"),
)


def guard(name: str, value: str, limit: str, *, level: str = "limit") -> tuple[Series, Series]:
    """What a guard of hedge BTC sees, and its limit."""
    return (
        of("hedger_guard_value", value, hedge="BTC", guard=name),
        of("hedger_guard_limit", limit, hedge="BTC", guard=name, level=level),
    )


BTC = {"hedge": "BTC"}
HEDGES = (
    Case(
        "HedgerUnhedged",
        "outside for too long",
        (
            of("hedger_unhedged", "0x5 1x10", hedge="BTC"),
            of("hedger_sends_orders", "1x60"),
            of("hedger_deviation_coins", "0.25x60", hedge="BTC"),
            of("hedger_band_upper_coins", "0.01x60", hedge="BTC"),
        ),
        "1m30s",
        (CRITICAL | BTC,),
    ),
    Case(
        "HedgerUnhedged",
        "one of two hedges",
        (of("hedger_unhedged", "1x60", hedge="BTC"), of("hedger_unhedged", "0x60", hedge="ETH")),
        "5m",
        (CRITICAL | BTC,),
    ),
    Case(
        "HedgerUnhedged",
        "it still stands when HedgerDown begins",
        (of("hedger_unhedged", "1x10 stale", hedge="BTC"), of("up", "1x10 0x30")),
        "3m10s",
        (CRITICAL | BTC,),
    ),
    Case("HedgerUnhedged", "hedged", (of("hedger_unhedged", "0x60", hedge="BTC"),), "5m"),
    Case(
        "HedgerUnhedged",
        "in shadow",
        (of("hedger_unhedged", "1x60", hedge="BTC"), of("hedger_sends_orders", "0x60")),
        "5m",
    ),
    Case(
        "HedgerUnhedged",
        "paused, as a person wished, and unpaused while it is still outside",
        (of("hedger_unhedged", "0x60", hedge="BTC"), of("hedger_unhedged_on_purpose", "1x30 0x30", hedge="BTC")),
        "5m30s",
    ),
    Case(
        "HedgerUnhedgedOnPurpose",
        "paused, and forgotten",
        (of("hedger_unhedged_on_purpose", "1x120", hedge="BTC"), of("hedger_sends_orders", "1x120")),
        "12m",
        (WARNING | BTC,),
    ),
    Case(
        "HedgerUnhedgedOnPurpose",
        "a flatten that does not come to its end",
        (
            of("hedger_unhedged_on_purpose", "1x120", hedge="BTC"),
            of("hedger_flatten_state", "1x120", hedge="BTC", state="working"),
            of("hedger_flatten_state", "0x120", hedge="BTC", state="flat"),
        ),
        "12m",
        (WARNING | BTC,),
    ),
    Case(
        "HedgerUnhedgedOnPurpose",
        "flat, as a person wished",
        (
            of("hedger_unhedged_on_purpose", "1x120", hedge="BTC"),
            of("hedger_flatten_state", "1x120", hedge="BTC", state="flat"),
        ),
        "15m",
    ),
    Case(
        "HedgerUnhedgedOnPurpose",
        "in shadow",
        (of("hedger_unhedged_on_purpose", "1x120", hedge="BTC"), of("hedger_sends_orders", "0x120")),
        "15m",
    ),
    Case(
        "HedgerCannotAct",
        "one of two hedges",
        (of("hedger_cannot_act", "0x5 1x10", hedge="BTC"), of("hedger_cannot_act", "0x60", hedge="ETH")),
        "1m30s",
        (CRITICAL | BTC,),
    ),
    Case(
        "HedgerCannotAct",
        "it still stands when HedgerDown begins",
        (of("hedger_cannot_act", "1x10 stale", hedge="BTC"), of("up", "1x10 0x30")),
        "3m10s",
        (CRITICAL | BTC,),
    ),
    Case("HedgerCannotAct", "it sees", (of("hedger_cannot_act", "0x60", hedge="BTC"),), "5m"),
    Case(
        "HedgerFlattened",
        "forgotten",
        (of("hedger_flatten_state", "1x360", hedge="BTC", state="flat"),),
        "35m",
        (INFO | BTC | {"state": "flat"},),
    ),
    Case("HedgerFlattened", "none", (of("hedger_flatten_state", "0x360", hedge="BTC", state="flat"),), "35m"),
    Case(
        "HedgerShadowUnhedged",
        "in shadow",
        (of("hedger_unhedged", "1x120", hedge="BTC"), of("hedger_sends_orders", "0x120")),
        "18m",
        (INFO | BTC,),
    ),
    Case(
        "HedgerShadowUnhedged",
        "not in shadow",
        (of("hedger_unhedged", "1x120", hedge="BTC"), of("hedger_sends_orders", "1x120")),
        "18m",
    ),
    Case(
        "HedgerMarginShort",
        "past its warning",
        (
            of("hedger_guard_severity", "1x60", hedge="BTC", guard="margin_ratio"),
            *guard("margin_ratio", "0.42x60", "0.4x60"),
        ),
        "1m30s",
        (WARNING | BTC | {"guard": "margin_ratio"},),
    ),
    Case(
        "HedgerMarginShort",
        "past its stop",
        (of("hedger_guard_severity", "0x5 2x10", hedge="BTC", guard="liquidation_distance"),),
        "1m30s",
        (CRITICAL | BTC | {"guard": "liquidation_distance"},),
    ),
    Case(
        "HedgerMarginShort",
        "the process died of it",
        (of("hedger_guard_severity", "3x10 stale", hedge="BTC", guard="margin_ratio"), of("up", "1x10 0x30")),
        "3m10s",
        (CRITICAL | BTC,),
    ),
    Case(
        "HedgerMarginShort",
        "liquidated of it a moment ago",
        (
            of("hedger_guard_severity", "3x5 0x60", hedge="BTC", guard="liquidation_distance"),
            *guard("liquidation_distance", "0.01x5 " + "NaN " * 60, "0.08x60"),
        ),
        "1m30s",
        (CRITICAL | BTC,),
    ),
    Case("HedgerMarginShort", "clear", (of("hedger_guard_severity", "0x60", hedge="BTC", guard="margin_ratio"),), "5m"),
    Case("HedgerStaleData", "an old quote", guard("quote_age", "0+10x60", "5x60"), "1m30s", (WARNING | BTC,)),
    Case("HedgerStaleData", "a fresh quote", guard("quote_age", "0.3x60", "5x60"), "5m"),
    Case("HedgerStaleData", "a quote that was never seen", guard("quote_age", "NaN " * 60, "5x60"), "5m"),
    Case("HedgerStaleData", "another guard's value", guard("spread", "10x60", "5x60"), "5m"),
    Case("HedgerDayBudgetLow", "nine tenths", guard("daily_cost", "450x60", "500x60"), "1m30s", (WARNING | BTC,)),
    Case("HedgerDayBudgetLow", "a tenth", guard("daily_cost", "50x60", "500x60"), "5m"),
    Case("HedgerDayBudgetLow", "earned", guard("daily_cost", "-450x60", "500x60"), "5m"),
    Case("HedgerDayBudgetLow", "a value that is not known", guard("daily_cost", "NaN " * 60, "500x60"), "5m"),
    Case(
        "HedgerUnknownOrders",
        "for minutes",
        (of("hedger_working_orders", "1x60", hedge="BTC", status="unknown"),),
        "3m",
        (WARNING | BTC,),
    ),
    Case(
        "HedgerUnknownOrders",
        "soon known",
        (of("hedger_working_orders", "0x3 1x3 0x60", hedge="BTC", status="unknown"),),
        "4m",
    ),
    Case("HedgerUnknownOrders", "open", (of("hedger_working_orders", "1x60", hedge="BTC", status="open"),), "4m"),
    Case(
        "HedgerTakerFill",
        "one",
        (of("hedger_fills_total", "0x5 1x60", hedge="BTC", liquidity="taker"),),
        "3m",
        (CRITICAL | BTC,),
    ),
    Case(
        "HedgerTakerFill",
        "a maker's",
        (
            of("hedger_fills_total", "0+1x60", hedge="BTC", liquidity="maker"),
            of("hedger_fills_total", "0x60", hedge="BTC", liquidity="taker"),
        ),
        "5m",
    ),
    Case(
        "HedgerRollLate", "in its average", (of("hedger_roll_late", "1x60", hedge="BTC"),), "1m30s", (CRITICAL | BTC,)
    ),
    Case("HedgerRollLate", "in time", (of("hedger_roll_late", "0x60", hedge="BTC"),), "5m"),
)


def age(believed_at: str, limit: str = "15x60") -> tuple[Series, ...]:
    """When account `main` was last believed, and how old that may be."""
    return (
        beat(),
        of("hedger_account_believed_timestamp_seconds", believed_at, account="main"),
        of("hedger_account_age_limit_seconds", limit, account="main"),
    )


def gate(
    *, breaker: str = "0x60", own: str = "0x60", lease: str = "1040+10x60", quiet: str = "0x60"
) -> tuple[Series, ...]:
    """What stands between account `main` and its next order."""
    symbol = {"account": "main", "symbol": "BTC/USDT:USDT"}
    return (
        beat(),
        of("hedger_breaker_state", breaker, account="main", state="open"),
        of("hedger_breaker_state", "0x60", account="main", state="half_open"),
        of("hedger_breaker_state", "1x60", account="main", state="closed"),
        of("hedger_instrument_breaker_open", own, **symbol),
        of("hedger_switch_lease_expiry_timestamp_seconds", lease, account="main"),
        of("hedger_quiet_until_timestamp_seconds", quiet, account="main"),
    )


def changed(cause: str, values: str) -> tuple[Series, ...]:
    """Changes of account `main` that no order of ours made."""
    return (of("hedger_account_changes_total", values, account="main", cause=cause),)


MAIN = {"account": "main"}
ACCOUNTS = (
    Case(
        "HedgerKeysExpire",
        "in six days",
        (of("hedger_keys_expire_timestamp_seconds", "518400x60", account="main"),),
        "5m",
        (WARNING | MAIN,),
    ),
    Case(
        "HedgerKeysExpire",
        "in eight days",
        (of("hedger_keys_expire_timestamp_seconds", "691200x60", account="main"),),
        "5m",
    ),
    Case("HedgerAccountOutOfSight", "not read any more", age("1000x60"), "1m50s", (WARNING | MAIN,)),
    Case("HedgerAccountOutOfSight", "read all the time", age("998+10x60"), "5m"),
    Case("HedgerAccountOutOfSight", "never read, which is another alert's", age("0x60"), "5m"),
    Case("HedgerAccountOutOfSight", "no hedge looks at it", age("1000x60", "NaN " * 60), "5m"),
    Case(
        "HedgerReadingDoubted",
        "doubted",
        (of("hedger_account_doubted", "0x5 1x10", account="main"),),
        "1m30s",
        (CRITICAL | MAIN,),
    ),
    Case(
        "HedgerReadingDoubted",
        "it still stands when HedgerDown begins",
        (of("hedger_account_doubted", "1x10 stale", account="main"), of("up", "1x10 0x30")),
        "3m10s",
        (CRITICAL | MAIN,),
    ),
    Case("HedgerReadingDoubted", "believed", (of("hedger_account_doubted", "0x60", account="main"),), "5m"),
    Case("HedgerAccountStopped", "breaker", gate(breaker="1x60"), "3m", (WARNING | MAIN | {"cause": "breaker"},)),
    Case("HedgerAccountStopped", "one instrument", gate(own="1x60"), "4m", ({"cause": "instrument_breaker"},)),
    Case("HedgerAccountStopped", "the lease ran out", gate(lease="1040x60"), "4m", ({"cause": "switch_lease"},)),
    Case("HedgerAccountStopped", "quiet", gate(quiet="5000x60"), "4m", ({"cause": "quiet"},)),
    Case("HedgerAccountStopped", "all is well", gate(), "5m"),
    Case("HedgerAccountStopped", "without a switch", gate(lease="NaN " * 60), "5m"),
    Case("HedgerAccountStopped", "a quiet that is over", gate(quiet="1010x60"), "5m"),
    Case(
        "HedgerBanned",
        "banned",
        (*gate(quiet="5000x60"), of("hedger_banned", "1x60", account="main")),
        "1m",
        (CRITICAL | MAIN,),
    ),
    Case("HedgerBanned", "quiet only", (*gate(quiet="5000x60"), of("hedger_banned", "0x60", account="main")), "5m"),
    Case(
        "HedgerBanned",
        "a ban that is over",
        (*gate(quiet="1010x60"), of("hedger_banned", "1x60", account="main")),
        "5m",
    ),
    Case(
        "HedgerRateBudgetLow",
        "nearly all",
        (of("hedger_rate_weight_used_ratio", "0.9x60", account="main"),),
        "7m",
        (WARNING | MAIN,),
    ),
    Case(
        "HedgerRateBudgetLow",
        "for a moment",
        (of("hedger_rate_weight_used_ratio", "0.9x6 0.2x60", account="main"),),
        "7m",
    ),
    Case("HedgerAccountChanged", "liquidated", changed("liquidation", "0x5 1x60"), "3m", (CRITICAL | MAIN,)),
    Case("HedgerAccountChanged", "deleveraged", changed("deleveraging", "0x5 1x60"), "3m", (CRITICAL | MAIN,)),
    Case("HedgerAccountChanged", "somebody else", changed("foreign_trade", "0x5 1x60"), "3m", (WARNING | MAIN,)),
    Case("HedgerAccountChanged", "a deposit", changed("transfer", "0x5 1x60"), "3m"),
    Case(
        "HedgerClockOffset",
        "far off, behind",
        (of("hedger_clock_offset_seconds", "-2x120", account="main"),),
        "18m",
        (WARNING | MAIN,),
    ),
    Case("HedgerClockOffset", "near", (of("hedger_clock_offset_seconds", "0.2x120", account="main"),), "18m"),
)


def peg(price: str, limit: str = "0.02x60") -> tuple[Series, ...]:
    """What USDT is worth, should be worth, and may be away from that."""
    return (
        of("hedger_money_price_usd", price, asset="USDT"),
        of("hedger_money_peg_usd", "1x60", asset="USDT"),
        of("hedger_money_peg_limit_ratio", limit, asset="USDT"),
    )


def unexplained(dollars: str, worth: str = "100000x120") -> tuple[Series, ...]:
    """What nobody explained of this day, of an account that is worth so much."""
    return (
        of("hedger_pnl_unexplained_usd", dollars, account="main"),
        of("hedger_net_value_usd", worth, account="main"),
    )


def disk(free: str, wanted: str = "64e6x120") -> tuple[Series, ...]:
    """What is free on the journal's disk, and what must be."""
    return (of("hedger_journal_disk_free_bytes", free), of("hedger_journal_disk_wanted_bytes", wanted))


def messages(outcome: str) -> tuple[Series, ...]:
    """One message after a minute came to this, and none to anything else."""
    counts = {name: "0x5 1x60" if name == outcome else "0x66" for name in ("sent", "failed")}
    return tuple(of("hedger_messages_total", values, outcome=name) for name, values in counts.items())


MONEY_AND_PROCESS = (
    Case("HedgerDepeg", "away from its peg", peg("0.95x60"), "3m", (WARNING | {"asset": "USDT"},)),
    Case("HedgerDepeg", "its source is not seen", peg("NaN " * 60), "4m", (WARNING | {"asset": "USDT"},)),
    Case("HedgerDepeg", "at its peg", peg("0.999x60"), "5m"),
    Case("HedgerDepeg", "nothing tells its price", peg("NaN " * 60, "NaN " * 60), "5m"),
    Case("HedgerPnlUnexplained", "a loss", unexplained("-150x120"), "13m", (WARNING | MAIN,)),
    Case("HedgerPnlUnexplained", "of a debt", unexplained("50x120", "-100000x120"), "13m"),
    Case("HedgerPnlUnexplained", "little", unexplained("50x120"), "13m"),
    Case("HedgerPnlUnexplained", "before the first reading", unexplained("50x120", "NaN " * 120), "13m"),
    Case("HedgerJournalUnhealthy", "refused", (of("hedger_journal_healthy", "1x5 0x30"),), "2m30s", (CRITICAL,)),
    Case("HedgerJournalUnhealthy", "a moment", (of("hedger_journal_healthy", "1x5 0x2 1x30"),), "3m"),
    Case("HedgerJournalUnhealthy", "not known yet", (of("hedger_journal_healthy", "NaN " * 60),), "5m"),
    Case("HedgerDiskLow", "little left", disk("150e6x120"), "13m", (WARNING,)),
    Case("HedgerDiskLow", "enough", disk("900e6x120"), "13m"),
    Case("HedgerDiskLow", "no room is asked for", disk("150e6x120", "0x120"), "13m"),
    Case("HedgerDiskLow", "not known", disk("NaN " * 120), "13m"),
    Case("HedgerLoopLag", "late again and again", (of("hedger_loop_late_total", "0+1x60"),), "3m", (WARNING,)),
    Case("HedgerLoopLag", "late once", (of("hedger_loop_late_total", "0x5 1x60"),), "5m"),
    Case("HedgerConfigFileChanged", "left lying", (of("hedger_config_file_changed", "1x120"),), "16m", (INFO,)),
    Case("HedgerConfigFileChanged", "edited, then loaded", (of("hedger_config_file_changed", "1x60 0x60"),), "16m"),
    Case("HedgerConsoleDown", "dead", (of("hedger_console_up", "1x5 0x60"),), "4m", (WARNING,)),
    Case("HedgerConsoleDown", "begun anew at once", (of("hedger_console_up", "1x5 0x2 1x60"),), "4m"),
    Case(
        "HedgerConsoleDown",
        "it dies again and again",
        (of("hedger_console_up", "1x60"), of("hedger_console_revived_total", "0+1x6 6x60")),
        "4m",
        (WARNING,),
    ),
    Case("HedgerConsoleDown", "it died once", (of("hedger_console_revived_total", "0x5 1x60"),), "4m"),
    Case("HedgerConsoleDown", "none is wanted", (of("hedger_console_up", "NaN " * 60),), "5m"),
    Case("HedgerMessagesFailed", "nobody took one", messages("failed"), "5m", (INFO,)),
    Case("HedgerMessagesFailed", "all were sent", messages("sent"), "5m"),
)

CASES: tuple[Case, ...] = (*ALIVE, *MODE, *HEDGES, *ACCOUNTS, *MONEY_AND_PROCESS)
