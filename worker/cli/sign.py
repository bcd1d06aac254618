"""`hookdesk sign`: a ready, signed curl command."""

from __future__ import annotations

import shlex
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.group import settings_of
from worker.cli.secrets import secret_file, secrets_for
from worker.errors import DependencyDown
from worker.settings_values import url as read_url

if TYPE_CHECKING:
    from worker.config import Settings

_PATHS = {"chatwoot": "/webhooks/chatwoot", "standard": "/webhooks/email/generic"}


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """As it was given. Raises a usage error for what is no address of a receiver."""
    if value is not None:
        try:
            read_url(value.partition("?")[0])
        except ValueError as exc:
            raise click.BadParameter(f"{value!r}: {exc}.", ctx, param) from exc
    return value


where_to = click.option("--url", callback=_address, help="Where to; default: this machine's receiver.")


@click.command()
@where_to
@click.option("--body", metavar="FILE", help="The body, - for stdin; default: a conversation_created of its own.")
@click.option(
    "--scheme",
    type=click.Choice(["chatwoot", "standard", "event"]),
    default="chatwoot",
    show_default=True,
    help="chatwoot and standard are what the receiver takes, event is what Hookdesk sends to a target.",
)
@click.option("--target", metavar="NAME", help="With --scheme event: whose URL and secrets; default: the only one.")
@click.option("--send", is_flag=True, help="Send it as well, and tell the answer.")
@secret_file
@click.pass_context
def sign(
    ctx: click.Context,
    url: str | None,
    body: str | None,
    scheme: str,
    target: str | None,
    send: bool,
    secret_file: str | None,
) -> int:
    """Print a signed curl command; it holds for five minutes.

    \b
    hookdesk sign --send
    hookdesk sign --url https://desk.example.com/webhooks/chatwoot --body body.json
    hookdesk sign --scheme event --target crm --send
    """
    settings: Settings = settings_of(ctx)
    if body == "-" and secret_file == "-":  # noqa: S105  a dash, not a secret
        raise click.UsageError("Body and secret cannot both come from stdin.", ctx)
    if scheme == "event":
        return _event(settings, target, url=url, body=body, send=send, secret_file=secret_file)
    secret = secrets_for(settings, scheme, secret_file)[0]
    path, content = _body(settings, body)
    url = url or local_url(settings) + _PATHS[scheme]
    headers = signed_headers(scheme, secret, content)
    click.echo(curl(url, headers, path))
    return _send(url, headers, content) if send else 0


def _event(
    settings: Settings, name: str | None, *, url: str | None, body: str | None, send: bool, secret_file: str | None
) -> int:
    from worker.cli import sign_event

    target = sign_event.chosen(settings, name)
    if target is None and url is None:
        raise click.UsageError("Where to? Name a target of the policy file with --target, or an address with --url.")
    path, content = _body(settings, body, sign_event.example)
    headers = sign_event.headers_for(settings, target, content, secret_file)
    where = url or (target.url if target is not None else "")
    click.echo(curl(where, headers, path))
    if not send:
        return 0
    answer = sign_event.post(target, where, headers, content)
    click.echo(sign_event.told(answer))
    return 0 if 200 <= answer.status < 300 else 1


def local_url(settings: Settings) -> str:
    """The receiver of this machine, also when it listens on every address."""
    return _reachable(settings.host, settings.port)


def api_url(settings: Settings) -> str:
    """The ticket API of this machine, likewise."""
    return _reachable(settings.api_host, settings.api_port)


def _reachable(listens: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(listens, listens)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"


def signed_headers(scheme: str, secret: str, body: bytes) -> dict[str, str]:
    """The headers of a request signed now."""
    from worker.signing import chatwoot_headers, standard_headers

    now, delivery = int(time.time()), str(uuid.uuid4())
    if scheme == "standard":
        signed = standard_headers(secret, body, message_id=f"msg_{delivery}", timestamp=now)
        return {"Content-Type": "application/json", **signed}
    return chatwoot_headers(secret, body, timestamp=now, delivery_id=delivery)


def curl(url: str, headers: dict[str, str], body: Path) -> str:
    """One line; the body goes as it is, byte for byte."""
    words = ["curl", "-sS", "-i", "-X", "POST", url]
    for name, value in headers.items():
        if name != "Accept":
            words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, "--data-binary", f"@{body.resolve()}"])


def keep_body(settings: Settings, content: bytes) -> Path:
    """A file curl can read, in the data folder."""
    folder = settings.data_dir / "signed"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex[:8]}.json"
    path.write_bytes(content)
    return path


def _body(settings: Settings, body: str | None, example: Callable[[], bytes] | None = None) -> tuple[Path, bytes]:
    if body is not None and body != "-":
        try:
            return Path(body), Path(body).read_bytes()
        except OSError as exc:
            raise click.UsageError(f"--body {body} cannot be read: {exc.strerror}.") from exc
    if body == "-":
        content = sys.stdin.buffer.read()
    elif example is not None:
        content = example()
    else:
        from worker.cli.practice_events import first_webhook

        content = first_webhook(settings)
    return keep_body(settings, content), content


def _send(url: str, headers: dict[str, str], body: bytes) -> int:
    import requests

    try:
        answer = requests.post(url, data=body, headers=headers, timeout=(3, 10), allow_redirects=False)
    except requests.RequestException as exc:
        raise DependencyDown(
            f"{url} cannot be reached ({type(exc).__name__}). Start the receiver with `hookdesk up`."
        ) from exc
    click.echo(f"{answer.status_code} {answer.text.strip()[:500]}")
    return 0 if answer.ok else 1
