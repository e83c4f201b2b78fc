"""What a pair of keys may do on MEXC."""

from __future__ import annotations

from typing import Any

from hedger.errors import CredentialsError
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.mexc.answers import answered
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.payloads import CurrencyRow, KeyInfo
from hedger.venues.profile import KeyRights
from hedger.venues.wire import reader

_READ, _TRADE, _WITHDRAW = frozenset({"CONTRACT_ACCOUNT_READ", "CONTRACT_DEAL_READ"}), "CONTRACT_DEAL_WRITE", "WITHDRAW"
_read_info: Understand[KeyInfo] = reader(KeyInfo)
_read_assets: Understand[list[CurrencyRow]] = answered(list[CurrencyRow])


async def check_key(link: Link) -> KeyRights:
    """What the keys may do, and whether futures answer them at all: MEXC kept that from the public until March 2026,
    and lets accounts trade futures by API that have shown who they are [V]."""
    client, host = link.client, link.hosts[API]
    info = await link.asker.need(
        "rights of the key", lambda: client.spot_private_get_apikeyinfo({"accessKey": client.apiKey}), _info, host=host
    )
    try:
        await link.asker.need("futures wallet", client.contract_private_get_account_assets, _read_assets, host=host)
    except CredentialsError as problem:
        told = "MEXC's futures API is open only to accounts and keys that were given it: ask the venue for that right"
        raise CredentialsError(f"{problem} {told}, and tick the futures rights of the key.") from None
    return info


def _info(payload: Any) -> KeyRights:
    told = _read_info(payload)
    held = {word.strip() for word in told.permissions.split(",")}
    may_withdraw = any(_WITHDRAW in word for word in held) if held - {""} else None
    return KeyRights(held >= _READ, _TRADE in held, may_withdraw, bool(told.ipWhiteList))
