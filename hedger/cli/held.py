"""Commands that say what is held: exposure and positions, as the hedger said last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from hedger.cli.inspect import said_on
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption

EXPOSURE = {
    "underlying": "the coin",
    "spot": "coins on the accounts, equity in the coin among them",
    "static": "coins held where no API sees them",
    "options": "delta of the options, in coins",
    "futures": "delta of the futures, in coins; none where they are on other coins",
    "net_delta": "all of it, in coins",
    "target": "where it should be, in coins",
    "deviation": "net delta minus target, in coins",
    "band": "[lower, upper]: how far the deviation may go",
    "reserved": "[low, high]: where working and unknown orders may carry the net delta",
    "inside_band": "whether the deviation is in its band",
    "unhedged": "whether it has been outside for too long",
    "unhedged_on_purpose": "the same of one that a person paused or flattened",
}
POSITION = {
    "account": "the account by its name",
    "instrument": "`account:symbol`",
    "underlying": "the coin",
    "hedges": "the hedges that trade it; none is somebody else's position, which counts too",
    "quantity": "signed, in units, with our own fills since the reading",
    "coins": "the same in coins",
    "fills_since_reading": "of it: what no believed reading can have seen yet",
    "entry_price": "quote per unit",
    "mark_price": "of the reading",
    "unrealized": "what it gained since its entry, in quote",
    "liquidation_price": "as the venue says; none where it says none, or has not been read since the first fill",
    "liquidation_distance": "how far the mark is from it, as a ratio of the mark",
    "leverage": "that of the venue",
    "margin_mode": "cross or isolated",
    "payoff": "linear or inverse",
    "expires_at": "when a dated contract ends",
}
OPTION = {
    "account": "the account by its name",
    "instrument": "`account:symbol`",
    "underlying": "the coin",
    "type": "call or put",
    "strike": "quote per coin",
    "expires_at": "when it ends",
    "quantity": "signed, in contracts",
    "coins": "the same in coins",
    "mark_price": "for one coin: in quote, or in coins where it settles in them",
    "mark_sigma": "the venue's implied volatility a year: 0.5 is 50 %",
}


def exposure(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Say for each hedge what is held, what that comes to in delta, and where it should be. All in coins."""
    said = said_on(config, state_dir)
    hedges = {name: {key: hedge.get(key) for key in EXPOSURE} for name, hedge in said.part("hedges").items()}
    header = ("hedge", "spot", "elsewhere", "options", "futures", "net delta", "target", "band", "")
    said.tell(json, {"hedges": hedges}, [(header, list(_exposures(hedges)))])


def positions(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Say what is held of each contract: entry, mark, gain, liquidation price and its distance, leverage."""
    said = said_on(config, state_dir)
    futures, options = said.part("positions"), said.part("options")
    header = ("instrument", "quantity", "coins", "entry", "mark", "gain", "liquidation", "distance", "leverage")
    tables = [(header, list(_positions(futures)))]
    told = [(("option", "contracts", "coins", "mark", "sigma", "ends"), list(_options(options)))] if options else []
    said.tell(json, {"positions": futures, "options": options}, [*tables, *told], empty="nothing is held")


def _exposures(hedges: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, told in hedges.items():
        if told["net_delta"] is None:
            yield (name, *["–"] * 7, "an account was never read so far, or a price not seen")
            continue
        lower, upper = told["band"]
        held = (short(told[key]) for key in ("spot", "static", "options", "futures", "net_delta", "target"))
        yield (name, *held, f"{short(lower)} … {short(upper)}", _standing(told))


def _standing(told: Mapping[str, Any]) -> str:
    if told["unhedged"]:
        return "UNHEDGED"
    if told["unhedged_on_purpose"]:
        return "unhedged on purpose"
    return "inside" if told["inside_band"] else "outside"


def _positions(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        distance, leverage = row["liquidation_distance"], row["leverage"]
        yield (
            row["instrument"] if row["hedges"] else f"{row['instrument']} (not ours)",
            short(row["quantity"]),
            short(row["coins"]),
            *(short(row[key]) for key in ("entry_price", "mark_price", "unrealized", "liquidation_price")),
            "–" if distance is None else f"{Decimal(distance):.1%}",
            "–" if leverage is None else f"{leverage}x {row['margin_mode']}",
        )


def _options(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        sigma = row["mark_sigma"]
        figures = (short(row[key]) for key in ("quantity", "coins", "mark_price"))
        yield (row["instrument"], *figures, "–" if sigma is None else f"{Decimal(sigma):.1%}", row["expires_at"][:16])


def short(value: Any) -> str:
    """A number as anybody reads it, with eight places at most; a dash for nothing."""
    return "–" if value is None else f"{round(Decimal(str(value)), 8).normalize() + 0:f}"
