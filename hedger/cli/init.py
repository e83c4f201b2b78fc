"""`hedger init`: a first configuration, asked for step by step or given by options; it never asks for a key."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedger.cli.asker import Asker, one_of
from hedger.cli.options import tell
from hedger.errors import ConfigError

if TYPE_CHECKING:
    from hedger.settings.draft import CoinDraft, Draft, DraftBand, Stage
    from hedger.settings.values import VenueName

VENUES = ("binance", "bybit", "bingx", "weex", "mexc", "okx", "deribit")
STAGES = ("paper", "shadow", "testnet", "live-later")
BANDS = ("relative", "coins", "budget")
Texts = list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What options say; None is asked for. Those that are lists may name a coin: `BTC=0.5`."""

    venue: str | None
    mode: str | None
    account: str | None
    coin: Texts
    held: Texts
    instrument: Texts
    target: str | None
    band: str | None
    width: Texts
    floor: Texts
    position: Texts
    order_notional: str | None
    daily_notional: str | None
    daily_cost: str | None


def init(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")] = Path("hedger.toml"),
    venue: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(VENUES)}.", autocompletion=lambda: VENUES)
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(STAGES)}.", autocompletion=lambda: STAGES)
    ] = None,
    account: Annotated[str | None, typer.Option(help="What to call the account.")] = None,
    coin: Annotated[Texts, typer.Option(help="A coin to hedge; give it again for another.")] = None,
    held: Annotated[Texts, typer.Option(help="Coins held where no API sees them: BTC=0.5.")] = None,
    instrument: Annotated[Texts, typer.Option(help="What to hedge with, in order: BTC/USDT:USDT.")] = None,
    target: Annotated[str | None, typer.Option(help="neutral, ratio=0.8, coins=0.5 or quote=10000.")] = None,
    band: Annotated[str | None, typer.Option(help=f"One of {', '.join(BANDS)}.", autocompletion=lambda: BANDS)] = None,
    width: Annotated[Texts, typer.Option(help="How wide, in the band's unit: 0.02, or BTC=0.01.")] = None,
    floor: Annotated[Texts, typer.Option(help="The least width of a relative band: BTC=0.004.")] = None,
    position: Annotated[Texts, typer.Option(help="The most coins that a hedge may hold: BTC=1.")] = None,
    order_notional: Annotated[str | None, typer.Option(help="The most that one order may be worth, in quote.")] = None,
    daily_notional: Annotated[str | None, typer.Option(help="The most that a day's orders may be worth.")] = None,
    daily_cost: Annotated[str | None, typer.Option(help="The most that a day may cost, in quote.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take what is suggested for the rest.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and ask nothing.")] = False,
) -> None:
    """Write a first configuration with comments, checked as every start checks it. Enter takes what is suggested.

    It asks for no key and writes none: keys come from the environment or from secret files.
    """
    from hedger.app.whole_file import refuse_taken

    refuse_taken(file)
    given = Given(
        venue=venue,
        mode=mode,
        account=account,
        coin=coin,
        held=held,
        instrument=instrument,
        target=target,
        band=band,
        width=width,
        floor=floor,
        position=position,
        order_notional=order_notional,
        daily_notional=daily_notional,
        daily_cost=daily_cost,
    )
    draft = draft_of(given, Asker(silent=yes or json))

    from hedger.app.drafting import write_draft

    write_draft(file, draft)
    told, steps = f"{file} is written, and it is good", next_steps(draft, file)
    if json:
        tell(told, json, file=str(file), next_steps=[step.strip() for step in steps if step.startswith("  ")])
    else:
        print("\n".join((told if yes else f"\n{told}", *steps)))


