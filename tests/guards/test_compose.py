"""The files of a deployment: valid by their own schemas, and agreeing with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.guards.repository import ROOT
from tests.programs import needed
from webhooks.sources.base import Source
from webhooks.sources.registry import SOURCES
from worker.cli.main import main
from worker.cli.sign import api_url
from worker.config import SETTINGS, load
from worker.listening import HEADER_BYTES
from worker.policy_file import load_policy

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
NGINX = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def filled(value: str) -> str:
    """A compose value as it is with an example `.env`."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", "https://example.org/" + "x" * 40, value))


def limit(location: str) -> int:
    """The body limit nginx has there, in bytes."""
    block = NGINX.split(f"location {location} {{")[1].split("}")[0]
    found = re.search(r"client_max_body_size (\d+)([kmg]);", block)
    assert found is not None
    return int(found[1]) * UNITS[found[2]]


def _is_at(path: str, location: str) -> bool:
    exact = location.removeprefix("= ")
    return path == exact if exact != location else path.startswith(location)


class TestSchemas:
    @pytest.mark.parametrize(
        ("schema", "file"),
        [
            ("vendor.compose-spec", "docker-compose.yml"),
            ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ],
    )
    def test_the_file_follows_its_schema(self, schema: str, file: str) -> None:
        check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]

        answer = subprocess.run(check, capture_output=True, text=True, check=False)

        assert answer.returncode == 0, answer.stdout


class TestServices:
    @pytest.mark.parametrize("name", OURS)
    def test_the_command_exists(self, name: str) -> None:
        assert OURS[name]["command"] == [name]
        assert name in main.commands or main.get_command(main.make_context("hookdesk", ["ledger"]), name)

    @pytest.mark.parametrize("name", OURS)
    def test_the_environment_is_one_hookdesk_starts_with(self, name: str) -> None:
        environ = {key: filled(str(value)) for key, value in OURS[name]["environment"].items()}
        environ["HOOKDESK_DATABASE_URL"] = "postgresql://hookdesk:secret@postgres/hookdesk"

        settings = load(environ)

        assert set(environ) <= {setting.name for setting in SETTINGS}
        assert settings.broker_url == "redis://redis:6379/0"

    @pytest.mark.parametrize("name", OURS)
    def test_it_runs_with_few_rights(self, name: str) -> None:
        assert OURS[name]["read_only"] is True
        assert OURS[name]["cap_drop"] == ["ALL"]
        assert OURS[name]["security_opt"] == ["no-new-privileges:true"]

    @pytest.mark.parametrize("name", OURS)
    def test_every_setting_can_be_given_or_is_named_at_the_top_as_fixed(self, name: str) -> None:
        given = {key for key, value in OURS[name]["environment"].items() if str(value).startswith(f"${{{key}:")}
        named = COMPOSE_TEXT.partition("but these are fixed:")[2].partition(". Change with")[0]

        assert set(re.findall(r"HOOKDESK_\w+", named)) == {setting.name for setting in SETTINGS} - given

    def test_the_doctor_in_the_receivers_container_looks_for_the_api_where_it_runs(self) -> None:
        environ = {key: filled(str(value)) for key, value in OURS["web"]["environment"].items()}

        assert api_url(load({**environ, "HOOKDESK_DATABASE_URL": ""})) == "http://api:8001"
        assert OURS["api"]["ports"][0].endswith(":8001")

    @pytest.mark.parametrize("name", OURS)
    def test_the_policy_file_lies_where_the_processes_look_for_it(self, name: str) -> None:
        start = re.findall(r"^WORKDIR (.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)[-1]

        assert OURS[name]["configs"] == [{"source": "policy", "target": f"{start}/hookdesk.toml"}]
        assert filled(COMPOSE["configs"]["policy"]["file"]) == "./deploy/hookdesk.toml"

    def test_the_policy_file_that_comes_along_changes_nothing_until_its_lines_are_meant(self, tmp_path: Path) -> None:
        text = (ROOT / "deploy" / "hookdesk.toml").read_text("utf-8")
        meant = tmp_path / "hookdesk.toml"
        meant.write_text(re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))

        policy = load_policy(meant)

        assert load_policy(ROOT / "deploy" / "hookdesk.toml") == load_policy(None)
        assert (policy.agents[0].senior, policy.notices.leads[0][0], policy.targets[0].name) == (True, "", "crm")

    def test_whoever_reads_the_policy_or_looks_up_web_is_made_anew_after_a_change(self) -> None:
        [command] = re.findall(r"`docker compose up -d --force-recreate ([a-z ]+)`", COMPOSE_TEXT)

        assert set(command.split()) == set(OURS) - {"migrate"} | {"nginx"}

    def test_nginx_which_looks_web_up_only_at_its_start_is_started_anew_with_it(self) -> None:
        assert COMPOSE["services"]["nginx"]["depends_on"]["web"] == {"condition": "service_healthy", "restart": True}

    def test_the_broker_refuses_rather_than_forgets(self) -> None:
        command = COMPOSE["services"]["redis"]["command"]

        assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
        assert command[command.index("--appendonly") + 1] == "yes"

    def test_the_receiver_keeps_its_spool_over_restarts(self) -> None:
        assert COMPOSE["services"]["web"]["volumes"] == ["web-data:/var/lib/hookdesk"]
        assert "HOOKDESK_DATA_DIR=/var/lib/hookdesk" in (ROOT / "Dockerfile").read_text("utf-8")

    def test_only_the_front_is_reachable_from_outside(self) -> None:
        open_to_all = [
            name
            for name, service in COMPOSE["services"].items()
            if any(not str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
        ]

        assert open_to_all == ["nginx"]


class TestProcfile:
    def test_its_lines_are_the_processes_of_compose(self) -> None:
        lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
        processes = dict(re.fullmatch(r"(\w+): hookdesk (.+)", line).groups() for line in lines)  # type: ignore[union-attr]

        assert processes == {name: name for name in OURS if name != "migrate"}


class TestNginx:
    def test_nginx_itself_finds_nothing_wrong(self, tmp_path: Path) -> None:
        here = NGINX.replace("server web:8000;", "server 127.0.0.1:9;").replace("/tmp/nginx", str(tmp_path / "nginx"))
        (tmp_path / "nginx.conf").write_text(here)

        answer = subprocess.run(
            [needed("nginx"), "-t", "-q", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")],
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.returncode == 0, answer.stderr
        assert answer.stderr == ""

    @pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.endpoint)
    def test_it_lets_through_what_the_receiver_would_keep_truncated(self, source: Source) -> None:
        locations = ("= /webhooks/chatwoot", "/webhooks/chatwoot/", "/webhooks/email/", "= /webhooks/form")
        [location] = [name for name in locations if _is_at(source.path, name)]

        assert limit(location) >= 2 * source.limit_bytes

    def test_it_never_redirects_to_a_slash(self) -> None:
        """nginx does so for each location that ends in one and is passed on, unless the same without it is there."""
        passed_on = re.findall(r"location (/\S*)/ \{", NGINX)

        assert [place for place in passed_on if place] == ["/webhooks/chatwoot", "/webhooks/email", "/survey"]
        assert all(f"location = {place} {{" in NGINX for place in passed_on if place)

    def test_it_takes_headers_as_long_as_the_receiver_does(self) -> None:
        found = re.search(r"large_client_header_buffers \d+ (\d+)k;", NGINX)

        assert found is not None and int(found[1]) << 10 == HEADER_BYTES

    def test_it_takes_the_whole_request_before_it_bothers_the_receiver(self) -> None:
        assert "proxy_request_buffering on;" in NGINX
