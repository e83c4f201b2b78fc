"""Shadow, testnet and live: the daemon on real venues."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection
from pathlib import Path

from hedger.app.daemon import conduct, forever
from hedger.app.version import VERSION
from hedger.app.watching import Wanted, Watched
from hedger.errors import AskAgain, CredentialsError, Halted
from hedger.ops.logs import configure_logging
from hedger.ops.notify import secret_parts
from hedger.ops.view import Banner
from hedger.ops.words import halt_words
from hedger.runtime.clock import SystemClock
from hedger.runtime.ports import Clock, Venue
from hedger.settings.schema import AccountSettings, Mode, Settings
from hedger.venues.client import Credentials
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.factory import open_venue
from hedger.venues.network import Network

WORDS = {
    Mode.SHADOW: "shadow: decides and sends nothing",
    Mode.TESTNET: "testnet",
    Mode.LIVE: "LIVE: real money",
    Mode.PAPER: "paper",
}


def run_live(settings: Settings, *, view: bool) -> None:
    """Hedge until a signal or a bug; raises Halted where it ends halted, and AskAgain without a way to the venue."""
    directory = Path(settings.state_dir)
    on_terminal = sys.stdout.isatty()
    clock = SystemClock()
    wanted = wanted_of(
        settings,
        banner=Banner(kind=WORDS[settings.mode], transport="rest+ws", started_at=clock.now_ms()),
        view=view and on_terminal,
        lines=not on_terminal,
        directory=directory,
    )
    configure_logging(settings.log.level.value, settings.log.format.value, secrets_of(settings))
    hedging = conduct(
        settings=settings,
        venues=venues_of(settings, clock, wanted.watched),
        clock=clock,
        directory=directory,
        wanted=wanted,
        meanwhile=forever,
        cancel=EmergencyExit(emergency_accounts(settings), clock),
    )
    try:
        state = asyncio.run(hedging)
    except AskAgain as problem:
        told = str(problem).rstrip(".")
        raise AskAgain(f"{told}: this may pass; look at this machine's network, then start again") from None
    if state.halted is not None:
        raise Halted(f"it ended halted: {halt_words(state.halted)}")


def wanted_of(settings: Settings, *, banner: Banner, view: bool, lines: bool, directory: Path) -> Wanted:
    """What a run shows: the live view on a terminal, one JSON line a decision elsewhere, metrics where asked."""
    return Wanted(
        banner=banner,
        view=view,
        lines=sys.stdout if lines else None,
        log=not view,
        metrics_host=settings.metrics.host,
        metrics_port=settings.metrics.port if settings.metrics.enabled else None,
        status_path=directory / "status.json",
        version=VERSION,
        notify=settings.notify,
    )


def venues_of(settings: Settings, clock: Clock, watched: Watched | None = None) -> dict[str, Venue]:
    """A venue for each account, constructed and not yet opened."""
    return {
        name: open_venue(
            account=name,
            venue=account.venue,
            environment=settings.mode.value,
            clock=clock,
            credentials=_credentials(name, account),
            observer=watched or Watched(),
        )
        for name, account in settings.accounts.items()
    }


def emergency_accounts(settings: Settings) -> dict[str, EmergencyAccount]:
    """How the watchdog reaches each account, with nothing of the venues that the loop uses."""
    return {
        name: EmergencyAccount(
            venue=account.venue,
            environment=settings.mode.value,
            credentials=_credentials(name, account),
            network=Network(),
        )
        for name, account in settings.accounts.items()
    }


def secrets_of(settings: Settings) -> Collection[str]:
    """Every secret value, for the log's redaction and nothing else."""
    accounts = settings.accounts.values()
    keys = (secret for each in accounts for secret in (each.api_key, each.secret, each.passphrase))
    tokens = (settings.console.token, settings.console.read_token)
    known = [secret.get_secret_value() for secret in (*keys, *tokens) if secret is not None]
    urls = settings.notify.urls
    return known if urls is None else [*known, *secret_parts(urls.get_secret_value())]


def _credentials(name: str, account: AccountSettings) -> Credentials:
    if account.api_key is None or account.secret is None:
        raise CredentialsError(f"accounts.{name} has no key; set HEDGER_ACCOUNTS__{name.upper()}__API_KEY and __SECRET")
    return Credentials(
        api_key=account.api_key.get_secret_value(),
        secret=account.secret.get_secret_value(),
        passphrase="" if account.passphrase is None else account.passphrase.get_secret_value(),
    )
