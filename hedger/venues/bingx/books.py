"""The venue's two books of contracts: the same questions at two families of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hedger.model.instrument import Payoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The client's raw methods for one family of contracts, and the account in which its margin lies."""

    payoff: Payoff
    title: str
    wallet: str
    contracts: str
    balance: str
    positions: str
    open_orders: str
    create: str
    cancel: str
    find: str
    forced: str
    fees: str
    premium: str
    margin_type: str
    set_margin_type: str
    leverage: str
    set_leverage: str


LINEAR = Book(
    payoff=Payoff.LINEAR,
    title="USDT-M",
    wallet="USDTMPerp",
    contracts="swap_v2_public_get_quote_contracts",
    balance="swap_v3_private_get_user_balance",
    positions="swap_v2_private_get_user_positions",
    open_orders="swap_v2_private_get_trade_openorders",
    create="swap_v2_private_post_trade_order",
    cancel="swap_v2_private_delete_trade_order",
    find="swap_v2_private_get_trade_order",
    forced="swap_v2_private_get_trade_forceorders",
    fees="swap_v2_private_get_user_commissionrate",
    premium="swap_v2_public_get_quote_premiumindex",
    margin_type="swap_v2_private_get_trade_margintype",
    set_margin_type="swap_v2_private_post_trade_margintype",
    leverage="swap_v2_private_get_trade_leverage",
    set_leverage="swap_v2_private_post_trade_leverage",
)
INVERSE = Book(
    payoff=Payoff.INVERSE,
    title="COIN-M",
    wallet="coinMPerp",
    contracts="cswap_v1_public_get_market_contracts",
    balance="cswap_v1_private_get_user_balance",
    positions="cswap_v1_private_get_user_positions",
    open_orders="cswap_v1_private_get_trade_openorders",
    create="cswap_v1_private_post_trade_order",
    cancel="cswap_v1_private_delete_trade_cancelorder",
    find="cswap_v1_private_get_trade_orderdetail",
    forced="cswap_v1_private_get_trade_forceorders",
    fees="cswap_v1_private_get_user_commissionrate",
    premium="cswap_v1_public_get_market_premiumindex",
    margin_type="cswap_v1_private_get_trade_margintype",
    set_margin_type="cswap_v1_private_post_trade_margintype",
    leverage="cswap_v1_private_get_trade_leverage",
    set_leverage="cswap_v1_private_post_trade_leverage",
)
BOOKS: Mapping[Payoff, Book] = MappingProxyType({Payoff.LINEAR: LINEAR, Payoff.INVERSE: INVERSE})
