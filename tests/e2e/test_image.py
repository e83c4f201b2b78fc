"""The image as it is shipped: built, started as docker-compose.yml starts it, looked at, drained, and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from hedger.sim.attach import read_note
from hedger.venues.profile import VENUES
from tests.support.container_trial import tried
from tests.support.containers import HARDENED, ROOT, USER, Container, Yard, directory_of_the_image, yard
from tests.support.processes import PATIENT, STILL, Exchange, JournalRows, Watch, is_hedged, order_faults, ours

pytestmark = pytest.mark.timeout(600)

MOST_MB = 160  # what the image may add to its base
MOST_MEMORY_MB = 150
START_S = 60
GRACE_S = 60
KEY, SECRET = "canary-key-8d1f0c", "canary-secret-52b7ae"
NO_CAPABILITIES = "0" * 16
PUBLISHED = ("--env", "HEDGER_METRICS__HOST=0.0.0.0", "--publish", "127.0.0.1::9108")


@pytest.fixture(scope="module")
def stand() -> Iterator[Yard]:
    with yard() as held:
        yield held


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of secrets that only the image's user may read."""
    directory = tmp_path_factory.mktemp("secrets")
    for name, text in (("accounts__main__api_key", KEY), ("accounts__main__secret", SECRET)):
        (directory / name).write_text(f"{text}\n")
        give(directory / name, 0o400)
    give(directory, 0o500)
    return directory


@pytest.fixture(scope="module")
def hedger(stand: Yard, secrets: Path) -> Container:
    """One hedger on paper for all tests that only look at it."""
    options = (*PUBLISHED, "--volume", f"{stand.volume()}:/state", "--volume", f"{secrets}:/run/secrets:ro")
    return stand.start("paper", "--speed", "10", options=options)


def give(path: Path, mode: int) -> None:
    """Let the image's user have a file, if we may give it away."""
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, USER, USER)


def get(url: str) -> tuple[int, str]:
    """Status and text; zero while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


def test_the_image_becomes_live_ready_and_healthy(hedger: Container) -> None:
    hedger.until(lambda: get(hedger.url(9108, "/livez"))[0] == 200, "life")
    hedger.until(lambda: get(hedger.url(9108, "/readyz"))[0] == 200, "readiness")
    hedger.until(lambda: hedger.health() == "healthy", "health")
    assert "hedger_build_info" in get(hedger.url(9108, "/metrics"))[1]


def test_it_hedges_a_paper_portfolio_out_of_the_box(hedger: Container) -> None:
    def hedged() -> bool:
        known = hedger.status().get("hedges", {}).get("BTC", {})
        if not known.get("band"):
            return False
        low, high = known["band"]
        return float(low) <= float(known["net_delta"]) <= float(high)

    hedger.until(hedged, "hedge")
    assert any(line["event"] == "order_filled" for line in hedger.lines())


def test_it_runs_as_a_number_without_capabilities_on_a_root_that_cannot_be_written(hedger: Container) -> None:
    for process in ("1", "self"):
        told = dict(line.split(":\t", 1) for line in hedger.exec("cat", f"/proc/{process}/status").out.splitlines())
        assert told["Uid"].split() == told["Gid"].split() == [str(USER)] * 4
        assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {NO_CAPABILITIES}
        assert told["NoNewPrivs"] == "1"
    for place in ("/", "/etc", "/opt/hedger", "/opt/hedger/program/hedger", "/usr/local/bin", "/run/secrets"):
        assert hedger.exec("touch", f"{place}/written").code != 0, place
    assert hedger.inspect()["HostConfig"]["ReadonlyRootfs"] is True


def test_a_secret_that_comes_by_file_is_seen_nowhere(hedger: Container, stand: Yard) -> None:
    shown = hedger.exec("hedger", "config", "show", "--sources")
    assert "/run/secrets/accounts__main__api_key" in shown.out
    said = hedger.logs()
    written = hedger.exec("grep", "-rlE", f"{KEY}|{SECRET}", "/state", "/tmp")
    assert (written.code, written.out) == (1, "")
    seen = {
        "the container": json.dumps(hedger.inspect()),
        "the image": stand.engine.told("image", "inspect", stand.image),
        "its history": stand.engine.told("history", "--no-trunc", stand.image),
        "the log": said.out + said.err,
        "the settings": shown.out + shown.err,
        "the processes": hedger.exec("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ").out,
    }
    assert [name for name, text in seen.items() if KEY in text or SECRET in text] == []


def test_a_secret_that_is_named_by_a_variable_is_read_and_one_that_cannot_be_read_is_told(
    stand: Yard, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    options = ("--volume", f"{tmp_path}:/keys:ro", "--env", "HEDGER_ACCOUNTS__MAIN__API_KEY_FILE=/keys/key")
    give(key, 0o400)
    give(tmp_path, 0o500)
    shown = stand.run("config", "show", "--sources", options=options)
    assert (shown.code, "/keys/key" in shown.out, KEY in shown.out) == (0, True, False)
    key.chmod(0o000)
    refused = stand.run("config", "show", options=options)
    assert (refused.code, refused.out) == (3, "")
    assert "secret file /keys/key" in refused.err
    assert "it cannot be read" in refused.err


def test_only_what_is_needed_is_in_the_image(stand: Yard) -> None:
    program = f"""
