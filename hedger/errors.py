"""Errors, named by what the caller may do next: ask again, give up, reconcile, call a human, stop.

Each carries one sentence for a person (what, where, what to do) and an exit code for a script.
The codes are documented in docs/exit-codes.md.
"""

from __future__ import annotations


class HedgerError(Exception):
    """The root: every error that this program raises on purpose. The text is one sentence for a person."""

    exit_code = 1


class ConfigError(HedgerError):
    """The configuration cannot be used. Correct the file and start again; nothing was sent."""

    exit_code = 2


class CredentialsError(HedgerError):
    """Keys are missing, refused, or do not fit the mode. Correct them and start again; nothing was sent."""

    exit_code = 3


class AskAgain(HedgerError):
    """A read failed in a way that may pass: ask again later. It says nothing about the account."""

    exit_code = 4


class GiveUp(HedgerError):
    """The venue refused a read or a setting for good: asking again the same way is of no use."""

    exit_code = 5


class JournalError(HedgerError):
    """The journal cannot be trusted or written (locked, full, damaged, newer). No order leaves without it."""

    exit_code = 6


class NotHedged(HedgerError):
    """A paper run ended unhedged, with a taker fill, or with a truth that differs from the journal."""

    exit_code = 7


class Differs(HedgerError):
    """A decision that is made again on its recorded facts comes out otherwise than it stands in the journal."""

    exit_code = 7


class Violated(HedgerError):
    """In a simulation an invariant did not hold. The message has the line that replays it."""

    exit_code = 7


class Halted(HedgerError):
    """The hedger halted and stays halted until a person resumes it with a reason."""

    exit_code = 8


class Bug(HedgerError):
    """The program found itself in a state that must not exist: it stops, and reconciles when started again."""

    exit_code = 70
