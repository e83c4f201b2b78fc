"""`hedger flatten` on a running paper hedger: the plan, the phrase, flat by the exchange's truth, and the way back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.support.processes import Ended, Nursery, Running, is_hedged, ours, run_hedger


def command(running: Running, name: str, *arguments: str) -> Ended:
    return run_hedger(name, *arguments, "--state-dir", str(running.directory))


def test_a_person_flattens_it_and_it_stays_flat_over_a_restart_until_an_unpause(
    processes: Nursery, tmp_path: Path
) -> None:
    first = processes.still(tmp_path, speed="5")
    exchange = first.exchange()
    first.until(lambda: is_hedged(exchange.truth()), "hedge")
    first.until(lambda: first.known().get("flatten"), "plan")
    spot = exchange.truth().spot["BTC"]

    wrong = command(first, "flatten", "BTC", "--reason", "out", "--yes", "flatten")
    assert wrong.code == 2
    assert "it needs the phrase, --yes 'flatten BTC'" in wrong.err
    assert not first.known()["flatten"]["latched"]

    done = command(first, "flatten", "BTC", "--reason", "out for now", "--yes", "flatten BTC")
    assert done.code == 0, done.err
    assert "you are UNHEDGED: a delta of +0.8 BTC" in done.out
    assert "lets it HEDGE AGAIN" in done.out
    truth = exchange.truth()
    assert truth.positions["BTCUSDT"] == 0
    assert truth.spot["BTC"] == spot
    assert not ours(truth)

    first.process.kill()
    first.process.wait(10)
    second = processes.still(tmp_path, speed="5")
    second.until(lambda: second.known().get("reconciled"), "reconciled")
    created = exchange.truth().creates_accepted
    exchange.do("deposit", asset="BTC", quantity="0.2")
    second.until(lambda: Decimal(second.known()["hedges"]["BTC"].get("spot") or 0) > spot, "the deposit is read")
    assert second.known()["flatten"]["latched"]["BTC"]["state"] == "flat"
    assert exchange.truth().creates_accepted == created

    assert command(second, "ack", "Flattened:BTC", "--reason", "I did it").code == 0
    second.until(
        lambda: any(alarm["acknowledged_at"] for alarm in second.known()["alarms"]), "the acknowledgement is told"
    )

    back = command(second, "unpause", "--reason", "in again")
    assert (back.code, "it hedges again" in back.out) == (0, True), back.err
    second.until(lambda: is_hedged(exchange.truth()), "hedge")
    assert exchange.truth().positions["BTCUSDT"] < 0
