"""What a pair of keys may do on BingX, which it tells in one of two shapes."""

from __future__ import annotations

from typing import Any

from hedger.venues.asking import Understand
from hedger.venues.bingx.codes import API
from hedger.venues.link import Link
from hedger.venues.profile import KeyRights
from hedger.venues.wire import Flag, Payload, reader

# 1 spot trading, 2 reading, 3 perpetual futures trading, 4 universal transfer, 5 withdrawal, 7 internal transfer.
_READ, _TRADE, _WITHDRAW = 2, 3, 5


class _Numbered(Payload):
    permissions: list[int]
    ipAddresses: list[str] | None = None


class _Flagged(Payload):
    enableReading: Flag
    enableFutures: Flag
    enableWithdrawals: Flag
    ipRestrict: Flag


_read_numbered: Understand[_Numbered] = reader(_Numbered)
_read_flagged: Understand[_Flagged] = reader(_Flagged)


async def check_key(link: Link) -> KeyRights:
    """What the keys may do; simulated trading has no such question."""
    method = link.client.account_v1_private_get_account_apipermissions
    return await link.asker.need("rights of the key", method, rights_of, host=link.hosts[API])


def rights_of(payload: Any) -> KeyRights:
    """The rights, as numbers or as flags, with or without the usual frame; ValueError for anything else."""
    told = payload["data"] if isinstance(payload, dict) and isinstance(payload.get("data"), dict) else payload
    if isinstance(told, dict) and "permissions" in told:
        numbered = _read_numbered(told)
        held = set(numbered.permissions)
        bound = None if numbered.ipAddresses is None else bool(numbered.ipAddresses)
        return KeyRights(_READ in held, _TRADE in held, _WITHDRAW in held, bound)
    flagged = _read_flagged(told)
    return KeyRights(flagged.enableReading, flagged.enableFutures, flagged.enableWithdrawals, flagged.ipRestrict)