def draft_of(given: Given, asker: Asker) -> Draft:
    """What the options and the answers come to. Raises ConfigError for what cannot be."""
    from hedger.settings.draft import (
        DAILY_COST,
        ORDER_NOTIONAL,
        ORDERS_A_DAY,
        Draft,
        Stage,
        read_account,
        read_number,
        stages_of,
    )
    from hedger.settings.values import VenueName
    from hedger.settings.venues import VENUES as FACTS

    asker.explain("A first configuration. Enter takes what stands in brackets; Ctrl-C ends it and writes nothing.")
    venue = asker.ask("--venue", given.venue, f"Venue ({', '.join(VENUES)})", "binance", one_of(VENUES, VenueName))
    stages = stages_of(venue)
    asker.explain(_choices(stages))
    lacking = FACTS[venue].no_testnet
    missing = {} if lacking is None else {"testnet": f"{FACTS[venue].title} {lacking}"}
    stage = asker.ask("--mode", given.mode, "Begin with", "paper", one_of(tuple(map(str, stages)), Stage, missing))
    account = asker.ask("--account", given.account, "A name for the account", "main", read_account)
    coins = _coins(given, asker, venue, stage, account)
    asker.explain(
        "Limits. Past one of them nothing is added, and what removes risk goes on. The first hedge of all that you\n"
        "hold must fit into a day's: else it stands still half-way until midnight UTC. `hedger doctor` looks."
    )
    order = asker.ask(
        "--order-notional",
        given.order_notional,
        "The most that one order may be worth, in quote",
        str(ORDER_NOTIONAL[stage]),
        read_number,
    )
    day = asker.ask(
        "--daily-notional",
        given.daily_notional,
        "The most that a day's orders may be worth",
        f"{order * ORDERS_A_DAY[stage]:f}",
        read_number,
    )
    cost = asker.ask(
        "--daily-cost",
        given.daily_cost,
        "The most that a day may cost in fees, funding and adverse moves",
        str(DAILY_COST[stage]),
        read_number,
    )
    return Draft(
        venue=venue,
        stage=stage,
        account=account,
        coins=coins,
        order_notional=order,
        daily_notional=day,
        daily_cost=cost,
    )


def next_steps(draft: Draft, file: Path) -> list[str]:
    """Where the keys go, and the next three commands."""
    from hedger.settings.draft import Stage
    from hedger.settings.venues import VENUES as FACTS

    paper = draft.stage is Stage.PAPER
    names = ("API_KEY", "SECRET", "PASSPHRASE") if FACTS[draft.venue].passphrase else ("API_KEY", "SECRET")
    variables = ", ".join(f"HEDGER_ACCOUNTS__{draft.account.upper()}__{name}" for name in names)
    keys = [] if paper else [f"The keys go into the environment ({variables}) or into files, never into it."]
    return [
        *keys,
        "Next:",
        f"  hedger config check -c {file}",
        f"  hedger doctor -c {file}",
        f"  hedger {'paper' if paper else 'run'} -c {file}",
    ]


def _coins(given: Given, asker: Asker, venue: VenueName, stage: Stage, account: str) -> tuple[CoinDraft, ...]:
    from hedger.settings.draft import Stage as Known
    from hedger.settings.draft import coins_of_paper, read_coin

    def read(text: str) -> list[str]:
        return list(dict.fromkeys(read_coin(part, venue, stage) for part in text.split(",")))

    listed = f" ({', '.join(coins_of_paper(venue))})" if stage is Known.PAPER else ""
    typed = None if not given.coin else ",".join(given.coin)
    coins = asker.ask("--coin", typed, f"Coins to hedge, with commas between them{listed}", "BTC", read)
    for name in ("held", "instrument", "width", "floor", "position"):
        _refuse_others(name, getattr(given, name) or [], coins)
    return tuple(_coin(given, asker, (venue, stage, account), coin, alone=len(coins) == 1) for coin in coins)


def _coin(given: Given, asker: Asker, where: tuple[VenueName, Stage, str], coin: str, *, alone: bool) -> CoinDraft:
    from hedger.settings.draft import SIZES, CoinDraft, read_number, read_symbols, read_target, symbols_of
    from hedger.settings.draft import Stage as Known

    venue, stage, account = where
    asker.explain(coin)
    held = asker.ask(
        "--held",
        _of(given.held, coin, alone),
        f"{coin} held where no API sees it, as in a cold wallet",
        "0",
        lambda text: read_number(text, above=False),
    )
    usual = symbols_of(venue, stage, coin)
    others = f"; also {', '.join(usual[1:])}" if usual[1:] else ""
    symbols = asker.ask(
        "--instrument",
        _symbols(given.instrument, coin, alone),
        f"Hedge {coin} with, in order of preference{others}",
        usual[0],
        lambda text: read_symbols(text, account, coin),
    )
    target, value = asker.ask(
        "--target",
        given.target,
        "Where its delta should be: neutral, ratio=0.8, coins=…, quote=…",
        "neutral",
        read_target,
    )
    rule, wide, least = _band(given, asker, coin, alone=alone)
    sizes = SIZES.get(coin)
    paper = sizes.paper if sizes and stage is Known.PAPER else Decimal(0)
    suggested = max(2 * (held + paper), sizes.position if sizes else Decimal(0))
    most = asker.ask(
        "--position",
        _of(given.position, coin, alone),
        f"The most {coin}, long or short, that the hedge may hold",
        f"{suggested.normalize():f}" if suggested else None,
        read_number,
    )
    return CoinDraft(
        coin=coin,
        symbols=symbols,
        held=held,
        target=target,
        value=value,
        band=rule,
        width=wide,
        floor=least,
        position=most,
    )


