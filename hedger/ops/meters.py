"""Every meter of the hedger, declared in one place: name, labels and meaning."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HEDGE = ("hedge",)
ACCOUNT = ("account",)
INSTRUMENT = ("account", "symbol")
_STEP_BUCKETS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 2e-2, 0.1)
_COMMIT_BUCKETS = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 2.0)
_CALL_BUCKETS = (1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_READ_BUCKETS = (5e-2, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_LAG_BUCKETS = (1e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 5.0)
_ORDER_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 180.0, 600.0, 1800.0)


class Declaring:
    """Declares meters on one registry, all with the program's prefix; `labels` remembers those of each name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.labels: dict[str, tuple[str, ...]] = {}
        self._registry = registry

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        """A value that goes up and down."""
        return Gauge(self._named(name, labels), help, labels, registry=self._registry)

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """A value that only grows; `_total` is added to the name."""
        return Counter(self._named(name, labels), help, labels, registry=self._registry)

    def histogram(self, name: str, help: str, labels: Sequence[str] = (), *, buckets: Sequence[float]) -> Histogram:
        """A distribution over fixed buckets."""
        return Histogram(self._named(name, labels), help, labels, registry=self._registry, buckets=buckets)

    def _named(self, name: str, labels: Sequence[str]) -> str:
        full = f"hedger_{name}"
        self.labels[full] = tuple(labels)
        return full


class ProgramMeters:
    """The program as a whole, and the loop that runs it."""

    def __init__(self, on: Declaring) -> None:
        self._standing(on)
        self._loop(on)
        self._journal(on)

    def _standing(self, on: Declaring) -> None:
        self.build_info = on.gauge("build_info", "Always 1; the labels say what runs.", ("version", "python"))
        self.mode = on.gauge("mode", "1 for the mode that the program is in, 0 for the others.", ("mode",))
        self.sends = on.gauge("sends_orders", "1 if orders are sent, 0 in shadow mode.")
        self.reconciled = on.gauge("reconciled", "1 while the accounts are believed.")
        self.halted = on.gauge("halted", "1 while halted: only a person lifts it.")
        self.paused = on.gauge("paused", "1 while paused by an operator.")
        self.draining = on.gauge("draining", "1 while orders are taken off the books before the end.")
        self.reconciles = on.counter("reconciles", "Times that the accounts had to be read anew before new risk.")
        self.console_up = on.gauge("console_up", "1 while the console serves, 0 while it does not. NaN without one.")
        self.console_revived = on.counter("console_revived", "Times that the console's thread was begun anew.")
        self.messages = on.counter("messages", "Messages to people, by what became of them.", ("outcome",))
        self.cycles_wanted = on.gauge("clean_cycles_wanted", "Believed readings in a row that a start waits for.")

    def _loop(self, on: Declaring) -> None:
        self.events = on.counter("events", "Events that the engine has handled.", ("event",))
        self.commands = on.counter("commands", "Commands that the engine has given.", ("command",))
        self.step = on.histogram("step_duration_seconds", "Time of one engine step.", buckets=_STEP_BUCKETS)
        self.heartbeat = on.gauge(
            "heartbeat_timestamp_seconds", "When a stage last finished its work, on the program's clock.", ("stage",)
        )
        self.loop_lag = on.gauge("loop_lag_seconds", "How late the event loop last came.")
        self.beat_lag = on.histogram("beat_lag_seconds", "How late each beat of the loop came.", buckets=_LAG_BUCKETS)
        self.lag_limit = on.gauge("loop_lag_limit_seconds", "A beat later than this stops creates for ten seconds.")
        self.loop_late = on.counter("loop_late", "Beats that came later than the limit.")
        self.inbox_depth = on.gauge("inbox_depth", "Events that wait for the engine.")

    def _journal(self, on: Declaring) -> None:
        self.journal_healthy = on.gauge(
            "journal_healthy", "1 while the journal accepts writes. NaN before the first event."
        )
        self.commit = on.histogram(
            "journal_commit_duration_seconds", "Time of a durable commit.", buckets=_COMMIT_BUCKETS
        )
        self.committed_at = on.gauge(
            "journal_commit_timestamp_seconds", "When rows were last written, on the program's clock; 0 before."
        )
        self.journal_failures = on.counter("journal_failures", "Times that the journal stopped accepting writes.")
        self.journal_size = on.gauge("journal_size_bytes", "The journal on its disk. NaN without one.")
        self.disk_free = on.gauge("journal_disk_free_bytes", "Free on the journal's disk. NaN unknown.")
        self.disk_wanted = on.gauge(
            "journal_disk_wanted_bytes", "Where less is free on the journal's disk, nothing is created. NaN unknown."
        )


