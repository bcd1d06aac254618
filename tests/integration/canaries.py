"""Strings that must not turn up where they do not belong, and the places to look for them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, select

from tests.integration.system import System
from tests.receiving import Got, Reply, WebhookReceiver


def _key(word: str) -> str:
    """A secret of the Standard Webhooks kind whose base64 can be searched for as it stands."""
    return "whsec_" + base64.b64encode(f"{word}-0123456789abcdef".encode()).decode()


SECRETS = {
    "chatwoot webhook": "canary-webhook-ks81hQ",
    "chatwoot webhook, old": "canary-webhook-old-7Tq2",
    "url token": "canary-url-token-0a9sdL",
    "chatwoot token": "canary-chatwoot-token-Vb3",
    "api token": "canary-api-token-0123456789-xY",
    "email": _key("canary-email"),
    "bearer": "canary-bearer-0123456789-Wq",
    "link": "canary-link-secret-0123456789abcdefghij",
    "event": _key("canary-event"),
    "target": _key("canary-target"),
    "notice": _key("canary-notice"),
    "smtp password": "canary-smtp-pass-9Kd",
    "database password": "canary-db-pass-4Rz",
    "broker password": "canary-broker-pass-1Mx",
}
CUSTOMER = {
    "name": "Canaria Vogelsang",
    "email": "canary.bird@customer.example",
    "phone": "+4915550canary",
    "text": "canary-body-my-card-number-is",
    "subject": "canary-subject-refund-of-my-order",
    "attribute": "canary-attribute-contract",
    "feedback": "canary-feedback-on-the-survey-page",
}


def found_in(text: str, canaries: Mapping[str, str]) -> dict[str, str]:
    """The names of the canaries in a text, each with what stands around it."""
    found = {}
    for name, canary in canaries.items():
        at = next((at for form in _forms(canary) if (at := text.find(form)) >= 0), -1)
        if at >= 0:
            found[name] = text[max(0, at - 150) : at + 80]
    return found


def _forms(canary: str) -> Iterable[str]:
    """As it is, and as it looks in base64 credentials, in a URL and without its prefix."""
    yield canary
    yield canary.removeprefix("whsec_").rstrip("=")
    yield canary.replace("@", "%40").replace("+", "%2B")
    if canary.startswith("whsec_"):
        yield base64.b64decode(canary.removeprefix("whsec_")).decode()


class Echo(WebhookReceiver):
    """Answers every call with `status` and quotes the request, headers and all: the rudest of other sides."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 500
        self.origin = f"http://127.0.0.1:{self.port}"

    def reply_to(self, got: Got) -> Reply:
        """What was said to it."""
        return Reply(self.status, _quoted(got).encode())

    @property
    def heard(self) -> str:
        """All that was ever said to it."""
        return "\n".join(map(_quoted, self.got))


def _quoted(got: Got) -> str:
    return f"{got.headers.get('api_access_token') or ''} {got.body.decode()} {got.path} {dict(got.headers)}"


def logs(system: System) -> str:
    """What every process has written."""
    return "\n".join(path.read_text("utf-8", "replace") for path in sorted(system.root.glob("*.log")))


def command_lines() -> str:
    """The titles of all processes of this machine that are ours to look at, but for this test."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:  # it has ended
            continue
    return "\n".join(lines)


def tables(system: System) -> str:
    """Everything the database holds, as text."""
    meta = MetaData()
    lines = []
    with system.db.read() as conn:
        meta.reflect(conn)
        for table in meta.sorted_tables:
            lines += [f"{table.name}: {_shown(tuple(row))}" for row in conn.execute(select(table))]
    return "\n".join(lines)


def _shown(row: tuple[Any, ...]) -> str:
    cells = [bytes(cell).decode("utf-8", "replace") if isinstance(cell, bytes | memoryview) else cell for cell in row]
    return json.dumps(cells, ensure_ascii=False, default=str)


def files(system: System) -> str:
    """What lies in the data folder."""
    kept = [path for path in (system.root / "data").rglob("*") if path.is_file()]
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in kept)


def command(system: System, *arguments: str) -> str:
    """What `hookdesk …` prints, errors included."""
    run = [sys.executable, "-m", "worker.cli.main", *arguments]
    done = subprocess.run(run, env=system.env, cwd=system.root, capture_output=True, text=True, timeout=60, check=False)
    return f"$ hookdesk {' '.join(arguments)} ({done.returncode})\n{done.stdout}{done.stderr}"
