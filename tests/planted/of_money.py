"""Bugs in contracts that settle in coins, in what money is worth, and in what is taken for a deposit."""

from __future__ import annotations

from tests.planted.plant import Bug

MONEY, MARGIN = "hedger/engine/held/money.py", "hedger/engine/guards/margin.py"
SETTLED = "hedger/engine/news/settled.py"
INVERSE = ("tests/unit/test_engine_inverse.py", "tests/property/test_engine_inverse.py")
COUNTED = ("tests/unit/test_engine_money.py",)
BY_HAND = ("tests/unit/test_engine_numbers_by_hand.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="the profit of a contract in coins is left out of what is owned",
        rule="quant: wallet against equity",
        path="hedger/engine/held/exposure.py",
        old="reading.spot.get(hedge.underlying, ZERO) + reading.equity(hedge.underlying)",
        new="reading.spot.get(hedge.underlying, ZERO) + reading.collateral.get(hedge.underlying, ZERO)",
        tests=INVERSE,
    ),
    Bug(
        name="an inverse contract has the other sign",
        rule="quant: inverse sign and unit",
        path="hedger/model/account.py",
        old="        return notional / self.mark_price\n",
        new="        return -notional / self.mark_price\n",
        tests=INVERSE,
    ),
    Bug(
        name="profit that comes with the price is a deposit",
        rule="quant: fact 5",
        path=SETTLED,
        old="    return reading.spot.get(asset, ZERO) + reading.equity(asset) + sum(contracts, ZERO)\n",
        new="    return reading.spot.get(asset, ZERO) + reading.equity(asset)\n",
        tests=INVERSE,
    ),
    Bug(
        name="a contract worth 100 dollars is taken for one coin",
        rule="quant: contract size not 1",
        path="hedger/model/instrument.py",
        old="        return units * (self.contract_multiplier if self.payoff is Payoff.INVERSE else price)\n",
        new="        return units * (1 if self.payoff is Payoff.INVERSE else price)\n",
        tests=INVERSE,
    ),
    Bug(
        name="a gain in coins is not valued",
        rule="quant: execution edge of inverse contracts",
        path="hedger/model/instrument.py",
        old="        return gained * self.contract_multiplier / price if self.payoff is Payoff.INVERSE else gained\n",
        new="        return gained\n",
        tests=INVERSE,
    ),
    Bug(
        name="money is the margin of contracts that settle in coins",
        rule="quant: minimum over wallets",
        path=MARGIN,
        old="        return reading.coin_margins.get(rules.underlying)\n",
        new="        return reading.margin\n",
        tests=INVERSE,
    ),
    Bug(
        name="one money backs what settles in another",
        rule="quant: minimum over wallets",
        path=MARGIN,
        old="    return reading.coin_margins.get(rules.settle, reading.margin)\n",
        new="    return reading.margin\n",
        tests=("tests/unit/test_engine_margin.py",),
    ),
    Bug(
        name="a venue that names no liquidation price has none",
        rule="M04",
        path=MARGIN,
        old="    return None if margin is None else distance_by_equity(position, margin, _beside(state, position))\n",
        new="    return None\n",
        tests=INVERSE,
    ),
    Bug(
        name="an option whose row is missing was sold",
        rule="D08",
        path="hedger/engine/news/belief.py",
        old=" or hedge.underlying in by_options:\n",
        new=":\n",
        tests=INVERSE,
    ),
    Bug(
        name="a contract that expired was traded by somebody else",
        rule="M06",
        path="hedger/engine/news/changes.py",
        old="        if has_ended(before, reading, id):\n            continue\n",
        new="",
        tests=INVERSE,
    ),
    Bug(
        name="unrealised profit is counted a second time as stablecoins held",
        rule="quant: fact 9",
        path=MONEY,
        old="view.reading.spot.get(asset, ZERO) + view.reading.collateral.get(asset, ZERO)\n",
        new="view.reading.spot.get(asset, ZERO) + view.reading.equity(asset)\n",
        tests=COUNTED,
    ),
    Bug(
        name="money that lost its peg counts as a dollar",
        rule="M07",
        path=MONEY,
        old="        if away > peg.limit:\n",
        new="        if away > peg.limit * 100:\n",
        tests=(*COUNTED, "tests/simulation/test_money.py"),
    ),
    Bug(
        name="a pair tells the price of its quote as if it were its base",
        rule="D15",
        path=MONEY,
        old="    return peg.beside / mid if peg.inverted else peg.beside * mid\n",
        new="    return peg.beside * mid\n",
        tests=COUNTED,
    ),
    Bug(
        name="nobody need say what wealth is counted in",
        rule="quant: the numeraire is mandatory",
        path=MONEY,
        old="        if not hedge.numeraire_said:\n",
        new="        if False:\n",
        tests=COUNTED,
    ),
    Bug(
        name="a lost order of contracts in coins is worth their number times the price",
        rule="quant: contract size not 1",
        path="hedger/engine/held/exposure.py",
        old="order.price if rules is None else rules.notional(order.remaining, order.price)\n",
        new="order.price\n",
        tests=BY_HAND,
    ),
    Bug(
        name="a thin book of contracts in coins is deep",
        rule="quant: contract size not 1",
        path="hedger/engine/wanted/quoting.py",
        old="    return instrument.notional(quantity, price)\n",
        new="    return price * quantity\n",
        tests=BY_HAND,
    ),
    Bug(
        name="of two positions on one coin each has all of their margin to itself",
        rule="M04",
        path="hedger/engine/formulas/liquidation.py",
        old="    size = abs(own + beside) if own * beside > 0 else abs(own)\n",
        new="    size = abs(own)\n",
        tests=BY_HAND,
    ),
    Bug(
        name="free margin for a lot is taken for that of the least order",
        rule="a hedge goes where it can be traded",
        path="hedger/engine/decision/failover.py",
        old=" * MARGIN_USED, rules.lot_size) >= smallest(rules, price)\n",
        new=", rules.lot_size) >= rules.min_quantity\n",
        tests=BY_HAND,
    ),
    Bug(
        name="a liquidation price that is left out is far away",
        rule="guards act with hysteresis",
        path=MARGIN,
        old="    elif liquidation_known(state, hedge):",
        new="    else:",
        tests=BY_HAND,
    ),
)
