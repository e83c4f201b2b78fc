"""The console: an event loop of its own in a thread of its own, beside the one that trades, sharing nothing with it but
a feed of references and the files of the state directory. A thread that dies is begun anew, a few times."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path

from hedger.errors import Bug, ConfigError
from hedger.ops.console.access import Lock, Strangers
from hedger.ops.console.aside import Aside
from hedger.ops.console.connection import Server
from hedger.ops.console.desk import Body, Desk, Lookouts, Reply
from hedger.ops.console.dispatch import Dispatch
from hedger.ops.console.feed import Feed
from hedger.ops.console.gallery import Gallery
from hedger.ops.console.lives import AGAIN_S, Lives
from hedger.ops.console.openapi import description
from hedger.ops.console.page_files import PageFile, read_page
from hedger.ops.console.reads import Asked, Reads
from hedger.ops.console.seats import Seats
from hedger.ops.console.streams import DRAIN_S, Streams
from hedger.ops.console.tokens import Tokens
from hedger.ops.explain import Story
from hedger.ops.serving import remedy
from hedger.ops.surroundings import Serving

STARTING_S, ENDING_S = 20.0, 3.0
BACKLOG = 128
SEND_BUFFER = 65_536
_SWITCH_INTERVAL_S = 0.00005  # how long a thread may keep the interpreter when another one wants it


class Console:
    """Serves one state directory. In a `with` block; port 0 lets the system choose one, see `port`.

    `story` tells of a decision from the journal, `lookouts` what an act would do; `now` gives seconds that never go
    back. Raises ConfigError for an address that cannot be had.
    """

    def __init__(
        self,
        directory: Path,
        feed: Feed,
        *,
        tokens: Tokens,
        host: str,
        port: int,
        now: Callable[[], float],
        story: Callable[[int], Story],
        names: Collection[str] = (),
        lookouts: Lookouts | None = None,
        page: Mapping[str, PageFile] | None = None,
        drain_s: float = DRAIN_S,
        again_s: float = AGAIN_S,
    ) -> None:
        try:
            self._socket = _bound(host, port)
        except (OSError, OverflowError) as error:
            raise ConfigError(remedy(host, port, error, "the console")) from error
        self.port = int(self._socket.getsockname()[1])
        self._feed = feed
        self._desk = Desk(directory, now, lookouts)
        self._lock = Lock(tokens, now)
        self._strangers = Strangers(host, self.port, names)
        self._story = story
        self._page = read_page() if page is None else page
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._ready = threading.Event()
        self._lives = Lives(self._run, gone=self._socket.close, name="console", now=now, again_s=again_s)

    def __enter__(self) -> Console:
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
        self._lives.begin()
        if not self._ready.wait(STARTING_S):
            self._lives.end(0)
            raise Bug("the console did not begin to serve: look at the log, or set console.enabled to false")
        return self

    def __exit__(self, *_: object) -> None:
        self._lives.is_over()
        if self._loop is not None and self._over is not None:
            with suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._over.set)
        self._lives.end(ENDING_S)
        self._socket.close()

    def serving(self) -> Serving:
        """How it does now, for any thread: two reads and a comparison."""
        return self._lives.serving()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        if self._lives.over:  # while it was begun anew
            return
        seats, gallery = Seats(), Gallery(self._feed, self._loop)
        kills, acts = Aside("console-kill", threads=1, most=64), Aside("console-act", threads=2, most=16)
        looks = Aside("console-look", threads=2, most=16)
        dispatch = self._dispatch(seats, gallery, Reads(gallery, self._desk, looks, self._story), kills, acts)
        server = Server(dispatch.handle, seats)
        # A copy: the loop closes what it served, and whoever connects between two lives waits for the next one.
        listener = await self._loop.create_server(server, sock=self._socket.dup(), backlog=BACKLOG)
        tasks = [asyncio.create_task(work) for work in (self._over.wait(), gallery.watch(), self._lives.beat())]
        self._ready.set()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            listener.close()
            for task in tasks:
                task.cancel()
            seats.hang_up()
            for aside in (kills, acts, looks):
                aside.close()

    def _dispatch(self, seats: Seats, gallery: Gallery, reads: Reads, kills: Aside, acts: Aside) -> Dispatch:
        desk, told = self._desk, description(self._feed.version)

        async def openapi(_: Asked) -> Reply:
            return HTTPStatus.OK, told

        def aside(act: Callable[[Body], Reply], where: Aside) -> Callable[[Body], Awaitable[Reply]]:
            return lambda body: where.do(partial(act, body))

        plain = ("status", "hedges", "hedge", "positions", "orders", "alarms", "decisions", "decision", "history")
        looks = {name: getattr(reads, name) for name in (*plain, "request", "access")}
        slow = {
            act.__name__: aside(act, acts)
            for act in (desk.pause, desk.unpause, desk.resume, desk.flatten, desk.reload, desk.acknowledge)
        }
        return Dispatch(
            strangers=self._strangers,
            lock=self._lock,
            page=self._page,
            seats=seats,
            reads={**looks, "openapi": openapi},
            acts={**slow, "kill": aside(desk.kill, kills)},
            streams={"stream": Streams(gallery, self._feed, self._drain_s).serve},
        )


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens. What it sends waits in small buffers, so that a client that does not read is seen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError):
        listening.close()
        raise
    return listening
