"""Secrets and customers' words, sent through every path of a running Hookdesk, stay where they belong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from sqlalchemy import text

from tests.integration.canaries import (
    CUSTOMER,
    SECRETS,
    Echo,
    command,
    command_lines,
    files,
    found_in,
    logs,
    tables,
)
from tests.integration.system import System, eventually, fixture, free_port
from tests.mail_server import MailServer
from worker import survey_token
from worker.signing import chatwoot_headers, standard_headers
from worker.store import letters
from worker.store.effects import list_effects
from worker.survey_token import SurveyLink

PARTS = ("web", "api", "worker", "scheduler")
REFUSED_BY_THE_STORE = 777
COMMANDS = (
    "--help", "config show", "config show --json", "config check", "policy", "doctor", "doctor --json",
    "verify --rejects", "deliveries --json", "dead-letters list", "dead-letters list --json", "dead-letters show d5",
    "effects list --json", "targets list", "trace d1", "trace t1", "tickets --json", "ledger --json", "sign --help",
    "roster", "csat",
)  # fmt: skip


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as running:
        yield running


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer(password=SECRETS["smtp password"]) as running:
        running.replies["RCPT"] = f"550 no {CUSTOMER['email']} here, {SECRETS['smtp password']}"
        yield running


@pytest.fixture
def system(tmp_path: Path, start: Callable[..., System], database_url: str, echo: Echo, mail: MailServer) -> System:
    """All of it, with every secret a canary, another side that quotes what it is sent, and a store that refuses."""
    policy = tmp_path / "hookdesk.toml"
    policy.write_text(
        f'[notices]\nwebhook = "{echo.origin}/notices"\nallow_private = true\n'
        '[notices.leads]\ndefault = "lead@example.com"\n'
        f'[[targets]]\nname = "crm"\nurl = "{echo.origin}/crm"\nallow_private = true\n'
        f'[[targets]]\nname = "erp"\nurl = "{echo.origin}/erp"\nallow_private = true\n'
    )
    url = database_url.replace("postgres@", f"postgres:{SECRETS['database password']}@")
    ports = {f"HOOKDESK_METRICS_{part.upper()}_PORT": str(free_port()) for part in ("web", "worker", "scheduler")}
    running = start("broker", database_url=url, settings={
        **ports,
        "HOOKDESK_CONFIG": str(policy),
        "HOOKDESK_EFFECTS": "live",
        "HOOKDESK_PUBLIC_URL": "https://desk.example.com",
        "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": f"{SECRETS['chatwoot webhook']},{SECRETS['chatwoot webhook, old']}",
        "HOOKDESK_CHATWOOT_URL_TOKEN": SECRETS["url token"],
        "HOOKDESK_CHATWOOT_URL": echo.origin,
        "HOOKDESK_CHATWOOT_TOKEN": SECRETS["chatwoot token"],
        "HOOKDESK_API_TOKENS": f"tests:read+write:{SECRETS['api token']}",
        "HOOKDESK_EMAIL_SECRETS": SECRETS["email"],
        "HOOKDESK_EMAIL_BEARER_TOKENS": SECRETS["bearer"],
        "HOOKDESK_LINK_SECRETS": SECRETS["link"],
        "HOOKDESK_EVENT_SECRETS": f"{SECRETS['event']},erp:{SECRETS['target']}",
        "HOOKDESK_NOTICE_SECRETS": SECRETS["notice"],
        "HOOKDESK_SMTP_URL": mail.url(user=f"desk:{SECRETS['smtp password']}"),
        "HOOKDESK_MAIL_FROM": "support@example.com",
    })  # fmt: skip
    running.broker.guard(SECRETS["broker password"])
    running.env["HOOKDESK_BROKER_URL"] = running.broker.url
    _refuse_one_ticket(running)
    running.start(*PARTS)
    return running


def _refuse_one_ticket(system: System) -> None:
    """A store whose complaint quotes the whole row."""
    name = f"1/{REFUSED_BY_THE_STORE}"
    with system.db.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text(f"ALTER TABLE tickets ADD CONSTRAINT no_such_ticket CHECK (external_id <> '{name}')"))
        else:
            for moment in ("INSERT", "UPDATE"):
                conn.execute(text(
                    f"CREATE TRIGGER no_such_ticket_{moment} BEFORE {moment} ON tickets "
                    f"WHEN new.external_id = '{name}' BEGIN SELECT RAISE(ABORT, 'no such ticket'); END"
                ))  # fmt: skip


def body(conversation: int = 312, message: int = 9001, **changes: Any) -> bytes:
    """A customer's message with a canary in everything that is theirs."""
    written = json.dumps(fixture("02"))
    for theirs, canary in (
        ("Lena Fischer", "name"), ("lena.fischer@customer.example", "email"), ("+4915112345678", "phone"),
        ("Hi, I was charged twice for invoice INV-20481. Can you check & fix it?", "text"),
    ):  # fmt: skip
        written = written.replace(theirs, CUSTOMER[canary])
    read = json.loads(written.replace("9001", str(message)))
    read["conversation"]["id"] = conversation
    read["conversation"]["additional_attributes"]["mail_subject"] = CUSTOMER["subject"]
    read["conversation"]["custom_attributes"] = {"contract": CUSTOMER["attribute"]}
    return json.dumps({**read, **changes}).encode()


