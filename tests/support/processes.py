"""Real `hedger` processes for the tests: started, watched through the exchange's truth, and always cleaned up."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

from hedger.errors import GiveUp
from hedger.sim.attach import Note, is_alive, read_note
from hedger.sim.nouns import SimOrder, Truth
from hedger.sim.testimony import truth_from_json

# Who waits for a thing to happen waits for long: a machine may be busy, and what passes does so at once.
PATIENCE_S = 120.0
ENDING_S = 120.0
OURS = "hhdg"  # how client order ids of bot `hdg` begin
STATIC = Decimal("0.5")
LOT = Decimal("0.001")

# The coins do not move by themselves, so that whatever crosses the band is the hedger's doing.
STILL = """
mode = "paper"

[accounts.main]
venue = "binance"

[[holdings]]
asset = "BTC"
quantity = 0.5

[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "relative", width = 0.01, floor = 0.002 }
guards = { position = 3, order_notional = 30_000 }

[paper]
deposits = false
spot = { BTC = 0.3 }
"""

# Orders are placed so far behind the market that they rest, and the dead man's switch leaves them there for as long as
# a busy machine may take to start the next process.
PATIENT = STILL.replace("guards =", "execution = { offset_ticks = 1_000, reprice_s = 60, linger_s = 90 }\nguards =")
PATIENT = PATIENT.replace('venue = "binance"', 'venue = "binance"\ndead_mans_switch_s = 600')

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and all that it said."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """This environment without any setting of the hedger's in it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HEDGER_")}
    return {**kept, "PYTHONWARNINGS": "default", "COLUMNS": "200", **more}


