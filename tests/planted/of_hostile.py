"""Bugs that let a lying venue stop the program, or make it trade on what cannot be true."""

from tests.planted.plant import Bug

TESTS = ("tests/unit/test_engine_hostile.py",)
SANE = "hedger/engine/sane.py"
SOURCES = "hedger/engine/sources.py"
SOURCES_TESTS = ("tests/unit/test_engine_sources.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a number beyond all bounds is reckoned with",
        rule="I24, D01",
        path=SANE,
        old="    return value.is_finite() and (not value or FAINTEST <= abs(value) <= LARGEST)\n",
        new="    return value.is_finite()\n",
        tests=TESTS,
    ),
    Bug(
        name="an index may be in other units than its mark",
        rule="I24, D01",
        path=SANE,
        old="    return flaw or _flaw_of_units(mark.mark_price, mark.index_price)\n",
        new="    return flaw\n",
        tests=TESTS,
    ),
    Bug(
        name="a leap of the index alone is believed",
        rule="I24, D02",
        path="hedger/engine/fold.py",
        old=" or _leaps(last.index_price, price.index_price)\n",
        new="\n",
        tests=TESTS,
    ),
    Bug(
        name="a perpetual becomes a contract that has expired",
        rule="I1",
        path="hedger/engine/rules.py",
        old="    if other:\n",
        new="    if False:\n",
        tests=TESTS,
    ),
    Bug(
        name="a row that is told as another contract is believed",
        rule="I1",
        path="hedger/engine/whole.py",
        old="        or _with_other_terms(state, reading)\n",
        new="",
        tests=TESTS,
    ),
    Bug(
        name="a reading without the wallet of an inverse contract is whole",
        rule="I1, D08",
        path="hedger/engine/whole.py",
        old="        or _without_a_wallet(view.reading, reading)\n",
        new="",
        tests=TESTS,
    ),
    Bug(
        name="what the price did to options is blamed on the hedge",
        rule="guard futile_hedges",
        path="hedger/engine/step.py",
        old="abs(facts.exposure.delta - facts.exposure.options.delta - target)",
        new="abs(facts.exposure.delta - target)",
        tests=TESTS,
    ),
    Bug(
        name="a frozen source of a stablecoin's price is seen",
        rule="guard depeg",
        path="hedger/engine/money.py",
        old="age_of(state.now, held[1], held[0].exchange_at, offset)",
        new="(state.now - held[1])",
        tests=TESTS,
    ),
    Bug(
        name="a reduction of nothing is sent",
        rule="I8",
        path="hedger/engine/saving.py",
        old='    if units <= 0:\n        return Verdict(Action.DENY, Reason.BELOW_MINIMUM, f"{position} of',
        new='    if False:\n        return Verdict(Action.DENY, Reason.BELOW_MINIMUM, f"{position} of',
        tests=TESTS,
    ),
    Bug(
        name="coins without a common factor have a covariance",
        rule="cross-hedge",
        path="hedger/engine/cross.py",
        old="    if not np.isfinite(shrunk).all():\n",
        new="    if False:\n",
        tests=TESTS,
    ),
    Bug(
        name="nobody contradicts a venue's price",
        rule="I10, D02",
        path="hedger/engine/limits.py",
        old='    ("price_sources", Kind.FACT, _price_sources),\n',
        new='    ("price_sources", Kind.FACT, lambda _: None),\n',
        tests=SOURCES_TESTS,
    ),
    Bug(
        name="the account's own mark is not asked",
        rule="I10, D02",
        path=SOURCES,
        old="    return _by_the_account(state, mark) or _by_other_venues(",
        new="    return _by_other_venues(",
        tests=SOURCES_TESTS,
    ),
    Bug(
        name="other venues are not asked for their index",
        rule="I10, D02",
        path=SOURCES,
        old="abs(own / median(voices.values()) - 1)",
        new="abs(own / own - 1)",
        tests=SOURCES_TESTS,
    ),
    Bug(
        name="a frozen venue contradicts the others for ever",
        rule="D02",
        path=SOURCES,
        old="max(state.now - received_at, state.now + state.accounts[id.account].offset_ms - mark.exchange_at)",
        new="state.now - received_at",
        tests=SOURCES_TESTS,
    ),
    Bug(
        name="margin waits until venues agree on a price",
        rule="law 8",
        path="hedger/engine/limits.py",
        old="    return None if p.saves else _because(Reason.PRICE_SOURCES",
        new="    return _because(Reason.PRICE_SOURCES",
        tests=SOURCES_TESTS,
    ),
)
