"""The README's pictures of the console: a seeded paper run, shown by a real browser. `make picture` writes them."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from hedger.app.daemon import Daemon, Parts, polling_of
from hedger.app.exchange import START_AT, build_world
from hedger.engine.known.state import Action, Decision, State
from hedger.engine.step import Result
from hedger.model.message import Stamped
from hedger.ops.alarms import Alarms
from hedger.ops.console.answers import ALWAYS
from hedger.ops.console.history import History
from hedger.ops.console.page_files import read_page
from hedger.ops.console.snapshot import View, document
from hedger.ops.view import Banner
from hedger.runtime.journal import Journal
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.browser import DESKTOP, PHONE, chromium, opened

PICTURES = Path("docs/pictures")
AFTER_S = 2_400.0
MOST_S = 4_800.0
COVERED_CALL = Path("config/paper-covered-call.toml")
LARGEST = 150_000

Json = dict[str, Any]


@dataclass
class Past:
    """A run as the console would have seen it."""

    document: Json
    history: dict[str, Any]


class Watching:
    """Samples every second, and keeps what was first seen of an order at work after a while."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.decisions: list[Decision] = []
        self.seen: tuple[State, tuple[Decision, ...]] | None = None

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """Remember."""
        state = result.state
        self.decisions += result.decisions
        if self.seen is not None:
            return
        self.history.note(state)
        late = state.now - START_AT > AFTER_S * 1000
        if late and any(order.live for order in state.orders.values()):
            told = [d for d in self.decisions if d.action is not Action.WAIT]
            self.seen = (state, tuple(told[-50:]))

    def queued(self, events: int) -> None:
        """Nothing waits."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Nothing is measured."""


def paper_past(config: Path = COVERED_CALL, seed: int = 5) -> Past:
    """A paper run of forty minutes on virtual time, whose sold call moves the delta: one seed gives one past."""
    settings = load_settings(config, {"paper.seed": seed}, {})
    policy = to_policy(settings)
    watching = Watching(History(policy))

    async def run(directory: Path) -> None:
        clock = VirtualClock()
        world = build_world(settings, START_AT, None)
        driving = [asyncio.create_task(drive(exchange, clock)) for exchange in world.exchanges.values()]
        venues = {
            name: SimVenue(world.exchange_of(name), clock, SteadyLink(clock, 5), account=name, user=name)
            for name in settings.accounts
        }
        parts = Parts(
            policy=policy,
            venues=venues,
            clock=clock,
            journal=Journal.open(directory),
            polling=polling_of(settings),
            observer=watching,
            start_record={},
        )

        async def enough() -> None:
            for _ in range(int(MOST_S)):
                if watching.seen is None:
                    await clock.sleep(1)

        await Daemon(parts).run(lambda _: enough())
        for task in driving:
            task.cancel()

    with tempfile.TemporaryDirectory() as scratch:
        run_virtual(run(Path(scratch)), START_AT)
    assert watching.seen is not None, "no order was caught at work: try another seed"
    state, decisions = watching.seen
    view = View(
        state=state,
        policy=policy,
        banner=Banner(kind="paper", transport="wire", started_at=START_AT),
        decisions=decisions,
        alarms=Alarms(policy).look(state),
        version="0.1.0",
    )
    return Past(document(view), {hedge.name: watching.history.of(hedge.name) for hedge in policy.hedges})


@dataclass
class StillConsole:
    """Serves the page with one document that stands still, with the real headers. `beats` come, their clock `moves`, so
    does that of the picture where it is `drawn`, `more` events come as a test puts them there, and what is posted is
    remembered: path, header, token, body."""

    past: Past
    beats: bool = True
    moves: bool = True
    drawn: bool = True
    more: deque[tuple[str, Json]] = field(default_factory=deque)
    posted: list[tuple[str, str | None, str | None, object]] = field(default_factory=list)
    port: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**ALWAYS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"event: snapshot\ndata: {json.dumps(self.past.document)}\n\n".encode())
        at = self.past.document["at"]
        with suppress(ConnectionError):
            while not self._ended.is_set():
                at += self.moves  # a clock that moves, and shows the same second
                if self.more:
                    name, told = self.more.popleft()
                    await response.write(f"event: {name}\ndata: {json.dumps(told)}\n\n".encode())
                elif self.beats and self.drawn:
                    await response.write(f'event: change\ndata: {{"at":{at}}}\n\n'.encode())
                if self.beats:
                    await response.write(f'event: beat\ndata: {{"at":{at}}}\n\n'.encode())
                await asyncio.sleep(0.5)
        return response

    async def _file(self, request: web.Request) -> web.Response:
        file = read_page().get(request.path)
        if file is None:
            return web.Response(status=404)
        return web.Response(body=file.data, headers={**ALWAYS, "Content-Type": file.content_type})

    async def _history(self, request: web.Request) -> web.Response:
        return web.json_response(self.past.history.get(request.match_info["hedge"], {}), headers=ALWAYS)

    async def _access(self, _: web.Request) -> web.Response:
        return web.json_response({"read": True, "act": True}, headers=ALWAYS)

    async def _post(self, request: web.Request) -> web.Response:
        told = (request.headers.get("X-Hedger"), request.headers.get("Authorization"))
        self.posted.append((request.path, *told, await request.json()))
        return web.json_response({"latched": True}, status=202, headers=ALWAYS)

    async def _serve(self, ready: threading.Event) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/stream", self._stream),
                web.get("/api/history/{hedge}", self._history),
                web.get("/api/access", self._access),
                web.post("/api/{act}", self._post),
                web.get("/{path:.*}", self._file),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        await asyncio.to_thread(self._ended.wait)
        await runner.cleanup()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address of the page while it is served."""
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        thread.start()
        assert ready.wait(60), "the page is not served"
        try:
            yield f"http://127.0.0.1:{self.port}/"
        finally:
            self._ended.set()
            thread.join(5)


def main() -> None:
    """Write the pictures: the page by day on a desk, and by night on a phone."""
    with StillConsole(paper_past()).serving() as url, chromium() as browser:
        for name, size, dark in (("desktop", DESKTOP, False), ("phone", PHONE, True)):
            with opened(browser, url, size=size, dark=dark) as (page, _):
                page.wait_for_selector(".stage canvas")
                page.wait_for_timeout(1_500)
                path = PICTURES / f"console-{name}.png"
                page.screenshot(path=path)
                assert path.stat().st_size <= LARGEST, f"{path} is larger than {LARGEST} bytes"


if __name__ == "__main__":
    main()