import importlib.util, pathlib
from hedger.venues.light import load_exchange_class
for name in {list(VENUES)!r}:
    load_exchange_class(name)
site = pathlib.Path("/opt/hedger")
assert not [p for p in site.rglob("*") if p.name in ("tests", "test", "pip")]
assert importlib.util.find_spec("pip") is None
import sys
fresh = [m.__name__ for m in list(sys.modules.values()) if (f := getattr(m, "__file__", "")) and f.endswith(".py")
         and not pathlib.Path(importlib.util.cache_from_source(f)).exists()]
assert not fresh, f"compiled at every start: {{fresh}}"
"""
    looked = stand.run("-c", program, options=("--entrypoint", "/opt/hedger/bin/python"))
    assert (looked.code, looked.err) == (0, "")
    tools = stand.run("-c", "command -v gcc git curl wget", options=("--entrypoint", "sh"))
    assert tools.out == ""


def test_it_is_small_starts_quickly_and_ends_in_order(stand: Yard) -> None:
    """The limits leave room for a busy machine; `make image` prints the numbers."""
    trial = tried(stand, settled_s=1.0)
    assert trial.ours_mb < MOST_MB, trial.told()
    assert max(trial.live_s, trial.ordered_s) < START_S, trial.told()
    assert trial.hedger_mb < MOST_MEMORY_MB, trial.told()
    assert (trial.code, trial.ended_s < GRACE_S) == (0, True), trial.told()


def test_the_labels_and_ports_say_what_it_is(stand: Yard) -> None:
    (told,) = json.loads(stand.engine.told("image", "inspect", stand.image))
    config = told["Config"]
    assert config["Labels"]["org.opencontainers.image.title"] == "hedger"
    assert config["Labels"]["org.opencontainers.image.version"] == stand.image.partition(":")[2]
    assert set(config["ExposedPorts"]) == {"9108/tcp", "9109/tcp"}
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert list(config["Volumes"]) == ["/state"]


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--no-color", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "")


@pytest.mark.parametrize(("owner", "mode"), [(0, 0o700), (0, 0o755), (USER, 0o500)])
def test_a_state_directory_that_is_not_its_own_gets_a_sentence_and_a_code(
    stand: Yard, tmp_path: Path, owner: int, mode: int
) -> None:
    """A directory of the host's root, closed or open to be looked at, and one that its owner may not write."""
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, owner, owner)
    state.chmod(mode)
    ended = stand.run("paper", "--seconds", "5", options=("--volume", f"{state}:/state"))
    assert (ended.code, ended.out) == (6, ""), ended.err
    assert ended.err.startswith("hedger: /state")
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1


