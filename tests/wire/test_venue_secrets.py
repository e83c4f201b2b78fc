"""No key leaves the program: canaries in refusals, the client's own log, what the venue echoes, and reprs."""

import asyncio
import base64
import io
import json
import logging
import socket
from contextlib import redirect_stdout, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from hedger.app.daemon import Daemon, conduct
from hedger.app.live import secrets_of, wanted_of
from hedger.errors import HedgerError
from hedger.ops.view import Banner
from hedger.runtime.clock import SystemClock
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network
from hedger.venues.outcome import Scrub
from tests.support.configurations import LIVE, load
from tests.support.leave import let_go
from tests.support.wire_canaries import leaks, listening, turn_up
from tests.support.wire_certificates import contexts
from tests.support.wire_server import KEY, SECRET, FakeVenue, Loopback, Seen, cut_answer, plain_answer
from tests.support.wire_venue import BTC, OUR_ID, opened, place_order

ECHOES = {
    "whole": f"{KEY} {SECRET}",
    "cut": f"{KEY[3:14]} {SECRET[5:]}",
    "hex": SECRET.encode().hex(),
    "base64 within more": base64.b64encode(b"x" + KEY.encode() + b"yz").decode(),
    "base64 of both": base64.b64encode(f"{KEY}:{SECRET}".encode()).decode(),
    "beyond the bound": "x" * 235 + SECRET,
    "in a long page": "x" * 4_090 + SECRET,
    "under a mask": f"***{KEY[:10]}***",
}


@pytest.mark.parametrize("row", ECHOES)
def test_what_a_venue_says_back_is_shown_without_any_piece_of_a_key(row: str) -> None:
    text = Scrub(KEY, SECRET)(f"refused: {ECHOES[row]}")
    assert text.startswith("refused: ")
    assert leaks(text) == []


def test_a_scrubbed_text_keeps_what_is_no_secret() -> None:
    said = "-2019 Margin is insufficient."
    assert Scrub(KEY, SECRET)(said) == said
    assert Scrub("", "")(said) == said
    assert Scrub("k" * 64, "s" * 64)(said) == said


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
@pytest.mark.parametrize("row", ECHOES)
def test_a_venue_that_echoes_keys_does_not_get_them_into_outcomes_or_errors(status: int, row: str) -> None:
    async def scenario() -> list[str]:
        async with opened() as desk:
            turn_up()
            body = plain_answer(status, json.dumps({"code": -1102, "msg": ECHOES[row]}))
            texts = []
            for path in (("POST", "/fapi/v1/order"), ("GET", "/fapi/v1/order")):
                desk.fake.answers[path] = body
            texts.append(repr(await desk.venue.place(place_order(), let_go)))
            with suppress(HedgerError):
                await desk.venue.find_order(BTC, OUR_ID)
            try:
                await desk.venue.find_order(BTC, OUR_ID)
            except HedgerError as problem:
                texts.append(repr(problem))
            return texts

    with listening() as heard:
        texts = asyncio.run(scenario())
    assert heard.leaks == []
    assert leaks(" ".join(texts)) == []


def test_the_loops_own_debugging_tells_no_key() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 0.0
        async with opened() as desk:
            turn_up()
            desk.fake.answers["GET", "/api/v3/account"] = cut_answer()
            with suppress(HedgerError):
                await desk.venue.read_account()
            await desk.venue.place(place_order(), let_go)
            loop.call_exception_handler({"message": "a task failed", "venue": desk.venue, "link": vars(desk.venue)})

    with listening() as heard:
        asyncio.run(scenario(), debug=True)
    assert len(heard.ears.lines) > 20, "the loop's debugging was on"
    assert heard.leaks == []


def test_the_texts_of_a_venue_and_of_its_parts_show_no_key(tmp_path: Path) -> None:
    async def scenario() -> str:
        async with opened() as desk:
            parts = vars(desk.venue)
            return repr(desk.venue) + repr(parts) + str(parts) + repr(vars(parts["_parts"].reader))

    assert leaks(asyncio.run(scenario())) == []
    keys = {"HEDGER_ACCOUNTS__MAIN__API_KEY": KEY, "HEDGER_ACCOUNTS__MAIN__SECRET": SECRET}
    settings = load(tmp_path, LIVE, {"mode": "shadow"}, keys)
    assert leaks(repr(settings) + str(settings) + repr(settings.model_dump()) + settings.model_dump_json()) == []


