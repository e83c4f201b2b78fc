"""The doctor: what a first run gets wrong, looked at one by one; nothing is changed and nothing is sent that trades."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from hedger.app.daemon import ids_by_account, listed_of
from hedger.app.findings import Finding, tried
from hedger.app.holdings import holding_rows, paper_rows
from hedger.app.live import venues_of
from hedger.app.ownership import keys_row, ownership_rows
from hedger.app.precautions import configure, keeps_leverage, key_row, quiet_of, quiet_row, sight_rows, switch_rows
from hedger.app.transport import why_at_port
from hedger.engine.known.policy import Policy
from hedger.errors import AskAgain, CredentialsError, GiveUp, HedgerError, JournalError
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Quote
from hedger.model.numeric import ZERO, plain
from hedger.ops.words import END_FLATTEN, END_PAUSE, LIFT_HALT, ended_words, halt_words
from hedger.runtime.clock import SystemClock
from hedger.runtime.journal import Journal
from hedger.runtime.kill import KillFile
from hedger.runtime.lease import Lease, is_held
from hedger.runtime.ports import Venue
from hedger.settings.paper_rules import purses_of
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable, ended
from hedger.settings.schema import Mode, Settings
from hedger.settings.venues import VENUES

FREE_BYTES = 200 * 1024 * 1024
TIMES_THE_LEAST = 2  # so much of what the journal must have free, or it stops creates soon
SKEW_MS = 1_000
PATIENCE_S = 60.0  # an account whose venue wants quiet is waited for no longer
KEYS = {
    Mode.PAPER: "none are needed",
    Mode.SHADOW: "accepted, and without the right to withdraw",
    Mode.TESTNET: "accepted; their rights cannot be asked for on the testnet",
    Mode.LIVE: "accepted, and without the right to withdraw",
}


def examine(settings: Settings, config: Path | None = None) -> list[Finding]:
    """Every check that the settings' mode calls for, the local ones first; `config` is the file that they came from."""
    policy = to_policy(settings)
    directory = Path(settings.state_dir)
    if settings.mode is Mode.PAPER:
        directory = directory / "paper"
    served = _serving(directory)
    rows = [
        Finding(True, "configuration", f"mode {settings.mode.value}, {len(policy.hedges)} hedge(s)"),
        tried(
            "state directory", lambda: _disk(settings, directory), "give it to this user, make room, or set state_dir"
        ),
        *ownership_rows(settings, directory, config),
        *_in_force(directory),
        tried(
            "journal", lambda: _journal(directory), "do what it says, stop the other hedger, or set another state_dir"
        )
        if served is None
        else Finding(True, "journal", f"in use by the hedger that runs here (process {served})"),
        tried("kill file", lambda: _killed(directory), _way_out_of_kill(directory)),
        tried("metrics port", lambda: _metrics_port(settings, served), "stop what listens there, or set metrics.port"),
        tried("console port", lambda: _console_port(settings, served), "stop what listens there, or set console.port"),
    ]
    if settings.mode is Mode.PAPER:
        return [*rows, Finding(True, "venue", _embedded(settings)), *_on_paper(settings, policy)]
    given = keys_row(settings)
    if not given.good:
        return [*rows, given]
    return [*rows, given, *asyncio.run(_accounts(settings, policy, directory))]


def _in_force(directory: Path) -> Iterator[Finding]:
    """Whether a hedger that runs here has in force what its file says; nothing is said where none runs."""
    try:
        told = json.loads((directory / "status.json").read_text(encoding="utf-8"))["configuration"]["file_changed"]
    except (OSError, ValueError, LookupError, TypeError):
        return
    if is_held(directory):
        if told is None:
            yield Finding(True, "configuration in force", "as its file says")
        else:
            yield Finding(False, "configuration in force", str(told), "hedger reload, or put the file back")


def _embedded(settings: Settings) -> str:
    """Which venues the embedded exchange is, and how a paper run reaches it."""
    titles = list(dict.fromkeys(VENUES[account.venue].title for account in settings.accounts.values()))
    why = why_at_port(settings)
    way = "through the wire" if why is None else f"at the port: {why}"
    return f"the embedded exchange on this machine, as {' and '.join(titles)}; no keys, no network; {way}"


def _on_paper(settings: Settings, policy: Policy) -> list[Finding]:
    """What the wallets of a paper world hold of the hedged coins."""
    purses = purses_of(settings)
    wallets = {
        name: {coin: purse.spot.get(coin, ZERO) + purse.margin.get(coin, ZERO) for coin in (*purse.spot, *purse.margin)}
        for name, purse in purses.items()
    }
    return paper_rows(policy, wallets, frozenset(option.asset for option in settings.paper.options))