class HedgeMeters:
    """Each hedge: its exposure, its band, its decisions, its orders and what they cost."""

    def __init__(self, on: Declaring) -> None:
        self._exposure(on)
        self._decisions(on)
        self._orders(on)
        self._cost(on)

    def _exposure(self, on: Declaring) -> None:
        unknown = "NaN until known."
        self.info = on.gauge("hedge_info", "Always 1; the labels describe the hedge.", ("hedge", "underlying"))
        self.delta = on.gauge("delta_coins", f"Net delta. {unknown}", HEDGE)
        self.delta_low = on.gauge("delta_low_coins", f"Lowest net delta that live orders allow. {unknown}", HEDGE)
        self.delta_high = on.gauge("delta_high_coins", f"Highest net delta that live orders allow. {unknown}", HEDGE)
        self.target = on.gauge("target_coins", f"Wanted net delta. {unknown}", HEDGE)
        self.deviation = on.gauge("deviation_coins", f"Net delta minus target. {unknown}", HEDGE)
        self.worst = on.gauge("max_abs_deviation_coins", "Largest deviation seen, without sign.", HEDGE)
        self.upper = on.gauge("band_upper_coins", f"How far above the target is allowed. {unknown}", HEDGE)
        self.lower = on.gauge("band_lower_coins", f"How far below the target is allowed. {unknown}", HEDGE)
        self.spot = on.gauge("spot_coins", f"Spot and collateral of the underlying. {unknown}", HEDGE)
        self.static = on.gauge("static_coins", f"Holdings that no API sees. {unknown}", HEDGE)
        self.futures = on.gauge("futures_coins", f"Delta of the derivatives. {unknown}", HEDGE)
        self.outside = on.gauge("outside_band", "1 while outside the band.", HEDGE)
        self.unhedged = on.gauge(
            "unhedged", "1 while outside the band for longer than allowed, and nobody paused or flattened it.", HEDGE
        )
        self.unhedged_on_purpose = on.gauge(
            "unhedged_on_purpose", "1 while outside for as long and a person paused or flattened the hedge.", HEDGE
        )
        self.cannot_act = on.gauge(
            "cannot_act", "1 while no order could have been decided for 15 minutes, for want of facts.", HEDGE
        )
        self.flatten = on.gauge(
            "flatten_state", "1 for how far a person's flatten has come, 0 for the others.", ("hedge", "state")
        )
        self.unhedged_after = on.gauge("unhedged_after_seconds", "How long outside the band is allowed.", HEDGE)
        self.outside_seconds = on.counter("outside_band_seconds", "Time outside the band.", HEDGE)
        self.outside_since = on.gauge(
            "outside_band_since_timestamp_seconds", "When the delta last left its band. NaN inside.", HEDGE
        )

    def _decisions(self, on: Declaring) -> None:
        self.decisions = on.counter(
            "decisions", "Decisions that differ from the one before, by reason.", ("hedge", "action", "reason")
        )
        self.denials = on.counter("guard_denials", "Decisions in which a guard denied an order.", ("hedge", "guard"))
        self.severity = on.gauge(
            "guard_severity", "Levelled guards: 0 clear, 1 warn, 2 stop, 3 reduce.", ("hedge", "guard")
        )
        self.limit = on.gauge(
            "guard_limit",
            "The configured limits: ages in seconds, distances as ratios, money in quote, positions in coins.",
            ("hedge", "guard", "level"),
        )
        self.value = on.gauge(
            "guard_value",
            "What a guard sees now, in the units of its limit; once a second. NaN where there is no such thing.",
            ("hedge", "guard"),
        )
        self.day_orders = on.gauge("day_orders", "Orders sent this day (UTC).", HEDGE)
        self.day_notional = on.gauge("day_notional_quote", "Quote value of orders sent this day (UTC).", HEDGE)
        self.day_cost = on.gauge("day_cost_quote", "What hedging cost this day (UTC); below 0 it earned.", HEDGE)
        self.futile = on.gauge("futile_hedges", "Hedges in a row that filled and changed nothing.", HEDGE)

    def _orders(self, on: Declaring) -> None:
        self.orders = on.counter(
            "orders", "Orders by what became of them; `placed` counts attempts.", ("hedge", "outcome")
        )
        self.rejects = on.counter(
            "order_rejects",
            "Creates that a venue refused, at once or soon after it had taken them, by reason.",
            ("hedge", "reason"),
        )
        self.working = on.gauge("working_orders", "Orders that may still fill.", ("hedge", "status"))
        self.fill_time = on.histogram(
            "order_fill_duration_seconds",
            "From a create to its last fill, of filled orders.",
            HEDGE,
            buckets=_ORDER_BUCKETS,
        )
        self.lifetime = on.histogram(
            "order_lifetime_seconds", "From a create to its end, whatever that was.", HEDGE, buckets=_ORDER_BUCKETS
        )
        self.fills = on.counter("fills", "Executions by side of the book.", ("hedge", "liquidity"))
        self.notional = on.counter("traded_quote", "Quote value of executions.", HEDGE)
        self.quantity = on.counter("traded_coins", "Coins of executions.", HEDGE)

    def _cost(self, on: Declaring) -> None:
        self.fees = on.gauge("fees_quote", "Fees so far: paid is negative, rebates are positive.", HEDGE)
        self.funding = on.gauge("funding_quote", "Funding so far: received is positive.", HEDGE)
        self.slippage = on.gauge("slippage_quote", "Mid at decision against prices: a cost is negative.", HEDGE)
        self.edge = on.gauge("edge_quote", "Mid at fill against prices: the effective half spread.", HEDGE)
        self.realised = on.gauge("realised_spread_quote", "Mid ten seconds after a fill against prices.", HEDGE)
        self.entry_basis = on.gauge(
            "entry_basis_ratio", "Basis at which the position was built. NaN without fills.", HEDGE
        )


