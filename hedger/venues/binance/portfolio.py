"""An account in portfolio margin: one wallet backs everything, and another API tells of it. It is read, not traded.

The venue's own measure `uniMMR` is equity over maintenance margin; our margin ratio is its inverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from hedger.errors import ConfigError, CredentialsError, GiveUp
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand, together
from hedger.venues.binance.codes import DAPI, FAPI, PAPI
from hedger.venues.binance.doors import PORTFOLIO, private
from hedger.venues.binance.names import settles_in_coin
from hedger.venues.binance.payloads import ApiRestrictions, FuturesAccount, RiskRow, SpotRow
from hedger.venues.binance.positions import Account
from hedger.venues.binance.rights import ask_info
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Name, NotNegative, Number, Payload, reader

# How far the venue's own measure may be from equity over maintenance margin.
SLACK = Decimal("0.01")


class PortfolioAccount(Payload):
    """`GET /papi/v1/account`, in dollars."""

    uniMMR: NotNegative
    accountEquity: Number
    accountInitialMargin: NotNegative
    accountMaintMargin: NotNegative


class PortfolioBalance(Payload):
    """`GET /papi/v1/balance` of one asset: what is in the margin wallet, what is owed there, and what each kind of
    contract keeps. About a single asset the documented answer leaves `crossMarginAsset` out: it is free and locked."""

    asset: Name
    crossMarginAsset: NotNegative | None = None
    crossMarginFree: NotNegative
    crossMarginLocked: NotNegative
    crossMarginBorrowed: NotNegative
    crossMarginInterest: NotNegative
    umWalletBalance: Number
    umUnrealizedPNL: Number
    cmWalletBalance: Number


class _KindAsset(Payload):
    maintMargin: NotNegative


class KindAccount(Payload):
    """`GET /papi/v1/um/account`: the positions of one kind of contract, and the maintenance margin of each asset."""

    assets: list[_KindAsset]
    positions: list[RiskRow]

    @property
    def totalMaintMargin(self) -> Decimal:
        """Above 0 where anything is held."""
        return sum((row.maintMargin for row in self.assets), ZERO)


class _CoinPosition(Payload):
    positionAmt: Number


class FuturesPart(NamedTuple):
    """What a reading needs of the wallet that backs contracts. `held` tells of the positions; `coins` are in a margin
    wallet beside the spot wallet, less what is owed."""

    account: FuturesAccount
    held: Account
    risks: list[RiskRow]
    coins: Mapping[str, Decimal] = {}


_read_account: Understand[PortfolioAccount] = reader(PortfolioAccount)
_read_balance: Understand[PortfolioBalance] = reader(PortfolioBalance)
_read_named: Understand[list[SpotRow]] = reader(list[SpotRow])
_read_kind: Understand[KindAccount] = reader(KindAccount)
_read_risks: Understand[list[RiskRow]] = reader(list[RiskRow])
_read_coin_position: Understand[_CoinPosition] = reader(_CoinPosition)


async def enter(link: Link, rights: ApiRestrictions, symbols: tuple[str, ...]) -> None:
    """Find out whether the account is in portfolio margin, and have every question go by its API where it is.

    Keys have a right of their own for it, and where the venue says that the account is not in it, its other APIs must
    answer. Raises ConfigError where such an account is to be traded: its API has no dead
    man's switch, and its contracts in coins are not understood yet.
    """
    if not rights.enablePortfolioMarginTrading or (await ask_info(link)).isPortfolioMarginRetailEnabled is False:
        return
    if not await _is_unified(link):
        return
    if link.environment is Environment.LIVE:
        raise ConfigError(
            f"account {link.account} is in portfolio margin on Binance, where no dead man's switch can be set: "
            "it can be watched in shadow mode and is not traded. Leave portfolio margin, or trade another account."
        )
    if any(settles_in_coin(symbol) for symbol in symbols):
        raise ConfigError(f"account {link.account} is in portfolio margin: its COIN-M contracts are not read yet.")
    link.client.options[PORTFOLIO] = True


async def _is_unified(link: Link) -> bool:
    """Whether the account answers there. What it says to one that is not in portfolio margin is not known [V]: any
    refusal that does not pass is taken for that, and then the other API must answer."""
    try:
        await link.asker.ask(
            "portfolio margin", link.client.papi_get_account, _read_account, host=link.hosts[PAPI], final=True
        )
    except (GiveUp, CredentialsError):
        return False
    return True


class PortfolioReader:
    """Reads what backs the contracts of an account in portfolio margin, and its USDⓈ-M positions."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def read(self) -> FuturesPart:
        """Balances of our coins and moneys: none is told by leaving it out.

        ValueError where the venue's measure does not fit, or a COIN-M contract on a coin of ours is held.
        """
        settled = {rules.settle for rules in self._listing.instruments.values()}
        assets = sorted(self._listing.coins | settled)
        account, held, risks, coin_risks, balances = await together(
            self._need("portfolio margin", self._link.client.papi_get_account, {}, _read_account),
            self._need("USDⓈ-M account", private(self._link, FAPI, "get_account"), {}, _read_kind),
            self._need("position risk", private(self._link, FAPI, "get_positionrisk"), {}, _read_risks),
            self._need("COIN-M position risk", private(self._link, DAPI, "get_positionrisk"), {}, _read_risks),
            self._balances(assets),
        )
        self._refuse_coin_contracts(coin_risks)
        return FuturesPart(
            account=FuturesAccount(
                totalMarginBalance=account.accountEquity,
                totalMaintMargin=account.accountMaintMargin,
                totalInitialMargin=account.accountInitialMargin,
                availableBalance=account.accountEquity - account.accountInitialMargin,
                assets=[_row(balance) for balance in balances],
                positions=held.positions,
            ),
            held=_fitting(account, held),
            risks=risks,
            coins={row.asset: _net(row) for row in balances},
        )

    async def _balances(self, assets: Sequence[str]) -> list[PortfolioBalance]:
        """The balances of assets, all at once, for that weighs no more than one; what it leaves out is asked for."""
        told = await self._need("balances", self._link.client.papi_get_balance, {}, _read_named)
        found = [_read_balance(row.model_dump()) for row in told if row.asset in assets]
        named = [row.asset for row in found]
        if len(set(named)) != len(named):
            raise ValueError("the balance of an asset is told twice")
        return found + await together(*(self._balance(asset) for asset in assets if asset not in named))

    async def _balance(self, asset: str) -> PortfolioBalance:
        def understand(payload: Any) -> PortfolioBalance:
            found = _read_balance(payload[0] if isinstance(payload, list) and len(payload) == 1 else payload)
            if found.asset != asset:
                raise ValueError(f"the balance of {found.asset} came as an answer about {asset}")
            return found

        method = self._link.client.papi_get_balance
        found: PortfolioBalance = await self._need("balance", method, {"asset": asset}, understand)
        return found

    async def _need(self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[PAPI])

    def _refuse_coin_contracts(self, rows: list[RiskRow]) -> None:
        """A position in COIN-M would be delta that nobody counts."""
        for row in rows:
            ours = row.symbol.partition("USD_")[0] in self._listing.coins
            if ours and _read_coin_position(row.model_dump()).positionAmt:
                raise ValueError(f"a position in {row.symbol} is held, and COIN-M in portfolio margin is not read yet")


def _fitting(account: PortfolioAccount, held: KindAccount) -> KindAccount:
    """The positions, where the venue's own measure is what its equity and its maintenance margin come to."""
    maintenance = account.accountMaintMargin
    if (
        maintenance > 0
        and abs(account.uniMMR * maintenance - account.accountEquity) > abs(account.accountEquity) * SLACK
    ):
        raise ValueError("the margin of the account and its uniMMR do not fit together")
    if maintenance <= 0 < held.totalMaintMargin:
        raise ValueError("the account tells no maintenance margin, and its USDⓈ-M contracts need some")
    return held


def _net(row: PortfolioBalance) -> Decimal:
    held = row.crossMarginFree + row.crossMarginLocked if row.crossMarginAsset is None else row.crossMarginAsset
    return held - row.crossMarginBorrowed - row.crossMarginInterest


def _row(row: PortfolioBalance) -> SpotRow:
    """What contracts keep of an asset, as a row of the wallet that backs them."""
    balance = row.umWalletBalance + row.cmWalletBalance
    return SpotRow.model_validate(
        {"asset": row.asset, "walletBalance": balance, "unrealizedProfit": row.umUnrealizedPNL}
    )
