"""What may not start, and the one sentence that says why: place, key, remedy."""

from pathlib import Path

import pytest

from hedger.errors import ConfigError
from tests.support.configurations import GOOD, changed, load, refusal

BAND = 'band = { rule = "coins", width = 0.01 }'
GUARDS = "guards = { position = 2 }"

# What is changed in the good configuration, and how the sentence about it begins.
REFUSED = [
    ("width", "widht", "x.toml:8: hedges.BTC.band.widht is not a setting; did you mean `width`?"),
    ("[hedges.BTC]", "[hedge.BTC]", "x.toml:6: hedge is not a setting; did you mean `hedges`?"),
    (GUARDS, f"{GUARDS}\nwidth = 3", "x.toml:10: hedges.BTC.width is not a setting; it belongs in hedges.BTC.band"),
    ("position = 2", "position = 2, quote_age = 3", "did you mean `quote_age_s`?"),
    (GUARDS, "", "x.toml:6: hedges.BTC.guards is missing: the limits of the hedge"),
    ("{ position = 2 }", "{}", "x.toml:9: hedges.BTC.guards.position is missing: the largest position"),
    ('"paper"', '"papre"', "x.toml:1: mode must be paper, shadow, testnet or live, not papre; did you mean `paper`?"),
    (
        '"binance"',
        '"binnance"',
        "x.toml:4: accounts.main.venue must be binance, bybit, bingx, weex, mexc, okx or deribit, not binnance; did "
        "you mean `binance`?",
    ),
    ('mode = "paper"', 'bot = "HDG"', "x.toml:1: bot must be three characters of 0-9a-z, not HDG"),
    ('mode = "paper"', 'state_dir = ""', "x.toml:1: state_dir must not be empty"),
    ('mode = "paper"', 'state_dir = "a\\u0000b"', "x.toml:1: state_dir must be text without control characters"),
    ("[accounts.main]", "[accounts.Main]", "x.toml:3: accounts.Main must be called in small letters"),
    ("[hedges.BTC]", "[hedges.btc]", "x.toml:6: hedges.btc must be a coin in capitals"),
    ("0.01", "0", "x.toml:8: hedges.BTC.band.width must be more than 0, not 0"),
    ("0.01", "-0.5", "x.toml:8: hedges.BTC.band.width must be more than 0, not -0.5"),
    ("0.01", "nan", "x.toml:8: hedges.BTC.band.width must be a finite number"),
    ("0.01", "inf", "x.toml:8: hedges.BTC.band.width must be a finite number"),
    ("0.01", "true", "x.toml:8: hedges.BTC.band.width must be a number, not true or false"),
    ("0.01", '""', "x.toml:8: hedges.BTC.band.width must be a plain number such as 0.01"),
    ("0.01", '"1e3"', "x.toml:8: hedges.BTC.band.width must be a plain number"),
    ("0.01", '"1,5"', "x.toml:8: hedges.BTC.band.width must be a plain number"),
    ("0.01", '"NaN"', "x.toml:8: hedges.BTC.band.width must be a plain number"),
    ("0.01", '"٣"', "x.toml:8: hedges.BTC.band.width must be a plain number"),
    ("0.01", "[1]", "x.toml:8: hedges.BTC.band.width must be a number"),
    ('mode = "paper"', 'polling.tick_ms = "010"', "x.toml:1: polling.tick_ms must be a whole number"),
    ('mode = "paper"', "polling.tick_ms = 10.5", "x.toml:1: polling.tick_ms must be a whole number"),
    ('mode = "paper"', "polling.account_s = 0.0001", "x.toml:1: polling.account_s must have at most three decimals"),
    ('mode = "paper"', 'metrics.enabled = "no"', "x.toml:1: metrics.enabled must be true or false"),
    ('mode = "paper"', "metrics = 3", "x.toml:1: metrics must be a table"),
    # instruments and accounts
    ("main:BTC", "man:BTC", "x.toml:7: hedges.BTC.instruments[0] names the account man"),
    ("main:BTC/USDT:USDT", "main:BTC/USDT", "is a spot pair: hedge with a perpetual or a future"),
    ("main:BTC/USDT:USDT", "main:BTC/USDT:USDC", "is priced in USDT and settled in USDC, a quanto"),
    ("main:BTC/USDT:USDT", "main:BTC/USD:ETH", "is priced in USD and settled in ETH, a quanto: its delta hangs on"),
    ("main:BTC/USDT:USDT", "main:BTC/USD:BTC-261225-100000-C", "is an option: options are read and their greeks"),
    ("main:BTC/USDT:USDT", "main:BTC/USDT:USDT-261325", "has no day of expiry that exists, year month day"),
    ("main:BTC/USDT:USDT", "main:BTC/USDT:USDT-2612", "has no day of expiry that exists"),
    ("main:BTC/USDT:USDT", "main:BTC/ETH:ETH", "is priced in ETH, which is no money here"),
    # what wealth is counted in, and money
    ("main:BTC/USDT:USDT", "main:BTC/USD:BTC", "hedges.BTC.numeraire is missing, and main:BTC/USD:BTC settles in BTC"),
    ("main:BTC/USDT:USDT", "main:BTC/USD:BTC", 'write numeraire = "usd" to be neutral in dollars'),
    ("main:BTC/USDT:USDT", "main:BTC/USD:BTC-261225", "hedges.BTC.numeraire is missing"),
    (GUARDS, f'{GUARDS}\nnumeraire = "eur"', "numeraire must be usd or coin, not eur"),
    (
        GUARDS,
        f'{GUARDS}\nnumeraire = "coin"\ntarget = {{ kind = "quote", value = 5000 }}',
        'target.kind is quote, which is counted in money, and numeraire is "coin"',
    ),
    ("main:BTC/USDT:USDT", "main:BTC/EUR:EUR", "is priced in EUR: say its peg in money.EUR"),
    ('mode = "paper"', "money.USDX = {}", "x.toml:1: money.USDX is no money that is known; did you mean `USD"),
    ('mode = "paper"', "money.USDT.peg = 0", "money.USDT.peg must be more than 0"),
    ('mode = "paper"', "money.USDT.depeg_bps = 0", "money.USDT.depeg_bps must be more than 0"),
    ('mode = "paper"', "money.USD.peg = 2", "money.USD is what the others are counted in"),
    ('mode = "paper"', "money.EUR.peg = 1", "money.EUR.peg is 1, and EUR is no dollar: say what it is worth"),
    ('mode = "paper"', 'money.USDT.source = "USDC/USDT"', "money.USDT.source is (USDC/USDT), and must be an account"),
    ('mode = "paper"', 'money.USDT.source = "mian:USDC/USDT"', "there is no accounts.mian; did you mean `main`?"),
    (
        'mode = "paper"',
        'money.USDT.source = "main:BTC/USDT"',
        "(main:BTC/USDT), which does not tell USDT in other money",
    ),
    (
        '[hedges.BTC]\ninstruments = ["main:BTC/USDT:USDT"]',
        '[accounts.cold]\nvenue = "binance"\n\n[hedges.BTC]\nspot_accounts = ["cold"]\n'
        'instruments = ["main:BTC/USD:BTC"]\nnumeraire = "usd"',
        "hedges.BTC.spot_accounts leaves out main, where main:BTC/USD:BTC settles in BTC: the coins that it is",
    ),
    ("main:BTC/USDT:USDT", "main:ETH/USDT:USDT", "is a contract on ETH, and the hedge is of BTC"),
    ("main:BTC/USDT:USDT", "main:ВTC/USDT:USDT", "must be an account and a symbol"),
    ("main:BTC/USDT:USDT", "BTCUSDT", "must be an account and a symbol, such as main:BTC/USDT:USDT"),
    ('["main:BTC/USDT:USDT"]', "[]", "x.toml:7: hedges.BTC.instruments must not be empty"),
    ("USDT:USDT", 'USDT:USDT", "main:BTC/USDT:USDT', "is listed twice"),
    (GUARDS, f'{GUARDS}\nspot_accounts = ["mian"]', "there is no accounts.mian; did you mean `main`?"),
    (GUARDS, f'{GUARDS}\nspot_accounts = ["main", "main"]', "its balance would count twice"),
    ("[hedges.BTC]", "[hedges.USDC]", "hedges USDC, which is money here"),
    (
        'mode = "paper"',
        'holdings = [{asset = "BTX", quantity = 1}]',
        "is BTX, which no hedge hedges; did you mean `BTC`?",
    ),
    # target
    (GUARDS, f"{GUARDS}\ntarget = {{ value = 1 }}", "target.value has no meaning for a neutral target"),
    (GUARDS, f'{GUARDS}\ntarget = {{ kind = "ratio" }}', "target.value is missing: a target of kind ratio needs one"),
    (
        GUARDS,
        f'{GUARDS}\ntarget = {{ kind = "ratio", value = 1.6 }}',
        "target.value is 1.6, and a ratio is at most 1.5",
    ),
    (GUARDS, f'{GUARDS}\ntarget = {{ kind = "quote", value = 0.5 }}', 'did you mean kind = "coins"?'),
    # band
    (BAND, 'band = { rule = "coins" }', "hedges.BTC.band needs a width, or else both upper and lower"),
    (BAND, 'band = { rule = "coins", upper = 1 }', "hedges.BTC.band needs a width, or else both upper and lower"),
    ("width = 0.01", "width = 0.01, upper = 1", "band.width is given together with upper or lower"),
    ("width = 0.01", "width = 0.01, floor = 1", "zakamouline bands, and this one is in coins"),
    # bands that are computed, and those that hedge on occasion
    (BAND, "band = { width = 0.01 }", "hedges.BTC.band.rule is missing: say one, such as relative, or a budget"),
    (
        BAND,
        'band = { rule = "whalley_wilmott" }',
        "band.residual is missing: a band by whalley_wilmott is computed from",
    ),
    (BAND, "band = { residual = 0.01, residual_quote = 100 }", "is given together with residual_quote: keep one"),
    (BAND, "band = { residual = 0.5 }", "is 0.5, 50 % a year, which is hardly a hedge; did you mean 0.005?"),
    (BAND, "band = { residual = 0.01, upper = 1 }", "hedges.BTC.band needs a width, or else both upper and lower"),
    (
        BAND,
        "band = { residual = 0.01, move = 0.1 }",
        "move belongs to price_move bands, and this one is fixed_cost",
    ),
    (
        BAND,
        'band = { residual = 0.01, rebalance_to = "edge" }',
        "rebalance_to belongs to coins, relative and quote bands",
    ),
    (BAND, "band = { residual = 0.01, sigma = 60 }", "hedges.BTC.band.sigma must be at most 10"),
    (BAND, "band = { residual = 0.01, deposits_per_year = 9 }", "and deposits_per_year belong together"),
    (
        BAND,
        "band = { residual = 0.01 }\nexecution.cooldown_s = 0",
        "the band rebalances to its edge, so that every tick",
    ),
    (BAND, 'band = { rule = "price_move", width = 0.1 }', "band.move is missing: a band by price_move needs one"),
    (BAND, 'band = { rule = "clock", width = 0.1 }', "band.every_s is missing: a band by clock needs one"),
    (BAND, 'band = { rule = "clock", every_s = 60 }', "in coins, beyond which it hedges at once"),
    (
        BAND,
        'band = { rule = "leland", every_s = 60, width = 3 }',
        "less than the width of the band: nothing would ever",
    ),
    (BAND, 'band = { rule = "relative", width = 1 }', "is 1 of the holding, which is 100 %; did you mean 0.01 (1 %)"),
    (BAND, 'band = { rule = "quote", width = 0.01 }', 'did you mean rule = "coins" or "relative"?'),
    ("width = 0.01", "width = 5", "guards.position is 2 coins, less than the width of the band"),
    # execution
    (
        GUARDS,
        f"{GUARDS}\nexecution.ttl_s = 60\nexecution.deadline_s = 50",
        "execution.ttl_s is 60 s and must be shorter",
    ),
    (GUARDS, f"{GUARDS}\nexecution.linger_s = 2", "execution.reprice_s is 3 s and must be shorter than linger_s"),
    (GUARDS, f"{GUARDS}\nexecution.cooldown_s = 400", "must be shorter than unhedged_after_s, which is 300 s"),
    (
        GUARDS,
        f"{GUARDS}\nexecution.slice_quantity = 3",
        "execution.slice_quantity is 3 coins, more than guards.position",
    ),
    (
        f"{BAND}",
        'band = { rule = "coins", width = 0.01, rebalance_to = "edge" }\nexecution.cooldown_s = 0',
        "execution.cooldown_s is 0 and the band rebalances to its edge",
    ),
    # guards
    ("position = 2", "position = 2, index_collar_bps = 40", "guards.mark_collar_bps is 50 and must not be more than"),
    ("position = 2", "position = 2, daily_notional = 10", "guards.order_notional is 50000 and must not be more than"),
    ("position = 2", "position = 2, orders_per_day = 10", "guards.orders_per_minute is 20 and must not be more than"),
    ("position = 2", "position = 2, spread_bps = 101", "guards.spread_bps is 101: so wide a spread"),
    ("position = 2", "position = 2, leverage = 3", "guards.leverage is 3, which liquidates a position"),
    ("position = 2", "position = 2, leverage = 6", "guards.leverage must be at most 5, not 6"),
    ("position = 2", "position = 2, account_age_s = 3", "account_age_s is 3 s, but what it judges is read every 2 s"),
    ("position = 2", "position = 2, margin_ratio.warn = 0.3", "margin_ratio.warn is 0.3 and must be more than clear"),
    (
        "position = 2",
        "position = 2, margin_ratio.reduce = 0.5",
        "margin_ratio.reduce is 0.5 and must be more than stop",
    ),
    ("position = 2", "position = 2, margin_ratio.reduce = 1", "margin_ratio.reduce must be less than 1"),
    (
        "position = 2",
        "position = 2, liquidation_distance.stop = 0.25",
        "liquidation_distance.stop is 0.25 and must be less than warn, which is 0.25",
    ),
    (
        'mode = "paper"',
        'holdings = [{asset = "BTC", quantity = 2.5}]',
        "guards.position is 2 coins, but the holdings alone need a position of 2.5",
    ),
    # paper
    ('mode = "paper"', "paper.spot.DOGE = 1", "x.toml:1: paper.spot.DOGE is not to be had: the paper exchange lists"),
    ('mode = "paper"', "paper.deposit_least_s = 200", "paper.deposit_least_s is 200 and must not be more than"),
    ("USDT:USDT", "USDC:USDC", "(main:BTC/USDC:USDC) is not to be had: the paper exchange lists"),
]

