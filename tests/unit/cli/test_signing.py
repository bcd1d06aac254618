"""sign, verify, simulate: signatures that hold, and the reason when one does not."""

from __future__ import annotations

import base64
import json
import random
import shlex
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FIXTURES, SECRET, Run, json_lines
from webhooks import signature
from worker.cli.practice_events import first_webhook, practice_file, stories
from worker.config import Settings
from worker.practice.server import PracticeChatwoot
from worker.signing import chatwoot_headers

VECTORS = json.loads((FIXTURES / "vectors.json").read_text())["vectors"]


class Receiver:
    """Keeps what it is sent and answers 200, or what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer = 200
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(kept.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/chatwoot"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def saved(path: Path, headers: dict[str, str], body: bytes, **more: str) -> str:
    content = {"headers": headers, "body_base64": base64.b64encode(body).decode(), **more}
    path.write_text(json.dumps(content))
    return str(path)


def holds(headers: dict[str, str], body: bytes) -> bool:
    """Whether the door would take it now."""
    check = signature.chatwoot({name.lower(): value for name, value in headers.items()}, [SECRET])
    check.update(body)
    return not check.finish(now=datetime.now(UTC), tolerance=timedelta(seconds=60)).is_stale


class TestSign:
    def test_the_command_holds_what_was_signed(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "body.json").write_bytes('{"name":"Zoë"}\n'.encode())

        words = shlex.split(run("sign", "--url", "http://h/x", "--body", "body.json").stdout)

        headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
        file = Path(words[words.index("--data-binary") + 1].removeprefix("@"))
        assert words[:6] == ["curl", "-sS", "-i", "-X", "POST", "http://h/x"]
        assert file == tmp_path / "body.json"
        assert SECRET not in " ".join(words)
        assert holds(headers, file.read_bytes())

    def test_without_a_body_it_makes_a_real_shaped_one(self, run: Run) -> None:
        words = shlex.split(run("sign").stdout)

        body = json.loads(Path(words[-1].removeprefix("@")).read_bytes())
        assert body["event"] == "conversation_created"
        assert words[5] == "http://127.0.0.1:8000/webhooks/chatwoot"

    def test_send_tells_the_answer(self, run: Run, receiver: Receiver) -> None:
        fine = run("sign", "--url", receiver.url, "--body", "-", "--send", input=b'{"a":1}')
        receiver.answer = 401
        refused = run("sign", "--url", receiver.url, "--send")

        assert (fine.exit_code, refused.exit_code) == (0, 1)
        assert receiver.requests[0][2] == b'{"a":1}'
        assert "401" in refused.stdout

    def test_nobody_there_is_a_dependency_that_is_down(self, run: Run) -> None:
        result = run("sign", "--url", "http://127.0.0.1:1/x", "--send")

        assert result.exit_code == 3
        assert "hookdesk up" in result.stderr

    def test_the_secret_may_come_from_stdin_but_never_from_the_command_line(self, run: Run) -> None:
        given = run("sign", "--secret-file", "-", input="another-secret\n")

        assert given.exit_code == 0
        assert "another-secret" not in given.stdout
        assert run("sign", "--secret", "x").exit_code == 2

    def test_without_a_secret_it_says_where_to_get_one(self, run: Run) -> None:
        result = run("sign", HOOKDESK_CHATWOOT_WEBHOOK_SECRETS="")

        assert result.exit_code == 2
        assert "--secret-file" in result.stderr

    def test_standard_webhooks_are_signed_too(self, run: Run) -> None:
        secret = "whsec_" + base64.b64encode(b"k" * 24).decode()

        text = run("sign", "--scheme", "standard", HOOKDESK_EMAIL_SECRETS=secret).stdout

        assert "webhook-signature: v1," in text
        assert "/webhooks/email/generic" in text

    def test_a_form_is_signed_for_the_address_that_is_named(self, run: Run, tmp_path: Path) -> None:
        secret, url = "whsec_" + base64.b64encode(b"k" * 24).decode(), "http://127.0.0.1:8000/webhooks/form"
        (tmp_path / "form.txt").write_bytes(b"name=Zo%C3%AB&message=Hi")
        given = ("--scheme", "standard", "--url", url, "--body", "form.txt")

        words = shlex.split(run("sign", *given, HOOKDESK_EMAIL_SECRETS=secret).stdout)

        headers = {name.lower(): value for name, value in (w.split(": ", 1) for w in words if w.startswith("webhook-"))}
        check = signature.standard(headers, [secret])
        check.update((tmp_path / "form.txt").read_bytes())
        assert words[5] == url
        assert not check.finish(now=datetime.now(UTC), tolerance=timedelta(seconds=60)).is_stale


class TestVerify:
    @pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
    def test_known_requests_come_out_as_known(self, run: Run, tmp_path: Path, vector: dict[str, str]) -> None:
        body = base64.b64decode(vector["raw_body_base64"])
        headers: dict[str, str] = vector["headers"]  # type: ignore[assignment]
        file = saved(tmp_path / "request.json", headers, body, received_at=vector["timestamp"])
        (tmp_path / "secret").write_text(vector["secret"])

        result = run("verify", file, "--secret-file", str(tmp_path / "secret"))

        assert result.exit_code == (0 if vector["valid"] else 1), result.output

    def test_the_reason_comes_with_a_remedy(self, run: Run, tmp_path: Path) -> None:
        headers = chatwoot_headers("some-other-secret", b"{}", timestamp=1781773202, delivery_id="x")
        file = saved(tmp_path / "r.json", headers, b"{}")

        (told,) = json_lines(run("verify", file, "--at", "2026-06-18T09:00:02Z", "--json"))

        assert (told["ok"], told["reason"]) == (False, "wrong_secret")
        assert told["explanation"] and told["remedy"]

    def test_an_old_request_is_told_apart_from_a_forged_one(self, run: Run, tmp_path: Path) -> None:
        headers = chatwoot_headers(SECRET, b"{}", timestamp=1781773202, delivery_id="x")
        file = saved(tmp_path / "r.json", headers, b"{}")

        assert "stale: The signature holds" in run("verify", file).stdout
        assert run("verify", file, "--at", "1781773210").exit_code == 0

    @pytest.mark.parametrize("line_end", ["\r\n", "\n"])
    def test_raw_http_is_understood(self, run: Run, tmp_path: Path, line_end: str) -> None:
        body = b'{"a":"\r\n\r\n"}'
        headers = chatwoot_headers(SECRET, body, timestamp=1781773202, delivery_id="x")
        head = ["POST /webhooks/chatwoot HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
        (tmp_path / "raw.http").write_bytes(line_end.join([*head, "", ""]).encode() + body)

        assert run("verify", "raw.http", "--at", "1781773202").exit_code == 0

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{}",
            '{"headers": {}}',
            '{"headers": {}, "body": {}}',
            "hello",
            "{",
            '{"headers": {}, "body": "", "received_at": 99999999999999999999}',
            '{"headers": {}, "body": "", "received_at": "0001-01-01T00:00:00+12:00"}',
            '{"headers": ' + "[" * 100_000,
        ],
    )
    def test_what_is_no_request_is_a_usage_error(self, run: Run, tmp_path: Path, content: str) -> None:
        (tmp_path / "x").write_text(content)

        result = run("verify", "x")

        assert result.exit_code == 2
        assert "is not a saved request" in result.stderr


class TestSimulate:
    def test_everything_it_sends_is_signed_and_counted(self, run: Run, receiver: Receiver) -> None:
        result = run("simulate", "--count", "12", "--rate", "1000", "--url", receiver.url, "--json")

        (told,) = json_lines(result)
        assert (told["sent"], told["answers"], result.exit_code) == (12, {"200": 12}, 0)
        for _, headers, body in receiver.requests:
            assert holds(headers, body)

    def test_duplicates_have_the_same_delivery_id(self, run: Run, receiver: Receiver) -> None:
        run("simulate", "--count", "5", "--rate", "1000", "--duplicate", "1", "--url", receiver.url)

        ids = [headers["x-chatwoot-delivery"] for _, headers, _ in receiver.requests]
        assert len(ids) == 10
        assert len(set(ids)) == 5

    def test_reordering_loses_nothing(self, run: Run, receiver: Receiver) -> None:
        run("simulate", "--count", "20", "--rate", "1000", "--reorder", "--url", receiver.url)

        numbers = [json.loads(body).get("id") for _, _, body in receiver.requests]
        alone = [json.loads(body).get("id") for _, body in islice(stories(1, draw=random.Random(1)), 20)]
        assert len(numbers) == 20
        assert [n - min(numbers) for n in numbers] != [n - min(alone) for n in alone]

    def test_an_answer_other_than_200_is_a_finding(self, run: Run, receiver: Receiver) -> None:
        receiver.answer = 503

        assert run("simulate", "--count", "2", "--rate", "1000", "--url", receiver.url).exit_code == 1

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no such host/"])
    def test_nobody_there_is_a_dependency_that_is_down(self, run: Run, url: str) -> None:
        assert run("simulate", "--count", "2", "--url", url).exit_code == 3

    @pytest.mark.parametrize("command", ["simulate", "sign"])
    @pytest.mark.parametrize("url", ["foo", "ftp://desk.example.com", "http://[", "http://desk.example.com:99999/"])
    def test_what_is_no_address_is_a_usage_error(self, run: Run, command: str, url: str) -> None:
        result = run(command, "--url", url)

        assert result.exit_code == 2
        assert f"'--url': {url!r}: " in result.stderr


class TestPracticeEvents:
    def test_two_runs_never_speak_of_the_same_conversation(self, tmp_path: Path) -> None:
        one = json.loads(first_webhook(Settings(data_dir=tmp_path)))

        numbers = {json.loads(body)["id"] for event, body in islice(stories(1, draw=random.Random(2)), 40)
                   if event == "conversation_created"}  # fmt: skip
        assert len(numbers) > 1
        assert one["account"]["id"] == 1

    def test_a_practice_chatwoot_that_runs_here_knows_the_conversation_and_sends_nothing(self, tmp_path: Path) -> None:
        with PracticeChatwoot() as practice:
            practice_file(tmp_path).write_text(practice.url)

            one = json.loads(first_webhook(Settings(data_dir=tmp_path)))

            assert one["event"] == "conversation_created"
            assert practice.world.conversation(one["id"]).status == "open"
            assert list(practice.sender.sent) == []

    def test_one_that_does_not_run_any_more_is_no_trouble(self, tmp_path: Path) -> None:
        practice_file(tmp_path).write_text("http://127.0.0.1:1")

        assert json.loads(first_webhook(Settings(data_dir=tmp_path)))["event"] == "conversation_created"

    def test_the_same_seed_tells_the_same_story(self) -> None:
        first, second = ([event for event, _ in islice(stories(1, draw=random.Random(7)), 60)] for _ in range(2))

        assert first == second
