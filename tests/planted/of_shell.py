"""Bugs in the shell: the journal, the loop, the start, the kill, and the venue's wire."""

from __future__ import annotations

from tests.planted.plant import Bug

LOOP = "hedger/runtime/loop.py"
RECORD = "hedger/runtime/record.py"
JOURNAL = "hedger/runtime/journal.py"
RECOVER = "hedger/runtime/recover.py"
DESK = "hedger/venues/desk.py"
ORDERS = "hedger/venues/binance/orders.py"
OUTCOME = "hedger/venues/outcome.py"
NETWORK = "hedger/venues/network.py"
LANES = "hedger/venues/lanes.py"
OUTCOMES = ("tests/wire/test_venue_place_outcomes.py",)
WORDS = ("tests/unit/test_venue_words.py", "tests/unit/test_venue_outcome.py")
ON_THE_WIRE = ("tests/wire/test_venue_orders.py",)
CLIENT = ("tests/wire/test_venue_setup.py",)

KEPT: tuple[Bug, ...] = (
    Bug(
        name="an order leaves before its row is on disk",
        rule="I3, law 2",
        path=RECORD,
        old="        decision.action is Action.PLACE for decision in result.decisions\n",
        new="        decision.action is Action.HOLD for decision in result.decisions\n",
        tests=("tests/unit/test_runtime_loop.py",),
    ),
    Bug(
        name="commands are carried out before the journal has them",
        rule="I3, law 2",
        path=LOOP,
        old="        commands = result.commands\n",
        new="        commands = result.commands\n"
        "        for command in commands:\n"
        "            self._carry_out(command, stamped)\n"
        "        commands = ()\n",
        tests=("tests/unit/test_runtime_loop.py", "tests/chaos/test_journal_failing.py"),
    ),
    Bug(
        name="a create leaves although the journal failed",
        rule="I3, P07",
        path=LOOP,
        old="                self._journal_failed = True\n",
        new="                self._journal_failed = False\n",
        tests=("tests/chaos/test_journal_failing.py",),
    ),
    Bug(
        name="rows of fills may wait",
        rule="I11, I3",
        path=RECORD,
        old='_DURABLE = frozenset({"fill", ',
        new="_DURABLE = frozenset({",
        tests=("tests/unit/test_runtime_record.py",),
    ),
    Bug(
        name="a halt is not in the journal",
        rule="I14, law 17",
        path=RECORD,
        old='    rows += [Row(after.now, "halt", c.reason, {}) for c in result.commands if isinstance(c, Halt)]\n',
        new="",
        tests=("tests/simulation/test_halts.py",),
    ),
    Bug(
        name="a halt is forgotten by the next start",
        rule="I14, law 17",
        path=RECOVER,
        old="        halted=recovered.halted,\n",
        new="        halted=None,\n",
        tests=("tests/simulation/test_halts.py",),
    ),
    Bug(
        name="each start has the same epoch",
        rule="I4, I22",
        path="hedger/runtime/epochs.py",
        old="        return min(known), max(known) + 1\n",
        new="        return min(known), max(known)\n",
        tests=("tests/simulation/test_restart.py",),
    ),
    Bug(
        name="the chain is not verified at the start",
        rule="I21, P08",
        path=JOURNAL,
        old="        self.verify(newest=VERIFIED_AT_START)\n",
        new="",
        tests=("tests/chaos/test_journal_chain.py",),
    ),
    Bug(
        name="commits do not wait for the disk",
        rule="I3, P08",
        path=JOURNAL,
        old='"synchronous = FULL"',
        new='"synchronous = NORMAL"',
        tests=("tests/chaos/test_journal_disk.py",),
    ),
    Bug(
        name="what was sent before a crash is taken as it was",
        rule="I12, P01",
        path=RECOVER,
        old="    return replace(order, status=OrderStatus.UNKNOWN, changed_at=now) if order.live else order\n",
        new="    return order\n",
        tests=("tests/unit/test_runtime_recover.py",),
    ),
    Bug(
        name="after a crash readings are believed at once",
        rule="I6, P01",
        path=RECOVER,
        old="    return min(recovered.last_at, now) + SENT_WITHIN_MS + max(ttls)\n",
        new="    return 0\n",
        tests=("tests/unit/test_runtime_recover.py",),
    ),
    Bug(
        name="two hedgers may use one state directory",
        rule="I22, P10",
        path="hedger/runtime/lease.py",
        old="fcntl.LOCK_EX | fcntl.LOCK_NB",
        new="fcntl.LOCK_SH | fcntl.LOCK_NB",
        tests=("tests/chaos/test_journal_lease.py",),
    ),
    Bug(
        name="the kill file is not looked at on the beat",
        rule="I14, O01",
        path="hedger/runtime/reception.py",
        old="        if engine.state.halted is None and self._kill.exists():\n",
        new="        if engine.state.halted is not None and self._kill.exists():\n",
        tests=("tests/simulation/test_operator.py::test_a_kill_is_heeded_within_a_beat_and_ends_every_order_of_ours",),
    ),
    Bug(
        name="the kill file is not looked at before an order leaves",
        rule="I14",
        path="hedger/runtime/lifeline.py",
        old='        return "the kill file is there" if self.kill.exists() else None\n',
        new="        return None\n",
        tests=("tests/unit/test_runtime_watchdog.py",),
    ),
    Bug(
        name="an order leaves late although the mode changed",
        rule="I9",
        path=LOOP,
        old="        if self.state.mode not in CREATING or not self._policy.sends:\n",
        new="        if not self._policy.sends:\n",
        tests=("tests/simulation/test_execution.py",),
    ),
    Bug(
        name="an order leaves that was decided long ago",
        rule="I5, I9",
        path=LOOP,
        old="        if self._clock.now_ms() - decided_at > LATE_MS:\n",
        new="        if self._clock.now_ms() - decided_at < 0:\n",
        tests=("tests/simulation/test_execution.py",),
    ),
)

