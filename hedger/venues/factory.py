"""Venues by name: constructed here and opened by whoever runs them."""

from __future__ import annotations

from dataclasses import replace

from hedger.errors import ConfigError, CredentialsError
from hedger.runtime.ports import Clock, Venue
from hedger.venues.account import VenueAccount
from hedger.venues.client import Credentials
from hedger.venues.light import load_exchange_class
from hedger.venues.link import Environment
from hedger.venues.network import Network
from hedger.venues.profile import VENUES, profile_of
from hedger.venues.watching import Unwatched, VenueObserver

_PAPER_KEYS = Credentials(api_key="paper", secret="paper-secret", passphrase="paper-pass")  # noqa: S106


def open_venue(
    *,
    account: str,
    venue: str,
    environment: str,
    clock: Clock,
    credentials: Credentials | None = None,
    network: Network | None = None,
    observer: VenueObserver | None = None,
) -> Venue:
    """An account on a venue, nothing sent yet. `environment` is paper, shadow, testnet or live.

    Paper needs a network whose resolver leads to this machine, and no keys; everything else needs keys.
    Raises ConfigError for an unknown venue, CredentialsError without keys.
    """
    if venue not in VENUES:
        raise ConfigError(f"{venue} is not a venue that we know: {', '.join(VENUES)} are.")
    where, profile = Environment(environment), profile_of(venue)
    if where is Environment.TESTNET and profile.testnet is None:
        raise ConfigError(f"{profile.title} has no test environment: try account {account} on paper, or watch it live.")
    if where is Environment.PAPER:
        if network is None or network.resolver is None or network.ssl_context is None:
            raise ConfigError("paper trading needs its own network, or it would reach the real venue.")
        network = replace(network, loopback_only=True)
    elif credentials is None or not credentials.api_key or not credentials.secret:
        raise CredentialsError(f"account {account} has no API key and secret, which {environment} mode needs.")
    elif profile.needs_passphrase and not credentials.passphrase:
        raise CredentialsError(
            f"account {account} has no passphrase, which {profile.title} asks for besides key and secret."
        )
    return VenueAccount(
        profile=profile,
        account=account,
        environment=where,
        credentials=credentials or _PAPER_KEYS,
        network=network or Network(),
        clock=clock,
        observer=observer or Unwatched(),
    )


def import_client(venue: str) -> None:
    """Import a venue's client now, while there is time, rather than when the venue is opened."""
    if venue in VENUES:
        load_exchange_class(venue)
        profile_of(venue)
