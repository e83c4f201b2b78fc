"""Every recording rule comes to the number that it is named for, and to no series where there is nothing to tell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.alert_cases import HEDGER, OTHER, Series, beat, of
from tests.support.promtool import Trial, tried

RECORDING = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules" / "recording.yml"
BTC, MAIN = {"hedge": "BTC"}, {"account": "main"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a rule comes to two hours in, on series a minute apart; None is no series at all."""

    record: str
    series: tuple[Series, ...]
    value: float | None
    labels: dict[str, str]


def histogram(metric: str, **labels: str) -> tuple[Series, ...]:
    """Ten observations a minute, all of them between 1 and 2 s."""
    rows = (("1.0", "0x150"), ("2.0", "0+10x150"), ("+Inf", "0+10x150"))
    return tuple(of(f"{metric}_bucket", values, **labels, le=edge) for edge, values in rows)


def fills(maker: str, taker: str) -> tuple[Series, ...]:
    return (
        of("hedger_fills_total", maker, **BTC, liquidity="maker"),
        of("hedger_fills_total", taker, **BTC, liquidity="taker"),
    )


def traded(metric: str) -> tuple[Series, ...]:
    """Two dollars a minute of something, on a hundred dollars a minute traded."""
    return (of(metric, "0+2x150", **BTC), of("hedger_traded_quote_total", "0+100x150", **BTC))


READS = MAIN | {"what": "account"}
CASES = (
    Recorded(
        "hedge:hedger_outside_band:ratio1h", (of("hedger_outside_band_seconds_total", "0+15x150", **BTC),), 0.25, BTC
    ),
    # On paper the program's seconds may be shorter than ours: never more than all of the time.
    Recorded(
        "hedge:hedger_outside_band:ratio1d", (of("hedger_outside_band_seconds_total", "0+6000x150", **BTC),), 1, BTC
    ),
    Recorded("hedge:hedger_maker_share:ratio1d", fills("0+9x150", "0+1x150"), 0.9, BTC),
    Recorded("hedge:hedger_maker_share:ratio1d", fills("7x150", "0x150"), None, BTC),
    Recorded(
        "hedge:hedger_fill_share:ratio1d",
        (
            of("hedger_orders_total", "0+4x150", **BTC, outcome="placed"),
            of("hedger_orders_total", "0+1x150", **BTC, outcome="filled"),
            of("hedger_orders_total", "0+3x150", **BTC, outcome="canceled"),
        ),
        0.25,
        BTC,
    ),
    Recorded(
        "hedge:hedger_fill_duration_seconds:p50_1h", histogram("hedger_order_fill_duration_seconds", **BTC), 1.5, BTC
    ),
    Recorded(
        "hedge:hedger_fill_duration_seconds:p95_1h", histogram("hedger_order_fill_duration_seconds", **BTC), 1.95, BTC
    ),
    Recorded(
        "hedge:hedger_fill_duration_seconds:p95_1h",
        (of("hedger_order_fill_duration_seconds_bucket", "0x150", **BTC, le="+Inf"),),
        None,
        BTC,
    ),
    Recorded(
        "hedge:hedger_cost_quote:delta1d",
        (
            of("hedger_fees_quote", "-5x149 -6 -6", **BTC),
            of("hedger_funding_quote", "3x150", **BTC),
            of("hedger_realised_spread_quote", "1x150", **BTC),
        ),
        0,
        BTC,
    ),
    Recorded("hedge:hedger_edge:ratio1d", traded("hedger_edge_quote"), 0.02, BTC),
    Recorded("hedge:hedger_markout:ratio1d", traded("hedger_realised_spread_quote"), 0.02, BTC),
    Recorded("hedge:hedger_slippage:ratio1d", traded("hedger_slippage_quote"), 0.02, BTC),
    Recorded(
        "hedge:hedger_slippage:ratio1d",
        (of("hedger_slippage_quote", "5x150", **BTC), of("hedger_traded_quote_total", "9x150", **BTC)),
        None,
        BTC,
    ),
    Recorded(
        "account:hedger_account_age_seconds:now",
        (
            beat("1000+60x150"),
            Series("hedger_heartbeat_timestamp_seconds", "5x150", OTHER | {"stage": "tick"}),
            of("hedger_account_believed_timestamp_seconds", "993+60x150", **MAIN),
        ),
        7,
        MAIN,
    ),
    Recorded(
        "account:hedger_account_age_seconds:now",
        (beat(), of("hedger_account_believed_timestamp_seconds", "0x150", **MAIN)),
        None,
        MAIN,
    ),
    Recorded(
        "account:hedger_place_duration_seconds:p95_5m", histogram("hedger_place_duration_seconds", **MAIN), 1.95, MAIN
    ),
    Recorded(
        "account:hedger_cancel_duration_seconds:p95_5m", histogram("hedger_cancel_duration_seconds", **MAIN), 1.95, MAIN
    ),
    Recorded(
        "account:hedger_read_duration_seconds:p95_5m", histogram("hedger_read_duration_seconds", **READS), 1.95, READS
    ),
    Recorded(
        "account:hedger_read_failures:ratio5m",
        (of("hedger_reads_total", "0+8x150", **READS), of("hedger_read_failures_total", "0+2x150", **READS)),
        0.25,
        MAIN,
    ),
    Recorded("program:hedger_step_duration_seconds:p95_5m", histogram("hedger_step_duration_seconds"), 1.95, {}),
    Recorded(
        "program:hedger_journal_commit_duration_seconds:p95_5m",
        histogram("hedger_journal_commit_duration_seconds"),
        1.95,
        {},
    ),
)


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load(RECORDING.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def as_promtool_test(case: Recorded) -> dict[str, Any]:
    labels = ", ".join(f'{name}="{value}"' for name, value in (HEDGER | case.labels).items())
    samples = [] if case.value is None else [{"labels": "{" + labels + "}", "value": case.value}]
    expr = f'round({case.record}{{instance="hedger:9108"}}, 0.001)'
    return {
        "interval": "1m",
        "input_series": [{"series": series.text, "values": series.values} for series in case.series],
        "promql_expr_test": [{"expr": expr, "eval_time": "2h", "exp_samples": samples}],
    }


def test_every_recording_rule_is_tried() -> None:
    assert {case.record for case in CASES} == {rule["record"] for rule in rules()}


def test_a_recording_rule_comes_to_what_its_name_says(tmp_path: Path) -> None:
    trials = {
        rule["record"]: Trial(
            rules=[rule], tests=[as_promtool_test(case) for case in CASES if case.record == rule["record"]], every="10m"
        )
        for rule in rules()
    }
    assert tried(tmp_path, trials) == dict.fromkeys(trials, "")
