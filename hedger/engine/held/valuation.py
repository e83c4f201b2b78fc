"""A reading of an account as what it is worth: equity, prices, futures and options, at one moment and in dollars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from hedger.engine.formulas.attribution import Leg, Standing, option_value
from hedger.engine.formulas.option_columns import columns
from hedger.engine.held.money import pegs_of, seen_price, settle_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition

MONEY = ("USD", "USDT", "USDC", "FDUSD", "DAI", "TUSD", "BUSD")


def standing(state: State, policy: Policy, reading: AccountReading, before: Standing | None) -> Standing | None:
    """The account as a reading shows it. What has no price now keeps its last; what never had one is left out.

    None at the very first while a coin that a hedge holds here has no price: nothing can be reckoned from there.
    Quantities held where no API sees them count in the account of the hedge's first instrument.
    """
    money = _money_prices(state, policy, before)
    owners, static = _owners(state, policy, reading.account)
    prices = {**(before.prices if before is not None else {}), **money, **_coin_prices(state, policy, reading, money)}
    held = _equity(reading, static)
    if before is None and any(coin not in prices for coin in owners if held.get(coin, ZERO)):
        return None
    equity = {asset: held.get(asset, ZERO) for asset in prices if held.get(asset, ZERO) or _was(before, asset)}
    now = Standing(
        at=state.now,
        exchange_at=reading.exchange_at,
        equity=equity,
        prices=prices,
        owners=owners,
        overlays=_traders(state, policy, reading.account),
        money=tuple(asset for asset in prices if asset in money),
        legs=tuple(_legs(state, policy, reading, before, prices)),
        options=_options(state, reading, before),
        net_value=ZERO,
    )
    return replace(now, net_value=net_value(now))


def net_value(at: Standing) -> Decimal:
    """Balances and unrealised profits at their prices, and options at their marks, in dollars."""
    held = sum((equity * at.prices[asset] for asset, equity in at.equity.items()), ZERO)
    return held + sum([option.quantity * option_value(option, at.prices) for option in at.options], ZERO)


def _was(before: Standing | None, asset: str) -> bool:
    return before is not None and asset in before.equity


def _equity(reading: AccountReading, static: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """By asset: the balances in both wallets, what is held elsewhere, and the unrealised profit that settles in it, as
    the venue says or else by the entries of the positions. Funding that is not settled yet comes with its payment."""
    equity: dict[str, Decimal] = {}
    for held in (reading.spot, reading.collateral, static, reading.unrealized):
        for asset, quantity in held.items():
            if quantity:
                equity[asset] = equity.get(asset, ZERO) + quantity
    for asset, unsettled in reading.accrued.items():
        if unsettled:
            equity[asset] = equity.get(asset, ZERO) - unsettled
    for row in reading.positions:
        if row.quantity and (asset := settle_of(row.id)) not in reading.unrealized:
            equity[asset] = equity.get(asset, ZERO) + _unrealized(row)
    return equity


def _unrealized(row: Position) -> Decimal:
    """q·(P − entry) of a linear position in quote, N·(1/entry − 1/P) of an inverse one in coins."""
    if not row.quantity or row.entry_price <= 0 or row.mark_price <= 0:
        return ZERO
    if row.payoff is Payoff.INVERSE:
        return row.quantity * row.contract_multiplier * (ONE / row.entry_price - ONE / row.mark_price)
    return row.quantity * (row.mark_price - row.entry_price)


# --- whose is it -----------------------------------------------------------------------------------------------------


def _owners(state: State, policy: Policy, account: str) -> tuple[dict[str, str], dict[str, Decimal]]:
    """The hedges whose coins are held here, and what of them no API sees."""
    owners: dict[str, str] = {}
    static: dict[str, Decimal] = {}
    for hedge in policy.hedges:
        home = hedge.instruments[0].account == account
        if account in hedge.spot_accounts or (home and hedge.static_quantity):
            owners.setdefault(hedge.underlying, hedge.name)
        if home and hedge.static_quantity:
            static[hedge.underlying] = static.get(hedge.underlying, ZERO) + hedge.static_quantity
    return owners, static


def _traders(state: State, policy: Policy, account: str) -> dict[str, str]:
    """The hedges that look at this account, by what they hedge."""
    traders: dict[str, str] = {}
    for hedge in policy.hedges:
        if hedge.name in state.hedges_of_account.get(account, ()):
            traders.setdefault(hedge.underlying, hedge.name)
    return traders


def hedge_of(state: State, policy: Policy, id: InstrumentId, underlying: str) -> str:
    """The hedge that a future counts in: the first that trades it, else the one of its coin; "" for none."""
    names = state.hedges_of_instrument.get(id, ())
    return names[0] if names else _traders(state, policy, id.account).get(underlying, "")


# --- prices ----------------------------------------------------------------------------------------------------------


def _money_prices(state: State, policy: Policy, before: Standing | None) -> dict[str, Decimal]:
    """What money is worth in dollars: as its peg's source says or last said, or at par; one where it has no peg."""
    known = {asset: before.prices[asset] for asset in before.money} if before is not None else {}
    prices = dict.fromkeys((*MONEY, *(i.quote for i in state.instruments.values() if i.quote == i.settle)), ONE)
    for peg in pegs_of(policy):
        seen = seen_price(state, peg)
        prices[peg.asset] = seen if seen is not None else known.get(peg.asset, peg.par)
    return prices


