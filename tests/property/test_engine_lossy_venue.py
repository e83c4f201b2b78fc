"""Whatever a venue loses, delays, doubles and tells without a name: once it is honest, all of it is known and right."""

import pytest

from tests.support.lossy_venue import WEATHERS, LossyVenue

HOSTILE_MS, HONEST_MS = 180_000, 180_000


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weather", WEATHERS)
def test_after_a_storm_an_honest_venue_is_believed_and_each_fill_was_counted_once(weather: str, seed: int) -> None:
    venue = LossyVenue(seed=seed, weather=WEATHERS[weather])
    venue.run(HOSTILE_MS)
    venue.be_honest()
    venue.run(HONEST_MS)
    assert len(venue.orders) > 1, "something was traded"
    assert not venue.wrongs()
