"""The terminal view: the facts are on it, it fits, and it needs no colour to be read."""

import io
import re
from dataclasses import replace
from decimal import Decimal as D

import pytest
from rich.console import Console

from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Mode, Reason, Severity, State, initial_state
from hedger.engine.known.widths import Widths
from hedger.model.account import MarginMode
from hedger.ops.gauge import BandGauge, draw
from hedger.ops.view import Banner, LiveView, render
from tests.support.ops_states import NOW, decision, hedging_state, ledger, mark, order, perpetual, policy, position
from tests.support.view_drawn import view_svg, view_text

BANNER = Banner(kind="paper", transport="in-process exchange", speed=60, started_at=NOW - 3_720_000)
RECENT = [decision(40, action=Action.HOLD, reason=Reason.INSIDE_BAND), decision(41)]


def shown(state: State, *, width: int = 100, given: Policy | None = None) -> str:
    return view_text(render(state, given or policy(), recent=RECENT, banner=BANNER), width=width)


def gauge(deviation: str, *, low: str | None = None) -> BandGauge:
    return BandGauge(
        target=D(0),
        edges=Widths(D("0.05"), D("0.05")),
        deviation=D(deviation),
        low=D(low or deviation),
        high=D(deviation),
        unhedged=False,
    )


@pytest.mark.parametrize("width", [80, 100])
def test_the_view_tells_every_fact_at_common_widths(width: int) -> None:
    text = shown(hedging_state(), width=width)
    for fact in (
        "HEDGING",
        "2026-03-01 12:00:00 UTC",
        "paper at 60× · in-process exchange",
        "up 1 h 2 min",
        "net delta +0.065 BTC ≈ +4,224.35 USDT · target 0 · ○ +0.053 if filled",
        "1.5 BTC",
        "0.5 BTC",
        "−1.935 BTC",
        "12.3 % used · liquidation 48.4 % away",
        "+10.95 % a year, we receive · in 4 h",
        "+1.8 bp · +2.1 bp at entry",
        "slippage −3.41 · edge +1.93",
        "14 maker · 0 taker · 125,612.40 traded",
        "sell 0.015 @ 65,000.10 · 20 % filled · working 3.2 s",
        "cost      12.55 USDT: fees 25.12 paid, funding 12.57 received",
        "outside its band for 4.0 s",
    ):
        assert fact in text
    assert "…" not in text.partition("╰")[0]


@pytest.mark.parametrize("width", [60, 66, 72])
def test_a_narrow_terminal_cuts_neither_who_pays_nor_how_far_liquidation_is(width: int) -> None:
    halves = [re.split(r"│", line)[1] for line in shown(hedging_state(), width=width).splitlines() if "│" in line]
    text = " ".join(" ".join(half.split()) for half in halves)
    assert "we receive" in text
    assert re.search(r"funding \S+ .*12\.57 received", text)
    right = " ".join(" ".join(half[27:].split()) for half in halves)
    assert "12.3 % used · liquidation 48.4 % away funding +10.95 % a year, we receive · in 4 h" in right


def test_fees_are_said_to_be_paid_and_never_to_cost_less_than_nothing() -> None:
    earning = replace(ledger(), fees=D("3"), funding=D("-1.5"))
    assert "earned    1.50 USDT: fees 3.00 received, funding 1.50 paid" in shown(with_ledger(earning))
    nothing = replace(ledger(), fees=D(0), funding=D(0))
    assert re.search(r"cost +0\.00 USDT: fees 0\.00, funding 0\.00 ", shown(with_ledger(nothing)))


def with_ledger(kept: Ledger) -> State:
    return hedging_state()._replace(ledgers={"btc": kept})


def test_a_position_that_no_price_liquidates_is_told_apart_from_one_of_which_nothing_is_known() -> None:
    assert "12.3 % used · liquidation none" in shown(without_liquidation(MarginMode.CROSS))
    unknown = shown(without_liquidation(MarginMode.ISOLATED))
    assert "12.3 % used" in unknown
    assert "liquidation" not in unknown


def without_liquidation(mode: MarginMode) -> State:
    """A small long, of which the venue names no liquidation price."""
    state = hedging_state()
    view = state.accounts["binance"]
    assert view.reading is not None
    held = replace(position("BTC", "0.5"), liquidation_price=None, margin_mode=mode)
    return state._replace(accounts={"binance": replace(view, reading=replace(view.reading, positions=(held,)))})


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_of_the_view_is_wider_than_the_terminal(width: int) -> None:
    long = replace(decision(42, action=Action.DENY, reason=Reason.SPREAD), detail="x" * 300)
    text = view_text(render(hedging_state(), policy(), recent=[long], banner=BANNER), width=width)
    assert max(len(line) for line in text.splitlines()) <= width


def test_the_latest_decisions_stand_first_and_are_told_in_words() -> None:
    lines = shown(hedging_state()).splitlines()
    told = [line.split() for line in lines if line.startswith(" 11:59:56")]
    assert [words[2] for words in told] == ["place", "hold"]
    assert "the delta is outside its band · sell 0.015 @ 65,000.10" in shown(hedging_state())


