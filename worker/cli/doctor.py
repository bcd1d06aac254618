"""`hookdesk doctor`: everything Hookdesk needs, each checked within two seconds, each with what to do next."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from worker.cli.output import as_json, console, print_json
from worker.errors import ConfigError, HookdeskError

if TYPE_CHECKING:
    from worker.config import Settings

CHECK_SECONDS = 2.0
OK, WARN, FAIL = "ok", "warn", "fail"
_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """How one check ended. `is_dependency`: its failure means something else is down (exit code 3)."""

    check: str
    state: str
    message: str
    next: str = ""
    is_dependency: bool = False


Check = Callable[["Settings"], Finding]


@click.command()
@as_json
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check settings, policy, folders, database, broker, processes, API, Chatwoot, mail, targets, ledger.

    Exit code 0: all well, 1: something to look at, 2: wrong settings, 3: a dependency is down.
    """
    from worker.cli.checks import CHECKS
    from worker.config import load, unknown

    try:
        settings = load(os.environ)
    except ConfigError as exc:
        _show([Finding("settings", FAIL, mistake, "Mend it; `hookdesk config show` lists all settings.")
               for mistake in exc.mistakes], as_json=as_json)  # fmt: skip
        return 2
    doubts = unknown()
    message = " ".join(doubts) or "all values are right"
    findings = [Finding("settings", WARN if doubts else OK, message)]
    findings += [_within(name, check, settings) for name, check in CHECKS.items()]
    _show(findings, as_json=as_json)
    if any(each.state == FAIL and each.check == "policy" for each in findings):
        return 2
    if any(each.state == FAIL and each.is_dependency for each in findings):
        return 3
    return 1 if any(each.state != OK for each in findings) else 0


def told(exc: Exception) -> str:
    """The first line of what a server said, without what the libraries wrapped around it."""
    return "".join(str(getattr(exc, "orig", None) or exc).strip().splitlines()[:1])


def _within(name: str, check: Check, settings: Settings, *, seconds: float = CHECK_SECONDS) -> Finding:
    """The finding, or that it took too long: a thread of its own, which may be left behind."""
    found: list[Finding] = []

    def run() -> None:
        try:
            found.append(check(settings))
        except HookdeskError as exc:
            found.append(Finding(name, FAIL, str(exc), is_dependency=exc.exit_code == 3))
        except Exception as exc:  # whatever a driver can raise is a finding, not a crash of the doctor
            found.append(Finding(name, FAIL, f"{type(exc).__name__}: {told(exc)}", is_dependency=True))

    thread = threading.Thread(target=run, name=f"doctor-{name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    return Finding(name, FAIL, f"no answer within {seconds:g} s: it hangs", "Look at that server.", is_dependency=True)


def _show(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(each) for each in findings)
        return
    talk = console()
    for each in findings:
        talk.print(f"[{_COLOURS[each.state]}]{each.state:4}[/] {each.check:10}", end=" ")
        talk.print(each.message, markup=False)
        if each.next and each.state != OK:
            talk.print(f"     {'':10} {each.next}", markup=False)
