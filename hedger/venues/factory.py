"""Venues by name: constructed here and opened by whoever runs them."""

from __future__ import annotations

from dataclasses import replace

from hedger.errors import ConfigError, CredentialsError
from hedger.runtime.ports import Clock, Venue
from hedger.venues.binance import BinanceVenue
from hedger.venues.binance_codes import Environment
from hedger.venues.client import Credentials
from hedger.venues.light import load_exchange_class
from hedger.venues.network import Network
from hedger.venues.watching import Unwatched, VenueObserver

VENUES = ("binance",)
_PAPER_KEYS = Credentials(api_key="paper", secret="paper-secret")  # noqa: S106


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
        raise ConfigError(f"{venue} is not a venue that we know: {', '.join(VENUES)} is.")
    where = Environment(environment)
    if where is Environment.PAPER:
        if network is None or network.resolver is None or network.ssl_context is None:
            raise ConfigError("paper trading needs its own network, or it would reach the real venue.")
        network = replace(network, loopback_only=True)
    elif credentials is None or not credentials.api_key or not credentials.secret:
        raise CredentialsError(f"account {account} has no API key and secret, which {environment} mode needs.")
    return BinanceVenue(
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
