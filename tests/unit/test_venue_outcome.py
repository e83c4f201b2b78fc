"""What became of a call, from its evidence alone; and what of a text may be shown."""

import asyncio
import base64
from urllib.parse import quote

import pytest

from hedger.model.message import OrderOutcomeUnknown, OrderRejected
from hedger.model.order import RejectReason
from hedger.venues.binance.codes import CODES, hear
from hedger.venues.network import EVIDENCE, Evidence
from hedger.venues.outcome import LONGEST_READ, LONGEST_TEXT, PIECE, Attempt, Scrub, attempt, describe, judge_refusal
from hedger.venues.profile import profile_of
from hedger.venues.speech import SILENT

SECRET = "k9+Z/x~Q4w8 é7Tb2Lm6Vn"  # what URLs, JSON and base64 write in another way is in it
CROSS = '{"code":-5022,"msg":"Due to the order could not be executed as maker."}'


def scrub(text: str) -> str:
    return Scrub(SECRET)(text)


def tried(status: int | None = 400, body: str = CROSS, sent: int = 1, failure: str | None = "BadRequest") -> Attempt:
    said = SILENT if status is None else hear(status, body)
    return Attempt(answer=None, evidence=Evidence(sent=sent, status=status, body=body), failure=failure, said=said)


def reason_of(result: Attempt) -> RejectReason | None:
    outcome = judge_refusal("an id", result, CODES, Scrub(SECRET))
    assert outcome.client_order_id == "an id"
    assert outcome.text == describe(result, Scrub(SECRET))
    return outcome.reason if isinstance(outcome, OrderRejected) else None


# --- was it accepted? -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 499])
def test_a_code_of_the_table_under_a_4xx_is_a_proof(status: int) -> None:
    assert reason_of(tried(status)) is RejectReason.POST_ONLY_WOULD_CROSS


@pytest.mark.parametrize("status", [None, 200, 302, 399, 500, 503])
def test_the_same_code_under_any_other_status_proves_nothing(status: int | None) -> None:
    assert reason_of(tried(status)) is None


@pytest.mark.parametrize("sent", [2, 3])
def test_what_may_have_left_twice_is_never_called_refused(sent: int) -> None:
    assert reason_of(tried(sent=sent)) is None


def test_what_never_left_was_not_accepted_whatever_else_is_said() -> None:
    assert reason_of(tried(status=None, body="", sent=0)) is RejectReason.NOT_SENT
    assert reason_of(tried(status=500, body="<html>", sent=0)) is RejectReason.NOT_SENT


@pytest.mark.parametrize("status", [418, 429])
def test_an_answer_that_only_asks_for_quiet_is_a_refusal_for_that(status: int) -> None:
    assert reason_of(tried(status, body="")) is RejectReason.RATE_LIMITED


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "<html>",
        '{"code":-5022',
        '{"code":"-5022"}',
        '{"code":null}',
        '{"code":-5022,"code":-5022}',
        '{"msg":"-5022"}',
        '{"code":-4116,"msg":"ClientOrderId is duplicated."}',
        '{"code":-99999,"msg":"something new"}',
        "[" * 100_000,
    ],
)
def test_a_body_without_a_code_of_the_table_proves_nothing(body: str) -> None:
    assert reason_of(tried(body=body)) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Account has insufficient balance for requested action.", RejectReason.INSUFFICIENT_MARGIN),
        ("Order would IMMEDIATELY match and take.", RejectReason.POST_ONLY_WOULD_CROSS),
        ("Duplicate order sent.", None),
        ("", None),
    ],
)
def test_a_code_of_many_meanings_is_judged_by_its_words(words: str, reason: RejectReason | None) -> None:
    assert reason_of(tried(body=f'{{"code":-2010,"msg":"{words}"}}')) is reason


def test_without_a_proof_the_outcome_is_unknown_and_says_why() -> None:
    outcome = judge_refusal("an id", tried(status=502, body="bad gateway"), CODES, Scrub(SECRET))
    assert outcome == OrderOutcomeUnknown(client_order_id="an id", text="BadRequest: HTTP 502: bad gateway")


# --- one call ---------------------------------------------------------------------------------------------------------


def test_a_call_has_evidence_of_its_own_while_it_is_made_and_none_afterwards() -> None:
    async def call() -> str:
        found = EVIDENCE.get()
        assert found is not None
        found.sent, found.status = 1, 200
        return "an answer"

    async def scenario() -> tuple[Attempt, Evidence | None]:
        return await attempt(call, 5, hear), EVIDENCE.get()

    result, left = asyncio.run(scenario())
    assert (result.answer, result.failure, result.evidence.sent, result.evidence.status) == ("an answer", None, 1, 200)
    assert left is None