def test_a_state_that_knows_nothing_is_drawn_without_inventing_zeros() -> None:
    text = shown(initial_state(policy(), now=NOW, epoch=1))
    assert "BOOT" in text
    assert "waiting for prices and accounts" in text
    assert "not read yet" in text
    assert not re.search(r"futures +0", text)


def test_each_hedge_has_a_panel_of_its_own() -> None:
    given = policy("BTC", "ETH", "SOL")
    text = shown(hedging_state(given), given=given)
    assert [name for name in ("btc", "eth", "sol") if f"─  {name}  neutral" in text] == ["btc", "eth", "sol"]


def test_a_hedge_inside_its_band_is_called_hedged() -> None:
    state = hedging_state(futures="-1.99", working=False)
    quiet = state._replace(hedges={"btc": replace(state.hedges["btc"], outside_since=None)})
    text = shown(quiet)
    assert " hedged  ─" in text
    assert re.search(r"order +none", text)


def test_a_long_spell_outside_that_a_person_wished_is_called_so() -> None:
    state = hedging_state()
    long = state._replace(hedges={"btc": replace(state.hedges["btc"], outside_since=NOW - 95_000)}, paused="lunch")
    assert "unhedged on purpose for 1 min 35 s" in shown(long)


def test_a_long_spell_outside_is_called_unhedged() -> None:
    state = hedging_state()
    long = state._replace(hedges={"btc": replace(state.hedges["btc"], outside_since=NOW - 95_000)})
    assert "unhedged for 1 min 35 s" in shown(long)


def test_an_order_of_unknown_fate_is_called_that() -> None:
    lost = order(status=OrderStatus.UNKNOWN)
    assert "outcome unknown 3.2 s" in shown(hedging_state()._replace(orders={lost.client_order_id: lost}))


def test_the_reason_of_a_halt_stands_in_the_header() -> None:
    why = "3 futile hedges in a row"
    text = shown(hedging_state()._replace(mode=Mode.HALTED, mode_reason=why, halted=why))
    assert "HALTED" in text
    assert "stopped for a reason that a person must lift: 3 futile hedges in a row" in text


def test_a_short_hedge_pays_when_funding_is_negative() -> None:
    marks = {perpetual("BTC"): (mark(rate="-0.0002"), NOW)}
    assert "−21.90 % a year, we pay" in shown(hedging_state()._replace(marks=marks))


def test_a_taker_fill_stands_out_in_red() -> None:
    state = hedging_state()._replace(ledgers={"btc": replace(ledger(), taker_fills=1)})
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(render(state, policy()))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[1;31m · 1 taker" in console.file.getvalue()


def test_margin_severities_colour_only_what_they_are_about() -> None:
    state = hedging_state()
    tight = state._replace(hedges={"btc": replace(state.hedges["btc"], margin_severity=Severity.STOP)})
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(render(tight, policy()))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[31m12.3 %" in console.file.getvalue()


def test_the_gauge_shows_the_delta_where_it_is() -> None:
    bar, labels = draw(gauge("0"), 41)
    assert (bar.plain.index("├"), bar.plain.index("●"), bar.plain.index("┤")) == (8, 20, 32)
    assert labels.plain.split() == ["−0.05", "0", "+0.05"]


def test_the_gauge_marks_where_a_working_order_would_lead() -> None:
    bar, _ = draw(gauge("0.065", low="0.02"), 41)
    assert bar.plain.index("○") < bar.plain.index("┤") < bar.plain.index("●")


def test_a_delta_off_the_scale_is_an_arrow_at_the_end() -> None:
    assert draw(gauge("1"), 41)[0].plain.endswith("▶")
    assert draw(gauge("-1"), 41)[0].plain.startswith("◀")


def test_a_band_without_width_is_still_drawn() -> None:
    nothing = replace(gauge("0"), edges=Widths(D(0), D(0)))
    bar, labels = draw(nothing, 41)
    assert len(bar.plain) == len(labels.plain) == 41


def test_the_live_view_restores_the_cursor_when_it_ends() -> None:
    console = Console(width=100, height=40, file=io.StringIO(), force_terminal=True)
    with LiveView(policy(), banner=BANNER, console=console) as view:
        view.update(hedging_state(), RECENT)
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert written.index("\x1b[?25l") < written.rindex("\x1b[?25h")
    assert "the delta is outside its band" in written


def test_the_live_view_keeps_the_last_eight_decisions() -> None:
    console = Console(width=100, height=60, file=io.StringIO(), force_terminal=True)
    with LiveView(policy(), console=console) as view:
        for number in range(20):
            view.update(hedging_state(), [replace(decision(), at=NOW + number * 1000)])
    assert isinstance(console.file, io.StringIO)
    last = console.file.getvalue().rpartition("net delta")[2]
    assert re.findall(r"12:00:(\d\d)", last) == ["19", "18", "17", "16", "15", "14", "13", "12"]


def test_the_picture_is_reproducible_and_names_no_font_host() -> None:
    view = render(hedging_state(), policy(), recent=RECENT, banner=BANNER)
    svg = view_svg(view)
    assert svg == view_svg(view)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    assert "net&#160;delta" in svg
