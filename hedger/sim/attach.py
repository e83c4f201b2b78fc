"""Finding, starting and asking the exchange's process: what the paper mode and the tests hold in their hands."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hedger.errors import GiveUp
from hedger.sim.scaled_time import SharedClock

# An HTTP client takes longer to import than the process to start: it is imported where it is used.
if TYPE_CHECKING:
    from hedger.sim.network import PaperNetwork
    from hedger.sim.nouns import Truth

NOTE = "exchange.json"
LOG = "exchange.log"
ASK_S = 5.0
READY_S = 20.0
_AFRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_SECRET = re.compile(r"HEDGER_((CONSOLE|NOTIFY)(_.*)?|(?!.*__KEY_ENVIRONMENT$).*(KEY|SECRET|TOKEN|PASS).*)")
PROGRAM = ("-m", "hedger", "exchange")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyPair:
    """What opens the account of one user of the exchange; a passphrase where the venue's keys have one."""

    api_key: str
    secret: str
    passphrase: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a running exchange says of itself in `exchange.json`. `seed` is for the reader's information.

    `keys` has a pair for each user, and `venues` the venue that the user's account is on; `hosts` are the names under
    which those venues answer. `api_key` and `api_secret` are the first user's.
    """

    pid: int
    port: int
    socket: str
    ca: str
    keys: Mapping[str, KeyPair]
    venues: Mapping[str, str]
    hosts: Sequence[str]
    start_at: int
    monotonic0: float
    speed: float
    seed: int

    def __repr__(self) -> str:
        return f"Note(pid={self.pid}, port={self.port})"

    @property
    def api_key(self) -> str:
        """The first user's key."""
        return next(iter(self.keys.values())).api_key

    @property
    def api_secret(self) -> str:
        """The first user's secret."""
        return next(iter(self.keys.values())).secret


@dataclass(slots=True, kw_only=True)
class Attached:
    """A running exchange. `process` is set for who started it."""

    note: Note
    process: subprocess.Popen[bytes] | None = None

    @property
    def clock(self) -> SharedClock:
        """The exchange's clock, which its clients live by."""
        return SharedClock(start_at=self.note.start_at, monotonic0=self.note.monotonic0, speed=self.note.speed)

    def network(self) -> PaperNetwork:
        """How a client reaches it, and nothing else."""
        from hedger.sim.network import paper_network

        return paper_network(self.note.port, Path(self.note.ca), self.note.hosts)

    async def truth(self, user: str = "main") -> Truth:
        """What really is. Raises GiveUp when the exchange does not answer."""
        from hedger.sim.testimony import truth_from_json

        return truth_from_json(await self._ask("GET", f"/truth?user={user}"))

    async def status(self) -> dict[str, object]:
        """The exchange's time, its lag behind the clock (ms), and how much it has served."""
        return dict(json.loads(await self._ask("GET", "/status")))

    async def scenario(self, action: str, **arguments: object) -> dict[str, object]:
        """Have something happen: see `hedger.sim.admin` for the actions."""
        return dict(json.loads(await self._ask("POST", "/scenario", {"action": action, **arguments})))

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has; one that does not is killed."""
        try:
            await self._ask("POST", "/stop")
        except GiveUp:
            _signal(self.note.pid, signal.SIGTERM)
        for _ in range(200):
            if self._gone():
                return
            await asyncio.sleep(0.01)
        _signal(self.note.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(timeout=5)

    def _gone(self) -> bool:
        if self.process is None:
            return not is_alive(self.note.pid)
        if self.process.poll() is None:
            return False
        if self.process.stdin is not None:
            self.process.stdin.close()
        return True

    async def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> str:
        import aiohttp

        connector = aiohttp.UnixConnector(self.note.socket)
        timeout = aiohttp.ClientTimeout(total=ASK_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, f"http://exchange{path}", json=body) as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise GiveUp(f"The simulated exchange (process {self.note.pid}) does not answer: {error}.") from error
        if response.status != 200:
            raise GiveUp(f"The simulated exchange refused {method} {path}: {text[:500]}")
        return text


async def start_exchange_process(
    arguments: Sequence[str],
    *,
    directory: Path,
    timeout_s: float = READY_S,
    program: Sequence[str] = PROGRAM,
) -> Attached:
    """Start `hedger exchange ARGUMENTS --directory DIRECTORY` and wait until it serves.

    Raises GiveUp with the last of its log if it does not come up.
    """
    process = launch_exchange(arguments, directory=directory, program=program)
    return await await_ready(process, directory, timeout_s=timeout_s)


def launch_exchange(
    arguments: Sequence[str], *, directory: Path, program: Sequence[str] = PROGRAM
) -> subprocess.Popen[bytes]:
    """Start the process and do not wait for it.

    It ends by `Attached.stop`, by SIGTERM, or some time after its parent (us) has died.
    """
    prepare_directory(directory)
    command = [sys.executable, *program, *arguments, "--directory", str(directory)]
    # It calls nobody, so it trusts nobody: reading the system's authorities is a tenth of its start.
    environment = {**without_secrets(os.environ), "SSL_CERT_FILE": os.devnull}
    try:
        log = os.fdopen(os.open(directory / LOG, _AFRESH, 0o600), "wb")
    except OSError as problem:
        raise GiveUp(f"{directory / LOG}: cannot be opened ({problem.strerror}); move it away") from None
    with log:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, env=environment
        )


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without the hedger's keys and tokens, whom it tells, and the names of files that hold them."""
    return {name: value for name, value in environ.items() if not _SECRET.fullmatch(name.upper())}


async def await_ready(process: subprocess.Popen[bytes], directory: Path, *, timeout_s: float = READY_S) -> Attached:
    """Wait for a process that we started to write its note. Raises GiveUp."""
    for _ in range(int(timeout_s / 0.01)):
        note = read_note(directory)
        if note is not None and note.pid == process.pid:
            return Attached(note=note, process=process)
        if process.poll() is not None:
            break
        await asyncio.sleep(0.01)
    process.kill()
    process.wait(timeout=5)
    if process.stdin is not None:
        process.stdin.close()
    log = directory / LOG
    said = log.read_text(errors="replace")[-2_000:] if log.exists() else ""
    raise GiveUp(f"The simulated exchange did not start: {said or 'it said nothing'}")


async def find_running(directory: Path) -> Attached | None:
    """The exchange that serves from `directory`; None if there is none that lives and answers."""
    note = read_note(directory)
    if note is None or not is_alive(note.pid):
        return None
    attached = Attached(note=note)
    try:
        await attached.status()
    except GiveUp:
        return None
    return attached


def prepare_directory(directory: Path) -> None:
    """Make a directory that only its owner enters, without the note of an earlier exchange."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    (directory / NOTE).unlink(missing_ok=True)


def read_note(directory: Path) -> Note | None:
    """The note in a directory; None without a whole one."""
    try:
        body = json.loads((directory / NOTE).read_text())
        return Note(**{**body, "keys": {user: KeyPair(**pair) for user, pair in body["keys"].items()}})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