class Sender:
    """Sends what is right and what is wrong, and keeps every answer as it came."""

    def __init__(self, system: System) -> None:
        self.system, self.answers, self.told = system, list[str](), list[str]()

    def send(self, method: str, url: str, *, expect: int, **given: Any) -> requests.Response:
        answer = requests.request(method, url, timeout=10, allow_redirects=False, **given)
        assert answer.status_code == expect, (url, answer.status_code, answer.text)
        kept = self.told if url.startswith(self.system.api_url) else self.answers  # a caller may read its own words
        kept.append(f"{method} {urlsplit(url).path[:12]} {answer.headers} {answer.text}")
        return answer

    def chatwoot(self, raw: bytes, *, expect: int = 200, secret: str = "", age: int = 0, **given: str) -> None:
        headers = chatwoot_headers(secret or SECRETS["chatwoot webhook"], raw, timestamp=int(time.time()) - age,
                                   delivery_id=given.pop("delivery_id", f"d-{time.monotonic_ns()}"))  # fmt: skip
        self.send("POST", f"{self.system.url}/webhooks/chatwoot", expect=expect, data=raw, headers={**headers, **given})

    def standard(self, path: str, raw: bytes, kind: str, *, expect: int = 200, **headers: str) -> None:
        signed = standard_headers(SECRETS["email"], raw, message_id=f"msg_{time.monotonic_ns()}",
                                  timestamp=int(time.time()))  # fmt: skip
        everything = {**signed, "Content-Type": kind, **headers}
        self.send("POST", f"{self.system.url}{path}", expect=expect, data=raw, headers=everything)


def send_chatwoot(sender: Sender) -> None:
    """Accepted, twice, by both secrets; wrong, late, unreadable, too large, refused by the store; by the token."""
    sender.chatwoot(body(), delivery_id="one")
    sender.chatwoot(body(), delivery_id="one")
    sender.chatwoot(body(313, 9002), secret=SECRETS["chatwoot webhook, old"])
    sender.chatwoot(body(), expect=401, secret=CUSTOMER["text"], Authorization=f"Bearer {SECRETS['bearer']}")
    sender.chatwoot(body(314, 9003), age=86_400)
    sender.chatwoot(b'{"event": "message_created", "content": "' + CUSTOMER["text"].encode())
    sender.chatwoot(body(message_type=CUSTOMER["text"]))
    sender.chatwoot(body(conversation={"id": CUSTOMER["email"], "status": CUSTOMER["text"]}))
    sender.chatwoot(body(filler="x" * (16 << 20)))
    sender.chatwoot(body(REFUSED_BY_THE_STORE, 9004))
    address = f"{sender.system.url}/webhooks/chatwoot/"
    sender.send("POST", address + SECRETS["url token"], expect=200, data=body(315, 9005))
    sender.send("POST", address + SECRETS["url token"] + "x", expect=401, data=body())
    sender.send("POST", address + SECRETS["url token"] + "/x", expect=404, data=body())
    sender.send("GET", address + SECRETS["url token"], expect=405)


def send_mail_and_forms(sender: Sender) -> None:
    """A form complete, incomplete and none at all; a mail by signature, by token, by a wrong token."""
    form = f"name={quote(CUSTOMER['name'])}&email={quote(CUSTOMER['email'])}"
    encoded = "application/x-www-form-urlencoded"
    full = f"{form}&subject={CUSTOMER['subject']}&message={CUSTOMER['text']}"
    sender.standard("/webhooks/form", full.encode(), encoded)
    sender.standard("/webhooks/form", form.encode(), encoded, expect=422, Prefer="handling=strict")
    sender.standard("/webhooks/form", b"\xff{" + CUSTOMER["text"].encode(), "application/json")
    mail = {"id": "m1", "from": f"{CUSTOMER['name']} <{CUSTOMER['email']}>", "to": "support@example.com",
            "subject": CUSTOMER["subject"], "text": CUSTOMER["text"]}  # fmt: skip
    url, raw = f"{sender.system.url}/webhooks/email/generic", json.dumps(mail).encode()
    bearer = f"Bearer {SECRETS['bearer']}"
    sender.send("POST", url, expect=200, data=raw, headers={"Authorization": bearer})
    sender.send("POST", url, expect=401, data=raw, headers={"Authorization": bearer + "x"})
    broken = json.dumps({**mail, "id": "m2", "from": [CUSTOMER["email"]]}).encode()
    sender.send("POST", url, expect=200, data=broken, headers={"Authorization": bearer})


