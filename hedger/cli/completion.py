"""`hedger completion`: the script that completes commands and options in a shell, and its answers to that shell."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hedger.errors import ConfigError

ASKED = "_HEDGER_COMPLETE"  # what the shell's script sets when it asks
SHELLS = ("bash", "zsh", "fish")


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", autocompletion=lambda: SHELLS)],
) -> None:
    """Print the script that makes a shell complete hedger's commands and options.

    For bash: hedger completion bash > ~/.local/share/bash-completion/completions/hedger

    For zsh: hedger completion zsh > _hedger, in a directory of $fpath, before compinit runs.

    For fish: hedger completion fish > ~/.config/fish/completions/hedger.fish
    """
    if shell not in SHELLS:
        raise ConfigError(f"SHELL {shell}: there is no completion for it, only for {', '.join(SHELLS)}")
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name="hedger", complete_var=ASKED, shell=shell))


def answers_shells() -> None:
    """Let typer know the shells' ways to ask, where one asks: the options that it would do so for are not wanted."""
    if ASKED in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
