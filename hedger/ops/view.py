"""The terminal view: what the hedger holds, wants and does, drawn from a state and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Decision, Mode, State
from hedger.engine.step import Result
from hedger.model.message import PlaceOrder, Stamped
from hedger.ops.figures import coins, instant, price, span, time_of_day
from hedger.ops.gates import gate_words
from hedger.ops.panel import hedge_panel
from hedger.ops.several import absence_words
from hedger.ops.words import MODE_WORDS, REASON_WORDS, way_out

RECENT = 8
FRAMES_PER_SECOND = 4
_WIDEST = 110
_GOOD_MODES = frozenset({Mode.HEDGING, Mode.SHADOW})
_BAD_MODES = frozenset({Mode.HALTED, Mode.CANCEL_ONLY})
_ACTION_STYLES = {
    Action.HOLD: "dim",
    Action.PLACE: "bold cyan",
    Action.CANCEL: "yellow",
    Action.WAIT: "dim",
    Action.DENY: "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """What the state does not know of itself: how the program runs. `speed` is that of its clock."""

    kind: str
    transport: str
    started_at: int
    speed: float = 1.0
    note: str = ""


def render(
    state: State, policy: Policy, *, recent: Sequence[Decision] = (), banner: Banner | None = None
) -> RenderableType:
    """The whole view as something that rich can draw at 80 columns or more."""
    return _View(state, policy, tuple(recent)[-RECENT:], banner)


@dataclass(frozen=True, slots=True)
class _View:
    state: State
    policy: Policy
    recent: tuple[Decision, ...]
    banner: Banner | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, _WIDEST)
        yield Constrain(_header(self.state, self.policy, self.banner), width)
        for hedge in self.policy.hedges:
            yield hedge_panel(self.state, hedge, width)
        yield _decisions(self.recent, width)


def _header(state: State, policy: Policy, banner: Banner | None) -> RenderableType:
    good = state.mode in _GOOD_MODES
    style = "green" if good else "red" if state.mode in _BAD_MODES else "yellow"
    mode = Text.assemble((" hedger ", "bold"), (f" {state.mode.value.upper()} ", f"bold reverse {style}"))
    why = Text(f" {_explained(state)}", style="dim" if good else style)
    up = f"up {span(state.now - banner.started_at)} " if banner else ""
    lines = [_apart(mode.append(f" {instant(state.now)}", style="dim"), _how(banner)), _apart(why, up)]
    lines += _way_out(state)
    for name in state.accounts:
        said = (absence_words(state, policy, name), gate_words(state, name))
        lines += [Text(f" {name}: {against}", style="red") for against in said if against]
    if banner is not None and banner.note:
        lines.append(Text(f" {banner.note}"))
    return Group(*lines)


def _apart(left: Text, right: str) -> RenderableType:
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True, overflow="ellipsis", style="dim")
    table.add_row(left, right)
    return table


def _how(banner: Banner | None) -> str:
    if banner is None:
        return ""
    speed = "" if banner.speed == 1 else f" at {banner.speed:g}×"
    return f"{banner.kind}{speed} · {banner.transport} "


def _explained(state: State) -> str:
    """Why the program is in its mode: the words for it, and what a person or a fault said."""
    words = MODE_WORDS[state.mode]
    return f"{words}: {state.mode_reason}" if state.mode_reason else words


def _way_out(state: State) -> list[Text]:
    """What a person must type before it goes on, on a line of its own: the header's may be cut."""
    out = way_out(state)
    return [] if out is None else [Text(f" {out}", style="red")]


def _decisions(recent: Sequence[Decision], width: int) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", width=9, justify="right")
    table.add_column(style="dim", max_width=12, no_wrap=True, overflow="ellipsis")
    table.add_column(width=6)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=width - 33)
    for decision in reversed(recent):
        action = Text(decision.action.value, style=_ACTION_STYLES[decision.action])
        table.add_row(time_of_day(decision.at), decision.hedge, action, _told(decision))
    return table if recent else Text(" no decision yet", style="dim")


def _told(decision: Decision) -> Text:
    words = Text(REASON_WORDS[decision.reason])
    if isinstance(decision.order, PlaceOrder):
        order = decision.order
        words.append(f" · {order.side.value} {coins(order.quantity)} @ {price(order.price)}", style="cyan")
    elif decision.detail:
        words.append(f" · {decision.detail}", style="dim")
    return words


class LiveView:
    """The view drawn again and again on a terminal, by a thread of rich's own; the terminal is restored on exit.

    `update` only keeps what it is given, so that the event loop never draws.
    """

    def __init__(self, policy: Policy, *, banner: Banner | None = None, console: Console | None = None) -> None:
        self._policy = policy
        self._banner = banner
        self._shown: tuple[State, tuple[Decision, ...]] | None = None
        self._live = Live(
            get_renderable=self._frame,
            console=console or Console(),
            refresh_per_second=FRAMES_PER_SECOND,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def adopt(self, policy: Policy) -> None:
        """What the owner wants from the next frame on."""
        self._policy = policy

    def update(self, state: State, decisions: Sequence[Decision] = ()) -> None:
        """Show `state` from the next frame on; `decisions` are the new ones since the last call."""
        recent = self._shown[1] if self._shown else ()
        self._shown = (state, (*recent, *decisions)[-RECENT:] if decisions else recent)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """The runtime's observer: show what the step came to."""
        self.update(result.state, result.decisions)

    def queued(self, events: int) -> None:
        """Not shown here."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Times are not shown."""

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _frame(self) -> RenderableType:
        if self._shown is None:
            return Text(" hedger  starting", style="dim")
        state, recent = self._shown
        return render(state, self._policy, recent=recent, banner=self._banner)
