"""What a pair of keys may do on Binance, as it says itself. The demo network has no such question."""

from __future__ import annotations

from hedger.errors import AskAgain, CredentialsError, GiveUp
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import API
from hedger.venues.binance.payloads import AccountInfo, ApiRestrictions
from hedger.venues.link import Environment, Link
from hedger.venues.profile import KeyRights
from hedger.venues.wire import reader

_read_rights: Understand[ApiRestrictions] = reader(ApiRestrictions)
_read_info: Understand[AccountInfo] = reader(AccountInfo)
_UNSEEN = "options: the keys lack the right 'European options', so what is held of them counts nowhere"
TOLD_IN = frozenset({Environment.LIVE, Environment.SHADOW})


async def ask_rights(link: Link) -> ApiRestrictions:
    """All that the venue tells of the keys."""
    method = link.client.sapi_get_account_apirestrictions
    return await link.asker.need("rights of the key", method, _read_rights, host=link.hosts[API])


async def ask_info(link: Link) -> AccountInfo:
    """What the account has open; where the venue does not tell, nothing is known of it."""
    method = link.client.sapi_get_account_info
    try:
        found = await link.asker.ask("kind of the account", method, _read_info, host=link.hosts[API], final=True)
    except (AskAgain, GiveUp, CredentialsError):
        found = None
    return found or AccountInfo()


async def _unseen(link: Link, rights: ApiRestrictions) -> str:
    if rights.enableVanillaOptions or (await ask_info(link)).isOptionsEnabled is False:
        return ""
    return _UNSEEN


async def check_key(link: Link) -> KeyRights:
    """What the keys may do."""
    rights = await ask_rights(link)
    return KeyRights(
        may_read=rights.enableReading,
        may_trade=rights.enableFutures or rights.enablePortfolioMarginTrading,
        may_withdraw=rights.enableWithdrawals,
        bound=rights.ipRestrict,
        unseen=await _unseen(link, rights),
    )
