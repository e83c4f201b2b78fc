"""What is known of a book before it starts: on paper from the settings, elsewhere by looking at the accounts once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hedger.app.daemon import ids_by_account
from hedger.app.gamma import GammaOfHedge, Known, gammas_of, refuse_ended
from hedger.app.live import venues_of
from hedger.app.precautions import quiet_of, quiet_row
from hedger.engine.formulas.volatility import bars_of, yang_zhang
from hedger.engine.held.money import settle_of
from hedger.engine.known.policy import Hedge, Policy, TargetKind
from hedger.engine.news.settled import held
from hedger.errors import AskAgain, HedgerError
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.market import Candle, Mark
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition
from hedger.runtime.clock import SystemClock
from hedger.runtime.ports import Venue
from hedger.settings.paper import PaperOptionSettings
from hedger.settings.paper_rules import holder_of, option_expiry, option_symbol, purses_of
from hedger.settings.policy import to_policy
from hedger.settings.relative import PAPER_PRICES, PAPER_START_AT, price_of
from hedger.settings.schema import Mode, Settings
from hedger.sim.dialects.known import DIALECTS, plain_fees
from hedger.sim.nouns import Wallet

PATIENCE_S = 60.0
BAR_MS = 3_600_000
BARS = 24 * 7
OWN_GAMMA = (TargetKind.QUOTE, TargetKind.PROFILE, TargetKind.SYNTHETIC)


class Before(NamedTuple):
    """What is known before a start: the policy, its gammas in numbers, or why those are not known yet."""

    policy: Policy
    gammas: list[GammaOfHedge]
    unread: str | None = None


def has_own_gamma(settings: Settings) -> bool:
    """Whether a target of the configuration depends on the price, and so has a gamma."""
    return any(hedge.target.kind in OWN_GAMMA for hedge in settings.hedges.values())


def before_start(settings: Settings) -> Before:
    """What is to be said before a start; no gammas where no target has one and no option is held.

    A venue is read only where a target has a gamma, and not while it wants quiet; where it cannot be read, `unread`
    says why. Raises ConfigError for a target that has ended.
    """
    policy = to_policy(settings)
    if settings.mode is Mode.PAPER:
        refuse_ended(policy, PAPER_START_AT)
        return Before(policy, gammas_of(policy, known_on_paper(settings, policy), PAPER_START_AT))
    clock = SystemClock()
    now = clock.now_ms()
    refuse_ended(policy, now)
    if not has_own_gamma(settings):
        return Before(policy, [])
    try:
        rows = [quiet_row(name, quiet_of(Path(settings.state_dir)), now) for name in settings.accounts]
        loud = next((row for row in rows if not row.good), None)
        if loud is not None:
            return Before(policy, [], f"{loud.check}: {loud.found}")
        return Before(policy, asyncio.run(look(policy, venues_of(settings, clock), now)))
    except HedgerError as problem:
        return Before(policy, [], str(problem))


# --- on paper -------------------------------------------------------------------------------------------------------


def known_on_paper(settings: Settings, policy: Policy) -> dict[str, Known]:
    """The books as a paper world begins with them."""
    paper, purses = settings.paper, purses_of(settings)
    known = {}
    for hedge in policy.hedges:
        coin = hedge.underlying
        held_in = (purse for name in hedge.spot_accounts for purse in (purses[name].spot, purses[name].margin))
        owned = sum((coins.get(coin, ZERO) for coins in held_in), ZERO)
        if coin in PAPER_PRICES:
            options = tuple(
                _position(settings, holder, option)
                for option in paper.options
                if option.asset == coin and (holder := holder_of(settings, option)) in hedge.accounts
            )
            known[hedge.name] = Known(
                price=PAPER_PRICES[coin],
                holding=owned + hedge.static_quantity,
                options=options,
                maker_fee=_maker_fee(settings, hedge.instruments[0]),
            )
    return known


def _maker_fee(settings: Settings, id: InstrumentId) -> float:
    """What a maker pays at first on the exchange that a paper account is on."""
    dialect = DIALECTS.get(settings.accounts[id.account].venue)
    fees = plain_fees() if dialect is None else dialect.fees()
    wallet = Wallet.INVERSE if settle_of(id) == id.symbol.partition("/")[0] else Wallet.LINEAR
    return float(fees[wallet][0].maker)


def _position(settings: Settings, account: str, option: PaperOptionSettings) -> OptionPosition:
    start, symbol = PAPER_PRICES[option.asset], option_symbol(option)
    return OptionPosition(
        id=InstrumentId(account, symbol),
        underlying=option.asset,
        option_type=option.option,
        strike=price_of(option.strike, start),
        expiry_at=option_expiry(option),
        settlement_ms=0,
        payoff=option.settle,
        settle=option.asset if option.settle is Payoff.INVERSE else "USDT",
        quantity=option.quantity,
        contract_multiplier=ONE,
        mark_price=None,
        mark_sigma=settings.paper.volatility,
        forward_price=start,
        index_price=start,
    )


# --- on a venue -----------------------------------------------------------------------------------------------------


async def look(policy: Policy, venues: Mapping[str, Venue], now: int) -> list[GammaOfHedge]:
    """Open the venues, read once what is held and what it costs, and close them; nothing is changed there."""
    ids = ids_by_account(policy)
    try:
        async with asyncio.timeout(PATIENCE_S):
            rules: dict[InstrumentId, Instrument] = {}
            for name, venue in venues.items():
                rules |= {rule.id: rule for rule in await venue.open([id.symbol for id in ids[name]])}
            readings = {name: await venue.read_account() for name, venue in venues.items()}
            known = {hedge.name: await _known(hedge, venues, rules, readings) for hedge in policy.hedges}
    except TimeoutError:
        raise AskAgain(f"the venue did not tell within {PATIENCE_S:.0f} s what is held: start again") from None
    finally:
        await asyncio.gather(*(venue.close() for venue in venues.values()), return_exceptions=True)
    return gammas_of(policy, known, now)


async def _known(
    hedge: Hedge,
    venues: Mapping[str, Venue],
    rules: Mapping[InstrumentId, Instrument],
    readings: Mapping[str, AccountReading],
) -> Known:
    id, coin = next((id for id in hedge.instruments if id in rules), None), hedge.underlying
    if id is None:
        raise AskAgain(f"none of the instruments of hedge {hedge.name} is listed")
    marks = [price for price in await venues[id.account].read_prices([id]) if isinstance(price, Mark)]
    if not marks:
        raise AskAgain(f"{id} has no price yet")
    spot = sum((held(readings[a], coin) for a in hedge.spot_accounts), ZERO)
    candles: tuple[Candle, ...] = ()
    with suppress(HedgerError):
        candles = await venues[id.account].read_candles(id, BAR_MS, BARS)
    return Known(
        price=rules[id].coin_price(marks[0].index_price),
        holding=spot + hedge.static_quantity,
        options=tuple(
            o for name in hedge.accounts for o in readings[name].options if o.underlying == coin and o.quantity
        ),
        realized=realized(candles),
        maker_fee=float(rules[id].maker_fee),
    )


def realized(candles: tuple[Candle, ...]) -> float | None:
    """The volatility a year of hourly bars; None where they are too few or cannot be true."""
    bars = bars_of(candles, BAR_MS)
    return None if isinstance(bars, str) else yang_zhang(bars)
