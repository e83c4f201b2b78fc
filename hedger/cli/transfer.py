"""`hedger transfer`: move an asset between the wallets of an account, after a yes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, settings_of, tell
from hedger.errors import ConfigError


class Wallet(StrEnum):
    """Where an asset goes."""

    CONTRACTS = "contracts"
    COINS = "coins"


def transfer(
    account: Annotated[str, typer.Argument(help="The account, by its name in the configuration.")],
    asset: Annotated[str, typer.Argument(help="What is moved: USDT, BTC.")],
    quantity: Annotated[str, typer.Argument(help="How much of it.")],
    to: Annotated[Wallet, typer.Option(help="The wallet that backs contracts, or the one that keeps coins.")],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    json: JsonOption = False,
) -> None:
    """Move an asset between the wallets of one account. The keys need the right to; the hedger never does it itself."""
    from hedger.app.transferring import transfer as move

    settings = settings_of(config, {}, to_run=False)
    amount = _amount(quantity)
    asked = f"{settings.mode.value}: move {amount} {asset} on account {account} to the wallet of {to.value}?"
    if not yes and not typer.confirm(asked, err=json):
        raise ConfigError("nothing was moved: it was not confirmed")
    move(settings, account, asset, amount, to_contracts=to is Wallet.CONTRACTS)
    tell(f"moved {amount} {asset} to the wallet of {to.value} on account {account}", json)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ConfigError(f"{text!r} is no quantity") from None
