"""The terminal view as plain text, and as the picture of the README."""

from __future__ import annotations

import io
import re

from rich.console import Console, RenderableType


def view_text(view: RenderableType, *, width: int = 100) -> str:
    """The view as plain text without colour."""
    console = Console(width=width, file=io.StringIO(), record=True, color_system=None, legacy_windows=False)
    console.print(view)
    return console.export_text(styles=False)


def view_svg(view: RenderableType, *, width: int = 100, title: str = "hedger") -> str:
    """The view as a picture that names no outside address: the same view gives the same bytes."""
    console = Console(
        width=width,
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(view)
    svg = console.export_svg(title=title, unique_id="hedger")
    return re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
