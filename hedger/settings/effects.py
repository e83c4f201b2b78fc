"""When a changed setting takes effect: at once by a reload, or at the next start. One table for every key there is.

A key that is in neither list counts as one of a start, and a test asks for its place. A name that is missing in a
table of `name = {…}` or a list is a key too: hedges and accounts come and go only by a start, holdings by a reload.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from hedger.settings.shape import Path


class Effect(StrEnum):
    """When a change of a setting takes effect."""

    LIVE = "live"
    RESTART = "restart"


_LEVELS = "clear warn stop reduce"
_LIVE: dict[str, str] = {
    "": "holdings",
    "hedges.<name>": "shares reduce_step unhedged_after_s greeks_tolerance",
    "hedges.<name>.target": "kind value profile synthetic accept_gamma",
    "hedges.<name>.target.profile": "price ratio",
    "hedges.<name>.target.synthetic": "side option strike expiry volatility ratio coins",
    "hedges.<name>.band": "rule width upper lower floor rebalance_to residual residual_quote typical_gamma sigma "
    "fixed_cost deposits_per_year deposit_quantity move every_s horizon_days",
    "hedges.<name>.execution": "reprice_s reprice_ticks linger_s offset_ticks deadline_s max_attempts "
    "attempts_cooldown_s cooldown_s slice_quantity ttl_s",
    "hedges.<name>.guards": "quote_age_s mark_age_s account_age_s mark_collar_bps index_collar_bps spread_bps depth "
    "basis_bps adverse_funding basis_yearly expiring_s orders_per_minute orders_per_day order_notional daily_notional "
    "daily_cost position price_drift_bps cancels_per_hour futile_hedges",
    "hedges.<name>.guards.margin_ratio": _LEVELS,
    "hedges.<name>.guards.liquidation_distance": _LEVELS,
    "hedges.<name>.carry": "rule horizon_days hysteresis risk_premium moves roll_before_days roll_spread",
    "hedges.<name>.shares": "weights hysteresis",
    "hedges.<name>.failover": "allowed blind_s",
    "holdings": "asset quantity label",
    "money.<name>": "depeg_bps age_s",
    "polling": "account_s prices_s funding_s",
    "reconcile": "clean_cycles settle_s delta_jump_bands",
    "breakers": "rejects unknown_orders unknown_notional cooldown_s longest_cooldown_s trips_per_day lag_s gap_s",
    "notify": "repeat_s summary_hour",
    "notify.events": "halt unhedged alarm guard operator fill summary program",
    "log": "level",
}
_RESTART: dict[str, str] = {
    "": "mode live_armed bot state_dir accounts hedges money",
    "accounts.<name>": "venue api_key secret passphrase key_environment dead_mans_switch_s",
    "hedges.<name>": "underlying instruments spot_accounts numeraire cross",
    "hedges.<name>.guards": "leverage margin_mode",
    "hedges.<name>.cross": "spot halflife_bars beta_band",
    "money.<name>": "peg source",
    "polling": "tick_ms",
    "volatility": "interval_s bars every_s half_life_s",
    "metrics": "enabled host port",
    "console": "enabled host port names anyone_reads token read_token",
    "notify": "urls",
    "watchdog": "stuck_s",
    "journal": "min_free_mb",
    "log": "format",
    "paper": "seed speed duration_s collateral coin_collateral spot accounts contracts options volatility deposits "
    "deposit_least_s deposit_most_s deposit_ratio latency_least_ms latency_most_ms",
    "paper.accounts.<name>": "collateral coin_collateral spot",
    "paper.options": "account asset option strike expiry quantity settle",
}


def _listed() -> Iterator[tuple[str, Effect]]:
    for listed, effect in ((_LIVE, Effect.LIVE), (_RESTART, Effect.RESTART)):
        for table, keys in listed.items():
            for key in keys.split():
                yield (f"{table}.{key}" if table else key), effect


EFFECTS: dict[str, Effect] = dict(_listed())


def effect_of(path: Path) -> Effect:
    """When a change of the key at a path takes effect; `<name>` stands for any name, and numbers of a list are left
    out: that of the whole list or table where the path leads to one of its entries."""
    words = [str(part) for part in path if not isinstance(part, int)]
    return EFFECTS.get(".".join(words), Effect.RESTART)
