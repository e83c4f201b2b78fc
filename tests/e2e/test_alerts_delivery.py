"""What we ship, for real: a hedger is scraped, a rule fires, Alertmanager tells; and a dead hedger is told of too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.alert_stand import Stand, alert_stand
from tests.support.processes import Nursery, Running, run_hedger


@pytest.fixture(scope="module")
def hedger(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Running:
    return processes.still(tmp_path_factory.mktemp("hedger"))


@pytest.fixture(scope="module")
def stand(hedger: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    port = int(hedger.until_mode("hedging")["metrics_port"])
    with alert_stand(tmp_path_factory.mktemp("stand"), port) as running:
        yield running


def value(stand: Stand, expression: str) -> float | None:
    found = stand.query(expression)
    return float(found[0]["value"][1]) if found else None


def critical(instance: str, alert: str, **labels: str) -> dict[str, str]:
    return {"alertname": alert, "severity": "critical", "job": "hedger", "instance": instance, **labels}


def test_a_live_hedger_is_scraped_and_only_the_watchdog_is_told_of(stand: Stand) -> None:
    stand.until(lambda: stand.told.heard("watchdog", "HedgerWatchdog"), "watchdog")
    stand.until(lambda: value(stand, 'up{job="hedger"}') == 1, "scrape")
    stand.until(lambda: (value(stand, "account:hedger_account_age_seconds:now") or 99) < 15, "age of a reading")
    assert "people" not in stand.told.texts


def test_a_halt_reaches_people_with_the_page_that_says_what_to_do(hedger: Running, stand: Stand) -> None:
    killed = run_hedger("kill", "--reason", "a test", "--state-dir", str(hedger.directory))
    assert killed.code == 0, killed.err
    stand.until(lambda: stand.told.heard("people", "FIRING critical", "HedgerHalted"), "halt")
    assert stand.told.heard("people", "docs/runbooks/HedgerHalted.md")


def test_a_process_that_is_killed_is_told_of_and_nothing_else_of_it(hedger: Running, stand: Stand) -> None:
    hedger.process.kill()
    hedger.process.wait(10)
    stand.until(lambda: stand.told.heard("people", "FIRING critical", "HedgerDown"), "death")
    # The halt still stands, by its look back, and is held back now: there is no moment without an alert.
    stand.until(lambda: stand.alerts().get("HedgerHalted") == "suppressed", "inhibition")
    assert stand.alerts()["HedgerDown"] == "active"
    assert stand.alerts()["HedgerWatchdog"] == "active"


def test_what_is_critical_of_a_hedge_holds_back_what_warns_of_it(stand: Stand) -> None:
    of_hedge = critical("another:9108", "HedgerUnhedged", hedge="BTC")
    warning = of_hedge | {"alertname": "HedgerStaleData", "severity": "warning"}
    elsewhere = warning | {"alertname": "HedgerDayBudgetLow", "hedge": "ETH"}
    of_account = critical("another:9108", "HedgerBanned", account="main")
    stopped = of_account | {"alertname": "HedgerAccountStopped", "severity": "warning"}
    other = stopped | {"alertname": "HedgerRateBudgetLow", "account": "second"}
    stand.post(of_hedge, warning, elsewhere, of_account, stopped, other)
    names = ("HedgerStaleData", "HedgerAccountStopped", "HedgerDayBudgetLow", "HedgerRateBudgetLow")
    wanted = dict(zip(names, ("suppressed", "suppressed", "active", "active"), strict=True))
    stand.until(lambda: {name: stand.alerts().get(name) for name in names} == wanted, "inhibition by hedge and account")


def test_a_halt_does_not_hold_back_a_book_that_is_not_hedged(stand: Stand) -> None:
    halted = critical("third:9108", "HedgerHalted")
    unhedged = critical("third:9108", "HedgerTakerFill", hedge="BTC")
    explained = critical("third:9108", "HedgerNotReconciled")
    stand.post(halted, unhedged, explained)
    stand.until(lambda: stand.alerts().get("HedgerNotReconciled") == "suppressed", "inhibition by the halt")
    assert stand.alerts()["HedgerTakerFill"] == "active"


def test_whoever_was_told_that_it_is_not_hedged_or_not_reconciled_is_not_told_that_it_cannot_act(stand: Stand) -> None:
    unhedged = critical("fifth:9108", "HedgerUnhedged", hedge="BTC")
    explained = critical("fifth:9108", "HedgerCannotAct", hedge="BTC")
    stand.post(unhedged, explained)
    stand.until(lambda: stand.states("HedgerCannotAct") == {"BTC": "suppressed"}, "inhibition by the hedge")
    stand.post(critical("fifth:9108", "HedgerCannotAct", hedge="ETH"))
    stand.until(lambda: stand.states("HedgerCannotAct").get("ETH") == "active", "a page of the other hedge")
    stand.post(critical("fifth:9108", "HedgerNotReconciled"))
    stand.until(lambda: stand.states("HedgerCannotAct").get("ETH") == "suppressed", "inhibition by the accounts")


def test_a_journal_that_cannot_be_written_is_told_without_what_it_stops(stand: Stand) -> None:
    journal = critical("fourth:9108", "HedgerJournalUnhealthy")
    stopped = critical("fourth:9108", "HedgerCreatesStopped") | {"severity": "warning"}
    stand.post(journal, stopped)
    stand.until(lambda: stand.alerts().get("HedgerCreatesStopped") == "suppressed", "inhibition by the journal")
    assert stand.alerts()["HedgerJournalUnhealthy"] == "active"