def send_survey(sender: Sender) -> None:
    """The page, a mistake on it, an answer, and an address that nobody made."""
    link = SurveyLink(1, 1, datetime.now(UTC) + timedelta(days=1))
    url = f"{sender.system.url}/survey/{survey_token.make([SECRETS['link']], link)}"
    shown = sender.send("GET", url, expect=200).text
    seal = shown.split('name="seal" value="')[1].split('"')[0]
    said = {"seal": seal, "rating": "4", "feedback": CUSTOMER["feedback"]}
    sender.send("POST", url, expect=422, data={**said, "rating": CUSTOMER["text"]})
    sender.answers.pop()  # it shows the visitor what the visitor wrote
    sender.send("POST", url, expect=200, data=said)
    sender.send("GET", f"{sender.system.url}/survey/{SECRETS['link']}", expect=404)


def call_api(sender: Sender) -> None:
    """A ticket, and every kind of mistake around it."""
    url = f"{sender.system.api_url}/api/tickets"
    right = {"Authorization": f"Bearer {SECRETS['api token']}"}
    requester = {"name": CUSTOMER["name"], "email": CUSTOMER["email"]}
    ticket = {
        "subject": CUSTOMER["subject"],
        "description": f"By telephone: {CUSTOMER['text']}",
        "requester": requester,
    }
    made = sender.send("POST", url, expect=201, json=ticket, headers=right)
    sender.send("POST", url, expect=401, json=ticket, headers={"Authorization": f"Bearer {SECRETS['api token']}x"})
    sender.send("POST", url, expect=401, json=ticket, headers={"Authorization": f"Basic {SECRETS['api token']}"})
    sender.send("POST", url, expect=400, data=b'{"subject": "' + CUSTOMER["text"].encode(),
                headers={**right, "Content-Type": "application/json"})  # fmt: skip
    sender.send("POST", url, expect=422, json={**ticket, "priority": CUSTOMER["text"]}, headers=right)
    sender.send("GET", f"{url}?status={CUSTOMER['text']}", expect=422, headers=right)
    sender.send("GET", f"{sender.system.api_url}/{CUSTOMER['email']}/{SECRETS['url token']}", expect=404)
    number = made.json()["id"]
    sender.send("POST", f"{url}/{str(number).lstrip('t')}/resolve", expect=422, json={"text": 1}, headers=right)


@pytest.mark.slow
class TestCanaries:
    def test_nothing_sings_where_it_should_not(self, system: System, echo: Echo, mail: MailServer) -> None:
        sender = Sender(system)
        echo.status = 422
        send_chatwoot(sender)
        eventually(lambda: [e for e in list_effects(system.db) if e.state == "dead"], what="an effect refused by 422")
        echo.status = 500
        send_mail_and_forms(sender)
        send_survey(sender)
        call_api(sender)
        eventually(lambda: [e for e in list_effects(system.db, kind="event") if e.state == "retry"], what="a 500")
        eventually(lambda: _refused(system), within=60, what="a delivery that the store refused")
        eventually(lambda: len(letters.list_deliveries(system.db, state="dead")) >= 6)
        ports = [system.env[f"HOOKDESK_METRICS_{part.upper()}_PORT"] for part in ("web", "worker", "scheduler")]
        pages = [requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text for port in ports]
        pages.append(requests.get(f"{system.api_url}/metrics", timeout=10).text)
        printed = "\n".join(command(system, *line.split()) for line in COMMANDS)
        held = tables(system)

        # They were really there: what is meant to hold them does.
        assert set(found_in(held, CUSTOMER)) == set(CUSTOMER)
        assert set(found_in(echo.heard, SECRETS)) >= {"chatwoot token"}
        assert set(found_in(echo.heard, CUSTOMER)) >= {"name", "email"}
        assert any(line.startswith("AUTH") for line in mail.commands)
        assert set(found_in(json.dumps(system.env), SECRETS)) >= set(SECRETS) - {"database password"}
        assert "delivery_buried" in logs(system)
        assert "hookdesk.process_deliveries" in system.broker.kept()
        # And nowhere else.
        everything = {**SECRETS, **CUSTOMER}
        leaks = {
            "logs": found_in(logs(system), everything),
            "metrics": found_in("\n".join(pages), everything),
            "answers": found_in("\n".join(sender.answers), everything),
            "answers of the API": found_in("\n".join(sender.told), SECRETS),
            "commands": found_in(printed, SECRETS),
            "database": found_in(held, SECRETS),
            "command lines": found_in(command_lines(), everything),
            "broker": found_in(system.broker.kept(), everything),
            "files": found_in(files(system), SECRETS),
        }
        assert {place: found for place, found in leaks.items() if found} == {}

    def test_it_would_be_noticed(self, start: Callable[..., System]) -> None:
        system = start()
        planted = {**SECRETS, **CUSTOMER}
        for name, canary in planted.items():
            (system.root / "web.log").write_text(f"something about {canary} said\n")

            assert set(found_in(logs(system), planted)) >= {name}


def _refused(system: System) -> bool:
    """Whether the complaint of the store has come, wrapped as its constraint or trigger says it."""
    ends = [one for state in ("retry", "dead") for one in letters.list_deliveries(system.db, state=state)]
    return any("such" in (one.detail or "") and "ticket" in (one.detail or "") for one in ends)
