"""One hedge: its delta against band and target, what it is made of, and what its instruments and options do."""

from __future__ import annotations

from tests.support.boards import states as s
from tests.support.boards.grafana import (
    AGE_OF,
    BAD,
    DOUBTFUL,
    FACT,
    GOOD,
    MUTED,
    NOW,
    ONE_HEDGE,
    WHICH,
    WORSE,
    Board,
    Row,
    Variable,
    ask,
    row,
)
from tests.support.boards.panels import bars, line, lines, stat, timeline

# The instruments and the coin of the hedge, which the metrics of markets do not name.
OF_ITS_MARKETS = "and on (instance, account, symbol) hedger_instrument_chosen{H}"
OF_ITS_COIN = 'instance="$instance", underlying=~"$underlying"'


def _at_one_look() -> Row:
    return Row(
        panels=(
            stat("State", s.HEDGED_TEXT, "none", ask(s.HEDGED), width=4, words=s.HEDGED_WORDS),
            stat(
                "Net delta",
                "Spot, static holdings, futures and options together: how many coins it is worth as exposure.",
                s.COINS,
                ask("hedger_delta_coins{H}"),
                width=4,
                decimals=4,
            ),
            stat("Target", "The wanted net delta.", s.COINS, ask("hedger_target_coins{H}"), width=4, decimals=4),
            stat(
                "Of its band",
                "The deviation over the band's edge on that side; past 100 % an order is due.",
                "percentunit",
                ask(f"abs({s.SHARE_OF_BAND})"),
                width=3,
                steps=((None, GOOD), (0.8, DOUBTFUL), (1, BAD)),
                decimals=0,
            ),
            stat(
                "Outside, 24 h",
                "The share of the last day outside the band.",
                "percentunit",
                ask("hedge:hedger_outside_band:ratio1d{H}"),
                width=3,
                steps=s.OUTSIDE_STEPS,
                decimals=1,
            ),
            stat(
                "Orders at work",
                "Its orders that may still fill.",
                "none",
                ask("sum(hedger_working_orders{H})"),
                width=3,
                words=s.ANY_ORDER,
            ),
            stat(
                "Cost, 24 h",
                "Fees, funding and markout of the last 24 hours; below 0 it earned.",
                s.QUOTE,
                ask("hedge:hedger_cost_quote:delta1d{H}"),
                width=3,
                decimals=2,
            ),
        )
    )


def _delta() -> Row:
    return row(
        "Delta",
        lines(
            "Net delta in its band",
            "The delta (thick) in its band (green) around the target (dashed). Thin: the lowest and highest delta that "
            "live orders allow; no combination of fills may carry it past the target.",
            s.COINS,
            ask("hedger_delta_coins{H}", "net delta"),
            ask("hedger_target_coins{H}", "target"),
            ask("hedger_target_coins{H} + hedger_band_upper_coins{H}", "upper edge"),
            ask("hedger_target_coins{H} - hedger_band_lower_coins{H}", "lower edge"),
            ask("hedger_delta_low_coins{H}", "lowest if filled"),
            ask("hedger_delta_high_coins{H}", "highest if filled"),
            styles=(
                line("net delta", FACT, thick=3),
                line("target", MUTED, dashed=True),
                line("upper edge", GOOD, down_to="lower edge", fill=15),
                line("lower edge", GOOD),
                line("(lowest|highest)", "light-blue", dashed=True),
            ),
            width=24,
            height=11,
        ),
        lines(
            "What the delta is made of",
            "Holdings, futures and options, in coins; together they are the net delta.",
            s.COINS,
            ask("hedger_spot_coins{H}", "spot"),
            ask("hedger_static_coins{H}", "static"),
            ask("hedger_futures_coins{H}", "futures"),
            ask("hedger_option_delta_coins{H}", "options"),
            table=True,
        ),
        lines(
            "Positions",
            "The delta of each of its positions, by the believed reading.",
            s.COINS,
            ask(f"hedger_position_coins{{P}} {OF_ITS_MARKETS}", "{{account}} {{symbol}}"),
            table=True,
        ),
        timeline(
            "Instrument that is traded",
            "Which of its instruments orders go to.",
            ask("hedger_instrument_chosen{H}", "{{account}} {{symbol}}"),
            words=s.TRADED,
            width=8,
            height=8,
        ),
        timeline(
            "Inside or outside",
            "The hedge against its band.",
            ask(s.HEDGED, "{{hedge}}"),
            words=s.HEDGED_WORDS,
            width=8,
            height=8,
        ),
        bars(
            "Nearest to their limits",
            "What guards see over their limits, the nearest ten; at 100 % a guard speaks.",
            "percentunit",
            ask(f"sort_desc(topk(10, {s.OF_ITS_LIMIT}))", "{{guard}}"),
            width=8,
            steps=s.LIMIT_STEPS,
        ),
    )