def _coin_prices(
    state: State, policy: Policy, reading: AccountReading, money: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Index prices in dollars: the reading's own where it has any, else the last that the market told."""
    prices: dict[str, Decimal] = {}
    for id, instrument in state.instruments.items():
        mark = state.marks.get(id)
        if mark is not None and instrument.underlying not in money and instrument.quote in money:
            price = instrument.coin_price(mark[0].index_price) * money[instrument.quote]
            prices.setdefault(instrument.underlying, price)
    for hedge in policy.hedges:  # a coin without a future has the price of its spot pair
        quote = state.quotes.get(hedge.cross.spot) if hedge.cross is not None else None
        if hedge.cross is not None and quote is not None:
            prices[hedge.underlying] = quote[0].mid_price * money.get(_quote_of(hedge.cross.spot), ONE)
    last = {option.underlying: option for option in reading.options if is_sound(option.index_price)}
    told = {coin: option.index_price * money.get(_quote_of(option.id), ONE) for coin, option in last.items()}
    for row in (*reversed(reading.positions), *_firsts(policy, reading.positions)):
        index = row.index_price
        if index is not None and is_sound(index) and row.underlying not in money:
            per_coin = index / (ONE if row.payoff is Payoff.INVERSE else row.contract_multiplier)
            told[row.underlying] = per_coin * money.get(_quote_of(row.id), ONE)
    return {**prices, **told}


def _firsts(policy: Policy, rows: Iterable[Position]) -> list[Position]:
    """The rows of each hedge's first instrument: where several tell an index of a coin, it is theirs."""
    firsts = {hedge.instruments[0] for hedge in policy.hedges}
    return [row for row in rows if row.id in firsts]


def _quote_of(id: InstrumentId) -> str:
    return id.symbol.partition("/")[2].partition(":")[0]


# --- rows ------------------------------------------------------------------------------------------------------------


def _legs(
    state: State, policy: Policy, reading: AccountReading, before: Standing | None, prices: Mapping[str, Decimal]
) -> Iterable[Leg]:
    """The futures, one row each; one that was there and is not any more is flat, at the best price that is known."""
    rows: dict[InstrumentId, Position] = {}
    for row in reading.positions:
        same = rows.get(row.id)
        rows[row.id] = row if same is None else replace(row, quantity=row.quantity + same.quantity)
    for id, row in rows.items():
        leg = _leg(state, policy, row, before.leg(id.symbol) if before is not None else None)
        if leg is not None:
            yield leg
    for leg in before.legs if before is not None else ():
        if leg.quantity and InstrumentId(reading.account, leg.symbol) not in rows:
            yield _gone(state, InstrumentId(reading.account, leg.symbol), leg, prices)


def _leg(state: State, policy: Policy, row: Position, before: Leg | None) -> Leg | None:
    held = state.marks.get(row.id)
    mark = row.mark_price if row.mark_price > 0 else held[0].mark_price if held is not None else ZERO
    if mark <= 0 and before is not None:
        mark = before.mark_price
    told = row.index_price if is_sound(row.index_price) else None
    index = told if told is not None else held[0].index_price if held is not None else mark
    if mark <= 0 or row.payoff is Payoff.QUANTO:
        return None
    return Leg(
        symbol=row.id.symbol,
        hedge=hedge_of(state, policy, row.id, row.underlying),
        settle=settle_of(row.id),
        payoff=row.payoff,
        quantity=row.quantity,
        multiplier=row.contract_multiplier,
        mark_price=mark,
        index_price=index,
        expiry_at=row.expiry_at,
    )


def _gone(state: State, id: InstrumentId, leg: Leg, prices: Mapping[str, Decimal]) -> Leg:
    """A future that is not listed any more: settled near its index if it has expired, else closed near its mark."""
    held, instrument = state.marks.get(id), state.instruments.get(id)
    mark, index = (held[0].mark_price, held[0].index_price) if held is not None else (leg.mark_price, leg.index_price)
    if leg.expiry_at is not None and leg.expiry_at <= state.now:
        coin, quote = id.symbol.partition("/")[0], _quote_of(id)
        if instrument is None and coin in prices and leg.payoff is Payoff.INVERSE:
            index = prices[coin] / prices.get(quote, ONE)
        mark = index
    return replace(leg, quantity=ZERO, mark_price=mark, index_price=index)


def _options(state: State, reading: AccountReading, before: Standing | None) -> tuple[OptionPosition, ...]:
    """The options held; one without a mark keeps its last, one that is gone is flat: paid out if it has expired.

    Where nothing is to be mended it is the reading's own tuple, whose arrays are known already.
    """
    told = reading.options
    rows = {option.id: option for option in told}
    gone = before is not None and any(was.id not in rows for was in before.options if was.quantity)
    if not gone and len(rows) == len(told) and _is_whole(told):
        return told
    return tuple(_mended(state, rows, {was.id: was for was in before.options} if before is not None else {}))


def _is_whole(options: tuple[OptionPosition, ...]) -> bool:
    known = columns(options)
    return bool((known.complete & (known.quantity != 0)).all())


def _mended(
    state: State, rows: Mapping[InstrumentId, OptionPosition], old: Mapping[InstrumentId, OptionPosition]
) -> Iterable[OptionPosition]:
    for id, told in rows.items():
        was = old.get(id)
        option = _sound_option(told, was)
        if option is not None and (option.quantity or (was is not None and was.quantity)):
            yield option
    for id, was in old.items():
        if was.quantity and id not in rows:
            same = (option.index_price for option in rows.values() if option.underlying == was.underlying)
            index = next((price for price in same if is_sound(price)), None)
            yield _ended(state, was, index)


def _sound_option(option: OptionPosition, was: OptionPosition | None) -> OptionPosition | None:
    """The option with what cannot be true of it left out; None where nothing can be reckoned with it. A mark that is
    missing is the last one, and without an index nothing but the quantity is new."""
    if not option.quantity.is_finite() or not is_sound(option.strike) or not is_sound(option.contract_multiplier):
        return was
    if not is_sound(option.index_price):
        return None if was is None else replace(was, quantity=option.quantity)
    if option.mark_price is not None and option.mark_price.is_finite():
        if is_sound(option.mark_sigma) and is_sound(option.forward_price):
            return option
        mark: Decimal | None = option.mark_price
    else:
        mark = was.mark_price if was is not None else None
    sigma = option.mark_sigma if is_sound(option.mark_sigma) else None
    forward = option.forward_price if is_sound(option.forward_price) else None
    return replace(option, mark_price=mark, mark_sigma=sigma, forward_price=forward)


def is_sound(value: Decimal | None) -> bool:
    """Whether it is a number above zero."""
    return value is not None and value.is_finite() and value > 0


def _ended(state: State, was: OptionPosition, index: Decimal | None) -> OptionPosition:
    """An option that is gone; the settlement of one that has expired is taken to be the payoff at the index."""
    if was.expiry_at > state.now:
        return replace(was, quantity=ZERO)
    index = index if index is not None else _index_of(state, was)
    payoff = max(was.option_type.sign * (index - was.strike), ZERO)
    mark = payoff / index if was.payoff is Payoff.INVERSE else payoff
    return replace(was, quantity=ZERO, mark_price=mark, index_price=index)


def _index_of(state: State, option: OptionPosition) -> Decimal:
    for id, (mark, _) in state.marks.items():
        instrument = state.instruments.get(id)
        if instrument is not None and instrument.underlying == option.underlying:
            return instrument.coin_price(mark.index_price)
    return option.index_price
