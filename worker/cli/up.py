"""`hookdesk up`: one command that starts everything on this machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from worker.cli.household import Household, household
from worker.cli.output import clean
from worker.cli.sign import api_url, local_url
from worker.config import Settings, read_secrets, unknown


@click.command()
@click.option(
    "--practice", is_flag=True, help="With a practice Chatwoot, unless HOOKDESK_CHATWOOT_URL names a real one."
)
@click.option(
    "--ready-file",
    "--once-ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write this file, with addresses as JSON, once everything is ready.",
)
def up(practice: bool, ready_file: Path | None) -> None:
    """Start receiver, worker, scheduler and the embedded broker; Ctrl-C ends them all.

    Makes the data folder, the tables and, the first time, the secrets. What dies is started again.
    """
    for sentence in unknown():
        click.echo(f"Note: {sentence}", err=True)
    with household(os.environ, practice=practice, say=_say) as house:
        _tell_secrets(house)
        if practice and house.practice_url is None:
            _say("HOOKDESK_CHATWOOT_URL names a Chatwoot, so no practice one was started.")
        if house.wait_until_ready():
            click.echo(_welcome(house))
            if ready_file is not None:  # last: who waits for it may rely on all the rest
                ready_file.write_text(json.dumps(_addresses(house)) + "\n", "utf-8")
            house.keep()
        _say("stopping: receiver first, then scheduler, worker, broker (again Ctrl-C: at once)")
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    _say("everything has ended")


def _say(sentence: str) -> None:
    click.echo(f"hookdesk: {clean(sentence)}", err=True)


def _tell_secrets(house: Household) -> None:
    """Only the first time: the operator needs it once, to paste it into Chatwoot."""
    file = house.settings.data_dir / "secrets.env"
    made = house.new_secrets.get("HOOKDESK_CHATWOOT_WEBHOOK_SECRETS")
    if made is not None:
        click.echo(
            f"A secret for Chatwoot's webhooks was generated: {made}\n"
            f"It is kept in {file} (only you can read it)\n"
            "and not shown again. Chatwoot makes its own secret for each webhook: when you connect one,\n"
            "put that secret into HOOKDESK_CHATWOOT_WEBHOOK_SECRETS, or into this file.\n"
        )
    if "HOOKDESK_API_TOKENS" in house.new_secrets:
        click.echo(f"A token for the ticket API was generated too; it is in {file}, after the last colon.\n")


def _addresses(house: Household) -> dict[str, object]:
    settings = house.settings
    return {
        "pid": os.getpid(),
        "url": _url(house),
        "webhook_url": f"{_url(house)}/webhooks/chatwoot",
        "practice_url": house.practice_url,
        "api_url": api_url(settings) if settings.api_port else None,
        "data_dir": str(settings.data_dir),
        "metrics": {
            "web": settings.metrics_web_port,
            "worker": settings.metrics_worker_port,
            "scheduler": settings.metrics_scheduler_port,
        },
        "processes": {
            child.name: child.process.pid for child in house.supervisor.children if child.process is not None
        },
    }


def _welcome(house: Household) -> str:
    settings = house.settings
    running = ", ".join(child.name for child in reversed(house.supervisor.children))
    ports = (settings.metrics_web_port, settings.metrics_worker_port, settings.metrics_scheduler_port)
    metrics = ", ".join(f"{settings.metrics_host}:{port}" for port in ports if port) or "off"
    effects = {
        "live": "live: everything is sent",
        "approve": "approve: what customers would see waits for `hookdesk effects approve`",
        "dry-run": "dry-run: nothing is sent",
    }[settings.effects]
    chatwoot = house.practice_url or settings.chatwoot_url or "none configured: nothing is sent to a Chatwoot"
    practice = " (practice)" if house.practice_url else ""
    return f"""
Hookdesk is ready: {running} are running.
  receiver   {_url(house)}/webhooks/chatwoot
  api        {f"{api_url(settings)}/api/tickets" if settings.api_port else "off"}
  chatwoot   {chatwoot}{practice}
  metrics    {metrics}
  data       {settings.data_dir}
  effects    {effects}

Try, in another terminal{_hint(settings)}:
  {_first_webhook(house)}
  {_program()} tickets
  {_program()} trace t1
  {_program()} ledger
{_api_call(house)}The signed line holds for five minutes; `{_program()} sign` makes another. Ctrl-C ends everything.
"""


def _program() -> str:
    """How to call this program from the folder it was started in: a virtual environment need not be on the path."""
    if shutil.which("hookdesk") is not None:
        return "hookdesk"
    own = Path(sys.argv[0])
    return str(own.relative_to(Path.cwd())) if own.is_absolute() and own.is_relative_to(Path.cwd()) else str(own)


def _hint(settings: Settings) -> str:
    """The settings that the other terminal needs too, because they are not the defaults."""
    own = [] if settings.data_dir == Path("data").resolve() else [f"HOOKDESK_DATA_DIR={settings.data_dir}"]
    own += [] if settings.port == Settings().port else [f"HOOKDESK_PORT={settings.port}"]
    return f" (with {' '.join(own)})" if own else ""


def _first_webhook(house: Household) -> str:
    from worker.cli.practice_events import first_webhook
    from worker.cli.sign import curl, keep_body, signed_headers

    settings = house.settings
    body = first_webhook(settings)
    headers = signed_headers("chatwoot", settings.chatwoot_webhook_secrets[0], body)
    return curl(f"{_url(house)}/webhooks/chatwoot", headers, keep_body(settings, body))


def _api_call(house: Household) -> str:
    """A call of the API with the token that we made; where there are others, their owners know them."""
    settings = house.settings
    if not settings.api_port:
        return ""
    file = settings.data_dir / "secrets.env"
    is_ours = "HOOKDESK_API_TOKENS" in read_secrets(settings.data_dir)
    token = f"$(sed -n 's/^HOOKDESK_API_TOKENS=.*://p' {shlex.quote(str(file))})" if is_ours else "<token>"
    return f'  curl -H "Authorization: Bearer {token}" {api_url(settings)}/api/queue\n'


def _url(house: Household) -> str:
    return local_url(house.settings)
