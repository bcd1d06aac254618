"""doctor, config, policy, completion: what is configured, and is everything there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run, json_lines
from worker.cli import doctor as doctor_module
from worker.cli.checks import CHECKS
from worker.cli.doctor import FAIL, Finding
from worker.config import SETTINGS, Settings
from worker.desk import Desk
from worker.policy_page import render
from worker.store import breaker_trip

TOKEN = "crm:read:" + "t" * 40


@contextmanager
def answering(status: int | None) -> Iterator[int]:
    """The port of a server that answers everything with this status; None: nobody listens there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status or 0)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if status is not None:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server.server_port
            server.shutdown()
            return
    yield server.server_port


class TestDoctor:
    def test_every_check_is_told_with_what_to_do_next(self, run: Run, desk: Desk) -> None:
        findings = json_lines(run("doctor", "--json"))

        assert [each["check"] for each in findings] == ["settings", *CHECKS]
        assert all(each["message"] for each in findings)
        assert all(each["next"] for each in findings if each["state"] == "warn")

    def test_a_store_that_answers_is_fine_and_what_does_not_run_is_a_finding(self, run: Run, desk: Desk) -> None:
        result = run("doctor", "--json")

        states = {each["check"]: each["state"] for each in json_lines(result)}
        assert (states["database"], states["ledger"], states["policy"]) == ("ok", "ok", "ok")
        assert (states["processes"], states["broker"]) == ("warn", "warn")
        assert result.exit_code == 1

    @pytest.mark.parametrize(
        ("status", "given", "state", "told"),
        [
            (200, {"HOOKDESK_API_TOKENS": TOKEN}, "ok", ", 1 token"),
            (200, {}, "warn", "but nobody may use it"),
            (404, {"HOOKDESK_API_TOKENS": TOKEN}, "warn", "something else answers at http://127.0.0.1:"),
            (None, {"HOOKDESK_API_TOKENS": TOKEN}, "warn", "nothing answers at http://127.0.0.1:"),
            (None, {}, "ok", "none runs here"),
            (None, {"HOOKDESK_API_PORT": "0"}, "ok", "switched off"),
        ],
    )
    def test_the_api_is_looked_at_where_one_is_wanted(
        self, run: Run, desk: Desk, status: int | None, given: dict[str, str], state: str, told: str
    ) -> None:
        with answering(status) as port:
            result = run("doctor", "--json", **{"HOOKDESK_API_PORT": str(port), **given})

        (finding,) = (each for each in json_lines(result) if each["check"] == "api")
        assert (finding["state"], told in finding["message"]) == (state, True)

    def test_what_was_accepted_and_then_refused_by_the_database_is_told(self, run: Run, desk: Desk) -> None:
        folder = desk.settings.data_dir / "spool" / "refused"
        folder.mkdir(parents=True)
        (folder / "one.spool").touch()

        (finding,) = (each for each in json_lines(run("doctor", "--json")) if each["check"] == "ledger")

        assert finding["state"] == "warn"
        assert str(folder) in finding["message"]

    def test_a_broker_that_is_away_is_a_dependency_that_is_down(self, run: Run, desk: Desk) -> None:
        result = run("doctor", HOOKDESK_BROKER_URL="redis://127.0.0.1:1/0")

        assert result.exit_code == 3
        assert "Connection refused. Nothing is lost" in result.stdout
        assert "runbooks/BrokerDown.md" in result.stdout

    def test_a_rabbitmq_that_is_away_is_told_in_the_words_of_the_system(self, run: Run, desk: Desk) -> None:
        result = run("doctor", HOOKDESK_BROKER_URL="amqp://127.0.0.1:1//")

        assert result.exit_code == 3
        assert "Connection refused. Nothing is lost" in result.stdout

    def test_a_broker_behind_a_socket_file_is_looked_at_through_kombu(self, run: Run, desk: Desk) -> None:
        result = run("doctor", "--json", HOOKDESK_BROKER_URL="redis+socket:///nowhere/valkey.sock")

        broker = next(each for each in json_lines(result) if each["check"] == "broker")
        assert broker["state"] == "fail"
        assert "does not answer" in broker["message"]

    def test_it_says_why_calls_are_held_back_although_this_shell_knows_no_chatwoot(self, run: Run, desk: Desk) -> None:
        breaker_trip.trip(desk.db, "chatwoot", "unauthorized: HTTP 401")

        circuit = next(each for each in json_lines(run("doctor", "--json")) if each["check"] == "circuit")

        assert circuit["state"] == "warn"
        assert "held back, the next is tried at 2026-06-18 09:05:30: " in circuit["message"]
        assert circuit["message"].endswith("unauthorized: HTTP 401")

    def test_a_chatwoot_that_is_away_is_told_in_the_words_of_the_system(self, run: Run, desk: Desk) -> None:
        result = run("doctor", HOOKDESK_CHATWOOT_URL="http://127.0.0.1:1", HOOKDESK_CHATWOOT_TOKEN="t")

        assert "http://127.0.0.1:1: Connection refused" in result.stdout

    def test_the_practice_chatwoot_is_not_taken_for_none(self, run: Run, desk: Desk) -> None:
        (desk.settings.data_dir / "practice.url").write_text("http://127.0.0.1:1")

        assert "the practice Chatwoot of `hookdesk up --practice`" in run("doctor").stdout

    def test_a_database_that_is_away_is_a_dependency_that_is_down(self, run: Run) -> None:
        result = run("doctor", HOOKDESK_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

        assert result.exit_code == 3
        assert "runbooks/DatabaseDown.md" in result.stdout
        assert "(psycopg." not in result.stdout

    def test_wrong_settings_are_findings_too(self, run: Run) -> None:
        result = run("doctor", "--json", HOOKDESK_PORT="x")

        assert result.exit_code == 2
        assert json_lines(result)[0]["check"] == "settings"

    def test_a_wrong_policy_is_told_with_its_line(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_text("\nnonsense = 1\n")

        result = run("doctor")

        assert result.exit_code == 2
        assert "hookdesk.toml:2: nonsense is not known" in result.stdout

    def test_a_check_that_hangs_is_left_after_its_time(self) -> None:
        never = threading.Event()

        def hang(_settings: Settings) -> Finding:
            never.wait(30)
            return Finding("x", FAIL, "too late")

        started = time.monotonic()
        finding = doctor_module._within("x", hang, Settings(), seconds=0.05)
        never.set()

        assert time.monotonic() - started < 5
        assert (finding.state, finding.is_dependency) == (FAIL, True)
        assert "it hangs" in finding.message

    def test_a_check_that_breaks_is_a_finding(self) -> None:
        def break_(_settings: Settings) -> Finding:
            raise RuntimeError("unforeseen")

        assert "RuntimeError: unforeseen" in doctor_module._within("x", break_, Settings()).message


class TestConfig:
    def test_check_is_content_with_the_defaults(self, run: Run) -> None:
        result = run("config", "check")

        assert result.exit_code == 0
        assert "built-in defaults" in result.stdout

    def test_check_notices_a_misspelt_variable(self, run: Run) -> None:
        result = run("config", "check", HOOKDESK_PROT="1")

        assert result.exit_code == 1
        assert "Did you mean HOOKDESK_PORT?" in result.stdout

    def test_check_tells_mistakes_of_settings_and_policy_at_once(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_text("[csat]\ndelay = 10\n")

        result = run("config", "check", HOOKDESK_PORT="x", HOOKDESK_PROT="1")

        assert result.exit_code == 2
        assert "the configuration has 2 mistakes" in result.stderr
        assert "HOOKDESK_PORT is 'x'" in result.stderr and "hookdesk.toml:2: delay cannot be 10" in result.stderr
        assert "HOOKDESK_PROT is not a setting" in result.stdout

    def test_show_lists_every_setting_also_when_some_are_wrong(self, run: Run) -> None:
        wrong = {"HOOKDESK_PORT": "x", "HOOKDESK_LINK_SECRETS": "canary", "HOOKDESK_API_PORT": "8101"}

        result = run("config", "show", "--json", **wrong)

        rows = {row["name"]: (row["value"], row["origin"]) for row in json_lines(result)}
        assert result.exit_code == 2
        assert list(rows) == [setting.name for setting in SETTINGS]
        assert rows["HOOKDESK_API_PORT"] == (8101, "environment")
        assert rows["HOOKDESK_PORT"] == rows["HOOKDESK_LINK_SECRETS"] == (None, "environment")
        assert (
            "HOOKDESK_PORT is 'x'" in result.stderr and "HOOKDESK_LINK_SECRETS: a secret is too short" in result.stderr
        )
        assert "canary" not in result.output

    def test_show_knows_where_each_value_comes_from(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "secrets.env").write_text(f"HOOKDESK_LINK_SECRETS={'canary' * 8}\n")
        (tmp_path / "token").write_text("canary-token")

        result = run(
            "config",
            "show",
            "--json",
            HOOKDESK_PORT="81",
            HOOKDESK_CHATWOOT_TOKEN_FILE=str(tmp_path / "token"),
            HOOKDESK_DATABASE_URL="postgresql://me:canary@h/d",
        )

        rows = {row["name"]: row for row in json_lines(result)}
        assert list(rows) == [setting.name for setting in SETTINGS]
        assert (rows["HOOKDESK_PORT"]["value"], rows["HOOKDESK_PORT"]["origin"]) == (81, "environment")
        assert rows["HOOKDESK_LINK_SECRETS"]["origin"] == "secrets.env"
        assert rows["HOOKDESK_CHATWOOT_TOKEN"]["origin"] == "file"
        assert rows["HOOKDESK_HOST"]["origin"] == "default"
        assert rows["HOOKDESK_DATABASE_URL"]["value"] == "postgresql://me:***@h/d"
        assert "canary" not in result.output


class TestPolicy:
    def test_everything_in_force_is_shown(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_text('[[sla]]\nname = "gold promise"\nfirst_response = "90m"\n')

        text = run("policy").stdout

        assert "from hookdesk.toml" in text
        assert "gold promise" in text and "1 h 30 m" in text
        assert "billing" in text and "charged twice" in text

    def test_own_holidays_are_named_beside_those_of_a_country(self, run: Run, tmp_path: Path) -> None:
        policy = '[calendars.x]\nmon = ["09:00-17:00"]\nholidays = [2026-12-24, 2026-12-25]\n{}[[sla]]\nname = "s"\n'
        (tmp_path / "hookdesk.toml").write_text(policy.format("") + 'calendar = "x"\nresolution = "1h"\n')
        alone = run("policy").stdout
        (tmp_path / "hookdesk.toml").write_text(
            policy.format('country = "DE"\n') + 'calendar = "x"\nresolution = "1h"\n'
        )

        assert "Calendar x: mon 09:00-17:00 UTC, with own holidays 2026-12-24, 2026-12-25\n" in alone
        assert "UTC, with the public holidays of DE and own holidays 2026-12-24\n" in run("policy").stdout

    def test_json_is_one_object(self, run: Run) -> None:
        (shown,) = json_lines(run("policy", "--json"))

        assert {each["name"] for each in shown["sla"]} == {"urgent", "high", "medium", "low"}

    def test_the_retry_table_is_the_runbook(self, run: Run) -> None:
        assert run("policy", "--retry").stdout == render()

    def test_the_defaults_are_a_file_to_start_from(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_text(run("policy", "--defaults").stdout)

        assert run("config", "check").exit_code == 0


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_has_its_script(self, run: Run, shell: str) -> None:
        assert "_HOOKDESK_COMPLETE" in run("completion", shell).stdout

    def test_an_unknown_shell_is_refused(self, run: Run) -> None:
        assert run("completion", "tcsh").exit_code == 2


class TestJson:
    def test_nothing_but_objects_goes_to_stdout(self, run: Run, desk: Desk) -> None:
        for words in (("tickets",), ("deliveries",), ("ledger",), ("effects", "list"), ("dead-letters", "list"),
                      ("sla", "list"), ("doctor",), ("policy",), ("config", "show")):  # fmt: skip
            for line in run(*words, "--json").stdout.splitlines():
                assert isinstance(json.loads(line), dict)
