"""The documentation tells the truth: its links lead somewhere, and its commands exist with the options it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from hedger.cli.root import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(hedger [^`]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# Where an example leaves something to the reader.
_BLANK = re.compile(r"…|\.\.\.|[\[\]]")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as code forges make them."""
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in _HEADING.findall(text_of(page)))
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain)


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    lost = []
    for link, picture in _LINK.findall(_FENCE.sub("", text_of(page))):
        target = link or picture
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            lost.append(target)
    assert not lost


def commands_in(page: Path) -> Iterator[str]:
    """The `hedger` commands of a page, each as it would be typed."""
    text = text_of(page)
    for fence in _FENCE.findall(text):
        for line in fence.splitlines():
            typed = line.strip().removeprefix("$ ").partition(" #")[0].strip()
            if typed.startswith("hedger "):
                yield typed
    yield from _INLINE.findall(_FENCE.sub("", text))


@cache
def commands() -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def fault_of(typed: str) -> str:
    """What is wrong with a command; empty where nothing is."""
    words = re.sub("[\"']", "", _BLANK.sub(" ", typed)).split()[1:]
    command: TyperGroup | TyperCommand = commands()
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.commands.get(words.pop(0))
        if found is None:
            return "there is no such command"
        assert isinstance(found, TyperGroup | TyperCommand)
        command = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    asked = {word.partition("=")[0].rstrip(",;") for word in words if re.match(r"--?[a-z]", word)}
    return ", ".join(sorted(asked - known - {"--help", "-h", "--version"}))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_a_page_exists_with_the_options_that_it_is_given(page: Path) -> None:
    assert {typed: fault for typed in commands_in(page) if (fault := fault_of(typed))} == {}


def test_a_command_that_does_not_exist_is_found() -> None:
    assert fault_of("hedger flattne BTC") == "there is no such command"
    assert fault_of("hedger status --wacth") == "--wacth"
    assert fault_of("hedger resume --reason …") == ""