def _disk(settings: Settings, directory: Path) -> str:
    present = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not present.is_dir():
        raise NotADirectoryError(f"{present} is not a directory")
    if not os.access(present, os.W_OK):
        raise PermissionError(f"{present} is not writable")
    free = shutil.disk_usage(present).free
    wanted = max(FREE_BYTES, TIMES_THE_LEAST * settings.journal.min_free_mb * 1_000_000)
    if free < wanted:
        raise OSError(f"only {free // 1024**2} MB are free on {present}, {wanted // 1024**2} MB are wanted")
    can = "is writable" if present == directory else "does not exist yet and can be made"
    return f"{directory} {can}, {free // 1024**2} MB free"


def _journal(directory: Path) -> str:
    if not (directory / "journal.sqlite3").exists():
        if is_held(directory):
            raise JournalError(f"another hedger uses {directory}")
        return "none yet; the first run begins one"
    with Lease(directory):
        journal = Journal.open(directory, read_only=True)
        halted, paused, flattened = journal.halted(), journal.paused(), ", ".join(journal.flattening())
        journal.close()
    if halted is not None:
        raise GiveUp(f"sound, but HALTED: {halt_words(halted)}")
    if paused is not None:
        raise GiveUp(f"sound, but PAUSED: {paused}; once it runs, {END_PAUSE}")
    if flattened:
        raise GiveUp(f"sound, but FLATTENED: {flattened}; once it runs, {END_FLATTEN}")
    return "free and sound"


def _killed(directory: Path) -> str:
    kill = KillFile(directory)
    if kill.exists():
        raise GiveUp(f"{kill.found} is latched ({kill.reason()}): nothing is created until it is lifted")
    return f"not pressed: {kill.found}"


def _way_out_of_kill(directory: Path) -> str:
    """The file above paper's own directory is never taken away by a resume."""
    kill = KillFile(directory)
    by_hand = "" if kill.found == kill.path.absolute() else f"remove {kill.found} by hand, "
    return f"find out who pressed it, then {by_hand}{LIFT_HALT}"


