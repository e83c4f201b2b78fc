"""`hedger band`: what each rule of a band would come to for a hedge. Nothing here reaches a venue."""

from __future__ import annotations

import json as json_module
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import typer

from hedger.cli.options import ConfigOption, JsonOption, settings_of
from hedger.errors import ConfigError

if TYPE_CHECKING:
    from hedger.engine.known.policy import Hedge
    from hedger.settings.schema import Settings
    from hedger.study.outlook import Book, Outlook

USUAL_SIGMA = 0.6
USUAL_FEE = 0.0002
USUAL_ORDER = 0.001


class _Input(NamedTuple):
    """A number that the table was computed from, and where it came from."""

    value: float
    origin: str


def band(
    config: ConfigOption = None,
    hedge: str | None = typer.Option(None, "--hedge", help="Which hedge; the first without it."),
    price: float | None = typer.Option(None, min=1e-9, help="The price of a coin, in quote."),
    sigma: float | None = typer.Option(None, min=0.001, max=10, help="The volatility a year: 0.6 is 60 %."),
    gamma: float | None = typer.Option(
        None, help="The gamma of the book less its target's, in coins of delta per 1 % of price: - if short."
    ),
    holding: float | None = typer.Option(None, help="How many coins are hedged; without it, those of the file."),
    fee: float = typer.Option(USUAL_FEE, min=-0.01, max=0.1, help="The fee per unit of notional: 0.0002 is 2 bp."),
    fixed_cost: float | None = typer.Option(None, min=0, help="What an order costs beside its fee, in quote."),
    smallest: float = typer.Option(USUAL_ORDER, min=1e-12, help="The smallest order, in coins."),
    json: JsonOption = False,
) -> None:
    """Show what each rule of a band comes to: width, turnover, cost and the volatility that is left.

    All rules but the configured one are set to leave the same volatility, as theory has it: then their costs compare.
    """
    from hedger.settings.policy import to_policy
    from hedger.study.outlook import Book, outlooks

    _refuse_no_numbers(
        price=price, sigma=sigma, gamma=gamma, holding=holding, fee=fee, fixed_cost=fixed_cost, smallest=smallest
    )
    settings = settings_of(config, {}, to_run=False)
    chosen = _hedge(to_policy(settings).hedges, hedge)
    inputs = {
        "price": _price(settings, chosen, price),
        "sigma": _sigma(chosen, sigma),
        "holding": _holding(settings, chosen, holding),
        "gamma": _gamma(settings, chosen, gamma),
        "fee": _Input(fee, "--fee" if fee != USUAL_FEE else "assumed, a usual maker fee"),
        "smallest": _Input(smallest, "--smallest" if smallest != USUAL_ORDER else "assumed"),
    }
    book = Book(
        price=inputs["price"].value,
        sigma=inputs["sigma"].value,
        holding=inputs["holding"].value,
        gamma=inputs["gamma"].value * 100 / inputs["price"].value,
        fee=fee,
        smallest=smallest,
        years=chosen.band.inputs.horizon_ms / 86_400_000 / 365,
    )
    wanted = chosen.band
    if fixed_cost is not None:
        wanted = replace(wanted, inputs=replace(wanted.inputs, fixed_cost=Decimal(repr(fixed_cost))))
    rows = outlooks(wanted, book)
    if json:
        told = [{**row._asdict(), "rule": row.rule.value} for row in rows]
        given = {name: {"value": it.value, "from": it.origin} for name, it in inputs.items()}
        print(json_module.dumps({"hedge": chosen.name, "inputs": given, "rules": told}, indent=1))
        return
    _print(chosen, inputs, book, rows)


def _hedge(hedges: tuple[Hedge, ...], name: str | None) -> Hedge:
    found = next((hedge for hedge in hedges if name in (None, hedge.name)), None)
    if found is None:
        raise ConfigError(f"there is no hedge {name}; there is {', '.join(hedge.name for hedge in hedges)}")
    return found


def _price(settings: Settings, hedge: Hedge, price: float | None) -> _Input:
    from hedger.settings.schema import Mode
    from hedger.sim.listings import COINS

    if price is not None:
        return _Input(price, "--price")
    if settings.mode is Mode.PAPER and hedge.underlying in COINS:
        return _Input(float(COINS[hedge.underlying].price), "the paper exchange")
    raise ConfigError(f"say what a coin of {hedge.underlying} costs: --price")


def _sigma(hedge: Hedge, sigma: float | None) -> _Input:
    if sigma is not None:
        return _Input(sigma, "--sigma")
    if hedge.band.inputs.sigma is not None:
        return _Input(float(hedge.band.inputs.sigma), "band.sigma")
    return _Input(USUAL_SIGMA, "assumed; a run measures it")


