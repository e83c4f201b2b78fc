"""Two accounts through real ccxt: each has a key pair of its own, and what it asks is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from hedger.sim.attach import Attached, Note
from hedger.sim.nouns import Truth
from tests.support.processes import lines_of_json, nursery

CONFIG = """
mode = "paper"

[accounts.vault]
venue = "binance"

[accounts.desk]
venue = "binance"

[hedges.BTC]
instruments = ["vault:BTC/USDT:USDT"]
band = { rule = "relative", width = 0.01, floor = 0.002 }
guards = { position = 3, order_notional = 300_000 }

[hedges.ETH]
instruments = ["desk:ETH/USDT:USDT"]
band = { rule = "relative", width = 0.01, floor = 0.02 }
guards = { position = 50, order_notional = 300_000 }
"""


def truths_of(note: Note) -> Mapping[str, Truth]:
    """What really is, of each account."""

    async def ask() -> Mapping[str, Truth]:
        return {name: await Attached(note=note).truth(name) for name in note.keys}

    return asyncio.run(ask())


def test_two_accounts_end_hedged_and_each_signs_with_its_own_key(tmp_path: Path) -> None:
    config = tmp_path / "two.toml"
    config.write_text(CONFIG)
    with nursery() as processes:
        arguments = ("--config", str(config), "--metrics-port", "0", "--json", "--seconds", "60")
        running = processes.paper(tmp_path, *arguments, speed="20")
        note = running.exchange().note

        def both_traded() -> Mapping[str, Truth] | None:
            truths = truths_of(note)
            return truths if all(truth.trades for truth in truths.values()) else None

        truths = running.until(both_traded, "trades on both accounts")
        ended = running.wait()
    (summary,) = lines_of_json(ended.out)
    assert (ended.code, summary["hedged"], summary["truth_matches"], summary["transport"]) == (0, True, True, "wire")
    # The exchange knows who asks by the key alone, and takes no signature but that of the key's own secret.
    secrets = {word for pair in note.keys.values() for word in (pair.api_key, pair.secret)}
    assert (list(note.keys), len(secrets)) == (["vault", "desk"], 4)
    assert {trade.symbol for trade in truths["vault"].trades} == {"BTCUSDT"}
    assert {trade.symbol for trade in truths["desk"].trades} == {"ETHUSDT"}
    said = ended.out + ended.err + (running.paper / "exchange.log").read_text() + repr(note) + repr(note.keys)
    assert not any(word in said for word in secrets)
