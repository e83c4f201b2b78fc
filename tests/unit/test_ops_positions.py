"""Positions, prices and belief in the status: figures that agree with each other, and doubts that are told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.cli.held import EXPOSURE, OPTION, POSITION
from hedger.cli.inspect import Said
from hedger.cli.reconcile import ACCOUNT, TOLD, reconcile
from hedger.cli.told import STATUS, status_line
from hedger.cli.traded import WORKING
from hedger.engine.known.movement import Doubt, Evidence, Movement, Shift, Strange
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import AccountView, State
from hedger.errors import Differs, GiveUp
from hedger.model.order import OrderReport, ReportStatus, Side
from hedger.ops.positions import options_status, positions_status, prices_status
from hedger.ops.status import status_of, write_status
from hedger.ops.view import Banner
from hedger.runtime.lease import Lease
from tests.support.ops_states import NOW, hedging_state, order, perpetual, policy

BANNER = Banner(kind="paper", transport="wire", started_at=NOW)
BTC = perpetual("BTC")


def with_view(**changes: Any) -> State:
    state = hedging_state(working=False)
    view: AccountView = replace(state.accounts["binance"], **changes)
    return state._replace(accounts={"binance": view})


def test_a_position_has_its_gain_and_its_distance_to_liquidation() -> None:
    (row,) = positions_status(hedging_state())
    assert row["quantity"] == "-1.935"
    assert D(row["unrealized"]) == round(D("-1.935") * (D("65001.5") - D("64200")), 2)
    assert abs(D(row["liquidation_distance"]) - (D("96480.2") / D("65001.5") - 1)) < D("1e-6")
    assert (row["hedges"], row["leverage"], row["margin_mode"]) == (["btc"], "3", "cross")
    assert row.keys() == POSITION.keys()


def test_our_fills_since_the_reading_are_in_a_position_and_a_flat_one_is_left_out() -> None:
    (row,) = positions_status(with_view(fills_since={BTC: D("0.135")}))
    assert (row["quantity"], row["coins"], row["fills_since_reading"]) == ("-1.8", "-1.8", "0.135")
    assert positions_status(with_view(fills_since={BTC: D("1.935")})) == []


def test_fills_of_a_contract_that_no_reading_has_a_row_of_are_a_position_too() -> None:
    state = with_view(fills_since={perpetual("ETH"): D(-2)})
    new = next(row for row in positions_status(state) if row["instrument"] == "binance:ETH/USDT:USDT")
    assert (new["quantity"], new["entry_price"], new.keys()) == ("-2", None, POSITION.keys())


def test_prices_have_their_age_and_their_basis() -> None:
    (told,) = prices_status(hedging_state()).values()
    assert (told["quote_age_s"], told["mark_age_s"]) == (0.12, 0.4)
    assert D(told["mid"]) == (D(told["bid"]) + D(told["ask"])) / 2
    assert D(told["basis_bps"]) == round((D("65001.5") / D("64990.0") - 1) * 10_000, 2)
    assert options_status(hedging_state()) == []


def test_the_status_has_every_key_that_is_documented() -> None:
    known = status_of(hedging_state(), policy(), BANNER)
    assert {"at", *STATUS} <= known.keys()
    (hedge,) = known["hedges"].values()
    assert EXPOSURE.keys() <= hedge.keys()
    assert hedge["orders"][0].keys() == WORKING.keys()
    assert ACCOUNT.keys() <= known["accounts"]["binance"].keys()
    assert known["accounts"]["binance"]["margin"]["margin_ratio"] == plain_ratio()
    assert set(OPTION) == {"account", "instrument", "underlying", "type", "strike", "expires_at"} | {
        "quantity",
        "coins",
        "mark_price",
        "mark_sigma",
    }


def plain_ratio() -> str:
    return f"{round(D(7_150) / D(58_000), 6)}"


def test_a_line_of_what_is_watched_has_the_hedge_and_the_way_out() -> None:
    state = hedging_state()._replace(halted="a drill")
    line = status_line(status_of(state, policy(), BANNER))
    assert "btc 0.065 outside -0.05 to 0.05 of 0, 1 working" in line
    assert "`hedger resume --reason …`" in line


def report_of(state: State, directory: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, bool]:
    """What `hedger reconcile` says of a running hedger in a state, and whether all is well."""
    write_status(directory / "status.json", state, policy(), BANNER, None)
    good = True
    with Lease(directory):
        try:
            reconcile(state_dir=directory)
        except Differs:
            good = False
    return capsys.readouterr().out, good


SHIFT = Shift(quantity=D("0.3"), began_at=NOW, since_at=NOW, read_at=NOW, seen_at=NOW)
FOREIGN = OrderReport(
    id=BTC,
    client_order_id="by-hand",
    venue_order_id="7",
    side=Side.BUY,
    quantity=D(1),
    filled=D(0),
    price=D(60_000),
    status=ReportStatus.WORKING,
    reduce_only=False,
    exchange_at=NOW,
)
DOUBTS: dict[str, tuple[State, str]] = {
    "unexplained": (
        with_view(movement=Movement(shifts={BTC: SHIFT})),
        "UNEXPLAINED\t0.3 of binance:BTC/USDT:USDT moved",
    ),
    "coins": (with_view(movement=Movement(coins={"BTC": D("0.5")})), "UNEXPLAINED\t0.5 of BTC moved, and not by our"),
    "doubted": (with_view(doubt=Doubt(shifts={BTC: D(1)}, since_at=NOW)), "DOUBTED\t1 of binance:BTC/USDT:USDT"),
    "unshown": (with_view(evidence=Evidence(strange=(Strange("k", BTC, D(-2), NOW),))), "UNSHOWN\t-2 of binance"),
    "refused": (
        with_view(mistrusted=True, failures=2, last_failure="old"),
        "REFUSED\t2 readings in a row, the last: old",
    ),
    "unknown": (
        hedging_state()._replace(orders={"x": order(status=OrderStatus.UNKNOWN)}),
        "UNKNOWN FATE\t",
    ),
    "not yet": (
        hedging_state(working=False)._replace(reconciled=False),
        "NOT BELIEVED YET\tthe program has just started",
    ),
}


@pytest.mark.parametrize("name", list(DOUBTS))
def test_every_doubt_is_told_and_ends_with_seven(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    state, says = DOUBTS[name]
    out, good = report_of(state, tmp_path, capsys)
    assert says in out
    assert not good


def test_what_is_explained_or_not_ours_is_no_doubt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reading = hedging_state().accounts["binance"].reading
    assert reading is not None
    state = with_view(
        reading=replace(reading, open_orders=(FOREIGN,)), movement=Movement(coins={"BTC": D(0)}), stream_up=False
    )
    out, good = report_of(state, tmp_path, capsys)
    assert good, out
    assert "not ours\tbuy 1 at 60000 on binance:BTC/USDT:USDT rests there; it is left alone" in out
    assert "believed\tread 0.9 s ago" in out
    assert TOLD


def test_a_status_of_an_older_hedger_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(GiveUp, match="an older hedger wrote it and did not tell its positions"):
        Said(tmp_path / "status.json", {"pid": 1}).part("positions")
