"""The settings of what goes out: secrets of events and notices, the mail server, the sender."""

from __future__ import annotations

import pytest

from tests.receiving import OLD_SECRET, SECRET
from worker.config import Settings, load
from worker.errors import ConfigError


def read(**given: str) -> Settings:
    return load({f"HOOKDESK_{name.upper()}": value for name, value in given.items()})


def mistake(**given: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(**given)
    (one,) = caught.value.mistakes
    return one


class TestEventSecrets:
    def test_some_are_everybodys_and_some_one_targets(self) -> None:
        settings = read(event_secrets=f"{SECRET}, crm:{OLD_SECRET},crm:{SECRET}")

        assert settings.event_secrets == (("", SECRET), ("crm", OLD_SECRET), ("crm", SECRET))

    @pytest.mark.parametrize("value", ["hunter2", "crm:hunter2", f":{SECRET}", f"Our CRM:{SECRET}", "whsec_c2hvcnQ="])
    def test_others_are_refused_without_being_shown(self, value: str) -> None:
        said = mistake(event_secrets=value)

        assert said.startswith("HOOKDESK_EVENT_SECRETS: each must be whsec_")
        assert value not in said

    def test_sixteen_bytes_are_the_least(self) -> None:
        assert read(event_secrets="whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==").event_secrets
        assert mistake(event_secrets="whsec_MTIzNDU2Nzg5MDEyMzQ1")

    def test_notices_have_their_own(self) -> None:
        assert read(notice_secrets=f"{SECRET},{OLD_SECRET}").notice_secrets == (SECRET, OLD_SECRET)
        assert mistake(notice_secrets="hunter2").startswith("HOOKDESK_NOTICE_SECRETS: each must be")


class TestMail:
    @pytest.mark.parametrize(
        "url", ["smtp://mail.example.com", "smtps://me:p%40ss@mail.example.com:465/", "smtp://[::1]:2525"]
    )
    def test_a_server(self, url: str) -> None:
        assert read(smtp_url=url).smtp_url == url

    @pytest.mark.parametrize(
        "url",
        ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:99999", "smtp://h:0", "smtp://h/path",
         "smtp://h?tls=no", "smtp://me@h", "smtp://:hunter2@h:x"],
    )  # fmt: skip
    def test_anything_else_is_refused_without_being_shown(self, url: str) -> None:
        said = mistake(smtp_url=url)

        assert said.startswith("HOOKDESK_SMTP_URL: ")
        assert "hunter2" not in said

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("support@example.com", "support@example.com"),
            ("Example Support <support@example.com>", "Example Support <support@example.com>"),
            ('"Support, Inc." <support@example.com>', '"Support, Inc." <support@example.com>'),
        ],
    )
    def test_a_sender(self, given: str, kept: str) -> None:
        assert read(mail_from=given).mail_from == kept

    @pytest.mark.parametrize("given", ["support", "a b@c", "<>", "x\r\nBcc: y@z"])
    def test_what_is_no_address_is_refused(self, given: str) -> None:
        assert "write an address such as support@example.com" in mistake(mail_from=given)


class TestSecrecy:
    def test_none_shows_when_the_settings_are_printed(self) -> None:
        settings = read(event_secrets=SECRET, notice_secrets=OLD_SECRET, smtp_url="smtp://me:canary@mail.example.com")

        assert SECRET not in repr(settings)
        assert OLD_SECRET not in repr(settings)
        assert "canary" not in repr(settings)