ENVIRONMENTS = [
    (
        "HEDGER_POLING__ACCOUNT_S",
        "3",
        "environment HEDGER_POLING__ACCOUNT_S: poling is not a setting; did you mean `polling`?",
    ),
    ("HEDGER_MODE", "", "environment HEDGER_MODE: it is empty"),
    ("HEDGER_mode", "paper", "environment HEDGER_mode: write the name in capitals"),
    ("HEDGER_METRICS__ENABLED", "1", "environment HEDGER_METRICS__ENABLED: metrics.enabled must be true or false"),
    ("HEDGER_METRICS__PORT", " 9", "environment HEDGER_METRICS__PORT: metrics.port must be a whole number"),
    (
        "HEDGER_METRICS__PORT",
        "99999",
        "environment HEDGER_METRICS__PORT: metrics.port must be at most 65535, not 99999",
    ),
    ("HEDGER_HOLDINGS", "[1,", "environment HEDGER_HOLDINGS: this is not JSON"),
    ("HEDGER_HOLDINGS", '[{"asset": "BTC", "quantity": NaN}]', "holdings[0].quantity must be a finite number"),
    ("HEDGER_HEDGES__btc__UNDERLYING", "BTC", "write the name in capitals"),
    ("HEDGER_", "x", "environment HEDGER_:"),
]

