"""A first configuration as a file that explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.engine.known.policy import TargetKind
from hedger.model.numeric import plain
from hedger.settings.draft import SIZES, CoinDraft, Draft, DraftBand, Stage, settles_in_coin, symbols_of
from hedger.settings.venues import VENUES, VenueFacts

USUAL_SWITCH_S = 120
_MODES = {
    Stage.PAPER: ("paper", "an exchange on this machine: no keys, no network, no money"),
    Stage.SHADOW: ("shadow", "it reads your account, decides, and sends nothing"),
    Stage.TESTNET: ("testnet", "the venue's test network: real orders, play money"),
    Stage.LIVE_LATER: ("shadow", "for now it reads, decides, and sends nothing: see below"),
}


def text_of(draft: Draft) -> str:
    """The file: TOML with comments, no line longer than 120 characters, and never a key."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    facts = VENUES[draft.venue]
    yield f"# hedger on {facts.title}, as `hedger init` wrote it. Every setting and its default: docs/configuration.md."
    yield from _keys(draft, facts)
    yield from _live_later(draft)
    mode, words = _MODES[draft.stage]
    yield ""
    yield from _aligned(
        (f'mode = "{mode}"', words),
        ('bot = "hdg"', "each bot on one account needs its own three characters"),
        ('state_dir = "state"', "the journal, the lock and the status: one directory for one hedger"),
    )
    yield ""
    yield from _account(draft, facts)
    for coin in draft.coins:
        yield from _holding(coin)
    for coin in draft.coins:
        yield from _hedge(draft, coin, told=coin is draft.coins[0])
    if draft.stage is Stage.PAPER:
        yield from _paper(draft)


def _aligned(*rows: tuple[str, str]) -> Iterator[str]:
    """Settings with their comments in a column."""
    width = max((len(setting) for setting, comment in rows if comment), default=0)
    for setting, comment in rows:
        yield f"{setting:<{width}}  # {comment}" if comment else setting


def _keys(draft: Draft, facts: VenueFacts) -> Iterator[str]:
    if draft.stage is Stage.PAPER:
        return
    names = ("API_KEY", "SECRET", "PASSPHRASE") if facts.passphrase else ("API_KEY", "SECRET")
    variables = [f"HEDGER_ACCOUNTS__{draft.account.upper()}__{name}" for name in names]
    yield "#"
    yield "# Keys never stand here. Give them the right to read the account and to trade futures, none to withdraw, and"
    yield "# bind them to this machine's address. Hand them over in the environment:"
    yield from (f"#   {variable}" for variable in variables)
    yield "# or as files: variables of these names with _FILE at the end that name one each (chmod 600), or"
    yield f"# /run/secrets/accounts__{draft.account}__api_key and so on."


def _live_later(draft: Draft) -> Iterator[str]:
    if draft.stage is not Stage.LIVE_LATER:
        return
    yield "#"
    yield "# To trade with real money later: watch it in shadow for some days, make the limits below as small as you"
    yield '# can bear to lose, write mode = "live", and start it with `hedger run -c FILE --live`, the second switch.'


def _account(draft: Draft, facts: VenueFacts) -> Iterator[str]:
    yield f"[accounts.{draft.account}]"
    yield f'venue = "{draft.venue}"'
    if draft.stage is not Stage.PAPER:
        environment = "testnet" if draft.stage is Stage.TESTNET else "live"
        yield f'key_environment = "{environment}"  # where the keys are valid; it must agree with the mode'
    seconds = _switch_s(draft, facts)
    if seconds:
        yield "# Where we fall silent for so many seconds, the venue cancels every open order on these contracts, those"
        yield "# placed by hand too."
    else:
        yield "# There is no dead man's switch that could be used here: what rests on the venue when this machine is"
        yield "# lost stays until somebody cancels it."
    yield f"dead_mans_switch_s = {seconds}"


def _switch_s(draft: Draft, facts: VenueFacts) -> int:
    bare = any(settles_in_coin(draft.account, coin) for coin in draft.coins)
    if not facts.switch or (bare and not facts.coin_switch):
        return 0
    return min(USUAL_SWITCH_S, facts.longest_switch_s or USUAL_SWITCH_S)


def _holding(coin: CoinDraft) -> Iterator[str]:
    if not coin.held:
        return
    yield ""
    yield "# Coins that no API sees: they are hedged together with what the account holds."
    yield "[[holdings]]"
    yield f'asset = "{coin.coin}"'
    yield f"quantity = {plain(coin.held)}"
    yield 'label = "held elsewhere"'


