"""`hookdesk completion`: the script that teaches a shell to complete our commands."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_HOW = {
    "bash": "echo 'eval \"$(hookdesk completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(hookdesk completion zsh)\"' >> ~/.zshrc",
    "fish": "hookdesk completion fish > ~/.config/fish/completions/hookdesk.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the completion script for SHELL (default: yours)."""
    shell = shell or Path(os.environ.get("SHELL", "bash")).name
    kind = get_completion_class(shell)
    if shell not in _SHELLS or kind is None:
        raise click.UsageError(f"There is no completion for {shell}. Name one of {', '.join(_SHELLS)}.", ctx)
    root = ctx.find_root().command
    click.echo(kind(root, {}, "hookdesk", "_HOOKDESK_COMPLETE").source())
    click.echo(f"Once and for all: {_HOW[shell]}", err=True)