SECOND = """
[hedges.OTHER]
underlying = "BTC"
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
guards = { position = 2 }
"""


def test_the_configuration_that_is_changed_below_is_good(tmp_path: Path) -> None:
    assert load(tmp_path).hedges["BTC"].guards.position == 2


@pytest.mark.parametrize(("old", "new", "said"), REFUSED, ids=[said[:60] for _, _, said in REFUSED])
def test_a_faulty_configuration_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    error = refusal(tmp_path, changed(old, new))
    assert isinstance(error, ConfigError)
    assert said in str(error)


@pytest.mark.parametrize(("name", "value", "said"), ENVIRONMENTS)
def test_a_faulty_variable_is_refused_in_a_sentence(tmp_path: Path, name: str, value: str, said: str) -> None:
    assert said in str(refusal(tmp_path, environ={name: value}))


def test_all_faults_are_told_at_once_one_a_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, changed("width", "widht", changed('"binance"', '"kraken"')))
    first, second = str(error).splitlines()
    assert first.startswith("x.toml:4: accounts.main.venue")
    assert second.startswith("x.toml:8: hedges.BTC.band.widht")


def test_one_coin_and_one_instrument_have_one_hedge(tmp_path: Path) -> None:
    first, second = str(refusal(tmp_path, GOOD + SECOND)).splitlines()
    assert first == "x.toml:11: hedges.OTHER hedges BTC, as hedges.BTC does: one coin has one hedge"
    assert second.startswith("x.toml:13: hedges.OTHER.instruments has main:BTC/USDT:USDT, as hedges.BTC does")


def test_a_key_too_long_to_be_one_is_cut(tmp_path: Path) -> None:
    error = refusal(tmp_path, f"{'x' * 64} = 1\n" + GOOD)
    assert str(error) == "x.toml:1: xxxxxxxx… is not a setting"


def test_a_contract_on_thousands_of_a_coin_hedges_the_coin(tmp_path: Path) -> None:
    text = GOOD.replace("hedges.BTC", "hedges.PEPE").replace("BTC/", "1000PEPE/")
    settings = load(tmp_path, changed('"paper"', '"shadow"', text), to_run=False)
    assert settings.hedges["PEPE"].instruments == ("main:1000PEPE/USDT:USDT",)


def test_a_relative_band_needs_no_floor(tmp_path: Path) -> None:
    settings = load(tmp_path, changed(BAND, 'band = { rule = "relative", width = 0.01 }'))
    assert settings.hedges["BTC"].band.floor == 0


def test_leverage_is_allowed_where_the_guard_can_still_clear(tmp_path: Path) -> None:
    assert load(tmp_path, changed("position = 2", "position = 2, leverage = 2")).hedges["BTC"].guards.leverage == 2