def test_the_clients_own_debug_log_is_where_keys_would_be_and_is_kept_out() -> None:
    """If ccxt stopped writing them, this whole file would look for nothing."""
    ears: list[str] = []

    class All(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ears.append(record.getMessage())

    async def scenario() -> None:
        async with opened() as desk:
            turn_up()
            await desk.venue.place(place_order(), let_go)

    handler, out = All(logging.DEBUG), io.StringIO()
    with listening() as heard, redirect_stdout(out):
        logging.getLogger("ccxt").addHandler(handler)
        asyncio.run(scenario())
        logging.getLogger("ccxt").removeHandler(handler)
    assert leaks("\n".join(ears)), "ccxt writes the key into its requests"
    assert heard.leaks == []
    assert leaks(out.getvalue()) == []


# --- a whole run ------------------------------------------------------------------------------------------------------


async def echoing(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """A venue that says every key back in every refusal."""
    said = f"{seen.headers.get('X-MBX-APIKEY')} {SECRET} {seen.query} {base64.b64encode(SECRET.encode()).decode()}"
    return web.json_response({"code": -1102, "msg": said}, status=400)


def test_a_whole_run_leaves_no_key_in_journal_status_metrics_or_log(tmp_path: Path) -> None:
    keys = {"HEDGER_ACCOUNTS__MAIN__API_KEY": KEY, "HEDGER_ACCOUNTS__MAIN__SECRET": SECRET}
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    chosen = {"mode": "shadow", "state_dir": str(tmp_path / "state"), "metrics.port": port}
    settings = load(tmp_path, LIVE, chosen, keys)
    assert set(secrets_of(settings)) == {KEY, SECRET}

    async def run() -> str:
        fake = await FakeVenue().start()
        clock = SystemClock()
        banner = Banner(kind="shadow", transport="rest+ws", started_at=clock.now_ms())
        wanted = wanted_of(settings, banner=banner, view=False, lines=True, directory=tmp_path / "state")
        venue = open_venue(
            account="main",
            venue="binance",
            environment="shadow",
            clock=clock,
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=Loopback(fake.port), ssl_context=contexts()[1]),
            observer=wanted.watched,
        )
        metrics: list[str] = []

        async def meanwhile(daemon: Daemon) -> None:
            turn_up()
            await read_again(fake, 1)
            for path in ("/fapi/v3/account", "/fapi/v1/income", "/fapi/v1/userTrades"):
                fake.answers["GET", path] = echoing
            fake.answers["PUT", "/fapi/v1/listenKey"] = fake.answers["POST", "/fapi/v1/listenKey"] = echoing
            so_far = len(fake.requests("GET", "/fapi/v3/account"))
            daemon.loop.wake["main"].set()
            await read_again(fake, so_far + 1)
            await asyncio.sleep(0.2)  # what comes of it
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as page:
                metrics.append(await page.text())
            metrics.append(repr(daemon.state))

        with suppress(HedgerError):
            await conduct(
                settings=settings,
                venues={"main": venue},
                clock=clock,
                directory=tmp_path / "state",
                wanted=wanted,
                meanwhile=meanwhile,
                signals=False,
            )
        await fake.stop()
        assert any(seen.path == "/fapi/v3/account" for seen in fake.seen)
        return "".join(metrics)

    out = io.StringIO()
    with listening() as heard, redirect_stdout(out):
        state = asyncio.run(run())
    assert "hedger_" in state, "the metrics were read"
    assert heard.leaks == []
    assert leaks(out.getvalue()) + leaks(state) == []
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"journal.sqlite3"}
    for path in files:
        assert leaks(path.read_bytes().decode("latin-1")) == [], path.name


async def read_again(fake: FakeVenue, times: int) -> None:
    """Wait until the account was asked for so often."""
    async with asyncio.timeout(60):
        while len(fake.requests("GET", "/fapi/v3/account")) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