WIRED: tuple[Bug, ...] = (
    Bug(
        name="a create whose answer was lost is sent again",
        rule="I4, law 3",
        path=DESK,
        old="attempt(send, link.answer_s + 1, link.hear, against)\n",
        new="attempt(send, link.answer_s + 1, link.hear, against)\n"
        "                if result.failure is not None:\n"
        "                    result = await attempt(send, link.answer_s + 1, link.hear)\n",
        tests=OUTCOMES,
    ),
    Bug(
        name="aiohttp sends again by itself",
        rule="I4, N10",
        path=NETWORK,
        old="    session._retry_connection = False\n",
        new="    session._retry_connection = True\n",
        tests=CLIENT,
    ),
    Bug(
        name="ccxt sends again by itself",
        rule="I4",
        path="hedger/venues/client.py",
        old='"options": {"maxRetriesOnFailure": 0, **options},',
        new='"options": {"maxRetriesOnFailure": 2, **options},',
        tests=CLIENT,
    ),
    Bug(
        name="an order is not post-only",
        rule="I7, law 7",
        path=ORDERS,
        old='            "postOnly": True,\n',
        new="",
        tests=ON_THE_WIRE,
    ),
    Bug(
        name="reduce-only does not reach the venue",
        rule="I8",
        path=ORDERS,
        old="        if order.reduce_only:\n            parameters",
        new="        if order.reduce_only is None:\n            parameters",
        tests=ON_THE_WIRE,
    ),
    Bug(
        name="numbers go out as floats",
        rule="I23, law 11",
        path=ORDERS,
        old="plain(order.quantity), plain(order.price)",
        new="float(order.quantity), float(order.price)",
        tests=ON_THE_WIRE,
    ),
    Bug(
        name="the venue's echo is not compared",
        rule="I24, V04",
        path=ORDERS,
        old="        wrong = self._echo_fault(order, record, report)\n",
        new="        wrong = None\n",
        tests=OUTCOMES,
    ),
    Bug(
        name="an acknowledgement without an id is one",
        rule="I12, V04",
        path=DESK,
        old="            said = describe(result, self._link.scrub)\n",
        new="            return OrderAccepted(client_order_id=id, venue_order_id=str(None))\n",
        tests=OUTCOMES,
    ),
    Bug(
        name="any code under a 4xx is a rejection",
        rule="I12, V03",
        path=OUTCOME,
        old="    reason = codes.refused.get(result.code)\n",
        new="    reason = codes.refused.get(result.code, RejectReason.INVALID_ORDER)\n",
        tests=WORDS,
    ),
    Bug(
        name="a server's failure is a rejection",
        rule="I12, V25",
        path=OUTCOME,
        old="evidence.status not in codes.refusing",
        new="evidence.status not in range(400, 600)",
        tests=WORDS,
    ),
    Bug(
        name="an order that exists already counts as refused",
        rule="I12, V19",
        path="hedger/venues/binance/codes.py",
        old="        -4131: _INVALID,\n",
        new="        -4131: _INVALID,\n        -4116: _INVALID,\n",
        tests=WORDS,
    ),
    Bug(
        name="requests that left are not seen to leave",
        rule="I12, V02",
        path=NETWORK,
        old="        evidence.sent += 1\n",
        new="        evidence.sent += 0\n",
        tests=OUTCOMES,
    ),
    Bug(
        name="the time-to-live counts from sending",
        rule="I12, V06",
        path=DESK,
        old="min(order.ttl_ms - (link.clock.now_ms() - begun_at), MAX_RECV_WINDOW_MS)",
        new="min(order.ttl_ms, MAX_RECV_WINDOW_MS)",
        tests=ON_THE_WIRE,
    ),
    Bug(
        name="nobody is asked again when a create's turn has come",
        rule="I9, I14",
        path=DESK,
        old="else self._unsendable(order) or leave()\n",
        new="else self._unsendable(order)\n",
        tests=(*ON_THE_WIRE, "tests/wire/test_venue_rules.py"),
    ),
    Bug(
        name="a cancel overtakes its own create",
        rule="I2, I14",
        path=DESK,
        old="            await asyncio.wait(creates, timeout=link.answer_s + 1)\n",
        new="            pass\n",
        tests=ON_THE_WIRE,
    ),
    Bug(
        name="a cancel waits behind orders",
        rule="I17",
        path=DESK,
        old="link.lanes.turn(Lane.CONTROL, self._wire.host_of(order.id))",
        new="link.lanes.turn(Lane.ORDERS, self._wire.host_of(order.id))",
        tests=("tests/wire/test_venue_lanes.py", *ON_THE_WIRE, "tests/wire/test_venue_quiet.py"),
    ),
    Bug(
        name="a ban is not heeded by the lanes",
        rule="I16, V27",
        path=LANES,
        old="        if now < until:\n",
        new="        if now < 0:\n",
        tests=("tests/unit/test_venue_lanes.py",),
    ),
    Bug(
        name="a ban that a start meets is not journaled",
        rule="I16, V27",
        path="hedger/app/daemon.py",
        old="venue.on_quiet(self.handle_now)",
        new="venue.on_quiet(lambda _: None)",
        tests=("tests/simulation/test_quiet_starts.py",),
    ),
    Bug(
        name="a ban is not recognised",
        rule="I16, V27",
        path=LANES,
        old="        if status == 418 or shut_out:\n",
        new="        if shut_out:\n",
        tests=("tests/unit/test_venue_lanes.py", "tests/wire/test_venue_quiet.py"),
    ),
    Bug(
        name="any host may be reached",
        rule="I18, S05",
        path=NETWORK,
        old="        if host not in self.hosts:\n",
        new="        if host is None:\n",
        tests=("tests/wire/test_venue_setup.py", "tests/wire/test_venue_secrets.py"),
    ),
    Bug(
        name="addresses and plain text pass the guard",
        rule="I18, S05",
        path=NETWORK,
        old='        if request.url.host not in self._hosts or request.url.scheme not in ("https", "wss"):\n',
        new="        if request.url.host is None:\n",
        tests=("tests/wire/test_venue_setup.py", "tests/wire/test_venue_secrets.py"),
    ),
    Bug(
        name="a secret is not scrubbed from what the venue said",
        rule="I18, S03",
        path=OUTCOME,
        old='    return scrub(": ".join(parts) or "no answer")\n',
        new='    return ": ".join(parts) or "no answer"\n',
        tests=("tests/unit/test_venue_outcome.py", "tests/wire/test_venue_secrets.py"),
    ),
    Bug(
        name="half of a secret may be shown",
        rule="I18, S03",
        path=OUTCOME,
        old="            for start in range(max(1, len(form) - PIECE + 1))\n",
        new="            for start in range(1)\n",
        tests=("tests/unit/test_venue_outcome.py",),
    ),
    Bug(
        name="a status that the venue invents means canceled",
        rule="I12, D16",
        path="hedger/venues/binance/parse.py",
        old="STATUSES.get(record.status, ReportStatus.UNRECOGNISED)",
        new="STATUSES.get(record.status, ReportStatus.CANCELED)",
        tests=ON_THE_WIRE,
    ),
)

BUGS = KEPT + WIRED
