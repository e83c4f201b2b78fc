"""What an account holds in coins by the exchange's own marks, surface and averages: nothing here is the engine's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.sim.floor import Floor
from hedger.sim.ledger import Account
from hedger.sim.nouns import Listing, OptionListing, UserTrade

SLACK, AVERAGING_SLACK = Decimal("0.003"), Decimal("0.15")  # of a coin of options


def coins_owned(floor: Floor, account: Account, coin: str) -> Decimal:
    """The coins in both wallets, with the unrealised profit of contracts that settle in them; options left out."""
    return account.spot.get(coin, ZERO) + account.wallets.get(coin, ZERO) + coins_made(floor, account, coin)


def coins_made(floor: Floor, account: Account, coin: str) -> Decimal:
    """The unrealised profit of contracts that settle in a coin."""
    made = ZERO
    for symbol, holding in account.holdings.items():
        if holding.inverse and holding.quantity and floor.board.contracts[symbol].base == coin:
            made += holding.unrealized(floor.marks[symbol])
    return made


def contracts_held(floor: Floor, account: Account, coin: str) -> Decimal:
    """The size of all contracts on a coin, in coins: q, or N/P of an inverse one."""
    return sum(
        (listing.coins(units, floor.marks[listing.symbol]) for listing, units in _open(floor, account, coin)), ZERO
    )


def contracts_basis(floor: Floor, account: Account, coin: str) -> Decimal:
    """What the basis makes of contracts on a coin: a dated linear one has q·F/S and not q."""
    total = ZERO
    for listing, units in _open(floor, account, coin):
        if listing.expiry_at is not None and listing.payoff is Payoff.LINEAR:
            total += units * (coins_per_unit(floor, listing) - listing.contract_multiplier)
    return total


def contracts_fixed(floor: Floor, account: Account, coin: str, at: int) -> Decimal:
    """What settlement averages have taken from the delta of contracts on a coin until `at` (ms): it moves no more."""
    parts = contracts_dated(floor, account, coin)
    return sum((units * coins_per_unit(floor, listing) * (left(listing, at) - 1) for listing, units in parts), ZERO)


def contracts_dated(floor: Floor, account: Account, coin: str) -> Iterator[tuple[Listing, Decimal]]:
    """The dated contracts on a coin that are held, and how many units of each."""
    return ((listing, units) for listing, units in _open(floor, account, coin) if listing.expiry_at is not None)


def _open(floor: Floor, account: Account, coin: str) -> Iterator[tuple[Listing, Decimal]]:
    for symbol, holding in account.holdings.items():
        if holding.quantity and floor.board.contracts[symbol].base == coin:
            yield floor.board.contracts[symbol], holding.quantity


def coins_per_unit(floor: Floor, listing: Listing) -> Decimal:
    """The delta of one unit of a contract now, what has settled of it left in."""
    mark = floor.marks.get(listing.symbol, ZERO)
    if listing.payoff is Payoff.INVERSE:
        return listing.contract_multiplier / mark if mark else ZERO
    index = floor.index_in(listing.base, listing.quote) if listing.expiry_at is not None else None
    return mark / index if index and mark else listing.contract_multiplier


def left(listing: Listing, at: int) -> Decimal:
    """The share of a contract's settlement average that is still open at a moment, 1 before it begins."""
    if listing.expiry_at is None or not listing.settlement_ms:
        return ONE
    return max(ZERO, min(ONE, Decimal(listing.expiry_at - at) / listing.settlement_ms))


def traded_coins(listing: Listing, trade: UserTrade) -> Decimal:
    """What a trade was in coins for good: with the profit that it has since, N/P of an inverse contract stays what it
    was at the trade's own price."""
    return trade.side.sign * listing.coins(trade.quantity, trade.price)


# --- options ----------------------------------------------------------------------------------------------------------


def _held(floor: Floor, account: Account, coin: str) -> Iterator[tuple[OptionListing, Decimal]]:
    for symbol, quantity in account.options.items():
        listing = floor.options.listings[symbol]
        if listing.base == coin and quantity:
            yield listing, quantity * listing.contract_multiplier


def has_options(floor: Floor, account: Account, coin: str) -> bool:
    """Whether the account holds an option on a coin."""
    return next(_held(floor, account, coin), None) is not None


def options_delta(floor: Floor, account: Account, coin: str) -> Decimal:
    """The delta of the options on a coin, their value in no equity."""
    held = _held(floor, account, coin)
    return sum((coins * Decimal(floor.options.mark(listing).delta) for listing, coins in held), ZERO)


def options_premium(floor: Floor, account: Account, coin: str) -> Decimal:
    """What the options on a coin are worth, in coins."""
    total = ZERO
    for listing, coins in _held(floor, account, coin):
        mark = floor.options.mark(listing)
        total += coins * (mark.price if listing.payoff is Payoff.INVERSE else mark.price / mark.index_price)
    return total


def options_slack(floor: Floor, account: Account, coin: str) -> Decimal:
    """By how many coins the delta of the options may be told otherwise: their volatility and forward are those of the
    last reading. While a settlement average is taken, two good models of what it leaves open differ by more."""
    total = ZERO
    for listing, coins in _held(floor, account, coin):
        averages = floor.now >= listing.expiry_at - listing.settlement_ms
        total += abs(coins) * (AVERAGING_SLACK if averages else SLACK)
    return total
