"""Questions to a person on a terminal, one line an answer, each with what is suggested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

from hedger.errors import ConfigError

T = TypeVar("T")


class Asker:
    """Asks a person, one line an answer; where it is `silent` it takes what is suggested."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    def ask(self, option: str, given: str | None, question: str, suggested: str | None, read: Callable[[str], T]) -> T:
        """What was given by the option, or answered; asked again until it can be read. Raises ConfigError where nobody
        can be asked and nothing is suggested, or the answers end."""
        if given is not None or self._silent:
            text = given if given is not None else suggested
            if text is None:
                raise ConfigError(f"{option} is needed: there is nothing to suggest for it")
            try:
                return read(text)
            except ConfigError as fault:
                raise ConfigError(f"{option}: {fault}") from None
        while True:
            try:
                answer = input(f"{question}{'' if suggested is None else f' [{suggested}]'}: ").strip() or suggested
            except EOFError:
                print()
                raise ConfigError(
                    f"the answers ended before all was asked ({option}), and nothing was written; --yes takes what is "
                    "suggested for the rest"
                ) from None
            try:
                if answer:
                    return read(answer)
                print("  an answer is needed here: there is nothing to suggest")
            except ConfigError as fault:
                print(f"  {fault}")

    def explain(self, text: str) -> None:
        """Words before a question, for whoever is asked."""
        if not self._silent:
            print(f"\n{text}")


def one_of(
    known: Sequence[str], make: Callable[[str], T], lacking: Mapping[str, str] | None = None
) -> Callable[[str], T]:
    """Reads one of some words; `lacking` says why a word that might be expected is not among them."""

    def read(text: str) -> T:
        word = text.strip().lower()
        if word in (lacking or {}):
            raise ConfigError(f"{word} cannot be: {(lacking or {})[word]}")
        if word not in known:
            near = get_close_matches(word, known, n=1)
            raise ConfigError(f"{text!r} is none of {', '.join(known)}{f'; did you mean {near[0]}?' if near else ''}")
        return make(word)

    return read
