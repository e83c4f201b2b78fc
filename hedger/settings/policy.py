"""From settings to policy: what the owner wrote, in the units and names that the engine decides with."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.known.policy import BreakerLimits, Execution, Guards, Hedge, Levels, Numeraire, Policy
from hedger.settings.band_rules import to_band
from hedger.settings.carry_rules import to_carry
from hedger.settings.cross_rules import to_cross
from hedger.settings.hedge_rules import underlying_of
from hedger.settings.hedges import (
    ExecutionSettings,
    GuardSettings,
    HedgeSettings,
    LiquidationDistanceLevels,
    MarginRatioLevels,
)
from hedger.settings.money_rules import pegs_of
from hedger.settings.rules import static_holding
from hedger.settings.schema import BreakerSettings, Mode, Settings
from hedger.settings.share_rules import to_failover, to_shares
from hedger.settings.symbols import parse_contract
from hedger.settings.target_rules import to_target
from hedger.settings.volatility import volatility_rule

GAP_BEATS = 4
LEAST_UNKNOWN = Decimal(100_000)
CLIPS_UNKNOWN = 3


def to_policy(settings: Settings) -> Policy:
    """The policy that settings describe. Settings come from `load_settings`, so they hold no contradiction."""
    sends = settings.mode in (Mode.PAPER, Mode.TESTNET) or (settings.mode is Mode.LIVE and settings.live_armed)
    hedges = tuple(_hedge(settings, name, hedge) for name, hedge in settings.hedges.items())
    faster = max(Decimal(1), settings.paper.speed if settings.mode is Mode.PAPER else Decimal(1))
    return Policy(
        bot=settings.bot,
        sends=sends,
        hedges=hedges,
        accounts=tuple(settings.accounts),
        clean_cycles=settings.reconcile.clean_cycles,
        settle_ms=_ms(settings.reconcile.settle_s),
        delta_jump_bands=settings.reconcile.delta_jump_bands,
        switch_ms=_switches(settings, hedges) if sends else {},
        breakers=_breakers(settings.breakers, hedges),
        lag_ms=_ms(settings.breakers.lag_s * faster),
        gap_ms=max(_ms(settings.breakers.gap_s * faster), GAP_BEATS * settings.polling.tick_ms),
        volatility=volatility_rule(settings.volatility),
        venues={name: account.venue.value for name, account in settings.accounts.items()},
    )


def _switches(settings: Settings, hedges: tuple[Hedge, ...]) -> dict[str, int]:
    """The dead man's switch of each account that is hedged with, in ms; where it is off there is none."""
    trading = {id.account for hedge in hedges for id in hedge.instruments}
    spans = {name: _ms(account.dead_mans_switch_s) for name, account in settings.accounts.items() if name in trading}
    return {name: span for name, span in spans.items() if span}


def _breakers(breakers: BreakerSettings, hedges: tuple[Hedge, ...]) -> BreakerLimits:
    """The breakers' limits. One lost order must not stop the hedging of the rest, however large the owner's clips."""
    clips = [CLIPS_UNKNOWN * hedge.guards.order_notional for hedge in hedges]
    return BreakerLimits(
        rejects=breakers.rejects,
        unknown_orders=breakers.unknown_orders,
        unknown_notional=breakers.unknown_notional or max(LEAST_UNKNOWN, *clips),
        cooldown_ms=_ms(breakers.cooldown_s),
        longest_cooldown_ms=_ms(breakers.longest_cooldown_s),
        trips_per_day=breakers.trips_per_day,
    )


def _hedge(settings: Settings, name: str, hedge: HedgeSettings) -> Hedge:
    contracts = [parse_contract(text) for text in hedge.instruments]
    return Hedge(
        name=name,
        underlying=underlying_of(name, hedge),
        static_quantity=static_holding(settings, underlying_of(name, hedge)),
        spot_accounts=tuple(settings.accounts) if hedge.spot_accounts is None else hedge.spot_accounts,
        instruments=tuple(contract.id for contract in contracts if contract is not None),
        target=to_target(hedge.target, underlying_of(name, hedge)),
        band=to_band(hedge.band, max(_ms(settings.polling.prices_s), settings.polling.tick_ms)),
        execution=_execution(hedge.execution),
        guards=_guards(hedge.guards),
        reduce_step=hedge.reduce_step,
        unhedged_after_ms=_ms(hedge.unhedged_after_s),
        numeraire=hedge.numeraire or Numeraire.USD,
        numeraire_said=hedge.numeraire is not None,
        pegs=pegs_of(settings.money, hedge),
        carry=to_carry(hedge.carry),
        cross=to_cross(hedge),
        shares=to_shares(hedge),
        failover=to_failover(hedge),
        greeks_tolerance=hedge.greeks_tolerance,
    )


def _execution(execution: ExecutionSettings) -> Execution:
    return Execution(
        reprice_ms=_ms(execution.reprice_s),
        reprice_ticks=execution.reprice_ticks,
        linger_ms=_ms(execution.linger_s),
        offset_ticks=execution.offset_ticks,
        deadline_ms=_ms(execution.deadline_s),
        max_attempts=execution.max_attempts,
        attempts_cooldown_ms=_ms(execution.attempts_cooldown_s),
        cooldown_ms=_ms(execution.cooldown_s),
        slice_quantity=execution.slice_quantity,
        ttl_ms=_ms(execution.ttl_s),
    )


def _guards(guards: GuardSettings) -> Guards:
    return Guards(
        quote_age=_ms(guards.quote_age_s),
        mark_age=_ms(guards.mark_age_s),
        account_age=_ms(guards.account_age_s),
        mark_collar=guards.mark_collar_bps,
        index_collar=guards.index_collar_bps,
        spread=guards.spread_bps,
        depth=guards.depth,
        basis=guards.basis_bps,
        adverse_funding=guards.adverse_funding,
        basis_yearly=guards.basis_yearly,
        expiring=_ms(guards.expiring_s),
        orders_per_minute=guards.orders_per_minute,
        orders_per_day=guards.orders_per_day,
        order_notional=guards.order_notional,
        daily_notional=guards.daily_notional,
        daily_cost=guards.daily_cost,
        position=guards.position,
        price_drift=guards.price_drift_bps,
        cancels_per_hour=guards.cancels_per_hour,
        futile_hedges=guards.futile_hedges,
        leverage=guards.leverage,
        margin_mode=guards.margin_mode,
        margin_ratio=_levels(guards.margin_ratio),
        liquidation_distance=_levels(guards.liquidation_distance),
    )


def _levels(levels: MarginRatioLevels | LiquidationDistanceLevels) -> Levels:
    return Levels(warn=levels.warn, stop=levels.stop, reduce=levels.reduce, clear=levels.clear)


def _ms(seconds: Decimal) -> int:
    return int(seconds * 1000)