def test_a_call_that_fails_is_told_by_the_kinds_of_its_failure_and_never_by_their_words() -> None:
    async def call() -> str:
        raise ValueError("signature=abcdef") from KeyError(SECRET)

    async def plain() -> str:
        raise ValueError("signature=abcdef")

    assert asyncio.run(attempt(call, 5, hear)).failure == "ValueError (KeyError)"
    failed = asyncio.run(attempt(plain, 5, hear))
    assert (failed.failure, failed.answer, failed.evidence) == ("ValueError", None, Evidence())


def test_a_network_that_is_not_there_is_told_in_plain_words() -> None:
    class ClientConnectorDNSError(OSError):
        """As the client's library names it."""

    async def call() -> str:
        raise ConnectionError("https://a.secret.address") from ClientConnectorDNSError("a.secret.address")

    assert asyncio.run(attempt(call, 5, hear)).failure == "ConnectionError (the venue's name was not found)"


def test_a_call_without_an_end_is_given_up() -> None:
    failure = asyncio.run(attempt(lambda: asyncio.sleep(30), 0.02, hear)).failure
    assert failure is not None
    assert failure.startswith("TimeoutError")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (tried(), "BadRequest: HTTP 400: -5022 Due to the order could not be executed as maker."),
        (tried(failure=None, status=200, body='{"code":0}'), 'HTTP 200: {"code":0}'),
        (tried(status=None, body="", failure=None), "no answer"),
        (tried(status=None, body="", failure="TimeoutError"), "TimeoutError"),
        (tried(body="<html>"), "BadRequest: HTTP 400: <html>"),
    ],
)
def test_what_became_of_a_call_is_one_phrase(result: Attempt, said: str) -> None:
    assert describe(result, Scrub(SECRET)) == said


# --- what may be shown ------------------------------------------------------------------------------------------------

RAW = SECRET.encode()


def base64_after(others: int) -> str:
    """The secret's own part of a base64 text in which so many characters stand before it."""
    text = base64.b64encode(b"u" * others + RAW).decode().rstrip("=")
    return text[(0, 2, 3)[others] :][: len(RAW) * 4 // 3 - 1]


FORMS = {
    "as it is": SECRET,
    "hex": RAW.hex(),
    "HEX": RAW.hex().upper(),
    "url": quote(SECRET, safe=""),
    "form": quote(SECRET, safe="").replace("%20", "+"),
    **{f"base64 after {n}": base64_after(n) for n in range(3)},
}
FORMS |= {
    f"{name}, for the web": form.replace("+", "-").replace("/", "_")
    for name, form in FORMS.items()
    if name.startswith("base64")
}


@pytest.mark.parametrize("name", FORMS)
def test_no_eight_characters_of_a_secret_are_shown_in_any_form(name: str) -> None:
    form = FORMS[name]
    hide = Scrub(SECRET)
    for start in range(len(form) - PIECE + 1):
        piece = form[start : start + PIECE]
        assert piece not in hide(f"before {form} after"), "all of it is there"
        assert hide(f"<{piece}>") == "<***>", "only this piece is there"


def test_every_secret_is_hidden_also_a_short_one_and_words_beside_it_stay() -> None:
    three = Scrub("first-secret-1", "four", "abc")
    assert three("x first-secret-1 y four z abc") == "x *** y *** z abc", "of three letters nothing can be hidden"


def test_addresses_and_signatures_are_taken_out_of_any_text() -> None:
    assert scrub("GET https://fapi.binance.com/x?signature=1 failed") == "GET <address> failed"
    assert scrub("wss://a.b/ws/key and http://c") == "<address> and <address>"
    assert scrub('signature=ab12&x=1 "listenKey": "zz"') == 'signature=***&x=1 "listenKey": "***"'
    assert scrub("TIMESTAMP=5") == "TIMESTAMP=***"
    assert scrub("apiKey: Q") == "apiKey: ***"


def test_a_text_that_is_shown_is_one_bounded_line() -> None:
    assert scrub("a\n b\t\tc ") == "a b c"
    assert scrub("x" * 10_000) == "x" * LONGEST_TEXT
    assert scrub(" " * LONGEST_READ + "late") == "", "no more than this is looked at"


@pytest.mark.parametrize(
    ("venue", "code"),
    [("mexc", "--5"), ("mexc", "9" * 5_000), ("weex", "9" * 5_000), ("bingx", "9" * 5_000)],
    ids=["mexc two signs", "mexc long", "weex long", "bingx long"],
)
def test_a_code_that_is_no_number_to_python_neither_raises_nor_passes_for_a_good_answer(venue: str, code: str) -> None:
    async def call() -> str:
        found = EVIDENCE.get()
        assert found is not None
        found.sent, found.status, found.body = 1, 200, f'{{"success":false,"code":"{code}","errorCode":"{code}"}}'
        return "an answer"

    profile = profile_of(venue)
    result = asyncio.run(attempt(call, 5, profile.hear))
    assert result.refused
    assert isinstance(judge_refusal("an id", result, profile.codes, Scrub(SECRET)), OrderOutcomeUnknown)