# --- the end: by a signal, and by force ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An exchange in a container of its own, and the hedger's beside it in the same namespaces and on the same state.

    The exchange that paper starts for itself dies with its container, as nothing on a venue does.
    """

    stand: Yard
    directory: Path
    options: tuple[str, ...]
    market: Container

    @property
    def exchange(self) -> Exchange:
        """The exchange, through its socket in the shared directory."""
        note = self.market.until(lambda: read_note(self.directory / "paper"), "exchange")
        return Exchange(replace(note, socket=str(self.directory / "paper" / "admin.sock")))

    @property
    def journal(self) -> JournalRows:
        """The hedger's journal."""
        return JournalRows(self.directory / "paper" / "journal.sqlite3")

    def hedger(self) -> Container:
        """Start a hedger on it."""
        beside = f"container:{self.market.name}"
        command = ("paper", "--config", "/state/still.toml", "--speed", "10")
        options = (*self.options, "--network", beside, "--pid", beside)
        without_init = [option for option in HARDENED if option != "--init"]  # the other container has one
        return self.stand.start(*command, options=options, hardened=without_init)


@contextmanager
def pair(stand: Yard, config: str = STILL) -> Iterator[Pair]:
    """A pair whose coins do not move by themselves."""
    with directory_of_the_image() as (directory, options):
        (directory / "still.toml").write_text(config)
        command = ("exchange", "--directory", "/state/paper", "--config", "/state/still.toml", "--speed", "10")
        market = stand.start(*command, options=options)
        yield Pair(stand=stand, directory=directory, options=options, market=market)


def test_sigterm_drains_within_the_grace_period_and_ends_with_0(stand: Yard) -> None:
    with directory_of_the_image() as (directory, options):
        (directory / "patient.toml").write_text(PATIENT)
        hedger = stand.start("paper", "--config", "/state/patient.toml", "--speed", "10", options=options)
        note = hedger.until(lambda: read_note(directory / "paper"), "exchange")
        exchange = Exchange(replace(note, socket=str(directory / "paper" / "admin.sock")))
        hedger.until(lambda: ours(exchange.truth()), "order at work")
        begun_at = time.monotonic()
        stand.engine.told("stop", "--time", str(GRACE_S), hedger.name)
        assert time.monotonic() - begun_at < GRACE_S
        assert hedger.wait() == 0
        summary = json.loads(hedger.logs().out.splitlines()[-1])
        assert (summary["truth_matches"], summary["differences"], summary["halted"]) == (True, [], None)
        assert [line["status"] for line in hedger.lines() if line["event"] == "order_changed"][-1] == "canceled"
        assert JournalRows(directory / "paper" / "journal.sqlite3").last_kinds()[-1] == "stop"


def test_a_killed_container_goes_on_where_it_was_and_nothing_is_hedged_twice(stand: Yard) -> None:
    """Killed while an order works, and again when all is hedged; the exchange lives on and is watched all the while."""
    with pair(stand) as both:
        hedger, exchange = both.hedger(), both.exchange
        with Watch(exchange).watching():
            hedger.until(lambda: ours(exchange.truth()), "order at work")
            stand.engine.told("kill", "--signal", "KILL", hedger.name)
            assert hedger.wait() == 137
            assert order_faults(both.journal, exchange.truth()) == []
            stand.engine.told("start", hedger.name)
            hedger.until(partial(starts, both.journal, 2), "second start")
            hedger.until(lambda: is_hedged(exchange.truth()), "hedge")

            held = exchange.truth()
            stand.engine.told("kill", "--signal", "KILL", hedger.name)
            hedger.wait()
            stand.engine.told("start", hedger.name)
            hedger.until(partial(starts, both.journal, 3), "third start")
            hedger.until(lambda: hedger.status().get("mode") == "hedging", "third start at work")
            time.sleep(1.5)  # fifteen seconds of the exchange
            now = exchange.truth()
            assert (now.creates_accepted, now.positions) == (held.creates_accepted, held.positions)
            assert (now.duplicate_client_ids, order_faults(both.journal, now)) == (0, [])


def starts(journal: JournalRows, number: int) -> bool:
    """Whether the journal has that many starts."""
    return journal.count("start") >= number