class AccountMeters:
    """Each account and each instrument in it: positions, margin, prices, and how fresh they are."""

    def __init__(self, on: Declaring) -> None:
        self._standing(on)
        self._freshness(on)
        self._gate(on)
        self._calls(on)
        self._market(on)

    def _standing(self, on: Declaring) -> None:
        self.equity = on.gauge("equity", "Equity of the derivatives account, in its collateral. NaN unread.", ACCOUNT)
        self.margin_ratio = on.gauge(
            "margin_ratio", "Maintenance margin over equity; 1 is liquidation. NaN unread.", ACCOUNT
        )
        self.initial = on.gauge("initial_margin", "What positions and orders bind. NaN unread.", ACCOUNT)
        self.maintenance = on.gauge("maintenance_margin", "Below this equity it is liquidated. NaN unread.", ACCOUNT)
        self.available = on.gauge("available_margin", "What is free for new positions. NaN unread.", ACCOUNT)
        self.position = on.gauge("position_coins", "Delta of the position. NaN unread.", INSTRUMENT)
        self.liquidation = on.gauge(
            "liquidation_distance_ratio", "|liquidation price / mark − 1|. NaN where none is named.", INSTRUMENT
        )

    def _freshness(self, on: Declaring) -> None:
        self.believed = on.gauge(
            "account_believed_timestamp_seconds", "When the believed reading was asked for; 0 before.", ACCOUNT
        )
        self.age_limit = on.gauge(
            "account_age_limit_seconds", "The least of the age limits of the hedges that look at the account.", ACCOUNT
        )
        self.clean_cycles = on.gauge("account_clean_cycles", "Believed readings since it was last doubted.", ACCOUNT)
        self.doubted = on.gauge(
            "account_doubted", "1 while its readings lack our own fills and only a person's word helps.", ACCOUNT
        )
        self.readings = on.counter(
            "account_readings", "Readings that came, by what was made of them.", ("account", "outcome")
        )
        self.quote_at = on.gauge("quote_timestamp_seconds", "When a quote last arrived; 0 before.", INSTRUMENT)
        self.mark_at = on.gauge("mark_timestamp_seconds", "When a mark price last arrived; 0 before.", INSTRUMENT)
        self.failures = on.gauge("account_failed_reads", "Reads that failed in a row.", ACCOUNT)
        self.clock_offset = on.gauge("clock_offset_seconds", "Venue's clock minus ours.", ACCOUNT)
        self.stream_up = on.gauge("stream_up", "1 while the account's stream is up.", ACCOUNT)
        self.stream_ends = on.counter("stream_ends", "Times that a stream of the account ended.", ACCOUNT)
        self.frames_ignored = on.counter("frames_ignored", "Streamed frames that were not understood.", ACCOUNT)

    def _gate(self, on: Declaring) -> None:
        self.breaker = on.gauge(
            "breaker_state", "1 for the state that the account's breaker is in, 0 for the others.", ("account", "state")
        )
        self.breaker_trips = on.counter("breaker_trips", "Times that a breaker opened by itself.", ACCOUNT)
        self.instrument_breaker = on.gauge(
            "instrument_breaker_open", "1 while the breaker of one instrument is not closed.", INSTRUMENT
        )
        self.extensions = on.counter("switch_extensions", "Times that the dead man's switch was asked for.", ACCOUNT)
        self.extension_failures = on.counter("switch_failures", "Times that it was asked for in vain.", ACCOUNT)
        self.switch_timeout = on.gauge(
            "switch_timeout_seconds", "After how much silence the venue cancels our orders. NaN without.", ACCOUNT
        )
        self.switch_lease = on.gauge(
            "switch_lease_expiry_timestamp_seconds",
            "Until when orders may leave if the dead man's switch is not extended. NaN without; 0 before.",
            ACCOUNT,
        )
        self.quiet_until = on.gauge(
            "quiet_until_timestamp_seconds", "Until when the venue wants nothing to be created; 0 if never.", ACCOUNT
        )
        self.banned = on.gauge("banned", "1 if the last wish for quiet was a ban: nothing may be sent at all.", ACCOUNT)
        self.quiets = on.counter("quiet_wishes", "Times that the venue asked for quiet.", ("account", "kind"))

    def _calls(self, on: Declaring) -> None:
        self.changes = on.counter(
            "account_changes",
            "Positions or balances that moved without an order of ours, by cause.",
            ("account", "cause"),
        )
        self.reads = on.counter("reads", "Reads attempted.", ("account", "what"))
        self.read_failures = on.counter("read_failures", "Reads that failed.", ("account", "what"))
        self.read = on.histogram(
            "read_duration_seconds", "Time of a read, failed or not.", ("account", "what"), buckets=_READ_BUCKETS
        )
        self.place = on.histogram(
            "place_duration_seconds", "Time from a create to its answer.", ACCOUNT, buckets=_CALL_BUCKETS
        )
        self.cancel = on.histogram(
            "cancel_duration_seconds", "Time from a cancel to its answer.", ACCOUNT, buckets=_CALL_BUCKETS
        )
        self.keys_end = on.gauge(
            "keys_expire_timestamp_seconds",
            "When the venue ends the keys. NaN where it says nothing of that.",
            ACCOUNT,
        )
        self.rate_weight = on.gauge("rate_weight_used_ratio", "Share of the venue's rate limit in use.", ACCOUNT)

    def _market(self, on: Declaring) -> None:
        self.mid = on.gauge("mid_price", "Half-way between bid and ask. NaN before.", INSTRUMENT)
        self.spread = on.gauge("spread_ratio", "Ask minus bid over mid. NaN before.", INSTRUMENT)
        self.mark = on.gauge("mark_price", "Mark price. NaN before.", INSTRUMENT)
        self.index = on.gauge("index_price", "Index price. NaN before.", INSTRUMENT)
        self.basis = on.gauge("basis_ratio", "Mark over index minus 1. NaN before.", INSTRUMENT)
        self.funding = on.gauge(
            "funding_rate_ratio", "Funding rate of one interval; positive: longs pay. NaN before.", INSTRUMENT
        )
        self.funding_annual = on.gauge("funding_rate_annual_ratio", "Funding rate of a year. NaN before.", INSTRUMENT)
        self.funding_at = on.gauge(
            "funding_next_timestamp_seconds",
            "When funding is next paid, on the venue's clock. NaN: never.",
            INSTRUMENT,
        )
