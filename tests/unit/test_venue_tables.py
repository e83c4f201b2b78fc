"""Two tables about venues, the settings' and the profiles', that may not know each other and must agree."""

import pytest

from hedger.settings.values import VenueName
from hedger.settings.venues import VENUES as TOLD
from hedger.venues.abilities import Ability, Proof
from hedger.venues.light import load_exchange_class
from hedger.venues.profile import VENUES, profile_of

every_venue = pytest.mark.parametrize("venue", VENUES)


def test_the_settings_know_the_same_venues() -> None:
    assert {str(name) for name in TOLD} == set(VENUES)


@every_venue
def test_the_settings_say_of_a_venue_what_its_profile_says(venue: str) -> None:
    profile = profile_of(venue)
    told = TOLD[VenueName(profile.name)]
    assert told.title == profile.title
    assert told.passphrase == profile.needs_passphrase
    assert (told.no_testnet is None) == (profile.testnet is not None)
    assert told.switch == (profile.abilities[Ability.SWITCH].proof is not Proof.ABSENT)


@every_venue
def test_the_client_asks_for_a_passphrase_where_we_do(venue: str) -> None:
    profile = profile_of(venue)
    needed = load_exchange_class(profile.name)().requiredCredentials
    assert bool(needed.get("password")) == profile.needs_passphrase


@every_venue
def test_a_test_environment_shares_no_trading_host_with_the_live_one(venue: str) -> None:
    profile = profile_of(venue)
    if profile.testnet is None:
        assert profile.abilities[Ability.TEST_ENVIRONMENT].proof is Proof.ABSENT
    elif profile.name == "okx":  # told apart by a header, which its own tests watch
        assert set(profile.testnet.rest.values()) == set(profile.live.rest.values())
    else:
        assert not profile.testnet.hosts & profile.live.hosts
