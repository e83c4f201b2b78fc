"""The exchange as a process of its own: it serves, keeps time, outlives its parent for a while, and ends cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web

from hedger.sim.admin import Admin, Counter
from hedger.sim.attach import NOTE, Note, prepare_directory
from hedger.sim.dialects.known import DIALECTS, hosts_of
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.scaled_time import SharedClock
from hedger.sim.tls import make_certificates, write_private

LONGEST_NAP_S = 0.05
SHORTEST_NAP_S = 0.001
LONGEST_SOCKET_PATH = 100  # the system's limit is 108
LINGER_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One venue of DIALECTS with its exchange, and those who have an account there."""

    venue: str
    exchange: Exchange
    users: Sequence[str]


async def serve_exchanges(
    stands: Sequence[Stand],
    *,
    directory: Path,
    speed: float = 1.0,
    seed: int = 0,
    follow_stdin: bool = True,
    linger_s: float = LINGER_S,
    seconds: float | None = None,
    quiet: Callable[[], None] = lambda: None,
) -> None:
    """Serve the exchanges of some venues until told to stop (SIGTERM, SIGINT, `POST /stop`) or, if given, for real
    `seconds`.

    They share one clock, which starts at the `now` of the first and runs `speed` times as fast as real time. Each user
    has an API key that opens their account and no other. `directory` gets `exchange.json` (a `Note`) once everything
    answers. With `follow_stdin`, the end of standard input (if it is a pipe) means that the parent has died: the
    process then ends when nobody has asked it anything for `linger_s` real seconds and no stream is open. `quiet` ends
    the scenario's changes.
    """
    prepare_directory(directory)
    clock = SharedClock(start_at=stands[0].exchange.now, monotonic0=time.monotonic(), speed=speed)
    keys = [{user: DIALECTS[stand.venue].new_keys() for user in stand.users} for stand in stands]
    boards = [
        DIALECTS[stand.venue].make(stand.exchange, pairs, seed) for stand, pairs in zip(stands, keys, strict=True)
    ]
    server = DialectServer(boards, now=clock.now_ms)
    stopping = asyncio.Event()
    hosts = hosts_of(stand.venue for stand in stands)
    certificates = make_certificates(directory, hosts)
    counters = [Counter(stand.venue, board) for stand, board in zip(stands, boards, strict=True)]
    admin = Admin(counters, server, clock=clock.now_ms, stop=stopping.set, quiet=quiet)
    try:
        port = await server.start(certificates.chain)
        async with _back_door(directory, admin) as socket:
            note = Note(
                pid=os.getpid(),
                port=port,
                socket=str(socket),
                ca=str(certificates.authority),
                keys={user: pair for pairs in keys for user, pair in pairs.items()},
                venues={user: stand.venue for stand in stands for user in stand.users},
                hosts=hosts,
                start_at=clock.start_at,
                monotonic0=clock.monotonic0,
                speed=speed,
                seed=seed,
            )
            life = Life(server, linger_s=linger_s, seconds=seconds)
            async with life.watching(stopping, follow_stdin=follow_stdin):
                # Only now: whoever reads the note may send a signal at once.
                write_private(directory / NOTE, json.dumps(asdict(note)).encode())
                await _keep_time([stand.exchange for stand in stands], server, clock, stopping, life)
    finally:
        (directory / NOTE).unlink(missing_ok=True)
        await server.stop()


async def _keep_time(
    exchanges: Sequence[Exchange], server: DialectServer, clock: SharedClock, stopping: asyncio.Event, life: Life
) -> None:
    """Move the exchanges with the clock until they are to stop."""
    while not stopping.is_set() and not life.over():
        server.catch_up()
        next_at = min(exchange.next_at() for exchange in exchanges)
        wait_s = (next_at - clock.now_ms()) / 1_000 / clock.speed
        await asyncio.sleep(min(LONGEST_NAP_S, max(SHORTEST_NAP_S, wait_s)))


class Life:
    """Whether there is still anyone to serve."""

    def __init__(self, server: DialectServer, *, linger_s: float, seconds: float | None) -> None:
        self._server = server
        self._linger_s = linger_s
        self._ends_at = None if seconds is None else time.monotonic() + seconds
        self._orphaned = asyncio.Event()
        self._requests = 0
        self._active_at = time.monotonic()

    def over(self) -> bool:
        """True when the given time has passed, or the parent has died and nobody else has come for long enough."""
        now = time.monotonic()
        if self._ends_at is not None and now >= self._ends_at:
            return True
        if not self._orphaned.is_set() or self._server.connections or self._server.requests != self._requests:
            self._requests, self._active_at = self._server.requests, now
        return now - self._active_at > self._linger_s

    @asynccontextmanager
    async def watching(self, stopping: asyncio.Event, *, follow_stdin: bool) -> AsyncIterator[None]:
        """Listen for signals and, if asked, for the end of standard input."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        transport = None
        if follow_stdin and _is_pipe(sys.stdin.fileno()):
            transport, _ = await loop.connect_read_pipe(lambda: _EndOfInput(self._orphaned), sys.stdin)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            if transport is not None:
                transport.close()


def _is_pipe(descriptor: int) -> bool:
    """Whether a descriptor can tell that its other end has gone."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class _EndOfInput(asyncio.Protocol):
    """Sets an event when standard input ends."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()


@asynccontextmanager
async def _back_door(directory: Path, admin: Admin) -> AsyncIterator[Path]:
    """Serve the admin interface on a socket in `directory`, or nearby where its name would be too long."""
    path, spare = directory / "admin.sock", None
    if len(str(path)) > LONGEST_SOCKET_PATH:
        spare = tempfile.mkdtemp(prefix="hedger-")
        path = Path(spare) / "admin.sock"
    path.unlink(missing_ok=True)
    runner = web.ServerRunner(web.Server(admin.handle), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(path)).start()
        path.chmod(0o600)
        yield path
    finally:
        await runner.cleanup()
        if spare is not None:
            shutil.rmtree(spare, ignore_errors=True)
