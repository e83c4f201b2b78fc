"""A network in which only the simulated exchange exists: its host names are loopback, and nothing else is reached."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hedger.sim.dialects.binance.hosts import HOSTS

LOOPBACK = "127.0.0.1"
Address = tuple[Any, ...]
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, Address]


class OnlyTheseHosts(AbstractResolver):
    """Resolves an explicit set of names to one port on loopback, and refuses (OSError) every other name."""

    def __init__(self, port: int, hosts: Collection[str] = HOSTS) -> None:
        self._port = port
        self._hosts = frozenset(hosts)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The simulated exchange's address; the asked `port` does not matter."""
        if host not in self._hosts:
            text = f"{host} is not one of the simulated exchange's hosts: on paper nothing else is reached"
            raise OSError(errno.EHOSTUNREACH, text)
        result = ResolveResult(hostname=host, host=LOOPBACK, port=self._port, family=socket.AF_INET, proto=0, flags=0)
        return [result]

    async def close(self) -> None:
        """Nothing is held."""


class PaperNetwork(NamedTuple):
    """What a client session needs: who resolves names, and whom TLS trusts (this exchange's authority only)."""

    resolver: OnlyTheseHosts
    ssl_context: ssl.SSLContext


def paper_network(port: int, ca_path: Path, hosts: Collection[str] = HOSTS) -> PaperNetwork:
    """The network of the exchange that listens on `port` and answers to `hosts`."""
    return PaperNetwork(OnlyTheseHosts(port, hosts), ssl.create_default_context(cafile=ca_path))


def loopback_socket(info: AddressInfo) -> socket.socket:
    """A socket factory for aiohttp that refuses (OSError) any address but loopback.

    A resolver is not asked about a URL that has an IP address for a host: this is.
    """
    family, kind, protocol, _, address = info
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise OSError(errno.ENETUNREACH, f"{address[0]} is not loopback: on paper no packet leaves this machine")
    return socket.socket(family, kind, protocol)


def paper_connector(network: PaperNetwork) -> aiohttp.TCPConnector:
    """A connector that reaches the simulated exchange and nothing else."""
    return aiohttp.TCPConnector(
        resolver=network.resolver,
        ssl=network.ssl_context,
        use_dns_cache=False,
        family=socket.AF_INET,
        happy_eyeballs_delay=None,
        socket_factory=loopback_socket,
    )
