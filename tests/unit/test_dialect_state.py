"""What the dialect keeps for its clients: listen keys, dead man's switches, books in numbered steps, mishaps, truth."""

from __future__ import annotations

import ssl
import stat
import time
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from cryptography import x509

from hedger.model.order import Side
from hedger.sim.dead_man import DeadManSwitch
from hedger.sim.dialects.binance.depth import DepthFeed, Difference
from hedger.sim.dialects.binance.listen_keys import VALID_MS, ListenKeys
from hedger.sim.dialects.binance.refusals import LINEAR, SPOT, ApiError, translate
from hedger.sim.dialects.mishaps import Mishap, Mishaps
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.nouns import USDT_WALLETS, OrderKind, Refusal, Refused, SimOrder, Wallet
from hedger.sim.scaled_time import SharedClock
from hedger.sim.testimony import truth_from_json, truth_to_json
from hedger.sim.tls import make_certificates

START = 1_700_000_000_000


def small_exchange() -> Exchange:
    exchange = Exchange(listings=default_listings(("BTC",)), start_at=START, users=("main",))
    exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(10_000))
    for wallet in USDT_WALLETS:
        exchange.set_crowd(wallet, "BTCUSDT", Side.BUY, Decimal("60000.0"), Decimal(3))
        exchange.set_crowd(wallet, "BTCUSDT", Side.SELL, Decimal("60000.1"), Decimal(3))
    exchange.advance(START + 1_000)
    return exchange


def order_of(exchange: Exchange, kind: OrderKind = OrderKind.LIMIT, price: str | None = "59000") -> SimOrder:
    return exchange.place(
        "main",
        Wallet.LINEAR,
        "BTCUSDT",
        side=Side.BUY,
        kind=kind,
        quantity=Decimal("0.01"),
        price=None if price is None else Decimal(price),
        reduce_only=False,
        client_order_id="",
    )


def test_a_listen_key_lives_an_hour_after_each_sign_of_life() -> None:
    exchange, expired = small_exchange(), list[str]()
    keys = ListenKeys(exchange, Random(1))
    keys.on_expired = expired.append
    key = keys.issue("main")
    exchange.advance(exchange.now + VALID_MS - 1)
    assert (keys.extend("main"), keys.owner(key)) == (key, "main")
    exchange.advance(exchange.now + VALID_MS - 1)
    assert expired == []
    exchange.advance(exchange.now + 1)
    assert (expired, keys.active("main"), keys.owner(key)) == ([key], None, None)
    with pytest.raises(ApiError) as error:
        keys.extend("main")
    assert error.value.code == -1125


def test_a_closed_listen_key_does_not_expire() -> None:
    exchange, expired = small_exchange(), list[str]()
    keys = ListenKeys(exchange, Random(1))
    keys.on_expired = expired.append
    first = keys.issue("main")
    keys.close("main")
    second = keys.issue("main")
    exchange.advance(exchange.now + VALID_MS - 1)
    assert expired == []
    assert first != second


def test_a_switch_that_is_renewed_or_stopped_does_not_fire() -> None:
    exchange = small_exchange()
    switch = DeadManSwitch(exchange)
    order_of(exchange)
    for _ in range(3):
        switch.set("main", "BTCUSDT", 5_000)
        exchange.advance(exchange.now + 4_999)
    switch.set("main", "BTCUSDT", 0)
    exchange.advance(exchange.now + 60_000)
    assert (switch.fired, len(exchange.open_orders("main", Wallet.LINEAR))) == (0, 1)
    switch.set("main", "BTCUSDT", 5_000)
    exchange.advance(exchange.now + 5_000)
    assert (switch.fired, exchange.open_orders("main", Wallet.LINEAR)) == (1, [])


def test_a_snapshot_and_the_differences_after_it_make_the_book() -> None:
    exchange, differences = small_exchange(), list[Difference]()
    feed = DepthFeed(exchange, Wallet.LINEAR)
    feed.on_difference = lambda _, difference: differences.append(difference)
    at = feed.sync("BTCUSDT")
    book = dict(exchange.depth(Wallet.LINEAR, "BTCUSDT", 100)[0])
    differences.clear()
    for price, quantity in (("60000.0", "1"), ("59999.5", "2"), ("60000.0", "0"), ("59999.5", "2.5")):
        exchange.set_crowd(Wallet.LINEAR, "BTCUSDT", Side.BUY, Decimal(price), Decimal(quantity))
        feed.sync("BTCUSDT")
    for first, last, bids, _ in differences:
        assert first == at + 1
        at = last
        book = {price: quantity for price, quantity in {**book, **dict(bids)}.items() if quantity}
    assert book == dict(exchange.depth(Wallet.LINEAR, "BTCUSDT", 100)[0])
    assert feed.sync("BTCUSDT") == at


def test_mishaps_befall_requests_in_the_order_planned() -> None:
    mishaps = Mishaps()
    mishaps.plan("POST", "/a", Mishap.LOSE_ANSWER)
    mishaps.plan("POST", "/a", Mishap.OVERLOADED)
    assert mishaps.take("GET", "/a") is None
    assert [mishaps.take("POST", "/a") for _ in range(3)] == [Mishap.LOSE_ANSWER, Mishap.OVERLOADED, None]


def test_every_refusal_of_an_order_has_words_of_its_own() -> None:
    of_settings = {Refusal.NO_CHANGE, Refusal.POSITION_OPEN}
    for words, foreign in (
        (LINEAR, {Refusal.INSUFFICIENT_BALANCE}),
        (SPOT, {Refusal.INSUFFICIENT_MARGIN, Refusal.REDUCE_ONLY, Refusal.LEVERAGE, Refusal.POSITION_SIDE}),
    ):
        for refusal in set(Refusal) - of_settings - foreign:
            assert translate(Refused(refusal), words).code != -1000


def test_the_truth_survives_its_journey() -> None:
    exchange = small_exchange()
    order_of(exchange)
    order_of(exchange, OrderKind.MARKET, None)
    exchange.set_funding_rate("BTCUSDT", Decimal("0.0001"))
    exchange.advance(exchange.premium("BTCUSDT").next_funding_at + 1_000)
    truth = exchange.truth("main")
    assert truth.funding
    assert truth.trades
    assert truth.open_orders
    assert truth_from_json(truth_to_json(truth)) == truth


def test_a_shared_clock_runs_at_its_speed_and_never_back() -> None:
    clock = SharedClock(start_at=START, monotonic0=0.0, speed=1_000.0)
    instants = [clock.now_ms() for _ in range(100)]
    assert instants == sorted(instants)
    assert instants[0] > START


def test_certificates_outlast_a_paper_run_of_months(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, ["a.example"])
    in_two_years = time.time() + 2 * 365 * 86_400
    for path in (made.authority, made.chain):
        assert x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp() > in_two_years


def test_certificates_are_readable_by_their_owner_only_and_name_the_hosts(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, ["a.example", "b.example"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert b"PRIVATE KEY" not in made.authority.read_bytes()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain)
    (authority,) = ssl.create_default_context(cafile=made.authority).get_ca_certs()
    assert ("commonName", "simulated exchange authority") in [pair for rdn in authority["subject"] for pair in rdn]