def _hedge(draft: Draft, coin: CoinDraft, *, told: bool) -> Iterator[str]:
    """One hedge; what its tables mean is `told` once, with the first."""
    instruments = ", ".join(f'"{draft.account}:{symbol}"' for symbol in coin.symbols)
    yield ""
    yield _rule(coin.coin)
    yield ""
    yield f"[hedges.{coin.coin}]"
    rows = [(f"instruments = [{instruments}]", "in order of preference")]
    if settles_in_coin(draft.account, coin):
        rows.append(('numeraire = "usd"', 'neutral is no coins at risk; "coin" leaves the coins that you own alone'))
    yield from _aligned(*rows)
    for name, words, settings in (
        ("target", _TARGET, _target(coin)),
        ("band", _BAND, _band(coin)),
        ("guards", _GUARDS, _guards(draft, coin)),
    ):
        yield ""
        yield from words if told else ()
        yield f"[hedges.{coin.coin}.{name}]"
        yield from _aligned(*settings)


_TARGET = (
    "# Where the net delta should be: neutral, ratio (1 is neutral, 0.8 leaves a fifth at risk), coins or quote; or a",
    "# profile or an option that is not held (docs/gamma.md).",
)
_BAND = (
    "# How far the delta may stray before an order is due. Half as wide a band leaves half the risk; where the delta",
    "# moves with the price (options, a profile) it costs about twice the fees. Coins alone move only with deposits.",
    "# `hedger band -c FILE` reckons it for your book; docs/bands.md has every rule.",
)
_GUARDS = (
    "# What it may never do: past a limit nothing is added, and what removes risk goes on. Only `position` has no",
    "# default; docs/configuration.md has all limits.",
)


def _target(coin: CoinDraft) -> list[tuple[str, str]]:
    rows = [(f'kind = "{coin.target}"', "")]
    if coin.target is not TargetKind.NEUTRAL and coin.value is not None:
        rows.append((f"value = {plain(coin.value)}", ""))
    return rows


def _band(coin: CoinDraft) -> list[tuple[str, str]]:
    width, share = plain(coin.width), plain(coin.width * 100)
    match coin.band:
        case DraftBand.RELATIVE:
            return [
                ('rule = "relative"', ""),
                (f"width = {width}", f"{share} % of the holding on each side"),
                (f"floor = {plain(coin.floor)}", f"in {coin.coin}, the least: no less than the venue's smallest order"),
            ]
        case DraftBand.COINS:
            comment = f"{coin.coin} on each side; no less than the venue's smallest order"
            return [('rule = "coins"', ""), (f"width = {width}", comment)]
        case DraftBand.BUDGET:
            return [(f"residual = {width}", f"the volatility that may be left over: {share} % a year")]


def _guards(draft: Draft, coin: CoinDraft) -> list[tuple[str, str]]:
    rows = [
        (f"position = {plain(coin.position)}", f"the most {coin.coin}, long or short, that the hedge may hold"),
        (f"order_notional = {_whole(draft.order_notional)}", "the most that one order may be worth, in quote"),
        (f"daily_notional = {_whole(draft.daily_notional)}", "the most that a day's orders may be worth together"),
        (f"daily_cost = {_whole(draft.daily_cost)}", "the most that a day may cost in fees, funding and adverse moves"),
        ("leverage = 1", "1 is none"),
    ]
    if draft.stage is Stage.TESTNET:
        rows += [
            ("depth = 100", "books are thin on a test network,"),
            ("spread_bps = 50", "wide,"),
            ("basis_bps = 500", "and far from the index"),
            ("mark_collar_bps = 100", ""),
            ("index_collar_bps = 600", ""),
        ]
    return rows


def _paper(draft: Draft) -> Iterator[str]:
    usual = {symbol for coin in draft.coins for symbol in symbols_of(draft.venue, Stage.PAPER, coin.coin)}
    listed = [symbol for coin in draft.coins for symbol in coin.symbols if symbol not in usual]
    margin = {symbol.rpartition(":")[2].partition("-")[0] for symbol in listed}  # a coin, of what settles in it
    held = [(coin.coin, plain(SIZES[coin.coin].paper), coin.coin in margin) for coin in draft.coins]
    spot = ", ".join(f"{coin} = {0 if apart else size}" for coin, size, apart in held)
    yield ""
    yield _rule("the paper exchange")
    yield ""
    yield "[paper]"
    yield f"spot = {{ {spot} }}  # the coins that the account holds at the start"
    if listed:
        yield f"contracts = [{', '.join(map(_quoted, listed))}]  # listed beside the usual perpetuals"
    if apart := ", ".join(f"{coin} = {size}" for coin, size, apart in held if apart):
        yield f"coin_collateral = {{ {apart} }}  # coins that are margin for what settles in them; they are hedged, too"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _rule(title: str) -> str:
    return f"# --- {title} ".ljust(118, "-")


def _whole(amount: Decimal) -> str:
    """An amount with its thousands apart, as TOML allows."""
    return f"{int(amount):_d}" if amount == amount.to_integral_value() else plain(amount)
