"""`hedger reconcile`: what of the venues is believed, what is doubted, and what nobody has explained yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedger.cli.inspect import Said, said_on
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption
from hedger.errors import Differs
from hedger.runtime.kill import printable

ACCOUNT = {
    "read_at": "when its believed reading was asked for",
    "read_age_s": "how long ago that was, when it was said",
    "settled": "whether that was after everything that we did",
    "clean_readings": "how many were believed in a row",
    "readings_owed": "how many must still come before a create",
    "mistrusted": "whether the newest reading was refused",
    "failures": "how many reads failed or were refused in a row",
    "last_failure": "why, the last time",
    "stream_up": "whether its stream is connected",
    "out_of_sight": "that it is not read any more, since when, and what is done without it",
    "differences": "movements that our fills do not explain: `kind` (doubted, unexplained or unshown), `what`, "
    "`quantity`, `since`",
    "foreign_orders": "open orders on our instruments that are not ours, which are never touched",
}
TOLD = {
    "good": "whether everything is believed and nothing is left to explain",
    "reconciled": "whether the accounts are believed; until then nothing is created",
    "reconcile_reason": "why not",
    "doubted": "accounts whose readings only a person's `hedger resume` makes believed",
    "accounts": "each account, by its name",
    "unknown_orders": "orders of ours whose outcome is not known: reserved until it is",
}


def reconcile(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Say what of the venues is believed, what is doubted, which orders' fate is unknown, and what nobody explained.

    The hedger reads its accounts anew by itself, all the time; this asks nothing of it. Ends with 7 where something
    waits to be explained.
    """
    said = said_on(config, state_dir)
    told = _told(said)
    said.tell(json, told, [(("account", "", ""), list(_rows(told)))])
    if not told["good"]:
        raise Differs("not everything is believed: the rows above say what waits, and for what")


def _told(said: Said) -> dict[str, Any]:
    accounts = {name: {key: account.get(key) for key in ACCOUNT} for name, account in said.part("accounts").items()}
    orders = [order for hedge in said.part("hedges").values() for order in hedge["orders"]]
    unknown = [order for order in orders if order["status"] == "unknown"]
    reconciled = bool(said.part("reconciled"))
    left = [a for a in accounts.values() if a["differences"] or a["mistrusted"] or a["out_of_sight"]]
    return {
        "good": reconciled and not left and not unknown and not said.known["doubted"],
        "reconciled": reconciled,
        "reconcile_reason": said.known["reconcile_reason"],
        "doubted": said.known["doubted"],
        "accounts": accounts,
        "unknown_orders": unknown,
    }


def _rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if not told["reconciled"]:
        yield "all", "NOT BELIEVED YET", printable(str(told["reconcile_reason"]))
    for name, account in told["accounts"].items():
        for mark, text in _account(account):
            yield name, mark, printable(text)
    for name in told["doubted"]:
        yield name, "WAITS FOR YOU", "its readings lack our own fills: look at the venue's page, then `hedger resume`"
    for order in told["unknown_orders"]:
        what = f"{order['side']} {order['quantity']} at {order['price']}, {order['filled']} filled"
        yield order["instrument"], "UNKNOWN FATE", f"{order['id']}: {what}; it is reserved, and the venue is asked"


def _account(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if account["read_at"] is None:
        yield "NEVER READ", account["last_failure"] or "it is being read for the first time"
    else:
        settled = "after all that we did" if account["settled"] else "before our last change: another one is due"
        count = account["clean_readings"]
        yield "believed", f"read {account['read_age_s']:.1f} s ago, {settled}; {count} good readings in a row"
    if account["out_of_sight"]:
        yield "OUT OF SIGHT", account["out_of_sight"]
    elif account["failures"]:
        word = "REFUSED" if account["mistrusted"] else "failed"
        yield word, f"{account['failures']} readings in a row, the last: {account['last_failure']}"
    if account["readings_owed"]:
        yield "waits", f"{account['readings_owed']} more readings come before anything is created there"
    if not account["stream_up"]:
        yield "no stream", "its stream is not connected; polls go on"
    for row in account["differences"]:
        since = f" since {row['since']}" if row["since"] else ""
        yield row["kind"].upper(), f"{row['quantity']} of {row['what']} moved{since}, and not by our fills"
    for order in account["foreign_orders"]:
        what = f"{order['side']} {order['quantity']} at {order['price']} on {order['instrument']}"
        yield "not ours", f"{what} rests there; it is left alone"
