"""`hedger gamma`: on which side of gamma each hedge is, before anything starts; and the same at each start."""

from __future__ import annotations

import json as json_module
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedger.cli.options import ConfigOption, JsonOption, settings_of
from hedger.errors import AskAgain

if TYPE_CHECKING:
    from hedger.app.gamma import GammaOfHedge
    from hedger.settings.schema import Settings

YesOption = Annotated[
    bool, typer.Option("--yes", help="Accept what is said of the hedges' gamma; nobody is ever asked at a prompt.")
]


def gamma(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say on which side of gamma each hedge is, what it earns or pays as the price moves, and what it costs."""
    from hedger.app.gamma_known import before_start, has_own_gamma
    from hedger.app.gamma_words import told_of, told_without_numbers
    from hedger.settings.schema import Mode

    settings = settings_of(config, {}, to_run=False)
    if settings.mode is not Mode.PAPER:
        if not has_own_gamma(settings):
            if json:
                print(json_module.dumps({"hedges": []}))
                return
            print("no hedge has a target with a gamma; what options the accounts hold is not read here")
            return
        settings = settings_of(config, {"live_armed": True})  # what is held is read with the keys; nothing is sent
    known = before_start(settings)
    if known.unread is not None:
        print("\n".join(told_without_numbers(known.policy, known.unread)))
        raise AskAgain("the accounts could not be read: see above, then try again")
    if json:
        print(json_module.dumps({"hedges": [_record(gamma) for gamma in known.gammas]}))
        return
    lines = told_of(known.gammas)
    print("\n".join(lines) if lines else "no hedge has a gamma: no target depends on the price, and no option is held")


def _record(gamma: GammaOfHedge) -> dict[str, Any]:
    """One hedge's gamma as JSON: gammas in coins per unit of price, theta in quote a day, volatilities a year."""
    from hedger.model.numeric import plain

    return {
        "hedge": gamma.hedge.name,
        "price": plain(gamma.known.price),
        "holding": plain(gamma.known.holding),
        "gamma_of_target": gamma.chosen,
        "gamma_of_options": gamma.options,
        "gamma_to_follow": gamma.follows,
        "theta_per_day": gamma.theta,
        "realized": gamma.known.realized,
        "sigma": gamma.sigma,
    }


def say_before_start(settings: Settings, *, yes: bool) -> None:
    """Tell a person what the hedges' gamma means, beside the output; raises ConfigError where nobody accepted it.

    Where it was accepted, a venue that cannot be read just then holds up no start.
    """
    from hedger.app.gamma import require_consent
    from hedger.app.gamma_known import before_start
    from hedger.app.gamma_words import told_of, told_without_numbers

    known = before_start(settings)
    unread = known.unread
    for line in told_of(known.gammas) if unread is None else told_without_numbers(known.policy, unread):
        print(line, file=sys.stderr)
    require_consent(settings, known.policy, known.gammas, yes=yes)
