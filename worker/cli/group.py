"""The command group: commands load when called, unknown words get a suggestion, every error ends in one place."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import click

from worker.errors import ConfigError, HookdeskError

USAGE, DEPENDENCY_DOWN, INTERRUPTED = 2, 3, 130


class Guessing(click.Group):
    """A group whose unknown words are answered with the likely one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.5)
            hint = (
                f"Did you mean `{ctx.command_path} {near[0]}`?" if near else f"`{ctx.command_path} --help` lists them."
            )
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", ctx) from exc


class Root(Guessing):
    """`hookdesk`: knows its commands by section without importing them, and maps errors to words and exit codes."""

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Mapping[str, tuple[str, str]]],
        concealed: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._concealed = concealed
        self._sections = sections
        self._where = {name: entry[0] for commands in sections.values() for name, entry in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = self._where.get(cmd_name) or self._concealed.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        command: click.Command = getattr(importlib.import_module(f"worker.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and leave with the exit code that belongs to what happened."""
        try:
            answer = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            code = answer if isinstance(answer, int) else 0
            sys.stdout.flush()
        except click.ClickException as exc:
            exc.show()
            code = exc.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        except BrokenPipeError:  # `hookdesk … | head`: whoever read has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except HookdeskError as exc:
            _explain(exc)
            code = exc.exit_code
        except OSError as exc:
            if exc.filename is None and _lost(exc) is None:
                raise
            why = _lost(exc) or f"{exc.filename}: {exc.strerror}. {_remedy(exc)}"
            click.echo(f"Error: {why}", err=True)
            code = DEPENDENCY_DOWN
        except UnicodeEncodeError:  # what a shell passes on of such bytes cannot be sent to a database
            given = (word for word in (sys.argv[1:] if args is None else args) if not _is_text(word))
            if (word := next(given, None)) is None:
                raise
            click.echo(f"Error: {word!r} is not UTF-8, as all text is here. `locale` should say UTF-8.", err=True)
            code = USAGE
        except Exception as exc:  # only a lost database is expected here; anything else keeps its traceback
            if (sentence := _lost(exc)) is None:
                raise
            click.echo(f"Error: {sentence}", err=True)
            code = DEPENDENCY_DOWN
        if not standalone_mode:
            return code
        sys.exit(code)


def _explain(exc: HookdeskError) -> None:
    if isinstance(exc, ConfigError):
        count = len(exc.mistakes)
        click.echo(f"Error: the configuration has {count} mistake{'s' if count != 1 else ''}:", err=True)
        for mistake in exc.mistakes:
            click.echo(f"  {mistake}", err=True)
        click.echo("`hookdesk config check` checks again; `hookdesk config show` lists every setting.", err=True)
    else:
        click.echo(f"Error: {exc}", err=True)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _remedy(exc: OSError) -> str:
    if isinstance(exc, PermissionError):
        return "Run as the user who owns it, or choose another folder."
    return "Is that the right place? `hookdesk config show` lists all settings."


def _lost(exc: Exception) -> str | None:
    """A sentence when the database cannot be reached, is damaged or has no tables yet."""
    from worker.store.database import is_connection_lost, is_damaged

    if is_damaged(exc):
        return (
            f"the file of the database is damaged, or is no database ({getattr(exc, 'orig', exc)}). "
            "`hookdesk config show` says which one it is; if it is the right one, see runbooks/DatabaseDown.md."
        )
    if "no such table" in str(exc) or "UndefinedTable" in str(exc):
        return "the database has no tables yet. Run `hookdesk migrate`, or `hookdesk up`, which does it too."
    if is_connection_lost(exc):
        return f"the database cannot be reached ({type(exc).__name__}). `hookdesk doctor` says what is wrong."
    return None


def settings_of(ctx: click.Context) -> Any:
    """The settings of this invocation, read once."""
    from worker.config import load

    found: MutableMapping[str, Any] = ctx.ensure_object(dict)
    if "settings" not in found:
        found["settings"] = load(os.environ)
    return found["settings"]