def _holding(settings: Settings, hedge: Hedge, holding: float | None) -> _Input:
    """The coins that are hedged: on paper also those of every account that counts, its margin among them."""
    from hedger.settings.paper_rules import purses_of
    from hedger.settings.schema import Mode

    if holding is not None:
        return _Input(holding, "--holding")
    if settings.mode is not Mode.PAPER:
        return _Input(float(hedge.static_quantity), "the file's holdings; add the venue's by --holding")
    purses = purses_of(settings)
    held_in = (coins for name in hedge.spot_accounts for coins in (purses[name].spot, purses[name].margin))
    there = sum((coins.get(hedge.underlying, Decimal(0)) for coins in held_in), Decimal(0))
    return _Input(float(hedge.static_quantity + there), "the file's holdings and the paper exchange's coins")


def _gamma(settings: Settings, hedge: Hedge, gamma: float | None) -> _Input:
    """In coins per 1 %: as given, or on paper that of the options and targets of the file."""
    from hedger.settings.schema import Mode

    if gamma is not None:
        return _Input(gamma, "--gamma, coins per 1 %")
    if settings.mode is not Mode.PAPER:
        return _Input(0.0, "give what `hedger gamma` says by --gamma, coins per 1 %")
    from hedger.app.gamma_known import before_start

    told = next((each for each in before_start(settings).gammas if each.hedge.name == hedge.name), None)
    if told is None:
        return _Input(0.0, "the file names no option and no target with one; else --gamma, coins per 1 %")
    return _Input(-told.follows * float(told.known.price) / 100, "the file's options and target, coins per 1 %")


def _refuse_no_numbers(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None and not isfinite(value):
            raise ConfigError(f"--{name.replace('_', '-')} {value}: give a number")


# --- for a person -----------------------------------------------------------------------------------------------------


def _print(hedge: Hedge, inputs: dict[str, _Input], book: Book, rows: tuple[Outlook, ...]) -> None:
    from hedger.cli.show import console, print_table

    print(f"hedge {hedge.name}")
    print_table(("from", "", ""), [(name, f"{it.value:.8g}", it.origin) for name, it in inputs.items()])
    print()
    header = ("rule", "trades beyond", "ends at", "turnover a day", "orders a day", "cost a year", "left over a year")
    cells = [_cells(row, book) for row in rows]
    print_table(header, cells if console.is_terminal else [header, *cells])
    print()
    for line in _words(book, rows):
        print(line)


def _cells(row: Outlook, book: Book) -> tuple[str, ...]:
    value = abs(book.holding) * book.price
    rule = f"{row.rule.value}{' *' if row.configured else ''}"
    if row.turnover is None or row.trades is None or row.cost is None:
        return (rule, _where(row, book), _end(row), "–", "–", "–", _money(row.residual, value))
    turned = f"{row.turnover:.4g} coins, {row.turnover * book.price:,.0f}"
    return (
        rule,
        _where(row, book),
        _end(row),
        turned,
        f"{row.trades:,.0f}" if row.trades >= 100 else f"{row.trades:.3g}",
        _money(row.cost, value),
        _money(row.residual, value),
    )


def _where(row: Outlook, book: Book) -> str:
    if row.every_s is not None:
        return f"every {row.every_s:,.0f} s" if row.every_s else "–"
    width = f"{row.trigger or 0:.4g} coins, {(row.trigger or 0) * book.price:,.0f}"
    return f"a move of {row.move:.3%}, {width}" if row.move else width


def _end(row: Outlook) -> str:
    return "the target" if not row.reset else f"{row.reset:.4g} coins"


def _money(amount: float, value: float) -> str:
    share = f", {amount / value:.3%}" if value else ""
    return f"{amount:,.0f}{share}"


def _words(book: Book, rows: tuple[Outlook, ...]) -> list[str]:
    own = next(row for row in rows if row.configured)
    lines = ["* is configured. Money is in quote; what is left over a year is one standard deviation."]
    if own.turnover is None or own.cost is None:
        return [
            *lines,
            "Without gamma and deposits nothing is known to move the delta: it trades when holdings change.",
        ]
    costs = {row.rule.value: row.cost for row in rows if row.cost is not None and _same_risk(row, own)}
    least = min(costs.values())
    cheapest = ", ".join(rule for rule, cost in costs.items() if cost <= least * 1.001)
    lines.append(f"Fees alone are least for {cheapest}; fixed_cost pays a little more for far fewer orders.")
    lines.append("zakamouline is a fit that was 15 to 55 % too narrow at costs of 2 to 5 bp. See docs/bands.md.")
    return lines


def _same_risk(row: Outlook, own: Outlook) -> bool:
    return abs(row.residual - own.residual) <= 0.01 * own.residual