def _doing() -> Row:
    return row(
        "What it does, and why not",
        lines(
            "Decisions",
            "Decisions that differ from the one before, by action and reason.",
            "none",
            ask(
                "sum by (action, reason) (increase(hedger_decisions_total{H}[$__rate_interval])) > 0",
                "{{action}}: {{reason}}",
            ),
            columns=True,
            table=True,
        ),
        lines(
            "Denied by a guard",
            "Decisions in which a guard said no, by guard.",
            "none",
            ask("sum by (guard) (increase(hedger_guard_denials_total{H}[$__rate_interval])) > 0", "{{guard}}"),
            columns=True,
            table=True,
        ),
        lines(
            "Orders at work over time",
            "Its orders that may still fill, by what is known of them.",
            "none",
            ask("hedger_working_orders{H}", "{{status}}"),
            styles=(line("unknown", BAD), line("open", GOOD), line("sent", DOUBTFUL), line("pending_cancel", WORSE)),
            columns=True,
        ),
        lines(
            "Largest deviation, and for how long outside",
            "The largest since the start of the program, the deviation now, and how long it has been outside (right).",
            s.COINS,
            ask("hedger_max_abs_deviation_coins{H}", "largest so far"),
            ask("abs(hedger_deviation_coins{H})", "now"),
            ask(f"{AGE_OF}hedger_outside_band_since_timestamp_seconds{{H}}", "outside for"),
            ask("hedger_unhedged_after_seconds{H} and hedger_outside_band{H} == 1", "allowed"),
            styles=(line("outside for", BAD, right="s"), line("allowed", MUTED, dashed=True, right="s")),
            least=0,
        ),
    )


def _carry() -> Row:
    return row(
        "Funding, basis and carry",
        lines(
            "Funding, a year",
            "The rate of each market now (positive: longs pay), and the mean that is expected over the horizon "
            "(dashed).",
            "percentunit",
            ask(f"hedger_funding_rate_annual_ratio{{P}} {OF_ITS_MARKETS}", "now {{account}} {{symbol}}"),
            ask("hedger_funding_expected_annual_ratio{H}", "expected {{account}} {{symbol}}"),
            ask("hedger_funding_settled_annual_ratio{H}", "last settled {{account}} {{symbol}}"),
            styles=(line("expected", dashed=True),),
        ),
        lines(
            "Basis",
            "Mark over index less 1, and the basis at which the position was built (dashed).",
            s.BP,
            ask(f"(hedger_basis_ratio{{P}} {OF_ITS_MARKETS}) * 10000", "{{account}} {{symbol}}"),
            ask("hedger_entry_basis_ratio{H} * 10000", "at entry"),
            styles=(line("at entry", MUTED, dashed=True),),
        ),
        lines(
            "Carry and basis, a year",
            "What the hedge's side earns (+) or pays (−) in each instrument, and the basis of dated contracts.",
            "percentunit",
            ask("hedger_carry_annual_ratio{H}", "carry {{account}} {{symbol}}"),
            ask("hedger_basis_annual_ratio{H}", "basis {{account}} {{symbol}}"),
            styles=(line("basis", dashed=True),),
            width=8,
        ),
        lines(
            "Roll",
            "The delta that a roll has still to move, and the time until the contract that is held is left.",
            s.COINS,
            ask("hedger_roll_left_coins{H}", "left to move"),
            ask(f"hedger_roll_timestamp_seconds{{H}} - {NOW}", "until the next roll"),
            ask("hedger_roll_late{H}", "late"),
            styles=(line("until", MUTED, right="s"), line("late", BAD)),
            width=8,
        ),
        lines(
            "Next funding",
            "Until it is paid, and the rate of that interval (right; positive: longs pay).",
            "s",
            ask(f"(hedger_funding_next_timestamp_seconds{{P}} {OF_ITS_MARKETS}) - {NOW}", "in {{account}} {{symbol}}"),
            ask(f"hedger_funding_rate_ratio{{P}} {OF_ITS_MARKETS}", "rate {{account}} {{symbol}}"),
            styles=(line("rate", dashed=True, right="percentunit"),),
            width=8,
        ),
        lines(
            "Mid, mark and index",
            "The prices of its instruments and what they are on.",
            "none",
            ask(f"hedger_mid_price{{P}} {OF_ITS_MARKETS}", "mid {{account}} {{symbol}}"),
            ask(f"hedger_mark_price{{P}} {OF_ITS_MARKETS}", "mark {{account}} {{symbol}}"),
            ask(f"hedger_index_price{{P}} {OF_ITS_MARKETS}", "index {{account}} {{symbol}}"),
            styles=(line("index", dashed=True),),
            width=8,
        ),
        lines(
            "Volatility, a year",
            "How much the coin moved, by estimator, and what the options held say that it will (thick).",
            "percentunit",
            ask(f"hedger_volatility_realized_ratio{{{OF_ITS_COIN}}}", "{{estimator}}"),
            ask(f"hedger_volatility_implied_ratio{{{OF_ITS_COIN}}}", "implied"),
            ask(f"hedger_volatility_gap_ratio{{{OF_ITS_COIN}}}", "implied less realised"),
            styles=(line("implied$", FACT, thick=3), line("implied less", MUTED, dashed=True)),
            table=True,
            width=12,
        ),
        stat(
            "Volatility is good for",
            "How much longer the realised volatility may be used, on the program's clock.",
            "s",
            ask(f"hedger_volatility_fresh_until_timestamp_seconds{{{OF_ITS_COIN}}} - {NOW}"),
            width=4,
            height=8,
            steps=((None, BAD), (0, DOUBTFUL), (600, GOOD)),
            decimals=0,
        ),
    )


