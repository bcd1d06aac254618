"""hookdesk targets, and sign and verify for what goes out: against a real receiver."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.mail_server import MailServer
from tests.receiving import OLD_SECRET, SECRET, Got, Reply, WebhookReceiver
from tests.unit.cli.conftest import json_lines
from worker.desk import Desk
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import TicketKey
from worker.domain.outgoing import OFFERED
from worker.store import effects, targets, tickets

Run = Callable[..., Result]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def crm(run: Run, desk: Desk, receiver: WebhookReceiver, tmp_path: Path) -> Run:
    """`run`, with the receiver as the target crm and a second one that is never called."""
    (tmp_path / "hookdesk.toml").write_text(
        f'[[targets]]\nname = "crm"\nurl = "{receiver.url}"\nallow_private = true\n'
        '[[targets]]\nname = "shop"\nurl = "https://shop.example.com/"\nevents = ["ticket.resolved"]\n'
    )

    def invoke(*arguments: str, **more: str) -> Result:
        return run(*arguments, **{"HOOKDESK_EVENT_SECRETS": f"crm:{SECRET},crm:{OLD_SECRET}", **more})

    return invoke


def saved(path: Path, got: Got) -> str:
    content = {"headers": dict(got.headers), "body_base64": base64.b64encode(got.body).decode()}
    path.write_text(json.dumps(content))
    return str(path)


class TestList:
    def test_it_says_how_each_stands(self, crm: Run, desk: Desk) -> None:
        targets.failed(desk.db, "crm", "HTTP 500")

        first, second = json_lines(crm("targets", "list", "--json"))

        assert (first["name"], first["state"], first["failures"]) == ("crm", "failing", 1)
        assert first["why"] == "1 failures in a row; switched off after five days of them"
        assert (second["name"], second["state"], second["events"]) == ("shop", "no_secret", ["ticket.resolved"])

    def test_the_states(self, crm: Run, desk: Desk) -> None:
        targets.succeeded(desk.db, "crm")
        assert json_lines(crm("targets", "list", "--json"))[0]["state"] == "fine"
        targets.disable(desk.db, "crm", "HTTP 410")
        row = json_lines(crm("targets", "list", "--json"))[0]

        assert (row["state"], row["why"]) == ("disabled", "HTTP 410")
        assert SECRET not in crm("targets", "list").output

    def test_without_any_it_says_what_to_do(self, run: Run, desk: Desk) -> None:
        assert "Add [[targets]] to the policy file." in run("targets", "list").stdout

    def test_the_offered_events_are_listed_with_their_data(self, run: Run) -> None:
        rows = json_lines(run("targets", "events", "--json"))

        assert [row["type"] for row in rows] == list(OFFERED)
        assert rows[0]["data"][:3] == ["ticket_id", "ticket", "reason"]


class TestTest:
    def test_it_sends_a_signed_ping(self, crm: Run, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(202, b"pong")]

        result = crm("targets", "test", "crm")

        (got,) = receiver.got
        assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "202 pong")
        assert json.loads(got.body)["type"] == "hookdesk.ping"
        assert got.headers["webhook-id"].startswith("evt_test_")
        assert got.is_signed_with(SECRET)
        assert got.is_signed_with(OLD_SECRET)

    @pytest.mark.parametrize("status", [302, 401, 410, 500])
    def test_an_answer_other_than_2xx_is_a_finding(self, crm: Run, receiver: WebhookReceiver, status: int) -> None:
        receiver.replies = [Reply(status)]

        assert crm("targets", "test", "crm").exit_code == 1

    def test_nobody_there_is_a_dependency_that_is_down(self, crm: Run, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_text(
            '[[targets]]\nname = "crm"\nurl = "http://127.0.0.1:1/"\nallow_private = true\n'
        )

        assert crm("targets", "test", "crm").exit_code == 3

    def test_an_unknown_name_gets_the_likely_one(self, crm: Run) -> None:
        result = crm("targets", "test", "crn")

        assert result.exit_code == 1
        assert "Did you mean crm?" in result.stderr

    def test_without_a_secret_it_says_how_to_make_one(self, crm: Run) -> None:
        result = crm("targets", "test", "crm", HOOKDESK_EVENT_SECRETS="")

        assert result.exit_code == 2
        assert "openssl rand -base64 32" in result.stderr


class TestSwitching:
    def test_off_and_on_again(self, crm: Run, desk: Desk) -> None:
        key = TicketKey("email", "x")
        with desk.db.write() as conn:
            ticket = tickets.lock(conn, [key], now=desk.db.now(conn))[key].id
            event = Effect(EffectKind.EVENT, "crm:x:1", {"target": "crm", "type": "x", "at": "", "data": {}})
            effects.add(conn, [(ticket, event)], states=lambda _: EffectState.PENDING, now=desk.db.now(conn))
        claimed = effects.claim_one(desk.db)
        assert claimed is not None
        effects.settle(desk.db, claimed, state=EffectState.NO_TARGET, cause=targets.DISABLED)

        off = crm("targets", "disable", "crm", "--reason", "moves house")
        assert off.exit_code == 0
        assert str(targets.get(desk.db, "crm").cause).endswith(": moves house")
        assert crm("targets", "disable", "crm", "--reason", "again").exit_code == 4

        on = crm("targets", "enable", "crm")
        assert on.stdout == "crm is on; 1 waiting event will be sent.\n"
        assert targets.get(desk.db, "crm").disabled_at is None

    def test_off_needs_a_reason(self, crm: Run) -> None:
        assert crm("targets", "disable", "crm").exit_code == 2

    @pytest.mark.parametrize("act", [("enable", "x"), ("disable", "x", "--reason", "y")])
    def test_an_unknown_target_is_not_found(self, crm: Run, act: tuple[str, ...]) -> None:
        assert crm("targets", *act).exit_code == 1


class TestSignAndVerify:
    def test_what_is_signed_is_what_a_target_would_get(
        self, crm: Run, receiver: WebhookReceiver, tmp_path: Path
    ) -> None:
        result = crm("sign", "--scheme", "event", "--target", "crm", "--send")

        (got,) = receiver.got
        assert result.exit_code == 0
        assert shlex.split(result.stdout.splitlines()[0])[5] == receiver.url
        body = json.loads(got.body)
        assert body["type"] == "ticket.resolved"
        assert set(body["data"]) == {"ticket_id", "ticket", "reason", "resolution", "text"}
        told = crm("verify", "--event", "--target", "crm", saved(tmp_path / "r.json", got))
        assert (told.exit_code, told.stdout.startswith("ok: ")) == (0, True)

    def test_either_secret_of_an_overlap_verifies(self, crm: Run, receiver: WebhookReceiver, tmp_path: Path) -> None:
        crm("sign", "--scheme", "event", "--target", "crm", "--send")
        file = saved(tmp_path / "r.json", receiver.got[0])

        for secret in (SECRET, OLD_SECRET):
            assert crm("verify", "--event", file, HOOKDESK_EVENT_SECRETS=secret).exit_code == 0

    @pytest.mark.parametrize(
        ("change", "reason", "said"),
        [
            ({"body": b'{"type": "ticket.closed"}'}, "wrong_secret", "HOOKDESK_EVENT_SECRETS"),
            ({"webhook-id": "evt_e5"}, "wrong_secret", "of the same request"),
            ({"webhook-timestamp": "1"}, "wrong_secret", "timestamp"),
            ({"webhook-signature": "garbage"}, "no_prefix", "v1,"),
            ({"webhook-timestamp": "noon"}, "malformed", "whole seconds"),
            ({"webhook-id": ""}, "missing_header", "Every event has all three"),
            ({"webhook-signature": ""}, "missing_header", "drops headers"),
        ],
    )
    def test_when_it_fails_the_reason_is_told(
        self,
        crm: Run,
        receiver: WebhookReceiver,
        tmp_path: Path,
        change: dict[str, str | bytes],
        reason: str,
        said: str,
    ) -> None:
        crm("sign", "--scheme", "event", "--target", "crm", "--send")
        got = receiver.got[0]
        body = change.pop("body", got.body)
        changed = Got(got.path, {**got.headers, **change}, body)  # type: ignore[arg-type]

        result = crm("verify", "--event", saved(tmp_path / "r.json", changed), "--json")

        (told,) = json_lines(result)
        assert (result.exit_code, told["reason"]) == (1, reason)
        assert said in told["explanation"] + told["remedy"]
        assert "Chatwoot" not in told["explanation"] + told["remedy"]

    def test_a_body_that_was_written_again_is_told_apart(
        self, crm: Run, receiver: WebhookReceiver, tmp_path: Path
    ) -> None:
        crm("sign", "--scheme", "event", "--target", "crm", "--send")
        got = receiver.got[0]
        again = Got(got.path, got.headers, json.dumps(json.loads(got.body), indent=2).encode())

        (told,) = json_lines(crm("verify", "--event", saved(tmp_path / "r.json", again), "--json"))

        assert told["reason"] == "changed_body"

    def test_an_old_one_is_told_apart(self, crm: Run, receiver: WebhookReceiver, tmp_path: Path) -> None:
        crm("sign", "--scheme", "event", "--target", "crm", "--send")
        file = saved(tmp_path / "r.json", receiver.got[0])

        (told,) = json_lines(crm("verify", "--event", file, "--at", "2000-01-01", "--json"))

        assert told["reason"] == "stale"

    def test_without_a_target_an_address_is_needed(self, crm: Run) -> None:
        assert crm("sign", "--scheme", "event").exit_code == 2

    def test_an_address_and_a_secret_file_are_enough(self, run: Run, desk: Desk, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text(SECRET)

        result = run("sign", "--scheme", "event", "--url", "https://x.example/", "--secret-file", "secret")

        assert result.exit_code == 0
        assert "webhook-signature: v1," in result.stdout
        assert SECRET not in result.stdout

    def test_a_secret_that_is_none_is_a_usage_error(self, run: Run, desk: Desk, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("whsec_ü")

        result = run("sign", "--scheme", "event", "--url", "https://x.example/", "--secret-file", "secret")

        assert result.exit_code == 2

    def test_nothing_is_sent_inside_without_leave(self, crm: Run, receiver: WebhookReceiver) -> None:
        where = receiver.url.replace("http:", "https:")

        result = crm("sign", "--scheme", "event", "--target", "shop", "--url", where, "--send",
                     HOOKDESK_EVENT_SECRETS=SECRET)  # fmt: skip

        assert result.exit_code == 3
        assert "this machine" in result.stderr
        assert receiver.got == []


class TestDoctor:
    def found(self, run: Run, check: str, **more: str) -> dict[str, str]:
        return next(each for each in json_lines(run("doctor", "--json", **more)) if each["check"] == check)

    def test_without_mail_and_targets_all_is_well(self, run: Run, desk: Desk) -> None:
        assert self.found(run, "mail")["state"] == self.found(run, "targets")["state"] == "ok"

    def test_it_logs_in_as_a_mail_would(self, run: Run, desk: Desk) -> None:
        with MailServer(password="right") as server:
            given = {"HOOKDESK_MAIL_FROM": "desk@example.com"}
            fine = self.found(run, "mail", HOOKDESK_SMTP_URL=server.url(user="me:right"), **given)
            wrong = self.found(run, "mail", HOOKDESK_SMTP_URL=server.url(user="me:hunter2"), **given)
            nobody = self.found(run, "mail", HOOKDESK_SMTP_URL=server.url(user="me:right"))

        assert (fine["state"], wrong["state"], nobody["state"]) == ("ok", "fail", "fail")
        assert wrong["message"] == "unauthorized: 535 5.7.8 wrong password"
        assert "HOOKDESK_MAIL_FROM" in nobody["next"]
        assert server.kept == []

    def test_a_target_without_a_secret_or_switched_off_is_found(self, crm: Run, desk: Desk) -> None:
        bare = self.found(crm, "targets")
        targets.disable(desk.db, "crm", "HTTP 410")
        off = self.found(crm, "targets", HOOKDESK_EVENT_SECRETS=SECRET)
        targets.enable(desk.db, "crm", actor="cli:ops")
        fine = self.found(crm, "targets", HOOKDESK_EVENT_SECRETS=SECRET)

        assert (bare["state"], off["state"], fine["state"]) == ("fail", "warn", "ok")
        assert (bare["message"], off["message"]) == ("no secret signs for shop", "switched off: crm")
