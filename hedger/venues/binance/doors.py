"""By which of Binance's doors a question goes: each kind of contract has its API, and portfolio margin one for all."""

from __future__ import annotations

from typing import Any

from hedger.venues.binance.codes import API, DAPI, FAPI, PAPI
from hedger.venues.link import Link

# What ccxt itself calls it. It is set once at the start, where the account is found to be in portfolio margin.
PORTFOLIO = "portfolioMargin"
_KINDS = {FAPI: "um", DAPI: "cm"}


def in_portfolio_margin(link: Link) -> bool:
    """Whether the account is in portfolio margin, where its questions about contracts have other addresses."""
    return bool(link.client.options.get(PORTFOLIO))


def private(link: Link, api: str, name: str) -> Any:
    """The client's method for a signed question about contracts: `get_order`, `get_positionside_dual`."""
    if not in_portfolio_margin(link):
        return getattr(link.client, f"{api}private_{name}")
    verb, _, path = name.partition("_")
    return getattr(link.client, f"papi_{verb}_{_KINDS[api]}_{path}")


def public(link: Link, api: str, name: str) -> Any:
    """The client's method for a question that anybody may ask."""
    return getattr(link.client, f"public_{name}" if api == API else f"{api}public_{name}")


def host_of(link: Link, api: str) -> str:
    """The host of the signed questions about contracts of an API."""
    return link.hosts[PAPI if in_portfolio_margin(link) else api]
