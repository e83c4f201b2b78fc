"""Bugs in how a configuration takes another's place while the daemon runs."""

from __future__ import annotations

from tests.planted.plant import Bug

RELOADING = "hedger/app/reloading.py"
PLAN = "hedger/app/reload_plan.py"
LOOP = "hedger/runtime/loop.py"
APP, PLANNED = ("tests/unit/test_app_reloading.py",), ("tests/unit/test_app_reload_plan.py",)
SIMULATED = "tests/simulation/test_reload.py"

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a key of a start is let through by a reload",
        rule="O03, O08",
        path=PLAN,
        old="    if cold:\n",
        new="    if not cold:\n",
        tests=(*PLANNED, *APP),
    ),
    Bug(
        name="the step of a reload is measured by the new limit",
        rule="O03",
        path=PLAN,
        old="pair.old.guards.order_notional",
        new="pair.new.guards.order_notional",
        tests=PLANNED,
    ),
    Bug(
        name="a reload does not look at what it trades at once",
        rule="O03",
        path=PLAN,
        old='        yield f"{text}, worth {_money(abs(due_then) * will.price)}", worth > most\n',
        new='        yield f"{text}, worth {_money(abs(due_then) * will.price)}", False\n',
        tests=PLANNED,
    ),
    Bug(
        name="a band in another unit needs no word",
        rule="O03",
        path=PLAN,
        old="            much = now >= MUCH * old or old >= MUCH * now\n",
        new="            much = now >= MUCH * MUCH * MUCH * old\n",
        tests=PLANNED,
    ),
    Bug(
        name="a gamma that nobody accepted comes in by a reload",
        rule="O03",
        path=PLAN,
        old="        if gamma and not target.accept_gamma and",
        new="        if not gamma and not target.accept_gamma and",
        tests=PLANNED,
    ),
    Bug(
        name="bands are not held against the lots at a reload",
        rule="O03, law 16",
        path=PLAN,
        old="        check_reachable(policy, tuple(state.instruments.values()), prices, state.now)\n",
        new="",
        tests=PLANNED,
    ),
    Bug(
        name="a reload needs nobody's word",
        rule="O03",
        path=RELOADING,
        old="    if plan.doubts and not wish.shown:\n",
        new="    if not plan.doubts and not wish.shown and plan.refusals:\n",
        tests=APP,
    ),
    Bug(
        name="a word for one file counts for another",
        rule="O03",
        path=RELOADING,
        old="    if wish.shown and wish.shown != plan.digest:\n",
        new="    if wish.shown and not plan.digest:\n",
        tests=APP,
    ),
    Bug(
        name="a reload that was refused is carried out",
        rule="O03",
        path=RELOADING,
        old="        if against:\n",
        new="        if against and not plan.changes:\n",
        tests=APP,
    ),
    Bug(
        name="another configuration comes in force while it drains",
        rule="O03",
        path=RELOADING,
        old="        if daemon.state.draining is not None or daemon.state.stopped or daemon.state.superseded:\n",
        new="        if daemon.state.superseded:\n",
        tests=APP,
    ),
    Bug(
        name="a file that ends the reading ends the hedger",
        rule="O03",
        path="hedger/app/reading.py",
        old="        if problem is None or isinstance(problem, HedgerError):\n",
        new="        if True:\n",
        tests=APP,
    ),
    Bug(
        name="half of a file is taken for the whole",
        rule="O03, C04",
        path="hedger/settings/again.py",
        old="    if before is None or _mark_of(places.path) != before:\n",
        new="    if before is None:\n",
        tests=APP,
    ),
    Bug(
        name="a file that everybody may write is taken",
        rule="C04",
        path="hedger/settings/again.py",
        old="    if before.mode & stat.S_IWOTH:\n",
        new="    if before.mode & stat.S_ISVTX:\n",
        tests=APP,
    ),
    Bug(
        name="a file that was not loaded is not told",
        rule="C04",
        path=RELOADING,
        old="            self._file = f\"it says something else about {', '.join(keys)}\" if keys else None\n",
        new="            self._file = None\n",
        tests=APP,
    ),
    Bug(
        name="a rotated key is told by a reload",
        rule="law 15, O08",
        path="hedger/settings/diff.py",
        old="    if isinstance(old, SecretStr) or isinstance(new, SecretStr):\n",
        new="    if isinstance(old, SecretStr) and isinstance(new, SecretStr):\n"
        "        return old.get_secret_value(), new.get_secret_value()\n"
        "    if isinstance(old, SecretStr) or isinstance(new, SecretStr):\n",
        tests=("tests/unit/test_settings_diff.py",),
    ),
    Bug(
        name="a policy takes over that no row tells of",
        rule="law 2, O03",
        path=LOOP,
        old='            return "the journal cannot be written, and what it does not tell is not done"\n',
        new="",
        tests=(f"{SIMULATED}::test_without_a_journal_no_policy_takes_over",),
    ),
    Bug(
        name="an order of the old policy leaves after a reload",
        rule="O03, law 9",
        path=LOOP,
        old="        if policy is not self._policy:\n",
        new="        if policy is None:\n",
        tests=(f"{SIMULATED}::test_an_order_of_the_old_policy_that_waits_for_its_turn_does_not_leave",),
    ),
    Bug(
        name="decisions after a reload name the old policy",
        rule="I20",
        path=LOOP,
        old="            self._recorder.policy_changed(policy)\n",
        new="",
        tests=(f"{SIMULATED}::test_every_decision_before_and_after_a_reload_comes_out_the_same_again",),
    ),
    Bug(
        name="the frame of a policy is not begun anew",
        rule="I20",
        path="hedger/runtime/inputs.py",
        old="        self._policy_digest = _digest(self._policy)\n        self.begin_anew()\n",
        new="        self._policy_digest = _digest(self._policy)\n",
        tests=(f"{SIMULATED}::test_every_decision_before_and_after_a_reload_comes_out_the_same_again",),
    ),
    Bug(
        name="the loop takes a policy that its state was not made for",
        rule="O03, law 17",
        path=LOOP,
        old="        if parts := unrevisable(self._policy, policy):\n",
        new="        if (parts := unrevisable(self._policy, policy)) and not policy.hedges:\n",
        tests=(f"{SIMULATED}::test_what_the_state_was_not_made_for_is_refused_by_the_loop_itself",),
    ),
    Bug(
        name="an order at rest may be larger than the limit allows by now",
        rule="I10, O03",
        path="hedger/engine/guards/limits.py",
        old='    ("order_notional", Kind.RISK, _order_notional),\n',
        new='    ("order_notional", Kind.ENTRY, _order_notional),\n',
        tests=(f"{SIMULATED}::test_an_order_that_rests_is_judged_by_the_new_policy_at_once",),
    ),
    Bug(
        name="tighter levels of margin wait for the next reading",
        rule="I10, O03",
        path="hedger/engine/step.py",
        old="    elif isinstance(event, PolicyChanged):  # the levels of its guards may be others\n"
        "        state = _judge_margins(state, policy)\n",
        new="",
        tests=(f"{SIMULATED}::test_a_tighter_level_of_margin_holds_from_the_same_moment",),
    ),
    Bug(
        name="a computed band keeps the width of another rule",
        rule="O03",
        path="hedger/engine/known/revision.py",
        old="    fresh = {name: replace(state.hedges[name], edges=None, decision=None) for name in event.hedges}\n",
        new="    fresh = {name: replace(state.hedges[name], decision=None) for name in event.hedges}\n",
        tests=PLANNED,
    ),
)