def _options() -> Row:
    return row(
        "Options, where they are held",
        stat("Held", "Option positions.", "none", ask("hedger_options_held{H}"), width=4, words=s.ANY_ORDER),
        stat(
            "Input flawed?",
            "Whether an option's price, volatility or time is missing or cannot be true: then nothing is traded.",
            "none",
            ask("hedger_option_input_flawed{H}"),
            width=4,
            words=s.YES_IS_BAD,
        ),
        stat(
            "Differ from the venue's",
            "Options whose delta the venue sees further from ours than allowed, and how many it gives one of.",
            "none",
            ask("hedger_option_greeks_differing{H}", "differ"),
            ask("hedger_option_greeks_compared{H}", "compared"),
            width=4,
        ),
        stat(
            "Break-even move, a day",
            "The daily move at which gamma and theta are even.",
            "percentunit",
            ask("hedger_option_break_even_move_ratio{H}"),
            width=4,
            decimals=2,
        ),
        stat(
            "Theta, a day",
            "What a day earns (+) or costs (−).",
            s.QUOTE,
            ask("hedger_option_theta_quote{H}"),
            width=4,
            decimals=1,
        ),
        stat(
            "Vega",
            "What volatility one point higher is worth.",
            s.QUOTE,
            ask("hedger_option_vega_quote{H}"),
            width=4,
            decimals=1,
        ),
        lines(
            "Delta and gamma of the options",
            "Delta in coins, and how many coins of it a rise of 1 % adds: below 0 it is short gamma.",
            s.COINS,
            ask("hedger_option_delta_coins{H}", "delta"),
            ask("hedger_option_gamma_1pct_coins{H}", "gamma of 1 %"),
            ask("hedger_option_greeks_difference_coins{H}", "the venue's delta less ours"),
            ask("hedger_option_premium_coins{H}", "worth"),
        ),
        lines(
            "Theta and vega",
            "Quote a day, and quote for a point of volatility.",
            s.QUOTE,
            ask("hedger_option_theta_quote{H}", "theta"),
            ask("hedger_option_vega_quote{H}", "vega"),
            ask("hedger_option_volatility_ratio{H}", "volatility held"),
            styles=(line("volatility", MUTED, dashed=True, right="percentunit"),),
        ),
        *(
            bars(
                f"{name} by time left",
                f"{name} of the options by when they end.",
                unit,
                ask(expr, "{{horizon}}"),
                width=6,
            )
            for name, expr, unit in (
                ("Delta", "hedger_option_bucket_delta_coins{H}", s.COINS),
                ("Gamma", "hedger_option_bucket_gamma{H}", s.COINS),
                ("Theta", "hedger_option_bucket_theta_quote{H}", s.QUOTE),
                ("Vega", "hedger_option_bucket_vega_quote{H}", s.QUOTE),
            )
        ),
    )


def _money() -> Row:
    return row(
        "What it made",
        lines(
            "Made today, by what it came from",
            "The parts of this day (UTC), without the residual, in which deposits wait until they are judged.",
            "currencyUSD",
            ask('hedger_pnl_usd{H, component!="residual"} != 0', "{{component}}"),
            ask(s.MADE_BY_HEDGE, "all of {{hedge}}"),
            styles=(line("all", "text", thick=3),),
            table=True,
        ),
        lines(
            "So far",
            "Since the journal began: fees, funding, slippage, edge and what was kept of it ten seconds later.",
            s.QUOTE,
            ask("hedger_fees_quote{H}", "fees"),
            ask("hedger_funding_quote{H}", "funding"),
            ask("hedger_slippage_quote{H}", "slippage"),
            ask("hedger_edge_quote{H}", "edge"),
            ask("hedger_realised_spread_quote{H}", "kept"),
            table=True,
        ),
    )


ITS_COIN = Variable(name="underlying", title="Coin", values="hedger_hedge_info{H}, underlying", many=False)
BOARD = Board(
    uid="hedger-hedge",
    title="Hedger: one hedge",
    text="Its delta against band and target, its exposure, funding, basis, options and volatility.",
    rows=(_at_one_look(), _delta(), _doing(), _carry(), _options(), _money()),
    variables=(WHICH, ONE_HEDGE, ITS_COIN),
)
