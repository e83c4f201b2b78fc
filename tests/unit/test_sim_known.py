"""The table of dialects: whom the exchange can be, under which hosts, and with which keys."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import pairwise

import pytest

from hedger.settings.values import VenueName
from hedger.sim.attach import KeyPair
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.known import DIALECTS, Topic, hosts_of
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.nouns import Listing, Wallet

START_AT = 1_767_253_200_000


def test_no_two_venues_answer_to_one_host() -> None:
    hosts = [host for dialect in DIALECTS.values() for host in dialect.hosts]
    assert len(hosts) == len(set(hosts))
    assert set(hosts_of(DIALECTS)) == set(hosts)
    assert hosts_of(["binance", "binance"]) == tuple(DIALECTS["binance"].hosts)


def test_every_venue_that_is_spoken_is_one_that_an_account_may_be_on() -> None:
    assert set(DIALECTS) == {"binance", "bybit", "deribit"} <= set(VenueName)


def test_what_is_spoken_of_is_what_the_venue_has() -> None:
    coins = {Topic.COIN_PERPETUALS, Topic.COIN_DATED, Topic.COIN_MARGIN}
    assert DIALECTS["binance"].speaks == {Topic.SPOT, Topic.PERPETUALS}
    assert set(DIALECTS["bybit"].speaks) == set(Topic) - {Topic.COIN_OPTIONS}
    assert DIALECTS["deribit"].speaks == {Topic.SPOT, Topic.COIN_OPTIONS} | coins


@pytest.mark.parametrize("venue", DIALECTS)
def test_a_dialect_puts_its_own_board_before_the_exchange_that_it_is_given(venue: str) -> None:
    dialect = DIALECTS[venue]
    exchange = Exchange(listings=default_listings(("BTC",)), start_at=START_AT, users=("main", "other"))
    board = dialect.make(exchange, {"main": dialect.new_keys(), "other": dialect.new_keys()}, 1)
    assert board.exchange is exchange
    assert set(board.hosts) == set(dialect.hosts)


@pytest.mark.parametrize("venue", DIALECTS)
def test_keys_have_the_length_that_they_have_on_the_venue_and_are_never_the_same(venue: str) -> None:
    dialect = DIALECTS[venue]
    made = [dialect.new_keys() for _ in range(4)]
    assert {(len(pair.api_key), len(pair.secret)) for pair in made} == {(dialect.key_length, dialect.secret_length)}
    assert len({pair.api_key for pair in made} | {pair.secret for pair in made}) == 8
    assert all(pair.passphrase == "" for pair in made)


def test_a_pair_of_keys_shows_nothing_of_itself() -> None:
    assert "canary" not in repr(KeyPair(api_key="canary", secret="canary", passphrase="canary"))


@pytest.mark.parametrize(("venue", "dollars"), [("binance", 100), ("bybit", 1), ("deribit", 10)])
def test_a_contract_has_the_size_that_it_has_on_the_venue(venue: str, dollars: int) -> None:
    listing = DIALECTS[venue].terms("BTC/USD:BTC")
    assert isinstance(listing, Listing)
    assert (listing.wallet, listing.contract_multiplier) == (Wallet.INVERSE, D(dollars))


@pytest.mark.parametrize("venue", DIALECTS)
def test_every_wallet_has_fees_that_fall_with_the_volume(venue: str) -> None:
    table = DIALECTS[venue].fees()
    assert set(table) == set(Wallet)
    for tiers in table.values():
        assert tiers[0].volume == 0
        assert all(a.volume < b.volume and a.maker >= b.maker for a, b in pairwise(tiers))


@pytest.mark.parametrize(
    ("venue", "trade_id", "number"),
    [
        ("binance", "5000001", 5_000_001),
        ("bybit", Ids(7).execution(Category.LINEAR, 5_000_001), 5_000_001),
        ("bybit", "5000001", 5_000_001),
        ("deribit", "BTC-5000001", 5_000_001),
        ("deribit", "5000001", 5_000_001),
        ("deribit", "BTC-x", None),
        ("binance", "", None),
    ],
)
def test_a_trade_id_tells_the_number_that_the_exchange_gave_it(venue: str, trade_id: str, number: int | None) -> None:
    assert DIALECTS[venue].trade_number(trade_id) == number
