"""What the doctor says of coins, limits, margin and files: each row falls where it must, and says what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.app.doctor import examine, remedy_of
from hedger.app.findings import Finding
from hedger.app.holdings import holding_rows
from hedger.app.ownership import keys_row, ownership_rows
from hedger.engine.known.policy import Policy
from hedger.errors import AskAgain, CredentialsError, GiveUp
from hedger.model.account import AccountReading, Margin
from hedger.model.instrument import Payoff
from hedger.runtime.lease import Lease
from hedger.settings.load import load_settings
from tests.support.configurations import GOOD, KEYS, LIVE, load
from tests.support.ops_states import hedging_state, instrument, perpetual, policy, quote, reading

BTC = perpetual("BTC")


def rows_of(given: Policy | None = None, **changes: Any) -> dict[str, Finding]:
    """The rows on an account with 1.5 BTC on spot, 0.5 elsewhere, hedged by 1.935 short."""
    given = given or policy()
    rules = changes.pop("rules", instrument())
    account: AccountReading = replace(reading(given), **changes)
    prices = {BTC: quote().mid_price}
    rows = list(holding_rows(given, {"binance": account}, {rules.id: rules}, prices))
    return {row.check: row for row in rows}


def bad(rows: Mapping[str, Finding]) -> set[str]:
    assert all(row.remedy for row in rows.values() if not row.good)
    return {name for name, row in rows.items() if not row.good}


def guarded(**changes: Any) -> Policy:
    given = policy()
    (hedge,) = given.hedges
    return replace(given, hedges=(replace(hedge, guards=replace(hedge.guards, **changes)),))


def test_a_book_that_can_be_hedged_is_found_good() -> None:
    rows = rows_of()
    assert bad(rows) == set()
    assert "1.5 BTC on binance, 0.5 held elsewhere, −1.935 in futures" in rows["btc: holding"].found


def test_nothing_to_hedge_is_told() -> None:
    given = policy()
    (hedge,) = given.hedges
    given = replace(given, hedges=(replace(hedge, static_quantity=D(0)),))
    rows = rows_of(given, spot={}, positions=())
    assert bad(rows) == {"btc: holding"}
    assert "nothing to hedge: 0 BTC on binance" in rows["btc: holding"].found


def test_a_limit_below_what_the_target_asks_for_is_told() -> None:
    rows = rows_of(guarded(position=D("1.9")))
    assert bad(rows) == {"btc: position limit"}
    assert rows["btc: position limit"].found == "2 BTC are wanted, guards.position allows 1.9"


def test_too_little_margin_for_the_rest_of_the_hedge_is_told() -> None:
    rows = rows_of(positions=())
    assert bad(rows) == {"btc: free margin"}  # 2 BTC at 65,000 and leverage 3 need 43,333; 16,000 are free
    assert "needs about 43,333.33 USDT, 16,000.00 are free" in rows["btc: free margin"].found
    assert bad(rows_of()) == set()


def test_the_margin_is_that_of_the_money_which_the_contract_settles_in() -> None:
    """Where each money backs only its own, the account's margin is that of the one nearest to liquidation."""
    own = Margin(equity=D(50_000), maintenance_margin=D(0), initial_margin=D(0), available=D(50_000))
    assert not bad(rows_of(positions=(), coin_margins={"USDT": own}))


def test_margin_in_coins_is_counted_in_coins() -> None:
    rules = replace(instrument(), payoff=Payoff.INVERSE, contract_multiplier=D(10), settle="BTC", quote="USD")
    purse = Margin(equity=D("0.5"), maintenance_margin=D(0), initial_margin=D(0), available=D("0.5"))
    rows = rows_of(positions=(), rules=rules, coin_margins={"BTC": purse})
    assert bad(rows) == {"btc: free margin"}
    assert "needs about 0.666667 BTC, 0.5 are free" in rows["btc: free margin"].found


def test_a_first_hedge_that_costs_more_than_a_day_may_is_told() -> None:
    rows = rows_of(
        guarded(daily_cost=D(20)), positions=(), margin=replace(reading(policy()).margin, available=D(10**6))
    )
    assert bad(rows) == {"btc: first hedge"}
    assert "costs about 26.00 in fees; guards.daily_cost is 20.00" in rows["btc: first hedge"].found


def test_coins_that_no_hedge_covers_are_named() -> None:
    rows = rows_of(spot={"BTC": D("1.5"), "SOL": D(7), "USDC": D(3)})
    assert rows["binance: coins without a hedge"].found == "7 SOL: no hedge covers them"
    assert hedging_state().accounts["binance"].reading is not None


# --- files and keys -----------------------------------------------------------------------------------------------


