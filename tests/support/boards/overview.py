"""Am I hedged, is it safe, what does it cost: the board that is looked at first."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import (
    AGE_OF,
    ANY_IS_BAD,
    BAD,
    DOUBTFUL,
    FIRING,
    GOOD,
    MUTED,
    WORSE,
    Board,
    Row,
    ask,
    row,
)
from tests.support.boards.panels import Column, bars, line, lines, stat, table, timeline

TO_THE_HEDGE = (
    "Hedge",
    "/d/hedger-hedge?var-hedge=${__data.fields.Hedge}&${instance:queryparam}&${datasource:queryparam}"
    "&${__url_time_range}",
)


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat(
                "Running",
                "Whether Prometheus can read the hedger's metrics. DOWN says nothing about orders that rest at a "
                "venue: "
                "the dead man's switch takes those.",
                "none",
                ask("up{P}"),
                width=3,
                words=s.RUNNING,
            ),
            stat("Mode", s.MODE_TEXT, "none", ask(s.MODE), width=4, words=s.MODES),
            stat(
                "Am I hedged?",
                s.HEDGED_TEXT,
                "none",
                ask(s.HEDGED, "{{hedge}}"),
                width=6,
                words=s.HEDGED_WORDS,
            ),
            stat(
                "Margin",
                "The worst of margin ratio and liquidation distance, by the levels in the configuration.",
                "none",
                ask("max(hedger_guard_severity{H})"),
                width=3,
                words=s.SEVERITY,
            ),
            stat(
                "Alerts",
                "Critical and warning alerts that are firing now, of every hedger that this Prometheus watches.",
                "none",
                ask(f"count({FIRING}) or vector(0)"),
                width=2,
                words=s.NONE_IS_GOOD,
                steps=ANY_IS_BAD,
            ),
            stat(
                "Cost today, of its limit",
                "What hedging cost this day (UTC) over `daily_cost`, the worst hedge. Past 100 % nothing adds risk "
                "until midnight.",
                "percentunit",
                ask(f"max({s.COST_SHARE})"),
                width=3,
                steps=s.COST_STEPS,
            ),
            stat(
                "Made today",
                "Profit and loss of the whole book this day (UTC), without what may still turn out to be a deposit.",
                "currencyUSD",
                ask(s.MADE),
                width=3,
                steps=s.EARNS_STEPS,
            ),
        )
    )


def _hedged() -> Row:
    return row(
        "Am I hedged?",
        table(
            "Hedges",
            "What each hedge holds, wants and has cost. The name leads to its own board.",
            Column(name="State", expr=f"max by (hedge) ({s.HEDGED})", words=s.HEDGED_WORDS),
            Column(name="Net delta", expr="sum by (hedge) (hedger_delta_coins{H})", unit=s.COINS, decimals=4),
            Column(name="Target", expr="sum by (hedge) (hedger_target_coins{H})", unit=s.COINS, decimals=4),
            Column(
                name="Of its band",
                expr=f"sum by (hedge) (abs({s.SHARE_OF_BAND}))",
                unit="percentunit",
                steps=((None, GOOD), (0.8, DOUBTFUL), (1, BAD)),
                decimals=0,
            ),
            Column(name="Spot", expr="sum by (hedge) (hedger_spot_coins{H} + hedger_static_coins{H})", unit=s.COINS),
            Column(name="Futures", expr="sum by (hedge) (hedger_futures_coins{H})", unit=s.COINS),
            Column(name="Working orders", expr="sum by (hedge) (hedger_working_orders{H})"),
            Column(
                name="Outside, 24 h",
                expr="max by (hedge) (hedge:hedger_outside_band:ratio1d{H})",
                unit="percentunit",
                steps=s.OUTSIDE_STEPS,
                decimals=1,
            ),
            Column(name="Cost today", expr="sum by (hedge) (hedger_day_cost_quote{H})", unit=s.QUOTE, decimals=2),
            Column(
                name="Made today",
                expr=s.MADE_BY_HEDGE.replace("{H,", '{H, hedge!="none",'),
                unit="currencyUSD",
                steps=s.EARNS_STEPS,
            ),
            by=(("hedge", "Hedge"),),
            width=24,
            height=6,
            links=(TO_THE_HEDGE,),
        ),
        lines(
            "Deviation, as a share of the band",
            "Net delta minus target over the band's edge on that side. Between −100 % and 100 % (green) nothing is "
            "due; beyond 300 % it leaves the chart.",
            "percentunit",
            ask(s.SHARE_OF_BAND, "{{hedge}}"),
            zones=s.INSIDE_ZONES,
            least=-3,
            most=3,
            width=12,
        ),
        timeline(
            "Hedges over time",
            s.HEDGED_TEXT,
            ask(s.HEDGED, "{{hedge}}"),
            words=s.HEDGED_WORDS,
            width=6,
            height=8,
        ),
        timeline("Mode over time", s.MODE_TEXT, ask(s.MODE, "mode"), words=s.MODES, width=6, height=8),
    )


def _safe() -> Row:
    return row(
        "Is it safe?",
        lines(
            "Margin ratio",
            "Maintenance margin over equity of each account; 100 % is liquidation. Dashed: the levels at which it "
            "warns, "
            "adds nothing, and makes the position smaller.",
            "percentunit",
            ask("hedger_margin_ratio{P}", "{{account}}"),
            ask('min by (level) (hedger_guard_limit{H, guard="margin_ratio", level!="clear"})', "level {{level}}"),
            styles=LEVELS,
            least=0,
            width=8,
        ),
        lines(
            "Liquidation distance",
            "How far the mark may move until a position is liquidated; beyond 100 % is not drawn. Dashed: the levels.",
            "percentunit",
            ask("hedger_liquidation_distance_ratio{P}", "{{account}} {{symbol}}"),
            ask(
                'max by (level) (hedger_guard_limit{H, guard="liquidation_distance", level!="clear"})',
                "level {{level}}",
            ),
            styles=LEVELS,
            least=0,
            most=1,
            width=8,
        ),
        lines(
            "Age of what is known",
            "How long ago the believed reading of each account was asked for, on the program's clock. Dashed: past "
            "this, "
            "nothing is created.",
            "s",
            ask("account:hedger_account_age_seconds:now{P}", "{{account}}"),
            ask("hedger_account_age_limit_seconds{P}", "limit {{account}}"),
            styles=(line("limit", BAD, dashed=True),),
            least=0,
            width=8,
        ),
        lines(
            "Orders that may still fill",
            "Working orders by what is known of them. One of unknown fate is reserved, and nothing is sent in its "
            "place.",
            "none",
            ask("sum by (status) (hedger_working_orders{H})", "{{status}}"),
            styles=(line("unknown", BAD), line("open", GOOD), line("sent", DOUBTFUL), line("pending_cancel", WORSE)),
            columns=True,
            width=8,
        ),
        lines(
            "Moved without an order of ours",
            "Positions and balances that moved without our doing, by cause.",
            "none",
            ask("sum by (cause) (increase(hedger_account_changes_total{P}[$__rate_interval]))", "{{cause}}"),
            columns=True,
            width=8,
        ),
        lines(
            "Age of prices",
            "The oldest quote and mark of each account. Dashed: past this, nothing is created.",
            "s",
            ask(f"max by (account) ({AGE_OF}(hedger_quote_timestamp_seconds{{P}} > 0))", "quote {{account}}"),
            ask(f"max by (account) ({AGE_OF}(hedger_mark_timestamp_seconds{{P}} > 0))", "mark {{account}}"),
            ask('min(hedger_guard_limit{H, guard=~"quote_age|mark_age"})', "limit"),
            styles=(line("limit", BAD, dashed=True),),
            least=0,
            width=8,
        ),
        bars(
            "Nearest to their limits",
            "The eight guards that are nearest to their limit; at 100 % nothing is created that adds risk.",
            "percentunit",
            ask(f"sort_desc(topk(8, {s.OF_ITS_LIMIT}))", "{{hedge}} {{guard}}"),
            width=8,
            steps=s.LIMIT_STEPS,
        ),
        table(
            "Alerts that are firing",
            "Critical and warning ones, of every hedger that this Prometheus watches; docs/runbooks says what to do.",
            Column(name="How many", expr=f"sum by (alertname, severity, hedge, account) ({FIRING})"),
            by=(("alertname", "Alert"), ("severity", "Severity"), ("hedge", "Hedge"), ("account", "Account")),
            width=16,
        ),
    )


def _cost() -> Row:
    return row(
        "What does it cost?",
        lines(
            "Cost of hedging today",
            "Fees, funding, and what prices took back within ten seconds of our fills, this day (UTC); below 0 it "
            "earned.",
            s.QUOTE,
            ask("hedger_day_cost_quote{H}", "{{hedge}}"),
            width=8,
        ),
        lines(
            "Made today, by hedge",
            "This day (UTC), without the residual; `none` is what belongs to no hedge, such as money off its peg.",
            "currencyUSD",
            ask(s.MADE_BY_HEDGE, "{{hedge}}"),
            ask(s.MADE, "all"),
            styles=(line("all", thick=3), line("none", MUTED)),
            width=8,
        ),
        lines(
            "Carry, a year",
            "What each hedge's traded instrument earns (+) or pays (−) a year, by funding or basis.",
            "percentunit",
            ask("hedger_carry_annual_ratio{H} and hedger_instrument_chosen{H} == 1", "{{hedge}} {{symbol}}"),
            width=8,
        ),
    )


LEVELS = (
    line("level warn", DOUBTFUL, dashed=True),
    line("level stop", WORSE, dashed=True),
    line("level reduce", BAD, dashed=True),
)
BOARD = Board(
    uid="hedger-overview",
    title="Hedger: overview",
    text="Am I hedged, is it safe, and what does it cost?",
    rows=(_at_one_look(), _hedged(), _safe(), _cost()),
)
