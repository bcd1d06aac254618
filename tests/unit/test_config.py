"""Settings: typed values, all mistakes at once, secrets kept private."""

from __future__ import annotations

import stat
from dataclasses import fields
from pathlib import Path

import pytest

from worker.config import SETTINGS, Settings, ensure_secrets, load, read_secrets, unknown
from worker.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestLoad:
    def test_nothing_set_runs_everything_on_this_machine_and_shows_customers_nothing(self, home: Path) -> None:
        settings = load({})

        assert settings.database_url == "sqlite:///data/hookdesk.db"
        assert settings.public_url == "http://127.0.0.1:8000"
        assert (settings.effects, settings.chatwoot_url, settings.broker_url) == ("approve", None, None)

    def test_each_kind_of_value_is_read(self, home: Path) -> None:
        settings = load(
            {
                "HOOKDESK_PORT": "8080",
                "HOOKDESK_SPOOL_MAX_BYTES": "512MiB",
                "HOOKDESK_CHATWOOT_RATE": "2.5",
                "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "first-secret, second-secret",
                "HOOKDESK_PUBLIC_URL": "https://desk.example.com/",
                "HOOKDESK_METRICS_WEB_PORT": "0",
            }
        )

        assert settings.port == 8080
        assert settings.spool_max_bytes == 512 * 1024 * 1024
        assert settings.chatwoot_rate == 2.5
        assert settings.chatwoot_webhook_secrets == ("first-secret", "second-secret")
        assert settings.public_url == "https://desk.example.com"
        assert settings.metrics_web_port == 0

    def test_all_mistakes_are_told_at_once(self, home: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load({"HOOKDESK_PORT": "eighty", "HOOKDESK_EFFECTS": "yes", "HOOKDESK_CONFIG": "missing.toml"})

        text = str(caught.value)
        assert len(caught.value.mistakes) == 3
        assert "there is no file missing.toml" in text
        assert "HOOKDESK_PORT is 'eighty': write a whole number from 1 to 65535" in text
        assert "HOOKDESK_EFFECTS is 'yes': write one of approve, live, dry-run" in text

    @pytest.mark.parametrize(
        ("name", "value", "remedy"),
        [
            ("HOOKDESK_DATABASE_URL", "postgres://h/d", "write postgresql:// instead of postgres://"),
            ("HOOKDESK_DATABASE_URL", "mysql://h/d", "write sqlite:///"),
            ("HOOKDESK_DATABASE_URL", "postgresql://h:port/d", "write postgresql://user:password@host:5432/name"),
            ("HOOKDESK_BROKER_URL", "localhost:6379", "write redis://"),
            ("HOOKDESK_CHATWOOT_URL", "chat.example.com", "write an address such as https://"),
            ("HOOKDESK_CHATWOOT_URL", "https://chat.example.com:99999", "write an address such as https://"),
            ("HOOKDESK_PUBLIC_URL", "https://anna:pass@desk.example.com", "without a user and a password"),
            ("HOOKDESK_EMAIL_SECRETS", "whsec_!!!", "each must be whsec_"),
            ("HOOKDESK_EMAIL_SECRETS", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "each must be whsec_"),
            ("HOOKDESK_LINK_SECRETS", "short", "at least 32 characters"),
            ("HOOKDESK_CHATWOOT_URL_TOKEN", "Zm9v/YmFyYmF6cXV1eGZvb2Jh", "A-Z a-z 0-9 . _ ~ + = - and nothing else"),
            ("HOOKDESK_CHATWOOT_URL_TOKEN", "a%2Fb-0123456789-0123456789", "`openssl rand -hex 24`"),
            ("HOOKDESK_CHATWOOT_URL_TOKEN", "schlüssel-für-die-automation", "A-Z a-z 0-9"),
            ("HOOKDESK_CHATWOOT_URL_TOKEN", "fifteen-letters", "16 or more"),
            ("HOOKDESK_EMAIL_BEARER_TOKENS", "fine-0123456789-ok,schlüssel-für-die-post", "beyond ASCII"),
            ("HOOKDESK_EMAIL_BEARER_TOKENS", "fifteen-letters", "at least 16 characters"),
            ("HOOKDESK_API_TOKENS", "crm:read:schlüssel-für-das-crm-0123456789", "A-Z a-z 0-9"),
            ("HOOKDESK_CHATWOOT_RATE", "0", "more than 0"),
            ("HOOKDESK_CHATWOOT_RATE", "nan", "more than 0"),
            ("HOOKDESK_SPOOL_MAX_BYTES", "1 lot", "write bytes or a size"),
            ("HOOKDESK_METRICS_WEB_PORT", "70000", "from 0 to 65535"),
            ("HOOKDESK_CONFIG", "missing.toml", "there is no file missing.toml"),
        ],
    )
    def test_a_bad_value_comes_with_its_remedy(self, home: Path, name: str, value: str, remedy: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load({name: value})

        assert name in str(caught.value)
        assert remedy in str(caught.value)

    @pytest.mark.parametrize("token", ["c2l4dGVlbiBieXRlcw==", "AZaz09._~+=-AZaz09", "0" * 16])
    def test_a_token_for_the_path_is_taken_as_it_is(self, home: Path, token: str) -> None:
        assert load({"HOOKDESK_CHATWOOT_URL_TOKEN": token}).chatwoot_url_token == token

    def test_a_bearer_token_may_have_any_sign_that_a_header_carries(self, home: Path) -> None:
        settings = load({"HOOKDESK_EMAIL_BEARER_TOKENS": "old/one+0123456789==, the new one: 0123456789!"})

        assert settings.email_bearer_tokens == ("old/one+0123456789==", "the new one: 0123456789!")

    def test_a_bad_secret_is_not_repeated_in_the_message(self, home: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load({"HOOKDESK_EMAIL_SECRETS": "hunter2hunter2"})

        assert "hunter2" not in str(caught.value)

    def test_an_empty_variable_counts_as_not_given(self, home: Path) -> None:
        assert load({"HOOKDESK_PORT": "", "HOOKDESK_CHATWOOT_URL": " "}) == load({})

    def test_the_policy_file_beside_us_is_found(self, home: Path) -> None:
        (home / "hookdesk.toml").write_text("")

        assert load({}).config == Path("hookdesk.toml")

    def test_the_broker_of_the_data_folder_is_found(self, home: Path) -> None:
        (home / "data").mkdir()
        (home / "data" / "broker.url").write_text("redis://:pw@127.0.0.1:7000/0\n")

        assert load({}).broker_url == "redis://:pw@127.0.0.1:7000/0"
        assert load({"HOOKDESK_BROKER_URL": "redis://other:6379/0"}).broker_url == "redis://other:6379/0"

    def test_an_address_of_ip_version_6_becomes_a_url(self) -> None:
        assert Settings(host="::1", port=9000).public_url == "http://[::1]:9000"


class TestSecrets:
    def test_a_secret_may_come_from_a_file(self, home: Path) -> None:
        (home / "token").write_text("from-a-file\n")

        assert load({"HOOKDESK_CHATWOOT_TOKEN_FILE": str(home / "token")}).chatwoot_token == "from-a-file"

    def test_a_secret_given_twice_is_a_mistake(self, home: Path) -> None:
        with pytest.raises(ConfigError, match="both set"):
            load({"HOOKDESK_CHATWOOT_TOKEN": "a", "HOOKDESK_CHATWOOT_TOKEN_FILE": "b"})

    def test_a_file_that_is_not_there_is_a_mistake(self, home: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            load({"HOOKDESK_CHATWOOT_TOKEN_FILE": str(home / "nothing")})

    def test_generated_ones_are_private_kept_and_read_below_the_environment(self, home: Path) -> None:
        new = ensure_secrets(home / "data", {})
        again = ensure_secrets(home / "data", {})

        kept = load({}).chatwoot_webhook_secrets
        given = load({"HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "given-by-hand"}).chatwoot_webhook_secrets
        assert kept == (new["HOOKDESK_CHATWOOT_WEBHOOK_SECRETS"],)
        assert given == ("given-by-hand",)
        assert again == {}
        assert stat.S_IMODE((home / "data" / "secrets.env").stat().st_mode) == 0o600

    def test_what_the_environment_gives_is_not_generated(self, home: Path) -> None:
        new = ensure_secrets(home / "data", {"HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "given-by-hand"})

        assert list(new) == ["HOOKDESK_LINK_SECRETS", "HOOKDESK_API_TOKENS"]

    def test_a_new_kind_of_secret_leaves_the_others_alone(self, home: Path) -> None:
        (home / "secrets.env").write_text("# mine\nHOOKDESK_CHATWOOT_WEBHOOK_SECRETS=keep-this-one\n")

        ensure_secrets(home, {})

        assert read_secrets(home)["HOOKDESK_CHATWOOT_WEBHOOK_SECRETS"] == "keep-this-one"
        assert len(read_secrets(home)["HOOKDESK_LINK_SECRETS"]) >= 32

    def test_none_shows_in_the_settings_when_printed(self, home: Path) -> None:
        environ = {
            "HOOKDESK_CHATWOOT_TOKEN": "canary-1",
            "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "canary-22",
            "HOOKDESK_LINK_SECRETS": "canary-" * 6,
            "HOOKDESK_DATABASE_URL": "postgresql://me:canary-3@db/x",
            "HOOKDESK_BROKER_URL": "redis://:canary-4@127.0.0.1/0",
        }

        assert "canary" not in repr(load(environ))


class TestReference:
    def test_every_field_has_one_line_and_every_line_one_field(self) -> None:
        assert [setting.field for setting in SETTINGS] == [each.name for each in fields(Settings)]

    def test_every_line_explains_itself(self) -> None:
        assert all(setting.help and setting.default_text for setting in SETTINGS)
        assert all(setting.name == f"HOOKDESK_{setting.field.upper()}" for setting in SETTINGS)


class TestUnknown:
    def test_a_slip_of_the_finger_is_found(self) -> None:
        assert unknown({"HOOKDESK_CHATWOOT_WEBHOOK_SECRET": "x", "PATH": "/bin", "HOOKDESK_PORT": "1"}) == [
            "HOOKDESK_CHATWOOT_WEBHOOK_SECRET is not a setting. Did you mean HOOKDESK_CHATWOOT_WEBHOOK_SECRETS?"
        ]