def _serving(directory: Path) -> int | None:
    """The process of the hedger that runs here and says so; None where nobody does, or another holds the directory."""
    try:
        told = int(json.loads((directory / "status.json").read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return told if is_held(directory) else None


def _metrics_port(settings: Settings, served: int | None) -> str:
    metrics = settings.metrics
    if not metrics.enabled:
        return "metrics are off"
    return _port(metrics.host, metrics.port, _excuse(settings, served))


def _console_port(settings: Settings, served: int | None) -> str:
    console = settings.console
    if not console.enabled:
        return "the console is off"
    return _port(console.host, console.port, _excuse(settings, served))


def _excuse(settings: Settings, served: int | None) -> str:
    """Why a port may be in use."""
    if served is not None:
        return "; a hedger runs here"
    return "; a paper run takes another" if settings.mode is Mode.PAPER else ""


def _port(host: str, port: int, elsewhere: str = "") -> str:
    """Whether it is free; one that is in use is no fault where there is an `elsewhere`."""
    try:
        with socket.create_server((host, port), family=_family(host)):
            return f"{host}:{port} is free"
    except OSError as problem:
        if elsewhere and problem.errno == errno.EADDRINUSE:
            return f"{host}:{port} is in use{elsewhere}"
        raise OSError(f"{host}:{port}: {problem.strerror}") from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


# --- accounts ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Listed:
    """What the venues list of a policy's instruments, and what they cost: filled account by account."""

    instruments: tuple[Instrument, ...] = ()
    prices: dict[InstrumentId, Decimal] = field(default_factory=dict)
    readings: dict[str, AccountReading] = field(default_factory=dict)
    accounts: int = 0


async def _accounts(settings: Settings, policy: Policy, directory: Path) -> list[Finding]:
    rows: list[Finding] = []
    clock, listed = SystemClock(), Listed()
    try:
        venues = venues_of(settings, clock)
        asked = quiet_of(directory)
    except HedgerError as problem:
        return [Finding(False, "keys", str(problem), "set them in the environment or as secret files")]
    for name, venue in venues.items():
        rows.append(quiet_row(name, asked, clock.now_ms()))
        if not rows[-1].good:
            continue
        try:
            async with asyncio.timeout(PATIENCE_S):
                ids = ids_by_account(policy)[name]
                beside = is_held(directory)
                rows += await account_rows(policy, venue, ids, settings.mode, clock.now_ms(), listed, beside=beside)
        except TimeoutError:
            rows.append(Finding(False, f"account {name}", f"no whole answer within {PATIENCE_S:.0f} s", "try again"))
        except HedgerError as problem:
            rows.append(Finding(False, f"account {name}", str(problem), remedy_of(problem)))
        finally:
            await venue.close()
    if listed.accounts == len(venues):  # a hedge over several accounts can be judged when all of them were seen
        rows.append(tried("bands", lambda: _bands(policy, listed, clock.now_ms()), "do what the sentence says"))
        rules = {instrument.id: instrument for instrument in listed.instruments}
        rows += holding_rows(policy, listed.readings, rules, listed.prices)
    return rows


def remedy_of(problem: HedgerError) -> str:
    """What to do about an account that could not be looked at, by what kind of problem it is."""
    match problem:
        case AskAgain():
            return "look at this machine's network, its name service and proxy; then try again"
        case CredentialsError():
            return "look at the keys and their rights on the venue's page: they must be of this environment"
        case _:
            return "do what the sentence says"


async def account_rows(
    policy: Policy,
    venue: Venue,
    ids: tuple[InstrumentId, ...],
    mode: Mode,
    now: int,
    listed: Listed,
    *,
    beside: bool = False,
) -> list[Finding]:
    """Open the account (keys, permissions, markets), then look at clock, rules, fees and modes; `beside` a hedger that
    runs, what would meddle with it is left out."""
    name = venue.account
    instruments = await venue.open([id.symbol for id in ids])
    ids = listed_of({name: ids}, instruments)[name]
    offset = await venue.measure_clock()
    listed.instruments += instruments
    listed.accounts += 1
    listed.prices |= {p.id: p.mid_price for p in await venue.read_prices(ids) if isinstance(p, Quote)}
    kept = keeps_leverage(venue)
    if kept:
        await configure(policy, venue, ids)
    reading = await venue.read_account()
    listed.readings[name] = reading
    rows = [
        Finding(True, f"{name}: keys", KEYS[mode]),
        key_row(venue),
        *sight_rows(venue),
        Finding(abs(offset) <= SKEW_MS, f"{name}: clock", f"{offset:+d} ms", "let NTP set this machine's clock"),
        Finding(reading.one_way, f"{name}: position mode", "one-way" if reading.one_way else "hedge mode", _SET_MODE),
    ]
    rows += await switch_rows(venue, ids, policy.switch_ms.get(name), reading, beside=beside)
    rows += [_left_out(id) for id in _ended(policy, name, ids, now)]
    rows += [_rules(instrument) for instrument in instruments]
    return rows + [_modes(policy, reading, id, kept) for id in ids]


_SET_MODE = "it is set at the start, if no position or order is open; or set it on the venue"


def _bands(policy: Policy, listed: Listed, now: int) -> str:
    check_reachable(policy, listed.instruments, listed.prices, now)
    return "every band can be reached with these lots"


def _ended(policy: Policy, account: str, listed: tuple[InstrumentId, ...], now: int) -> list[InstrumentId]:
    """What hedges that have something else will do without; of one that has nothing left the bands' row says so."""
    found = ((hedge, ended(hedge, frozenset(listed), now)) for hedge in policy.hedges)
    over = (id for hedge, ids in found if len(ids) < len(hedge.instruments) for id in ids if id.account == account)
    return list(dict.fromkeys(over))


def _left_out(id: InstrumentId) -> Finding:
    return Finding(True, str(id), ended_words(id))


def _rules(instrument: Instrument) -> Finding:
    found = (
        f"tick {plain(instrument.tick_size)}, lot {plain(instrument.lot_size)}, least {plain(instrument.min_notional)} "
        f"{instrument.quote}, maker {instrument.maker_fee:.4%}, taker {instrument.taker_fee:.4%}"
    )
    return Finding(instrument.post_only, str(instrument.id), found, "it has no post-only orders: use another")


def _modes(policy: Policy, reading: AccountReading, id: InstrumentId, kept: bool) -> Finding:
    guards = next(hedge.guards for hedge in policy.hedges if id in hedge.instruments)
    held = next((p for p in reading.positions if p.id == id), None)
    if held is None:
        return Finding(False, f"{id}: modes", "no position row was given", "try again; if it stays, report it")
    good = held.leverage == guards.leverage and held.margin_mode is guards.margin_mode
    leverage = f"{plain(held.leverage)}x" + (" kept by us, for the venue has none to set" if kept else "")
    found = f"{held.margin_mode.value}, {leverage}, position {plain(held.quantity)}"
    return Finding(good, f"{id}: modes", found, "they are set at the start, if nothing is open; or set them there")
