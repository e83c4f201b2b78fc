"""Every planted bug: a line that breaks a rule, and the tests that must fall; and what the swarm alone must find."""

from __future__ import annotations

from tests.planted import (
    of_bands,
    of_carry,
    of_cross,
    of_decisions,
    of_flatten,
    of_gamma,
    of_hostile,
    of_money,
    of_options,
    of_orders,
    of_reload,
    of_shell,
    of_swarm,
    of_venues,
)
from tests.planted.plant import Bug

BY_TESTS: tuple[Bug, ...] = (
    of_bands.BUGS
    + of_orders.BUGS
    + of_decisions.BUGS
    + of_flatten.BUGS
    + of_shell.BUGS
    + of_reload.BUGS
    + of_options.BUGS
    + of_carry.BUGS
    + of_cross.BUGS
    + of_money.BUGS
    + of_gamma.BUGS
    + of_hostile.BUGS
    + of_venues.BUGS
)
BUGS: tuple[Bug, ...] = BY_TESTS + of_swarm.by_the_swarm(BY_TESTS)
