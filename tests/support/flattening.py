"""What a flatten promises, judged by the exchange's truth: nothing grows, and what was planned is what happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.decision.flatten import HedgePlan, plan_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId
from hedger.model.message import Operation, OperatorAsked, PlaceOrder, Stamped
from hedger.runtime.journal import Journal
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import UserTrade
from hedger.sim.translation import parse_symbol
from tests.support.simulated_daemon import OWNER, Play, Watcher

FLATTEN = OperatorAsked(operation=Operation.FLATTEN, reason="a test")
UNPAUSE = OperatorAsked(operation=Operation.UNPAUSE, reason="back")
PRICES_MOVE = D("0.02")  # what a fee may differ by from the plan's, as a share of it

Positions = Callable[[], Mapping[str, D]]


def symbol_of(id: InstrumentId) -> str:
    """What the exchange calls an instrument."""
    return parse_symbol(id.symbol)[1]


def positions_of(exchange: Exchange, user: str = OWNER) -> dict[str, D]:
    """A user's true positions in units, by the exchange's symbol."""
    return {row.symbol: row.quantity for row in exchange.positions(user)}


def watch(watcher: Watcher, positions: Positions) -> None:
    """From now on no true position grows or turns round, and no order leaves but one that flattens and only reduces."""
    seen = dict(positions())

    def look(before: State, stamped: Stamped, result: Result) -> None:
        for symbol, quantity in positions().items():
            earlier = seen.get(symbol, D(0))
            assert abs(quantity) <= abs(earlier), f"{symbol} grew from {earlier} to {quantity}"
            assert quantity * earlier >= 0, f"{symbol} turned round from {earlier} to {quantity}"
            seen[symbol] = quantity
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                assert command.reduce_only, f"{command} leaves from a flattened hedge"
                assert result.state.orders[command.client_order_id].flatten, f"{command} is no order of the flatten"

    watcher.looks.append(look)


def watch_play(it: Play) -> None:
    """`watch` for a play on one account."""
    watch(it.watcher, lambda: positions_of(it.world.exchange))


def flat_at(state: State) -> int:
    """When the only hedge was proven flat; 0: not yet."""
    return next(iter(state.flattening.values())).flat_at


async def until_flat(it: Play, within: float = 900.0) -> None:
    """Wait until it says flat. Nothing is left then but what it tells as dust."""
    await it.until(lambda: bool(flat_at(it.state)), "flat", within=within)


def only_hedge(state: State, policy: Policy) -> HedgePlan:
    """The plan for the one hedge of a policy."""
    (plan,) = plan_of(state, policy).hedges
    return plan


def assert_as_shown(plan: HedgePlan, trades: Sequence[UserTrade]) -> None:
    """What was traded since is what the plan says: sides, quantities, makers' fees, and nothing else."""
    symbols = {symbol_of(leg.id): leg for leg in plan.legs if leg.quantity}
    assert {trade.symbol for trade in trades} == symbols.keys()
    for symbol, leg in symbols.items():
        done = [trade for trade in trades if trade.symbol == symbol]
        assert {trade.side for trade in done} == {leg.side}
        assert sum(trade.quantity for trade in done) == leg.quantity
        assert all(trade.maker for trade in done)
        paid = sum((t.fee if t.fee_asset == leg.quote else t.fee * t.price for t in done), D(0))
        assert abs(paid + leg.fees) <= PRICES_MOVE * abs(leg.fees), f"{paid} was paid, {leg.fees} shown"


def rows_of_flatten(directory: Path) -> int:
    """How often the journal says that a flatten began, was held or was proven flat."""
    journal = Journal.open(directory, read_only=True)
    rows = len(list(journal.rows("flatten")))
    journal.close()
    return rows
