"""The status file and its rows: who may read it, and that a person learns as much as a program does."""

import json
import os
from pathlib import Path
from typing import Any

from hedger.cli.told import status_rows
from hedger.engine.known.state import Mode, State
from hedger.ops.status import write_status
from hedger.ops.view import Banner, render
from hedger.ops.words import way_out
from tests.support.ops_states import NOW, ORDER_ID, hedging_state, policy
from tests.support.view_drawn import view_text

BANNER = Banner(kind="paper", transport="wire", started_at=NOW)


def written(directory: Path, state: State) -> dict[str, Any]:
    write_status(directory / "status.json", state, policy(), BANNER, None)
    return {**json.loads((directory / "status.json").read_text()), "age_s": 0.2, "stale": False}


def test_the_status_file_is_its_owner_s_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("stays")
    (tmp_path / "status.new").symlink_to(precious)
    before = os.umask(0)
    try:
        written(tmp_path, hedging_state())
    finally:
        os.umask(before)
    assert precious.read_text() == "stays"
    assert not (tmp_path / "status.json").is_symlink()
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


def test_a_draft_that_a_crash_left_does_not_silence_it(tmp_path: Path) -> None:
    (tmp_path / "status.new").write_text("half")
    assert written(tmp_path, hedging_state())["mode"] == "hedging"


def test_the_rows_tell_halt_pause_and_the_way_out_of_both(tmp_path: Path) -> None:
    state = hedging_state()._replace(
        mode=Mode.HALTED, mode_reason="a taker fill", halted="a taker fill", paused="lunch \x1b[2J"
    )
    known = written(tmp_path, state)
    assert (known["halted"], known["paused"]) == ("a taker fill", "lunch \x1b[2J")
    rows = dict(status_rows(known))
    assert rows["mode"] == "halted: a taker fill"
    assert rows["paused"] == "lunch ?[2J"
    assert "`hedger resume --reason …`" in rows["way out"]
    assert "paused: lunch ?[2J; `hedger unpause --reason …`" in rows["way out"]
    assert rows["kill_file"] == str(tmp_path / "kill")


def test_the_rows_tell_each_gate_and_mark_an_order_of_unknown_fate(tmp_path: Path) -> None:
    known = written(tmp_path, hedging_state())
    account = next(iter(known["accounts"]))
    known["accounts"][account]["creates_stopped"] = "the venue asked for quiet for 5 s"
    order = {"id": ORDER_ID, "status": "unknown", "side": "sell", "quantity": "0.1", "filled": "0.02", "price": "100"}
    name = next(iter(known["hedges"]))
    known["hedges"][name]["orders"] = [{**order, "instrument": "main:BTC/USDT:USDT"}]
    rows = dict(status_rows(known))
    assert rows[f"gate of {account}"] == "the venue asked for quiet for 5 s"
    assert f"switch of {account}" in rows
    told = rows[f"{name}.order"]
    assert told == f"{ORDER_ID} UNKNOWN FATE: sell 0.1 at 100 on main:BTC/USDT:USDT, 0.02 filled"


def test_every_working_order_stands_in_the_file_with_its_status(tmp_path: Path) -> None:
    state = hedging_state()
    live = [order for order in state.orders.values() if order.live]
    known = written(tmp_path, state)
    told = [order for hedge in known["hedges"].values() for order in hedge["orders"]]
    assert live
    assert [(o["id"], o["status"]) for o in told] == [(o.client_order_id, o.status.value) for o in live]


def test_the_view_names_the_way_out_of_a_halt_and_of_a_pause() -> None:
    assert way_out(hedging_state()) is None
    for changes, told in (
        ({"halted": "a drill", "mode": Mode.HALTED}, "`hedger resume --reason …`"),
        ({"paused": "lunch", "mode": Mode.CANCEL_ONLY}, "paused: lunch; `hedger unpause --reason …`"),
    ):
        state = hedging_state()._replace(**changes)  # type: ignore[arg-type]
        assert told in view_text(render(state, policy()), width=100)


def test_the_rows_leave_out_what_is_not_known_and_digits_that_nobody_reads(tmp_path: Path) -> None:
    known = written(tmp_path, hedging_state())
    name = next(iter(known["hedges"]))
    known["money"] = {"USDT": {"held": "90000", "price": None}}
    known["hedges"][name] |= {
        "band": ["-0.166510978901393863404383568", "0.5"],
        "cross": None,
        "liquidation_doubts": [],
    }
    rows = dict(status_rows(known))
    assert rows[f"{name}.band"] == "-0.16651098 to 0.5"
    assert rows["money.USDT.held"] == "90000"
    assert f"{name}.cross" not in rows
    assert f"{name}.liquidation_doubts" not in rows


def test_the_rows_say_none_of_a_liquidation_that_cannot_be_and_nothing_of_one_that_is_not_known(tmp_path: Path) -> None:
    known = written(tmp_path, hedging_state())
    (name,) = known["hedges"]
    assert f"{name}.liquidation_known" not in dict(status_rows(known))
    known["hedges"][name]["liquidation_distance"] = None
    assert dict(status_rows(known))[f"{name}.liquidation_distance"] == "none"
    known["hedges"][name]["liquidation_known"] = False
    assert f"{name}.liquidation_distance" not in dict(status_rows(known))


def test_the_rows_begin_with_what_somebody_in_a_hurry_came_for(tmp_path: Path) -> None:
    known = written(tmp_path, hedging_state())
    name = next(iter(known["hedges"]))
    known["alarms"] = [
        {"key": "HedgerUnhedged:x", "level": "critical", "text": "outside for 5 min", "acknowledged_at": None},
        {"key": "HedgerPaused", "level": "info", "text": "seen already", "acknowledged_at": known["at"]},
    ]
    known["flatten"]["latched"] = {name: {"state": "held", "reason": "out"}}
    rows = status_rows(known)
    assert rows[2:4] == [("alarm HedgerUnhedged:x", "critical: outside for 5 min"), (f"flatten of {name}", "held: out")]
    assert [key for key, _ in rows[4:7]] == [f"{name}.net_delta", f"{name}.target", f"{name}.deviation"]
    assert "seen already" not in dict(rows).values()
    assert len({key for key, _ in rows}) == len(rows)