def run_hedger(
    *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = PATIENCE_S, stdin: str = ""
) -> Ended:
    """Run a command to its end; `stdin` is typed into it."""
    done = subprocess.run(
        [sys.executable, "-m", "hedger", *arguments],
        capture_output=True,
        text=True,
        env=dict(env or environment()),
        timeout=timeout_s,
        check=False,
        input=stdin,
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(slots=True, kw_only=True)
class Running:
    """A `hedger paper` process; what it says is kept in files beside its state directory."""

    process: subprocess.Popen[bytes]
    directory: Path
    out_path: Path
    err_path: Path

    @property
    def paper(self) -> Path:
        """Where the journal and the exchange's files are."""
        return self.directory / "paper"

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return self.out_path.read_text(errors="replace")

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return self.err_path.read_text(errors="replace")

    @property
    def events(self) -> list[str]:
        """The names of the log lines so far."""
        return [line["event"] for line in self.log]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{") and line.endswith("}")]

    def until(self, wanted: Callable[[], T | None], what: str, timeout_s: float = PATIENCE_S) -> T:
        """Wait until `wanted` gives something; the end of the process, or of our patience, fails the test."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            found = wanted()
            if found:
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode} before {what}: {self.err[-2000:]}")
            time.sleep(0.02)
        raise AssertionError(f"no {what} within {timeout_s:.0f} s: {self.err[-2000:]}")

    def exchange(self) -> Exchange:
        """Its exchange, once that serves."""
        return Exchange(self.until(lambda: read_note(self.paper), "exchange"))

    def known(self) -> dict[str, Any]:
        """Its status file; empty before the first one of this process."""
        with suppress(OSError, ValueError):
            status = json.loads((self.paper / "status.json").read_text())
            if status["pid"] == self.process.pid:
                return dict(status)
        return {}

    def until_mode(self, mode: str) -> dict[str, Any]:
        """Wait for a mode; what the status file says then."""

        def known() -> dict[str, Any] | None:
            found = self.known()
            return found if found.get("mode") == mode else None

        return self.until(known, f"mode {mode}")

    def get(self, path: str) -> tuple[int, str]:
        """Ask its health port: status and text."""
        port = self.until(lambda: self.known().get("metrics_port"), "metrics port")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = ENDING_S) -> Ended:
        """Wait for its end."""
        code = self.process.wait(timeout=timeout_s)
        return Ended(code=code, out=self.out, err=self.err)

    def stop(self) -> Ended:
        """Have it drain, and wait for its end."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def journal_has_start(self, number: int) -> bool:
        """Whether its journal has that many starts."""
        try:
            return self.journal().count("start") >= number
        except sqlite3.Error:
            return False

    def journal(self) -> JournalRows:
        """What its journal holds, read beside it."""
        return JournalRows(self.paper / "journal.sqlite3")


@dataclass(frozen=True, slots=True)
class JournalRows:
    """A journal, read without the program's own code."""

    path: Path

    def query(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=60)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def keys(self, kind: str) -> set[str]:
        """The keys of a kind: ids of orders, numbers of decisions."""
        return {row[0] for row in self.query("SELECT DISTINCT key FROM events WHERE kind = ?", kind)}

    def count(self, kind: str) -> int:
        """How many rows a kind has."""
        return int(self.query("SELECT count(*) FROM events WHERE kind = ?", kind)[0][0])

    def orders_after(self, kind: str) -> list[str]:
        """The orders whose first row comes after the first one of a kind."""
        first = "SELECT min(seq) FROM events WHERE kind = ?"
        text = f"SELECT key FROM events WHERE kind = 'order' GROUP BY key HAVING min(seq) > ({first})"
        return [row[0] for row in self.query(text, kind)]

    def last_kinds(self) -> list[str]:
        """The kinds of all rows, oldest first."""
        return [row[0] for row in self.query("SELECT kind FROM events ORDER BY seq")]


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange of a run: its truth, and a hand on its world."""

    note: Note

    def truth(self, user: str = "main") -> Truth:
        """What really is of an account."""
        return truth_from_json(self._ask("GET", f"/truth?user={user}"))

    def do(self, action: str, **arguments: object) -> dict[str, object]:
        """Have something happen."""
        return dict(json.loads(self._ask("POST", "/scenario", {"action": action, **arguments})))

    def take(self, quantity: str, limit: Decimal) -> None:
        """Somebody buys the perpetual up to a price, those who sell for less first."""
        bought = {"wallet": "linear", "symbol": "BTCUSDT", "side": "buy", "quantity": quantity}
        self.do("crowd_takes", **bought, limit=str(limit))

    def status(self) -> dict[str, object]:
        """Its time, its lag and what it has served."""
        return dict(json.loads(self._ask("GET", "/status")))

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> str:
        """Without an event loop, which would cost more than the answer. Raises GiveUp as `Attached` does."""
        connection = _UnixConnection(self.note.socket)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as error:
            raise GiveUp(f"The exchange does not answer: {error!r}.") from None
        finally:
            connection.close()
        if response.status != 200:
            raise GiveUp(text)
        return text

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self.note.pid, signal.SIGKILL)


class _UnixConnection(HTTPConnection):
    """HTTP to a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("exchange", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Connect to the file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def has_ended(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ends in time; one that only waits for its parent's notice has ended."""
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def net_delta(truth: Truth) -> Decimal:
    """Spot, cold wallet and perpetual together, in BTC."""
    return truth.spot.get("BTC", Decimal(0)) + STATIC + truth.positions.get("BTCUSDT", Decimal(0))


def band_of(truth: Truth) -> Decimal:
    """How far the delta may stray in the configurations of these tests."""
    return max(Decimal("0.002"), (truth.spot.get("BTC", Decimal(0)) + STATIC) / 100)


def ours(truth: Truth) -> list[SimOrder]:
    """The hedger's orders in the book."""
    return [order for order in truth.open_orders if order.client_order_id.startswith(OURS)]


def is_hedged(truth: Truth) -> bool:
    """Inside the band, with nothing at work."""
    return abs(net_delta(truth)) <= band_of(truth) and not ours(truth)


@dataclass(slots=True)
class Watch:
    """Samples the truth all the while, and remembers what must never be seen."""

    exchange: Exchange
    samples: int = 0
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def _look(self) -> None:
        while not self._stop.wait(0.03):
            try:
                truth = self.exchange.truth()
            except GiveUp:
                continue
            self.samples += 1
            self.faults += judged(truth)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Sample while inside; afterwards nothing wrong may have been seen."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(10)
        assert self.faults == []
        assert self.samples > 5


def judged(truth: Truth) -> list[str]:
    """What is wrong at one instant where the holding is long and still: no set of fills may turn the book around."""
    working = ours(truth)
    lowest = net_delta(truth) - sum((o.quantity - o.filled for o in working if o.side.value == "sell"), Decimal(0))
    faults = [] if lowest >= -band_of(truth) - LOT else [f"the book could turn around to {lowest}"]
    faults += [f"{len(working)} orders work at once"] if len(working) > 1 else []
    faults += ["a client order id was used twice"] if truth.duplicate_client_ids else []
    faults += ["a fill was a taker's"] if any(not t.maker for t in truth.trades if _is_ours(t.client_order_id)) else []
    return faults


def _is_ours(client_order_id: str) -> bool:
    return client_order_id.startswith(OURS)


def order_faults(journal: JournalRows, truth: Truth, *, foreign: int = 0) -> list[str]:
    """Where what the exchange accepted and what the journal intended differ: orders first go to disk.

    `foreign` is how many orders a person placed.
    """
    intended = journal.keys("order")
    seen = {t.client_order_id for t in truth.trades} | {o.client_order_id for o in truth.open_orders}
    faults = [f"order {id} is not in the journal" for id in seen if _is_ours(id) and id not in intended]
    if truth.creates_accepted - foreign > len(intended):
        faults.append(f"{truth.creates_accepted - foreign} orders accepted, {len(intended)} in the journal")
    return faults


class Nursery:
    """Starts processes and ends all of them, exchanges included, whatever the test did."""

    def __init__(self) -> None:
        self._running: list[Running] = []

    def paper(
        self, directory: Path, *arguments: str, speed: str = "10", env: Mapping[str, str] | None = None
    ) -> Running:
        """Start `hedger paper` on a state directory that may be in use again after an end; `env` adds variables."""
        command = ["hedger", "paper", "--speed", speed, "--state-dir", str(directory)]
        return self.start(directory, [*command, *arguments], env)

    def start(self, directory: Path, command: Sequence[str], env: Mapping[str, str] | None = None) -> Running:
        """Start a module with its arguments; what it says is kept in the directory."""
        directory.mkdir(parents=True, exist_ok=True)
        number = len(self._running)
        out_path, err_path = directory / f"out.{number}", directory / f"err.{number}"
        with out_path.open("wb") as out, err_path.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                env=environment(**(env or {})),
            )
        running = Running(process=process, directory=directory, out_path=out_path, err_path=err_path)
        self._running.append(running)
        return running

    def still(self, directory: Path, *arguments: str, speed: str = "10") -> Running:
        """The same in a world whose holding does not move by itself."""
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "still.toml"
        config.write_text(STILL)
        return self.paper(directory, "--config", str(config), "--metrics-port", "0", *arguments, speed=speed)

    def patient(self, directory: Path, speed: str = "10") -> Running:
        """The same with orders that rest far from the market."""
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "patient.toml"
        config.write_text(PATIENT)
        return self.paper(directory, "--config", str(config), "--metrics-port", "0", speed=speed)

    def close(self) -> None:
        """Kill what still lives, and wait until it is gone."""
        for running in self._running:
            note = read_note(running.paper)
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait(10)
            if note is not None and is_alive(note.pid):
                Exchange(note).kill()


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery that is closed in the end."""
    held = Nursery()
    try:
        yield held
    finally:
        held.close()


def secrets_in(note: Note, texts: Mapping[str, str | bytes]) -> list[str]:
    """Where a key of the exchange, or half of one, is to be read."""
    found = []
    for name, text in texts.items():
        content = text if isinstance(text, bytes) else text.encode(errors="replace")
        for secret in (note.api_key, note.api_secret):
            if any(part.encode() in content for part in (secret, secret[:32], secret[32:])):
                found.append(name)
    return found


def lines_of_json(text: str) -> Sequence[dict[str, Any]]:
    """Each line as JSON; one that is none fails the test."""
    return [json.loads(line) for line in text.splitlines()]