def test_a_configuration_that_others_can_write_is_told(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    path = tmp_path / "x.toml"
    path.chmod(0o640)
    (row,) = ownership_rows(settings, tmp_path / "none", path)
    assert row.good
    path.chmod(0o666)
    (row,) = ownership_rows(settings, tmp_path / "none", path)
    assert (row.good, "may be written by other users (mode 0666)" in row.found) == (False, True)


def test_a_state_directory_that_others_can_write_is_told(tmp_path: Path) -> None:
    settings, state = load(tmp_path, GOOD), tmp_path / "state"
    state.mkdir(mode=0o700)
    assert [row.good for row in ownership_rows(settings, state, None)] == [True]
    state.chmod(0o770)
    (row,) = ownership_rows(settings, state, None)
    assert not row.good
    assert "chmod go-w it" in row.found


def test_a_secret_file_is_looked_at_and_its_content_is_not_told(tmp_path: Path) -> None:
    secret = tmp_path / "the-secret"
    secret.write_text("kanarienvogel-secret")
    secret.chmod(0o620)
    environ = {"HEDGER_ACCOUNTS__MAIN__SECRET_FILE": str(secret), "HEDGER_ACCOUNTS__MAIN__API_KEY": "kanarienvogel-key"}
    settings = load(tmp_path, LIVE, environ=environ, to_run=False)
    (row,) = ownership_rows(settings, tmp_path / "none", None)
    assert (row.check, row.good) == ("secret file the-secret", False)
    given = keys_row(settings)
    assert given.good
    assert "environment HEDGER_ACCOUNTS__MAIN__API_KEY" in given.found
    assert f"secret file {secret}" in given.found
    assert "kanarienvogel" not in f"{row}{given}"
    secret.chmod(0o604)
    with pytest.raises(CredentialsError, match="every user of this machine can read it"):
        load(tmp_path, LIVE, environ=environ, to_run=False)


def test_every_key_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    row = keys_row(load(tmp_path, LIVE, to_run=False))
    assert not row.good
    assert "set HEDGER_ACCOUNTS__MAIN__API_KEY" in row.found
    assert "set HEDGER_ACCOUNTS__MAIN__SECRET" in row.found
    assert keys_row(load(tmp_path, LIVE, environ=KEYS, to_run=False)).good


def test_a_paper_world_without_the_coin_has_nothing_to_hedge(tmp_path: Path) -> None:
    found = {row.check: row for row in examine(in_state(tmp_path, GOOD.replace("BTC", "SOL")))}
    assert not found["SOL: holding"].good
    assert "give paper.spot some of it" in found["SOL: holding"].remedy
    assert {row.check: row for row in examine(in_state(tmp_path, GOOD))}["BTC: holding"].good


def test_another_hedger_on_a_fresh_directory_and_a_full_disk_are_told(tmp_path: Path) -> None:
    settings = in_state(tmp_path, GOOD)
    with Lease(tmp_path / "state" / "paper"):
        rows = {row.check: row for row in examine(settings)}
    assert "another hedger uses" in rows["journal"].found
    free_mb = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize // 1_000_000
    wanted = min(1_000_000, free_mb)
    full = in_state(tmp_path, f"{GOOD}\n[journal]\nmin_free_mb = {wanted}\n")
    rows = {row.check: row for row in examine(full)}
    assert not rows["state directory"].good
    assert "MB are wanted" in rows["state directory"].found


def in_state(directory: Path, text: str) -> Any:
    """Settings whose state directory is in a directory of the test's."""
    path = directory / "in-state.toml"
    path.write_text(f'state_dir = "{directory / "state"}"\n{text}')
    return load_settings(path, {}, {}, to_run=False)


def test_beside_a_hedger_that_runs_nobody_is_told_to_stop_it(tmp_path: Path) -> None:
    settings = in_state(tmp_path, GOOD)
    with Lease(tmp_path / "state" / "paper"), socket.create_server(("127.0.0.1", 0)) as console:
        taken = console.getsockname()[1]
        (tmp_path / "state" / "paper" / "status.json").write_text('{"pid": 4711}')
        rows = {row.check: row for row in examine(settings.model_copy(update={"console": _on(settings, taken)}))}
    assert rows["journal"].good
    assert "the hedger that runs here (process 4711)" in rows["journal"].found
    assert rows["console port"].good
    assert "a hedger runs here" in rows["console port"].found


def _on(settings: Any, port: int) -> Any:
    return settings.console.model_copy(update={"port": port})


def test_what_to_do_about_an_account_follows_from_what_went_wrong_there() -> None:
    assert "this machine's network" in remedy_of(AskAgain("x"))
    assert "keys and their rights" in remedy_of(CredentialsError("x"))
    assert remedy_of(GiveUp("x")) == "do what the sentence says"
