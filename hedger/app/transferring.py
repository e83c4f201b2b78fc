"""Moving an asset between the wallets of one account, because a person says so; the hedger itself never does."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from hedger.app.daemon import ids_by_account
from hedger.app.live import venues_of
from hedger.app.precautions import quiet_of, quiet_row
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.runtime.clock import SystemClock
from hedger.runtime.ports import Venue
from hedger.settings.policy import to_policy
from hedger.settings.schema import Mode, Settings
from hedger.venues.account import VenueAccount


def transfer(settings: Settings, account: str, asset: str, quantity: Decimal, *, to_contracts: bool) -> None:
    """Move `quantity` of an asset to the wallet that backs contracts on an account, or away from it; once.

    Raises ConfigError for what cannot be meant, GiveUp where there is no such wallet or the venue refuses, AskAgain
    where it cannot be reached or its answer was lost: then look at the account before asking again.
    """
    if settings.mode not in (Mode.LIVE, Mode.TESTNET):
        raise ConfigError(f"nothing is transferred in mode {settings.mode.value}; only on a testnet and live")
    if account not in settings.accounts:
        raise ConfigError(f"there is no account {account}: {', '.join(settings.accounts)} are configured")
    if not quantity.is_finite() or quantity <= 0:
        raise ConfigError("the quantity must be more than 0")
    clock = SystemClock()
    quiet = quiet_row(account, quiet_of(Path(settings.state_dir)), clock.now_ms())
    if not quiet.good:
        raise AskAgain(f"account {account} is left alone: {quiet.found}")
    ids = ids_by_account(to_policy(settings)).get(account, ())
    asyncio.run(_move(venues_of(settings, clock)[account], ids, asset, quantity, to_contracts))


async def _move(venue: Venue, ids: tuple[InstrumentId, ...], asset: str, quantity: Decimal, to_contracts: bool) -> None:
    if not isinstance(venue, VenueAccount):
        raise GiveUp(f"account {venue.account} is on no venue that transfers")
    try:
        await venue.open([id.symbol for id in ids])
        await venue.transfer(asset, quantity, to_contracts=to_contracts)
    finally:
        await venue.close()
