"""How long a replay lasts is known from the ends of its files, and nobody waits for what was not recorded."""

import time
from pathlib import Path

import pytest

from hedger.app.recording import replay_seconds
from hedger.errors import ConfigError
from hedger.sim.recorded import recorded_world
from hedger.sim.recording import recorded_seconds
from tests.support.recordings import depth, late, quoted, save, touch, trade

START = 1_700_000_000_000


@pytest.mark.parametrize(
    ("linear", "spot"),
    [
        ([quoted(), quoted(at=9_000)], [quoted()]),
        ([quoted(), quoted(at=9_000)], [quoted(at=3_000), quoted(at=20_400)]),
        ([depth(100, bids=[("59990.0", "3")]), depth(700, asks=[("60002.0", "1")]), quoted(at=9_000)], [quoted()]),
        ([touch(0, "60000.0", "2", "0", "0"), quoted(at=2_500), quoted(at=9_000)], [quoted()]),
    ],
)
def test_it_lasts_from_the_moment_when_both_books_show_both_sides(linear, spot, tmp_path: Path) -> None:
    save(tmp_path, linear, spot)
    world = recorded_world(tmp_path, seed=1, start_at=START, still=True)
    assert recorded_seconds(tmp_path) == pytest.approx((world.market.ends_at - START) / 1000, abs=0.002)


def test_its_length_is_found_quickly(tmp_path: Path) -> None:
    save(tmp_path, [quoted(at=at) for at in range(100_000)])
    began_s = time.process_time()
    assert 99.9 < recorded_seconds(tmp_path) < 100
    assert time.process_time() - began_s < 0.3


def test_a_run_lasts_as_long_as_the_recording_and_a_longer_one_is_refused(tmp_path: Path) -> None:
    save(tmp_path, [quoted(), quoted(at=9_500)])
    assert replay_seconds(tmp_path, None) == 9
    assert replay_seconds(tmp_path, 5) == 5
    with pytest.raises(ConfigError, match="lasts 9 s, less than the 60 s asked for"):
        replay_seconds(tmp_path, 60)


def test_a_book_that_never_shows_both_sides_is_refused(tmp_path: Path) -> None:
    save(tmp_path, [depth(100, bids=[("59990.0", "3")])])
    with pytest.raises(ConfigError, match="before both of its books have a bid and an ask"):
        recorded_seconds(tmp_path)


def test_a_message_that_comes_very_late_to_a_silent_stream_is_applied_when_it_comes(tmp_path: Path) -> None:
    save(tmp_path, [quoted(), late(trade(100, "buy", "60000.1", "1"), 400), quoted(at=2_000)])
    world = recorded_world(tmp_path, seed=1, start_at=START, still=True)
    world.exchange.advance(world.market.ends_at)
    assert sum(world.market.applied.values()) == 4
