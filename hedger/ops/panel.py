"""One hedge on the terminal: its delta against the band, the facts behind it, its order, risk and cost."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hedger.engine.decision.facts import Facts, gather
from hedger.engine.decision.failover import may_be_gone
from hedger.engine.formulas.carry import yearly_funding
from hedger.engine.guards.margin import liquidation_distances, liquidation_known, margin_ratios
from hedger.engine.held.exposure import exposure, position_of
from hedger.engine.known.ledger import Ledger, basis_bps
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Exposure, HedgeState, Severity, State
from hedger.model.numeric import ZERO
from hedger.ops.carry import carry_line
from hedger.ops.figures import bps, coins, money, paid_words, percent, price, span
from hedger.ops.gauge import BandGauge, draw
from hedger.ops.greeks import check_line, option_lines
from hedger.ops.other_coins import crossing_line
from hedger.ops.pnl import pnl_line
from hedger.ops.several import venues_line
from hedger.ops.unhedged import is_unhedged, is_unhedged_on_purpose, outside_ms
from hedger.ops.volatility import volatility_line
from hedger.ops.words import ORDER_WORDS, target_words

_SEVERITY_STYLES = {
    Severity.CLEAR: "",
    Severity.WARN: "yellow",
    Severity.STOP: "red",
    Severity.REDUCE: "bold red",
}
_LABEL_WIDTH = 10
_HELD_WIDTH = 14
_MARGIN = 8  # the frame, its padding, and two blank cells on either side of the gauge


def hedge_panel(state: State, hedge: Hedge, width: int) -> RenderableType:
    """The panel of one hedge, `width` cells wide."""
    facts = gather(state, hedge)
    memory = state.hedges[hedge.name]
    body = Group(
        _gauge(state, hedge, facts, width - _MARGIN),
        _pairs(_held(state, hedge, facts), _standing(state, hedge, memory, facts)),
        _rows([*_doing(state, hedge), *_options(state, hedge, facts)]),
    )
    title = Text.assemble((f" {hedge.name} ", "bold"), (f" {target_words(hedge.target)} ", "dim"))
    return Panel(
        body,
        title=title,
        title_align="left",
        subtitle=_verdict(state, hedge, memory, facts),
        subtitle_align="right",
        border_style="dim",
        padding=(0, 1),
        width=width,
    )


def _verdict(state: State, hedge: Hedge, memory: HedgeState, facts: Facts | None) -> Text:
    if facts is None:
        return Text(" not read yet ", style="yellow")
    if memory.outside_since is not None:
        meant = "unhedged on purpose" if is_unhedged_on_purpose(state, hedge) else "outside its band"
        word = "unhedged" if is_unhedged(state, hedge) else meant
        style = "bold red" if is_unhedged(state, hedge) else "yellow"
        return Text(f" {word} for {span(state.now - memory.outside_since)} ", style=style)
    return Text(" hedged ", style="bold green")


def _gauge(state: State, hedge: Hedge, facts: Facts | None, width: int) -> RenderableType:
    if facts is None:
        return Text(" waiting for prices and accounts", style="dim")
    held = facts.exposure
    gauge = BandGauge(
        target=facts.target,
        edges=facts.edges,
        deviation=facts.deviation,
        low=held.low - facts.target,
        high=held.high - facts.target,
        unhedged=is_unhedged(state, hedge),
    )
    delta = Text.assemble(
        (" net delta ", "dim"),
        (f"{coins(held.delta, signed=True)} {hedge.underlying}", gauge.style),
        *_worth(facts),
        (" · target ", "dim"),
        coins(facts.target, signed=True),
        *_pending(held, unseen=may_be_gone(state, hedge) is not None),
    )
    bar, labels = draw(gauge, width)
    return Group(delta, Text("  ") + bar, Text("  ") + labels)


def _pending(held: Exposure, *, unseen: bool) -> tuple[tuple[str, str], ...]:
    """Where the delta goes if everything that works fills; with an account out of sight also, if its venue has taken
    what is held there."""
    if held.low == held.high:
        return ()
    ends = [coins(end, signed=True) for end in (held.low, held.high) if end != held.delta]
    how = " if filled or taken" if unseen else " if filled"
    return ((" · ", "dim"), (f"○ {' or '.join(ends)}", "cyan"), (how, "dim"))


def _worth(facts: Facts) -> tuple[tuple[str, str], ...]:
    worth = facts.exposure.delta * facts.price
    return ((f" ≈ {money(worth, signed=True)} {facts.instrument.quote}", "dim"),)


Row = tuple[str, RenderableType]


def _pairs(left: list[Row], right: list[Row]) -> Table:
    """Two columns of facts: what is held on the left, what it stands on and costs to keep on the right."""
    table = Table.grid(padding=(0, 1), expand=True)
    for width in (_HELD_WIDTH, None):
        table.add_column(style="dim", width=_LABEL_WIDTH, no_wrap=True)
        table.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    for (left_label, left_value), (right_label, right_value) in zip(left, right, strict=True):
        table.add_row(f" {left_label}", left_value, right_label, right_value)
    return table


def _rows(rows: list[Row]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim", width=_LABEL_WIDTH, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for label, value in rows:
        table.add_row(f" {label}", value)
    return table


def _held(state: State, hedge: Hedge, facts: Facts | None) -> list[Row]:
    held = exposure(state, hedge)
    rows: list[Row] = [("spot", _unknown()), ("static", _unknown()), ("futures", _unknown())]
    if held is not None:
        rows = [
            ("spot", f"{coins(held.spot)} {hedge.underlying}"),
            ("static", f"{coins(held.static)} {hedge.underlying}"),
            (
                "futures",
                f"{coins(held.futures, signed=True)} {hedge.underlying}" if hedge.cross is None else "across, below",
            ),
        ]
    outside = span(outside_ms(state, hedge)) if outside_ms(state, hedge) else "never"
    mark = price(round(facts.mark.mark_price, max(2, -_exponent(facts.instrument.tick_size)))) if facts else _unknown()
    return [*rows, ("mark", mark), ("outside", outside)]


def _standing(state: State, hedge: Hedge, memory: HedgeState, facts: Facts | None) -> list[Row]:
    ledger = state.ledgers[hedge.name]
    return [
        ("margin", _margin(state, hedge, memory)),
        ("funding", _funding(state, facts) if facts else _unknown()),
        ("basis", _basis(ledger, facts) if facts else _unknown()),
        ("execution", _execution(ledger)),
        ("fills", _fills(ledger)),
    ]


def _doing(state: State, hedge: Hedge) -> list[Row]:
    venues = venues_line(state, hedge)
    instrument = state.instruments.get(hedge.instruments[0])
    quote = instrument.quote if instrument else ""
    return [
        *([("venues", venues)] if venues is not None else []),
        ("order", _order(state, hedge)),
        _cost(state.ledgers[hedge.name], quote),
        ("today", pnl_line(state, hedge.name)),
        ("moves", volatility_line(state, hedge.underlying)),
        ("carry", carry_line(state, hedge)),
        *([("across", crossing_line(state, hedge))] if hedge.cross is not None else []),
    ]


def _options(state: State, hedge: Hedge, facts: Facts | None) -> list[Row]:
    """Lines where options are held, and another where their venue sees them otherwise."""
    if facts is None or not facts.exposure.options.options:
        return []
    differing = check_line(state.hedges[hedge.name].greeks)
    lines = (*option_lines(facts.exposure.options), *((differing,) if differing is not None else ()))
    return [("" if place else "options", line) for place, line in enumerate(lines)]


def _unknown() -> Text:
    return Text("–", style="dim")


def _order(state: State, hedge: Hedge) -> Text:
    live = [order for order in state.orders.values() if order.hedge == hedge.name and order.live]
    if not live:
        return Text("none", style="dim")
    order = live[-1]
    more = f" and {len(live) - 1} more" if len(live) > 1 else ""
    return Text.assemble(
        (f"{order.side.value} {coins(order.quantity)} @ {price(order.price)}", "cyan"),
        (f" · {_order_progress(order)} {span(state.now - order.placed_at)}{more}", _order_style(order)),
    )


def _order_progress(order: Order) -> str:
    filled = f"{percent(order.filled / order.quantity, places=0)} filled · " if order.filled else ""
    return filled + ORDER_WORDS[order.status]


def _order_style(order: Order) -> str:
    return "bold yellow" if order.status is OrderStatus.UNKNOWN else "dim"


def _margin(state: State, hedge: Hedge, memory: HedgeState) -> Text:
    ratios, distances = margin_ratios(state, hedge), liquidation_distances(state, hedge)
    if not ratios:
        return _unknown()
    text = _whole(Text(percent(max(ratios), places=1), style=_SEVERITY_STYLES[memory.margin_severity]))
    text.append(" used", style="dim")
    if distances:
        text.append(" · liquidation ", style="dim")
        text.append(percent(min(distances), places=1), style=_SEVERITY_STYLES[memory.liquidation_severity])
        text.append(" away", style="dim")
    elif liquidation_known(state, hedge) and any(position_of(state, id) for id in hedge.instruments):
        text.append(" · liquidation ", style="dim").append("none")
    return text


def _funding(state: State, facts: Facts) -> Text:
    """The yearly rate, and who pays: longs pay shorts when it is positive."""
    yearly = yearly_funding(facts.mark)
    position = position_of(state, facts.instrument.id)
    flow = -yearly * position
    payer = "we receive" if flow > 0 else "we pay" if flow < 0 else "longs pay" if yearly > 0 else "shorts pay"
    until = max(facts.mark.next_funding_at - state.now, 0)
    style = "green" if flow > 0 else "red" if flow < 0 else ""
    words = Text.assemble(percent(yearly, signed=True), " a year, ", (payer, style), (f" · in {span(until)}", "dim"))
    return _whole(words)


def _basis(ledger: Ledger, facts: Facts) -> Text:
    now = Text(bps(basis_bps(facts.mark.mark_price, facts.mark.index_price)))
    entry = ledger.entry_basis_bps
    return now if entry is None else now.append(f" · {bps(entry)} at entry", style="dim")


def _cost(ledger: Ledger, asset: str) -> Row:
    """What the hedge cost so far, or earned, in quote: said in words and never by a sign."""
    text = Text(f"{money(abs(ledger.total))} {asset}".rstrip(), style=_cost_style(ledger.total)).append(
        ": ", style="dim"
    )
    for name, value in (("fees", ledger.fees), (", funding", ledger.funding)):
        text.append(f"{name} ", style="dim").append(paid_words(value), style=_cost_style(value))
    return "cost" if ledger.total <= ZERO else "earned", _whole(text)


def _whole(text: Text) -> Text:
    """A text that goes on in a second line where it is too long for its column: its end says what its number means."""
    text.no_wrap, text.overflow = False, "fold"
    return text


def _execution(ledger: Ledger) -> Text:
    """What waiting in the book cost (−) or earned (+), the half spread, and what of it was kept."""
    text = Text()
    sums = (("slippage", ledger.slippage), (" · edge", ledger.edge), (" · kept", ledger.realised_spread))
    for name, value in sums:
        text.append(f"{name} ", style="dim").append(money(value, signed=True), style=_cost_style(value))
    return text


def _cost_style(value: Decimal) -> str:
    return "green" if value > ZERO else ""


def _fills(ledger: Ledger) -> Text:
    taker = "bold red" if ledger.taker_fills else "dim"
    return Text.assemble(
        f"{ledger.maker_fills} maker",
        (f" · {ledger.taker_fills} taker", taker),
        (f" · {money(ledger.notional)} traded", "dim"),
    )


def _exponent(step: Decimal) -> int:
    """The power of ten of a step's last digit: −2 for 0.01."""
    exponent = step.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
