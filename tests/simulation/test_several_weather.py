"""Two venues that come and go as chance has it: no order of ours makes any book worse that may be the true one."""

from decimal import Decimal as D
from itertools import chain, combinations
from pathlib import Path
from random import Random

import pytest

from hedger.engine.held.exposure import position_of
from hedger.engine.held.freshness import is_unseen
from hedger.engine.known.policy import Failover
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.message import PlaceOrder, Stamped
from hedger.model.order import Side
from hedger.sim.nouns import SimOrder
from tests.support.several_daemon import SYMBOL, Stage, enact
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, TWO, VAULT, several, shared

BAND = D("0.011")
WHATS = ("cut", "cut", "mute", "deposit", "deposit", "deposit", "restore", "private", "adl", "lose")


class Judge:
    """Looks at each create with the exchanges' truth: whatever of what rests fills, the deviation must not grow past
    the band, nor to the other side. An order decided before its news could arrive (of coins, or of a position that is
    in sight) is not judged."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.judged = self.while_unseen = 0

    def look(self, before: State, stamped: Stamped, result: Result) -> None:
        for command in result.commands:
            if isinstance(command, PlaceOrder) and self._knows(before):
                self.judged += 1
                rest = [order for name in (ONE, TWO) for order in self._stage.resting(name)]
                for filled in chain.from_iterable(combinations(rest, n) for n in range(len(rest) + 1)):
                    self._check(command, filled)

    def _knows(self, state: State) -> bool:
        reading = state.accounts[VAULT].reading
        spot = self._stage.worlds[VAULT].exchange.truth(VAULT).spot.get("BTC", D(0))
        (hedge,) = self._stage.policy.hedges
        away = [id for id in (AT_ONE, AT_TWO) if is_unseen(state, hedge, id.account)]
        seen = [id for id in (AT_ONE, AT_TWO) if id not in away]
        self.while_unseen += bool(away)
        positions = all(position_of(state, id) == self._stage.position(id.account) for id in seen)
        return positions and reading is not None and reading.spot.get("BTC", D(0)) == spot

    def _check(self, command: PlaceOrder, filled: tuple[SimOrder, ...]) -> None:
        moved = (o.quantity - o.filled if o.side is Side.BUY else o.filled - o.quantity for o in filled)
        deviation = self._stage.delta() + sum(moved, D(0))
        after = deviation + command.side.sign * command.quantity
        assert min(deviation, D(0)) - BAND <= after <= max(deviation, D(0)) + BAND, (deviation, after, command)


async def weather(it: Stage, rng: Random) -> None:
    """Fourteen strokes of fate, and then all is well again."""
    for _ in range(14):
        account = rng.choice([ONE, TWO])
        match rng.choice(WHATS):
            case "cut":
                it.cut(account)
            case "private":
                it.lines[account].deaf = True
            case "mute":
                it.lines[account].mute = it.venues[account].silent = True
                it.venues[account].fill = lambda _: None
            case "lose":
                it.venues[account].lose_acks = True
            case "restore":
                it.restore(account)
            case "adl" if it.position(account) < D("-0.1"):
                it.worlds[account].exchange.deleverage(account, SYMBOL, D("0.1"))
            case "deposit":
                it.deposit(rng.choice(["0.05", "0.1", "0.3", "-0.1", "-0.2"]))
            case _:
                pass
        await it.clock.sleep(rng.choice([0.2, 1, 5, 20, 60, 120]))
    it.restore(ONE)
    it.restore(TWO)


@pytest.mark.parametrize("seed", [3, 10])
def test_no_order_makes_any_book_worse_that_may_be_true(seed: int, tmp_path: Path) -> None:
    rng, judges = Random(f"x{seed}"), list[Judge]()
    shares = rng.choice([None, shared("1", "1"), shared("3", "1")])
    failover = Failover(allowed=True, blind_ms=rng.choice([60_000, 300_000, 900_000]))

    async def script(it: Stage) -> None:
        judges.append(Judge(it))
        it.watcher.looks.append(judges[0].look)
        await it.until_hedged()
        await weather(it, rng)
        await it.until_hedged(within=900)

    policy = several(shares=shares, failover=failover, guards={"futile_hedges": 100})
    it = enact(script, policy, tmp_path, seed=seed)
    assert it.state.halted is None
    assert abs(it.delta()) <= BAND
    assert judges[0].judged >= 5
    assert judges[0].while_unseen >= 1, "some of them left while an account was out of sight"
