"""Cash is booked once, in the ledger of the hedge that it belongs to."""

from decimal import Decimal as D

from hedger.model.account import FundingPayment
from hedger.model.message import FundingRead
from tests.support.engine_policies import ACCOUNT, perpetual
from tests.support.engine_worlds import NOW, feed, fill_of, hedging, mark_at, order_of


def paid(*ids: str, coin: str = "BTC", asset: str = "USDT", amount: str = "7") -> FundingRead:
    payments = (
        FundingPayment(id=perpetual(coin), payment_id=name, amount=D(amount), asset=asset, exchange_at=NOW)
        for name in ids
    )
    return FundingRead(account=ACCOUNT, requested_at=NOW, since_at=0, payments=tuple(payments))


def test_a_funding_payment_that_is_read_again_and_again_is_booked_once() -> None:
    state, _ = feed(hedging(), (NOW, paid("1")), (NOW, paid("1", "2")), (NOW, paid("1", "2")))
    assert state.ledgers["btc"].funding == 14
    assert state.funding_seen[ACCOUNT] == {"1", "2"}


def test_funding_of_another_contract_is_in_no_hedge_s_ledger() -> None:
    state, _ = feed(hedging(), (NOW, paid("1", coin="DOGE")))
    assert state.ledgers["btc"].funding == 0


def test_funding_in_the_coin_is_valued_at_its_index() -> None:
    in_coin = paid("1", asset="BTC", amount="-0.001")
    state, _ = feed(hedging(), (NOW, mark_at("60000")), (NOW, in_coin))
    assert state.ledgers["btc"].funding == -60


def test_a_fill_that_comes_by_stream_and_by_query_is_booked_once() -> None:
    fill = fill_of(order_of(), "0.2")
    state, _ = feed(hedging("1", "-0.5", orders=[order_of()]), (NOW, fill), (NOW + 5, fill))
    assert state.ledgers["btc"].fills == 1
    assert state.ledgers["btc"].fees == D("-0.1")


def test_a_fill_of_nobody_s_order_is_in_no_ledger() -> None:
    foreign = fill_of(order_of(), "0.2", client_order_id="by-hand")
    state, _ = feed(hedging("1", "-0.5"), (NOW, foreign))
    assert state.ledgers["btc"].fills == 0
