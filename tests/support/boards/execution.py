"""Execution quality: how orders end, what the half spread brought and what of it was kept, how long it all takes."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import ANY_IS_BAD, BAD, DOUBTFUL, FACT, GOOD, MUTED, WORSE, Board, Row, ask, row
from tests.support.boards.panels import line, lines, stat

OF_ITS_HEDGES = "and on (instance, account, symbol) hedger_instrument_chosen{H}"
OUTCOMES = (
    line("filled", GOOD),
    line("placed", FACT, thick=2, fill=0, over=True),
    line("canceled", MUTED),
    line("expired", DOUBTFUL),
    line("rejected", WORSE),
    line("unknown", BAD),
)


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat(
                "Orders that filled, 24 h",
                "Of the orders placed in a day, how many were filled whole.",
                "percentunit",
                ask("hedge:hedger_fill_share:ratio1d{H}", "{{hedge}}"),
                width=4,
                decimals=0,
            ),
            stat(
                "Maker share, 24 h",
                "Of the fills of a day, how many rested first. Below 100 % it halts until a person has looked.",
                "percentunit",
                ask("hedge:hedger_maker_share:ratio1d{H}", "{{hedge}}"),
                width=4,
                steps=((None, BAD), (1, GOOD)),
                decimals=0,
            ),
            stat(
                "Edge, 24 h",
                "Mid at the fill against our prices, of what was traded: the effective half spread.",
                s.BP,
                ask("hedge:hedger_edge:ratio1d{H} * 10000", "{{hedge}}"),
                width=4,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "Kept after ten seconds, 24 h",
                "Mid ten seconds after the fill against our prices (markout, realised spread): below 0 prices ran us "
                "over.",
                s.BP,
                ask("hedge:hedger_markout:ratio1d{H} * 10000", "{{hedge}}"),
                width=4,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "Slippage, 24 h",
                "Mid at the decision against our prices: what waiting in the book earned (+) or cost (−).",
                s.BP,
                ask("hedge:hedger_slippage:ratio1d{H} * 10000", "{{hedge}}"),
                width=4,
                steps=s.EARNS_STEPS,
                decimals=2,
            ),
            stat(
                "Outside the band, 1 h",
                "The share of the last hour outside the band: what waiting for a maker's fill leaves open.",
                "percentunit",
                ask("hedge:hedger_outside_band:ratio1h{H}", "{{hedge}}"),
                width=4,
                steps=s.OUTSIDE_STEPS,
                decimals=1,
            ),
        )
    )


def _orders() -> Row:
    return row(
        "Orders and fills",
        lines(
            "Orders by what became of them",
            "Columns: how they ended; the line: how many were placed. Orders of unknown fate are asked for until "
            "they are proven.",
            "none",
            ask(
                'sum by (outcome) (increase(hedger_orders_total{H, outcome!="accepted"}[$__rate_interval]))',
                "{{outcome}}",
            ),
            styles=OUTCOMES,
            columns=True,
        ),
        lines(
            "Refused by the venue",
            "Creates that a venue refused, by reason. `post_only_would_cross` is the price of never taking; others "
            "ask for a look.",
            "none",
            ask("sum by (reason) (increase(hedger_order_rejects_total{H}[$__rate_interval]))", "{{reason}}"),
            columns=True,
        ),
        lines(
            "Fills",
            "Executions by side of the book.",
            "none",
            ask(
                "sum by (hedge, liquidity) (increase(hedger_fills_total{H}[$__rate_interval]))",
                "{{hedge}} {{liquidity}}",
            ),
            styles=(line(".* taker", BAD),),
            columns=True,
            width=8,
        ),
        lines(
            "Traded",
            "Quote value of executions, each hour.",
            s.QUOTE,
            ask("rate(hedger_traded_quote_total{H}[$__rate_interval]) * 3600", "{{hedge}}"),
            ask("rate(hedger_traded_coins_total{H}[$__rate_interval]) * 3600", "{{hedge}} coins"),
            styles=(line(".* coins", dashed=True, right=s.COINS),),
            width=8,
        ),
        lines(
            "Of today's limits",
            "Orders and quote value sent this day (UTC) over their limits; past 100 % nothing is created until "
            "midnight.",
            "percentunit",
            ask(
                'hedger_day_orders{H} / on (instance, hedge) hedger_guard_limit{H, guard="orders_per_day"}',
                "{{hedge}} orders",
            ),
            ask(
                'hedger_day_notional_quote{H} / on (instance, hedge) hedger_guard_limit{H, guard="daily_notional"}',
                "{{hedge}} value",
            ),
            ask(s.COST_SHARE, "{{hedge}} cost"),
            width=8,
        ),
    )


def _prices() -> Row:
    return row(
        "What prices brought",
        lines(
            "Edge, kept and slippage so far",
            "Sums since the journal began, in quote: above 0 it was earned.",
            s.QUOTE,
            ask("hedger_edge_quote{H}", "edge {{hedge}}"),
            ask("hedger_realised_spread_quote{H}", "kept {{hedge}}"),
            ask("hedger_slippage_quote{H}", "slippage {{hedge}}"),
            styles=(line("kept", thick=2), line("slippage", dashed=True)),
            table=True,
        ),
        lines(
            "Edge and kept, of what was traded in a day",
            "In basis points; the distance between the two is what prices take back in ten seconds.",
            s.BP,
            ask("hedge:hedger_edge:ratio1d{H} * 10000", "edge {{hedge}}"),
            ask("hedge:hedger_markout:ratio1d{H} * 10000", "kept {{hedge}}"),
            table=True,
        ),
        lines(
            "Spread of the books",
            "Ask less bid over mid, of the instruments that are traded.",
            s.BP,
            ask(f"(hedger_spread_ratio{{P}} {OF_ITS_HEDGES}) * 10000", "{{account}} {{symbol}}"),
            least=0,
        ),
        lines(
            "Fees so far",
            "Paid is negative, rebates are positive.",
            s.QUOTE,
            ask("hedger_fees_quote{H}", "{{hedge}}"),
        ),
    )


def _time() -> Row:
    return row(
        "How long it takes",
        lines(
            "From order to fill",
            "Median and 95 % of the orders that filled within an hour, and how long orders lived, however they ended.",
            "s",
            ask("hedge:hedger_fill_duration_seconds:p50_1h{H}", "half {{hedge}}"),
            ask("hedge:hedger_fill_duration_seconds:p95_1h{H}", "95 % {{hedge}}"),
            ask(
                "rate(hedger_order_lifetime_seconds_sum{H}[1h])"
                " / (rate(hedger_order_lifetime_seconds_count{H}[1h]) > 0)",
                "mean life {{hedge}}",
            ),
            styles=(line("half", thick=2), line("95", dashed=True), line("mean", MUTED)),
            least=0,
            width=8,
        ),
        lines(
            "From create to answer",
            "95 % of creates were answered faster, by account.",
            "s",
            ask("account:hedger_place_duration_seconds:p95_5m{P}", "create {{account}}"),
            ask("account:hedger_cancel_duration_seconds:p95_5m{P}", "cancel {{account}}"),
            least=0,
            width=8,
        ),
        lines(
            "Time outside the band",
            "The share of the time outside, over an hour and over a day.",
            "percentunit",
            ask("hedge:hedger_outside_band:ratio1h{H}", "hour {{hedge}}"),
            ask("hedge:hedger_outside_band:ratio1d{H}", "day {{hedge}}"),
            styles=(line("day", dashed=True),),
            least=0,
            width=8,
        ),
    )


def _against() -> Row:
    return row(
        "What stood against it",
        lines(
            "Why it waited, canceled or placed nothing",
            "Decisions other than holding and placing, by action and reason.",
            "none",
            ask(
                'sum by (action, reason) (increase(hedger_decisions_total{H, action=~"wait|cancel|deny"}'
                "[$__rate_interval])) > 0",
                "{{action}}: {{reason}}",
            ),
            columns=True,
            table=True,
            width=16,
        ),
        stat(
            "Futile hedges",
            "Hedges in a row that filled and left the deviation where it was: something is counted wrongly.",
            "none",
            ask("hedger_futile_hedges{H}", "{{hedge}}"),
            width=8,
            height=8,
            steps=ANY_IS_BAD,
        ),
    )


BOARD = Board(
    uid="hedger-execution",
    title="Hedger: execution quality",
    text="How orders end, what the spread brought and what of it was kept, and how long it takes.",
    rows=(_at_one_look(), _orders(), _prices(), _time(), _against()),
    since="now-24h",
)
