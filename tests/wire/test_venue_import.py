"""Importing one exchange of ccxt brings that one, unmodified, and not the hundred others."""

import subprocess
import sys

PROGRAM = """
import sys
from hedger.venues.light import load_exchange_class
venue = load_exchange_class("binance")
import ccxt, ccxt.pro
from ccxt import InvalidOrder, NetworkError
from ccxt.base.errors import NetworkError as same
assert ccxt.pro.binance is venue and NetworkError is same and issubclass(venue, ccxt.async_support.binance)
assert load_exchange_class("binance") is venue
others = [name for name in sys.modules if name.startswith("ccxt.") and name.endswith((".okx", ".bybit", ".kraken"))]
assert not others, others
assert sum(name.startswith("ccxt") for name in sys.modules) < 40
"""


def test_one_exchange_is_imported_without_the_others() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
