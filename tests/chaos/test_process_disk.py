"""A disk that takes no more: no order leaves without its journal, and with the disk the hedging comes back."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from tests.support.processes import Nursery, Watch, is_hedged, order_faults


def test_no_order_leaves_while_the_journal_cannot_be_written(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path)
    exchange = running.exchange()
    with Watch(exchange).watching():
        running.until(lambda: is_hedged(exchange.truth()), "hedge")
        before = exchange.truth()
        # The journal may not grow from here on, as on a full disk; the log is shorter and still may.
        room = (running.paper / "journal.sqlite3-wal").stat().st_size
        assert room > 2 * running.err_path.stat().st_size
        unlimited = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.3")
        running.until(lambda: "journal_changed" in running.events, "failure of the journal")
        time.sleep(2)
        full = exchange.truth()
        assert full.creates_accepted == before.creates_accepted
        assert running.process.poll() is None
        assert running.get("/readyz")[0] == 503
        assert "journal" in running.get("/readyz")[1]
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, unlimited)
        running.until(lambda: is_hedged(exchange.truth()), "hedge after there was room again")
        assert order_faults(running.journal(), exchange.truth()) == []
        ended = running.stop()
    told = [line for line in running.log if line["event"] == "journal_changed"]
    assert [line["healthy"] for line in told] == [False, True]
    assert "cannot be written" in told[0]["text"]
    assert ended.code == 0
