"""The numbers of docs/several-venues.md, as the engine decides them."""

import tomllib
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.held.exposure import exposure
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Failover
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import plain
from hedger.model.order import Side
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from tests.support.engine_worlds import order_of
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, at_hand, beat, sent, several, shared, unseen

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "several-venues.md").read_text(encoding="utf-8")
POLICY = several(shares=shared("3", "1"))
LOST = order_of(Side.SELL, "0.225", id=AT_ONE, status=OrderStatus.UNKNOWN)
AFTER_ALL = {AT_ONE: "-1.725", AT_TWO: "-0.975"}


@pytest.mark.parametrize(
    ("words", "spot", "held", "lost", "away"),
    [
        ("0.3 coins come", "2.3", {AT_ONE: "-1.5", AT_TWO: "-0.5"}, [], False),
        ("the answer is lost, and one goes out of sight", "2.3", {AT_ONE: "-1.5", AT_TWO: "-0.5"}, [LOST], True),
        ("that fills", "2.3", {AT_ONE: "-1.5", AT_TWO: "-0.575"}, [LOST], True),
        ("0.4 coins come", "2.7", {AT_ONE: "-1.5", AT_TWO: "-0.575"}, [LOST], True),
        ("that fills, and 0.5 coins go", "2.2", {AT_ONE: "-1.5", AT_TWO: "-0.975"}, [LOST], True),
        ("they come again, and one returns: the order had filled", "2.7", AFTER_ALL, [], False),
        (
            "or one returns, and its venue had taken 0.5 of the short",
            "2.7",
            {AT_ONE: "-1.225", AT_TWO: "-0.975"},
            [],
            False,
        ),
    ],
)
def test_each_row_of_the_example_is_what_the_engine_does(
    words: str, spot: str, held: dict[InstrumentId, str], lost: list[Order], away: bool
) -> None:
    state = at_hand(POLICY, held, spot=spot, orders=lost)
    state = unseen(state, ONE) if away else state
    seen = exposure(state, POLICY.hedges[0])
    assert seen is not None
    order = sent(beat(state, POLICY))
    told = "none" if order is None else f"{order.side.value} {plain(order.quantity)} on {order.id.account}"
    delta, low, high = (plain(value.normalize() + D(0)) for value in (seen.delta, seen.low, seen.high))
    assert f"| {words} | {delta} | {low} to {high} | {told} |" in PAGE


def test_the_configuration_of_the_page_starts_and_says_what_the_page_says(tmp_path: Path) -> None:
    block = PAGE.partition("```toml\n")[2].partition("```")[0]
    accounts = "".join(f'[accounts.{name}]\nvenue = "binance"\n' for name in ("vault", "one", "two"))
    rest = '[hedges.BTC.band]\nrule = "coins"\nwidth = 0.01\n[hedges.BTC.guards]\nposition = 5\n'
    path = tmp_path / "page.toml"
    path.write_text(f'mode = "paper"\n{accounts}{block}{rest}', encoding="utf-8")
    hedge = to_policy(load_settings(path, {}, {})).hedges[0]
    assert hedge.shares == shared("3", "1")
    assert hedge.failover == Failover(allowed=True, blind_ms=300_000)
    assert tomllib.loads(block)["hedges"]["BTC"]["failover"]["blind_s"] == 300