def _band(given: Given, asker: Asker, coin: str, *, alone: bool) -> tuple[DraftBand, Decimal, Decimal]:
    """The rule of the band, its width, and its floor, where it has one."""
    from hedger.settings.draft import SIZES, WIDTHS, DraftBand, read_number

    sizes = SIZES.get(coin)
    asker.explain(
        "How far the delta may stray before an order is due:\n"
        "  relative  a share of what you hold; for coins and a future it is simple and cheap\n"
        "  coins     so many coins, where your limit is stated in them\n"
        "  budget    the risk a year that may be left over; it reckons the width itself, the choice with options\n"
        "Half as wide leaves half the risk, and costs about twice the fees where the delta moves with the price."
    )
    usual = DraftBand.RELATIVE if sizes else DraftBand.BUDGET
    rule = asker.ask("--band", given.band, "Band", str(usual), one_of(BANDS, DraftBand))
    questions = {
        DraftBand.RELATIVE: "Its width on each side, as a share of the holding (0.02 is 2 %)",
        DraftBand.COINS: f"Its width on each side, in {coin}",
        DraftBand.BUDGET: "The volatility a year that may be left over (0.01 is 1 %)",
    }
    wide = WIDTHS.get(rule, sizes.floor if sizes else None)
    most = None if rule is DraftBand.COINS else Decimal(1)
    width = asker.ask(
        "--width",
        _of(given.width, coin, alone),
        questions[rule],
        None if wide is None else f"{wide:f}",
        lambda text: read_number(text, most=most),
    )
    if rule is not DraftBand.RELATIVE:
        return rule, width, Decimal(0)
    floor = asker.ask(
        "--floor",
        _of(given.floor, coin, alone),
        f"Its least width, in {coin}: no less than the venue's smallest order",
        f"{sizes.floor:f}" if sizes else None,
        read_number,
    )
    return rule, width, floor


# --- options that name coins ------------------------------------------------------------------------------------------


def _of(given: Texts, coin: str, alone: bool) -> str | None:
    """What an option says of a coin: `BTC=0.5`, or the bare number where there is one coin only."""
    for text in given or []:
        name, equals, value = text.partition("=")
        if equals and name.upper() == coin:
            return value
        if not equals and alone:
            return text
    return None


def _symbols(given: Texts, coin: str, alone: bool) -> str | None:
    """The contracts of an option that are on a coin; all of them where there is one coin only."""
    found = [text for text in given or [] if alone or text.rpartition(":")[0].rpartition(":")[2].startswith(f"{coin}/")]
    return ",".join(found) or None


def _refuse_others(option: str, given: list[str], coins: list[str]) -> None:
    """What names no coin of the hedges would be passed over without a word."""
    for text in given:
        if option == "instrument":
            if len(coins) > 1 and not any(_symbols([text], coin, False) for coin in coins):
                raise ConfigError(f"--instrument {text}: it is on none of {', '.join(coins)}")
            continue
        name, equals, _ = text.partition("=")
        if (equals and name.upper() not in coins) or (not equals and len(coins) > 1):
            raise ConfigError(f"--{option} {text}: write {coins[0]}=NUMBER, for one of {', '.join(coins)}")


def _choices(stages: tuple[Stage, ...]) -> str:
    from hedger.settings.draft import STAGE_WORDS

    return "\n".join(f"  {stage:<11} {STAGE_WORDS[stage]}" for stage in stages)
