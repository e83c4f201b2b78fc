"""The table of outcomes: every failure at the wire, and what each question of each venue makes of it.

`python -m tests.support.wire_outcomes` prints it as docs/venues-binance-outcomes.md has it. A new venue adds columns.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.wire_certificates import strange_context
from tests.support.wire_columns import COLUMNS, Verdict
from tests.support.wire_faults import bomb, changed, deep, dribbled, endless, head, mangled, spoken, whole
from tests.support.wire_server import Answer, FakeVenue, hanging_answer, plain_answer, refusal, reset_answer
from tests.support.wire_venue import Desk

HTML = "<html><body>Something went wrong</body></html>"
ORDERS = ("create", "cancel", "find")
ABSENT = "–"
Wreck = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A failure: `answer` is given to each question, or `wreck` breaks the way before it. `codes` are of the catalogue.

    `outcomes` has the columns where it comes to something else than what no evidence means; `columns` those where it
    can happen; `apart` asks each question on a connection to the venue of its own, because one closes it to the others.
    A `silent` one keeps its client waiting, and leaps over its patience.
    """

    name: str
    answer: Answer = None
    wreck: Wreck | None = None
    codes: str = ""
    columns: tuple[str, ...] = tuple(COLUMNS)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False
    silent: bool = False

    def outcome(self, column: str) -> str:
        """What a column makes of it."""
        return self.outcomes.get(column, COLUMNS[column].usual) if column in self.columns else ABSENT


def fault(name: str, codes: str, answer: Answer, **outcomes: str) -> Fault:
    return Fault(name=name, codes=codes, answer=answer, outcomes=outcomes)


def echo(name: str, answer: Answer, codes: str = "V04", **outcomes: str) -> Fault:
    """An order's record that is not as it should be."""
    return Fault(name=name, codes=codes, answer=answer, columns=ORDERS, outcomes=outcomes)


def code(status: int, number: int, reason: str | None, message: str = "refused", **outcomes: str) -> Fault:
    """A refusal by a code of the venue's own; without a reason it proves nothing of a create."""
    proven = {"create": f"refused: {reason}"} if reason else {}
    name = f"{status}, {number} {message}".removesuffix(" refused")
    return Fault(name=name, codes="", answer=refusal(status, number, message), outcomes=proven | outcomes)


def closing(name: str, codes: str, answer: Answer, **outcomes: str) -> Fault:
    """An answer after which the venue is left alone."""
    return Fault(name=name, codes=codes, answer=answer, outcomes=outcomes, apart=True)


def silence(name: str, codes: str, answer: Answer) -> Fault:
    """An answer that does not come, or not in time."""
    return Fault(name=name, codes=codes, answer=answer, silent=True)


async def put(row: Fault, asks: Sequence[Callable[[], Awaitable[Verdict]]]) -> list[Verdict]:
    """Ask at the same time; one after the other where a leap of time would end what others ask before it has left."""
    if row.silent:
        return [await ask() for ask in asks]
    return await asyncio.gather(*(ask() for ask in asks))


ALL_GOOD = {"create": "accepted", "cancel": "record", "find": "record", "switch": "confirmed", "spot": "reading"}
LIMITED = {"create": "refused: rate_limited"}
NOT_SENT = {"create": "refused: not_sent"}
# A question by our id names only the id and the contract: what else the record says is the engine's to compare.
RECORD = {"cancel": "record", "find": "record"}
INVALID = "invalid_order"
MARGIN = "insufficient_margin"
KEYS = {"find": "keys refused", "spot": "keys refused"}
HOPELESS = {"find": "give up", "spot": "give up"}


# --- ways that break before anything leaves -------------------------------------------------------------------------


async def _forget(desk: Desk) -> None:
    """Close what is open and forget addresses, so that the next request must find its way anew."""
    connector = vars(desk.venue)["_session"].connector
    connector.clear_dns_cache()
    for connections in list(vars(connector)["_conns"].values()):
        for protocol, _ in connections:
            protocol.close()


