"""Every secret of the settings is known to the log, whatever form it has there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receiving import OLD_SECRET, SECRET
from worker import log
from worker.config import SETTINGS, load

GIVEN = {
    "HOOKDESK_DATABASE_URL": "postgresql://desk:db-p%40ss-canary@db/desk",
    "HOOKDESK_BROKER_URL": "redis://:broker-canary@127.0.0.1/0",
    "HOOKDESK_API_TOKENS": "crm:read:api-canary-0123456789-0123456789",
    "HOOKDESK_LINK_SECRETS": "link-canary-0123456789-0123456789-01,link-canary-old-56789-0123456789-01",
    "HOOKDESK_CHATWOOT_TOKEN": "chatwoot-canary",
    "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "webhook-canary,webhook-canary-old",
    "HOOKDESK_CHATWOOT_URL_TOKEN": "url-canary-0123456789",
    "HOOKDESK_EMAIL_SECRETS": SECRET,
    "HOOKDESK_EMAIL_BEARER_TOKENS": "bearer-canary-0123456789",
    "HOOKDESK_EVENT_SECRETS": f"crm:{OLD_SECRET}",
    "HOOKDESK_NOTICE_SECRETS": SECRET,
    "HOOKDESK_SMTP_URL": "smtp://desk:smtp-canary@mail.example.com",
}
SHOWN = {
    "db-p%40ss-canary", "db-p@ss-canary", "broker-canary", "api-canary-0123456789-0123456789",
    "link-canary-0123456789-0123456789-01", "link-canary-old-56789-0123456789-01", "chatwoot-canary",
    "webhook-canary", "webhook-canary-old", "url-canary-0123456789", SECRET.removeprefix("whsec_"),
    "bearer-canary-0123456789", OLD_SECRET.removeprefix("whsec_"), "smtp-canary",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    yield
    log.keep_secret([])


def test_each_is_cut_out_of_any_text(tmp_path: Path) -> None:
    load({**GIVEN, "HOOKDESK_DATA_DIR": str(tmp_path)})

    for secret in SHOWN:
        assert log.redact_text(f"they said {secret}, and more") == f"they said {log.REDACTED}, and more"


def test_none_is_forgotten_here() -> None:
    assert {setting.name for setting in SETTINGS if setting.secret} == set(GIVEN)
