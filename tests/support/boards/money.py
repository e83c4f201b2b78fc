"""Profit and loss: what was made today, from what, by which hedge, and what nobody can explain."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import BAD, DOUBTFUL, FACT, GOOD, MUTED, WORSE, Board, Row, ask, row
from tests.support.boards.panels import Column, bars, line, lines, stat, table

UNEXPLAINED = ((None, GOOD), (10, DOUBTFUL), (100, BAD))


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat(
                "Made today",
                "The whole book, this day (UTC), without what may still turn out to be a deposit.",
                "currencyUSD",
                ask(s.MADE),
                width=4,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "From spot",
                "What the coins alone made: the book without any hedge.",
                "currencyUSD",
                ask('sum(hedger_pnl_usd{H, component="spot"})'),
                width=4,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "Fees and funding today",
                "Paid is negative.",
                "currencyUSD",
                ask('sum(hedger_pnl_usd{H, component="fees"})', "fees"),
                ask('sum(hedger_pnl_usd{H, component="funding"})', "funding"),
                width=5,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "Cost today, of its limit",
                "What hedging cost this day (UTC) over `daily_cost`. Past 100 % nothing adds risk until midnight.",
                "percentunit",
                ask(s.COST_SHARE, "{{hedge}}"),
                width=5,
                steps=s.COST_STEPS,
                decimals=1,
            ),
            stat(
                "Not explained today",
                "What nobody explained in time, without sign: rounding, interest, or something that is counted "
                "wrongly.",
                "currencyUSD",
                ask("sum(abs(hedger_pnl_unexplained_usd{P}))"),
                width=3,
                steps=UNEXPLAINED,
                decimals=2,
            ),
            stat(
                "Worth",
                "All accounts, by their last readings.",
                "currencyUSD",
                ask("sum(hedger_net_value_usd{P})"),
                width=3,
                decimals=0,
            ),
        )
    )


def _today() -> Row:
    return row(
        "Today (UTC)",
        bars(
            "By what it came from",
            "The parts add up exactly to what the book made; docs/attribution.md says what each is. The residual is "
            "that of the whole book, without what may still be explained.",
            "currencyUSD",
            ask('sum by (component) (hedger_pnl_usd{H, component!="residual"})', "{{component}}"),
            ask('sum(hedger_pnl_usd{P, component="residual"}) - sum(hedger_pnl_open_usd{P})', "residual"),
            width=8,
            height=11,
            steps=s.EARNS_STEPS,
        ),
        lines(
            "By what it came from, over the day",
            "Each begins at 0 at midnight UTC. The whole is thick: spot and futures that mirror each other are a hedge "
            "that works.",
            "currencyUSD",
            ask('sum by (component) (hedger_pnl_usd{H, component!="residual"}) != 0', "{{component}}"),
            ask('sum(hedger_pnl_usd{H, component!="residual"})', "all"),
            styles=(line("all", "text", thick=3),),
            table=True,
            width=16,
            height=11,
        ),
        table(
            "By hedge",
            "Made without the residual, in which deposits wait until they are judged; `none` belongs to no hedge.",
            *(
                Column(name=title, expr=expr, unit=unit, decimals=2, steps=steps)
                for title, expr, unit, steps in (
                    ("Made today", s.MADE_BY_HEDGE, "currencyUSD", s.EARNS_STEPS),
                    (
                        "Residual",
                        'sum by (hedge) (hedger_pnl_usd{H, component="residual"})',
                        "currencyUSD",
                        None,
                    ),
                    ("Came in", "sum by (hedge) (hedger_flows_usd{H})", "currencyUSD", None),
                    ("Cost today", "sum by (hedge) (hedger_day_cost_quote{H})", s.QUOTE, None),
                    ("Limit", 'sum by (hedge) (hedger_guard_limit{H, guard="daily_cost"})', s.QUOTE, None),
                    ("Fees so far", "sum by (hedge) (hedger_fees_quote{H})", s.QUOTE, None),
                    ("Funding so far", "sum by (hedge) (hedger_funding_quote{H})", s.QUOTE, None),
                    ("Cost, 24 h", "sum by (hedge) (hedge:hedger_cost_quote:delta1d{H})", s.QUOTE, None),
                )
            ),
            by=(("hedge", "Hedge"),),
            width=24,
            height=7,
            links=(
                (
                    "Hedge",
                    "/d/hedger-hedge?var-hedge=${__data.fields.Hedge}&${instance:queryparam}"
                    "&${datasource:queryparam}&${__url_time_range}",
                ),
            ),
        ),
        lines(
            "By hedge, over the day",
            "Profit and loss of each hedge, without the residual.",
            "currencyUSD",
            ask(s.MADE_BY_HEDGE, "{{hedge}}"),
            styles=(line("none", MUTED),),
        ),
        lines(
            "Cost of hedging today",
            "Fees, funding and what prices took back within ten seconds; below 0 it earned.",
            s.QUOTE,
            ask("hedger_day_cost_quote{H}", "{{hedge}}"),
        ),
    )


def _so_far() -> Row:
    return row(
        "So far, since the journal began",
        lines(
            "Fees",
            "Paid is negative, rebates are positive.",
            s.QUOTE,
            ask("hedger_fees_quote{H}", "{{hedge}}"),
            width=8,
        ),
        lines("Funding", "Received is positive.", s.QUOTE, ask("hedger_funding_quote{H}", "{{hedge}}"), width=8),
        lines(
            "Cost of 24 hours",
            "Fees, funding and markout over the last day, at each moment; below 0 it earned.",
            s.QUOTE,
            ask("hedge:hedger_cost_quote:delta1d{H}", "{{hedge}}"),
            width=8,
        ),
    )


def _explained() -> Row:
    return row(
        "Is it all explained?",
        lines(
            "Not explained",
            "Of the residual this day: what nobody explained in time, and what still may be (dashed).",
            "currencyUSD",
            ask("hedger_pnl_unexplained_usd{P}", "unexplained {{account}}"),
            ask("hedger_pnl_open_usd{P}", "open {{account}}"),
            styles=(line("open", WORSE, dashed=True), line("unexplained", BAD)),
            width=6,
        ),
        lines(
            "Came in or went out",
            "Deposits, withdrawals and what the owner trades, this day: no profit.",
            "currencyUSD",
            ask("sum by (hedge) (hedger_flows_usd{H})", "{{hedge}}"),
            width=6,
        ),
        lines(
            "Worth over time",
            "Each account by its last reading.",
            "currencyUSD",
            ask("hedger_net_value_usd{P}", "{{account}}"),
            ask("sum(hedger_net_value_usd{P})", "all"),
            styles=(line("all", FACT, thick=3),),
            width=6,
        ),
        lines(
            "Money that the book hangs on",
            "Units of each money, balances and the entry notional of shorts together.",
            "none",
            ask("hedger_money_held{P}", "{{asset}}"),
            width=6,
        ),
    )


BOARD = Board(
    uid="hedger-pnl",
    title="Hedger: profit and loss",
    text="What was made today, from what, by which hedge, and what nobody can explain.",
    rows=(_at_one_look(), _today(), _so_far(), _explained()),
    since="now-24h",
)