async def nobody_listens(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        desk.resolver.port = unused.getsockname()[1]
    await _forget(desk)


async def no_such_name(desk: Desk) -> None:
    desk.resolver.fails = True
    await _forget(desk)


async def led_astray(desk: Desk) -> None:
    """To a server with a certificate that a known authority gave to somebody else."""
    desk.other = await FakeVenue().start(strange_context())
    desk.resolver.port = desk.other.port
    await _forget(desk)


async def led_to_plain_text(desk: Desk) -> None:
    """To a server that does not encrypt."""
    desk.other = await FakeVenue().start(None)
    desk.resolver.port = desk.other.port
    await _forget(desk)


# --- the table --------------------------------------------------------------------------------------------------------

NEVER_LEFT = [
    Fault(name="nobody listens", codes="N01", wreck=nobody_listens, outcomes=NOT_SENT),
    Fault(name="no such host name", codes="N08", wreck=no_such_name, outcomes=NOT_SENT),
    Fault(name="another's certificate", codes="N08", wreck=led_astray, outcomes=NOT_SENT),
    Fault(name="no encryption", codes="N08", wreck=led_to_plain_text, outcomes=NOT_SENT),
]
CONNECTIONS = [
    silence("no answer in time", "V01 N02", hanging_answer()),
    fault("reset before the answer", "V02", reset_answer()),
    fault("closed before the answer", "V02 N10", spoken(lambda body: [])),
    fault("closed within the head", "V03", spoken(lambda body: [whole(body)[:20]])),
    fault("a head, then a reset", "V03", spoken(lambda body: [head(len(body))], end="abort")),
    fault("a body cut in the middle", "V03", spoken(lambda body: [whole(body)[:-20]])),
    silence("a body cut and the connection held", "V03 N10", spoken(lambda body: [whole(body)[:-20]], end="hold")),
    fault(
        "a chunk cut",
        "V03",
        spoken(lambda body: [head(None, "Transfer-Encoding: chunked"), b"%x\r\n" % len(body), body[:-5]]),
    ),
    fault(
        "a chunk without a last one",
        "V03",
        spoken(lambda body: [head(None, "Transfer-Encoding: chunked"), b"%x\r\n%s\r\n" % (len(body), body)]),
    ),
    fault(
        "a chunk of no size",
        "V03",
        spoken(lambda body: [head(None, "Transfer-Encoding: chunked"), b"zz\r\n" + body + b"\r\n0\r\n\r\n"]),
    ),
    silence("a head byte by byte", "N07", spoken(lambda body: dribbled(whole(body)), pause_s=1.0)),
    silence("a body byte by byte", "N07", spoken(lambda body: [head(len(body)), *dribbled(body)], pause_s=1.0)),
    fault("a body of a hundred megabytes", "N07", spoken(lambda body: endless())),
    fault("a head without end", "N07", spoken(lambda body: [head(2, "X: " + "x" * 1_000_000), b"{}"])),
    fault("another protocol", "N08", spoken(lambda body: [b"SSH-2.0-OpenSSH_9.6\r\n"])),
    fault("a body without a head", "V04", spoken(lambda body: [body])),
    fault("two lengths", "V04", spoken(lambda body: [head(5, f"Content-Length: {len(body)}"), body])),
    fault("a negative length", "V04", spoken(lambda body: [head(-1), body])),
    fault("two answers to one request", "V04", spoken(lambda body: [whole(body) + whole(b"{}")]), **ALL_GOOD),
    fault(
        "early hints, then the answer",
        "",
        spoken(lambda body: [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", whole(body)]),
        **ALL_GOOD,
    ),
    fault("continue, then the answer", "", spoken(lambda b: [b"HTTP/1.1 100 Continue\r\n\r\n", whole(b)]), **ALL_GOOD),
    fault("another protocol is switched to", "", spoken(lambda body: [b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])),
]
BODIES = [
    fault("nothing wrong", "", mangled(lambda text: text), **ALL_GOOD),
    fault("good, and packed", "", mangled(lambda t: gzip.compress(t.encode()), Content_Encoding="gzip"), **ALL_GOOD),
    fault("bytes that are not gzip", "V03", plain_answer(200, b"\x1f\x8bnot gzip", Content_Encoding="gzip")),
    fault("gzip cut", "V03", mangled(lambda t: gzip.compress(t.encode())[:-12], Content_Encoding="gzip")),
    fault("a gzip bomb", "N07", mangled(lambda text: bomb(), Content_Encoding="gzip")),
    fault("a packing that nobody knows", "V03", mangled(lambda text: text.encode("utf-16"), Content_Encoding="zip")),
    fault("HTML under 200", "V04", plain_answer(200, HTML)),
    fault("an empty body", "V04", plain_answer(200, "")),
    fault("an empty object", "V04", plain_answer(200, "{}")),
    fault("an empty list", "V04", plain_answer(200, "[]")),
    fault("null", "V04", plain_answer(200, "null")),
    fault("a text", "V04", plain_answer(200, '"ok"')),
    fault("a number", "V04", plain_answer(200, "283194212")),
    fault("truncated JSON", "V04", mangled(lambda text: text[:-3])),
    fault("good JSON, then rubbish", "V04", mangled(lambda text: text + "}")),
    fault("two objects", "V04", mangled(lambda text: text + text)),
    fault("a list of the good object", "V04", mangled(lambda text: f"[{text}]")),
    fault("a key named twice", "V04", mangled(lambda text: '{"symbol":"ETHUSDT","balances":[],' + text[1:])),
    fault("a byte-order mark", "V04", mangled(lambda text: "\ufeff" + text)),
    fault("UTF-16", "V04", mangled(lambda text: text.encode("utf-16"))),
    fault("bytes that are no text", "V04", mangled(lambda text: text.encode()[:-1] + b',"x":"\xff\xfe"}'), **ALL_GOOD),
    fault("JSON nested without end", "N07", plain_answer(200, '{"a":' + "[" * 100_000)),
    fault("a field nested a hundred thousand deep", "N07", mangled(deep)),
    fault("a success code without an order", "V04", plain_answer(200, '{"code":200,"msg":"success"}')),
    fault("an error under 200", "V04", refusal(200, -2019)),
    fault("201", "", mangled(lambda text: text, status=201)),
    fault("202", "", mangled(lambda text: text, status=202)),
    fault("204", "", plain_answer(204, "")),
    fault("206", "", mangled(lambda text: text, status=206)),
    fault("304", "", plain_answer(304, "")),
    fault("a redirect to the same host", "", plain_answer(307, "", Location="https://fapi.binance.com/fapi/v1/order")),
    fault("a redirect elsewhere", "N08", plain_answer(301, "", Location="https://example.com/")),
]
ECHOES = [
    echo("another client id", changed(clientOrderId="somebody-else")),
    echo("another contract", changed(symbol="ETHUSDT")),
    echo("another side", changed(side="BUY"), **RECORD),
    echo("another price", changed(price="60000.2"), **RECORD),
    echo("another quantity", changed(origQty="0.003"), **RECORD),
    echo("another time in force: not post-only", changed(timeInForce="GTC"), "V16 V17", **RECORD),
    echo("reduce-only where we did not say so", changed(reduceOnly=True), **RECORD),
    echo("a status that nobody knows", changed(status="HIBERNATING"), "D16", **RECORD),
    echo("expired at once", changed(status="EXPIRED"), "V16", create="refused: post_only_would_cross", **RECORD),
    echo("expired by self-trade prevention", changed(status="EXPIRED_IN_MATCH"), "V18",
         create="refused: post_only_would_cross", **RECORD),
    echo("rejected in the record", changed(status="REJECTED"), "V16", create="refused: invalid_order", **RECORD),
    echo("filled at once", changed(status="FILLED", executedQty="0.002"), "V17", create="accepted", **RECORD),
    echo("expired when partly filled", changed(status="EXPIRED", executedQty="0.001"), create="accepted", **RECORD),
    echo("filled beyond its quantity", changed(executedQty="0.004")),
    echo("filled below zero", changed(executedQty="-0.001")),
    echo("a quantity that is no number", changed(origQty="NaN"), "D01"),
    echo("NaN in bare JSON", mangled(lambda t: t.replace('"origQty": "0.002"', '"origQty": NaN')), "D01"),
    echo("infinity", changed(executedQty="Infinity"), "D01"),
    echo("a quantity of 10^400", changed(origQty="1e400"), "D14"),
    echo("a quantity with a comma", changed(origQty="0,002"), "D14"),
    echo("a quantity as a bare number", mangled(lambda t: t.replace('"0.002"', "0.002")), "D14",
         create="accepted", **RECORD),
    echo("no venue id", changed(orderId=None)),
    echo("a venue id as text", changed(orderId="283194212")),
    echo("a flag as text", changed(reduceOnly="false")),
    echo("a time in seconds", changed(updateTime=1_790_000_000), "D13"),
    echo("a look-alike of the contract", changed(symbol="ВТСUSDT"), "D15"),
    Fault(name="a countdown of another contract", answer=changed(symbol="ETHUSDT"), columns=("switch",)),
    Fault(name="a countdown of another length", answer=changed(countdownTime="120000"), columns=("switch",)),
    Fault(name="a countdown that is off", answer=changed(countdownTime="0"), columns=("switch",)),
    Fault(name="a countdown of no length", answer=changed(countdownTime=None), columns=("switch",)),
    Fault(name="a wallet of nothing", codes="D08", answer=changed(balances=[]), columns=("spot",)),
    Fault(name="a wallet without our coin", codes="D08", columns=("spot",),
          answer=changed(balances=[{"asset": "USDT", "free": "1", "locked": "0"}])),
    Fault(name="a balance that is no number", codes="D01", columns=("spot",),
          answer=changed(balances=[{"asset": "BTC", "free": "NaN", "locked": "0"}])),
    Fault(name="a balance below zero", codes="D01", columns=("spot",),
          answer=changed(balances=[{"asset": "BTC", "free": "-1", "locked": "0"}])),
]  # fmt: skip
STATUSES = [
    *(fault(f"{status}, a page", "V03", plain_answer(status, HTML)) for status in (400, 401, 404, 405, 408, 451)),
    *(fault(f"{status}, nothing", "V03", plain_answer(status, "")) for status in (400, 409, 413, 414)),
    *(fault(f"{status}, a page", "V25", plain_answer(status, HTML)) for status in (500, 502, 503, 504, 520, 524, 530)),
    fault("503, nothing", "V25", plain_answer(503, "")),
    fault("500, -2019", "V25", refusal(500, -2019)),
    fault("400, a code as text", "", plain_answer(400, '{"code":"-2019","msg":"Margin is insufficient."}')),
    fault("400, two codes", "", plain_answer(400, '{"code":-1001,"code":-2019,"msg":"Margin is insufficient."}')),
]
CODES = [
    code(400, -1000, None, "unknown error"),
    code(400, -1001, None, "disconnected"),
    code(400, -1006, None, "unexpected response"),
    code(408, -1007, None, "backend timeout"),
    code(503, -1008, None, "overloaded"),
    code(400, -4116, None, "ClientOrderId is duplicated."),
    code(400, -2010, None, "Duplicate order sent."),
    code(400, -4999, None, "a code that nobody knows"),
    code(400, -2011, None, "Unknown order sent.", cancel="not known there"),
    code(400, -2013, None, "Order does not exist.", find="none"),
    code(400, -5022, "post_only_would_cross"),
    code(400, -2010, "post_only_would_cross", "Order would immediately match and take."),
    code(400, -2010, MARGIN, "Account has insufficient balance for requested action."),
    *(code(400, number, MARGIN) for number in (-2018, -2019, -2027, -2028)),
    *(code(400, number, "reduce_only_nothing_to_reduce") for number in (-2022, -4118)),
    *(code(400, number, INVALID) for number in (-1013, -1111, -4003, -4014, -4023, -4164, -4131)),
    *(code(400, number, INVALID, **HOPELESS) for number in (-1100, -1102, -1121)),
    *(code(400, number, "restricted") for number in (-4087, -4400, -4401, -4411)),
    *(code(400, number, "unavailable") for number in (-4088, -4108, -4140, -4141, -4192, -4402)),
    code(400, -1021, "clock", "Timestamp for this request is outside of the recvWindow."),
    code(400, -5028, "clock", "Timestamp for this request is outside of the ME recvWindow."),
    *(code(401, number, "not_authorised", **KEYS) for number in (-1022, -2014, -2017)),
]
LIMITS = [
    closing("429, Retry-After in seconds", "V27", refusal(429, -1003, Retry_After="3"), **LIMITED),
    closing("429, Retry-After as a date", "V27",
            refusal(429, -1003, Retry_After="Fri, 01 Jan 2038 00:00:00 GMT"), **LIMITED),
    closing("429, nothing", "V27", plain_answer(429, ""), **LIMITED),
    closing("418, Retry-After in seconds", "V27", refusal(418, -1003, Retry_After="3"), **LIMITED),
    closing("418, a page", "V27", plain_answer(418, HTML), **LIMITED),
    closing("403, a page of the firewall", "V27", plain_answer(403, HTML)),
    closing("400, -1003 too many requests", "V27", refusal(400, -1003), **LIMITED),
    closing("400, -1015 too many orders", "V27", refusal(400, -1015), **LIMITED),
    closing("401, -2015 after the keys have worked", "A07", refusal(401, -2015), **LIMITED),
]  # fmt: skip
GROUPS = {
    "Nothing leaves": NEVER_LEFT,
    "Connections": CONNECTIONS,
    "Bodies under 2xx and 3xx": BODIES,
    "Whole answers that say something else": ECHOES,
    "Statuses": STATUSES,
    "The venue's own codes": CODES,
    "Limits and bans": LIMITS,
}
FAULTS = [row for rows in GROUPS.values() for row in rows]


def page() -> str:
    """The table as Markdown."""
    names = list(COLUMNS)
    lines = [
        "# What Binance's answers are taken for",
        "",
        "Made by `python -m tests.support.wire_outcomes`; each cell is a test that runs ccxt and aiohttp, unmodified,",
        "at Binance's host names. A create, a cancel and an extension of the switch are on the wire exactly once,",
        "whatever comes back (not at all in the first group); a read is tried up to three times. `unknown` means that",
        "the order may exist: it stays reserved until the venue's own record, or proof of its absence, says otherwise.",
        f"There are {len(FAULTS)} failures; codes are of the fault catalogue.",
    ]
    for title, rows in GROUPS.items():
        heads = [f"{COLUMNS[name].venue}: {COLUMNS[name].what}" for name in names]
        lines += ["", f"## {title}", "", f"| failure | codes | {' | '.join(heads)} |", "|---" * (len(names) + 2) + "|"]
        lines += [f"| {row.name} | {row.codes} | {' | '.join(map(row.outcome, names))} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
