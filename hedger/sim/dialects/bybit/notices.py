"""What the exchange has announced of its contracts: what is closed or gone is not traded."""

from __future__ import annotations

TRADING = "Trading"


class Notices:
    """The status of each contract by Bybit's name; an empty one is not listed. At first each trades."""

    def __init__(self) -> None:
        self._statuses: dict[str, str] = {}

    def announce(self, symbol: str, status: str) -> None:
        """From now on a contract has this status, as Bybit words it (`Delivering`, `Closed`, `Trading`), or none."""
        self._statuses[symbol] = status

    def status(self, symbol: str) -> str:
        """The status of a contract."""
        return self._statuses.get(symbol, TRADING)
