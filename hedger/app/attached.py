"""The daemon on a running exchange, with real ccxt and TLS between the two."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from hedger.app.live import secrets_of, wanted_of
from hedger.app.paper import Stage, play
from hedger.app.summary import Summary
from hedger.app.watching import Watched
from hedger.errors import ConfigError
from hedger.ops.logs import configure_logging
from hedger.ops.view import Banner
from hedger.runtime.ports import Venue
from hedger.settings.schema import Settings
from hedger.sim.attach import Attached, KeyPair
from hedger.sim.nouns import Truth
from hedger.venues.client import Credentials
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.factory import import_client, open_venue
from hedger.venues.network import Network


def import_venues(settings: Settings) -> None:
    """Import the clients of the venues that the settings name, ahead of their opening."""
    for account in settings.accounts.values():
        import_client(account.venue)


async def play_attached(
    settings: Settings,
    directory: Path,
    exchange: Attached,
    continued: bool,
    seconds: float | None,
    json: bool,
    metrics_port: int | None,
) -> Summary:
    """Run the daemon on a running exchange, `continued` when it is one that an earlier run left behind."""
    words = [word for pair in exchange.note.keys.values() for word in (pair.secret, pair.passphrase)]
    secrets = [*secrets_of(settings), *filter(None, words)]
    configure_logging(settings.log.level.value, settings.log.format.value, secrets)
    clock = exchange.clock
    on_terminal = sys.stdout.isatty()
    note = "continuing on the exchange that the last run left" if continued else ""
    banner = Banner(
        kind="paper", transport="wire", started_at=clock.now_ms(), speed=float(settings.paper.speed), note=note
    )
    wanted = wanted_of(
        settings, banner=banner, view=on_terminal and not json, lines=not on_terminal and not json, directory=directory
    )
    wanted = wanted.quieter(json=json, metrics_port=metrics_port)

    async def quiet() -> None:
        await exchange.scenario("quiet")

    async def truths() -> Mapping[str, Truth]:
        return {name: await exchange.truth(name) for name in settings.accounts}

    stage = Stage(
        venues=venues_on(settings, exchange, wanted.watched),
        clock=clock,
        transport="wire",
        quiet=quiet,
        truths=truths,
        signals=True,
        cancel=EmergencyExit(emergency_accounts_on(settings, exchange), clock),
    )
    return await play(stage, settings, directory=directory, wanted=wanted, seconds=seconds)


def emergency_accounts_on(settings: Settings, exchange: Attached) -> dict[str, EmergencyAccount]:
    """How the watchdog reaches each account, with the keys and the network of the embedded exchange."""
    paper, keys = exchange.network(), exchange.note.keys
    return {
        name: EmergencyAccount(
            venue=account.venue,
            environment="paper",
            credentials=_credentials(keys[name]),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
        )
        for name, account in settings.accounts.items()
    }


def venues_on(settings: Settings, exchange: Attached, watched: Watched) -> dict[str, Venue]:
    """Real venues, through real ccxt, each with its own keys, in a network where only the embedded exchange exists."""
    paper, keys = exchange.network(), exchange.note.keys
    for name, account in settings.accounts.items():
        there = exchange.note.venues.get(name)
        if there != account.venue:
            other = f"no account {name}" if there is None else f"account {name} on {there}"
            raise ConfigError(f"the exchange that the last run left has {other}; it ends now, so start again")
    return {
        name: open_venue(
            account=name,
            venue=account.venue,
            environment="paper",
            clock=exchange.clock,
            credentials=_credentials(keys[name]),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
            observer=watched,
        )
        for name, account in settings.accounts.items()
    }


def _credentials(pair: KeyPair) -> Credentials:
    return Credentials(api_key=pair.api_key, secret=pair.secret, passphrase=pair.passphrase)
