"""Posting without becoming a way in: real servers, and a resolver that says what an attacker's would."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.receiving import Reply, WebhookReceiver, a_certificate
from worker.clients import egress as module
from worker.clients.egress import Egress
from worker.errors import PermanentError, TransientError

NAME = "crm.example.com"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


class Resolver:
    """Says one thing after the other, the last for ever, and counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def post(url: str, **given: object) -> module.Answer:
    return Egress("event", **given).post(url, headers={"X-Test": "1"}, body=b"{}")  # type: ignore[arg-type]


def refused(url: str, **given: object) -> TransientError:
    with pytest.raises(TransientError) as caught:
        post(url, **given)
    return caught.value


@contextmanager
def a_silent_server(say: bytes = b"", every: float = 0.02) -> Iterator[int]:
    """Takes connections; says `say` for ever, byte by byte, or nothing at all."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            n = 0
            while not over.wait(every):
                if say:
                    try:
                        connection.sendall(say[n % len(say) : n % len(say) + 1])
                    except OSError:
                        return
                n += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(timeout=5)


class TestWhatMayBeReached:
    def test_a_private_address_is_refused_before_anything_is_sent(self, receiver: WebhookReceiver) -> None:
        error = refused(f"https://{NAME}:{receiver.port}/", resolve=Resolver(["127.0.0.1"]))

        assert error.cause == "address_refused"
        assert "127.0.0.1, which is this machine" in str(error)
        assert receiver.got == []

    def test_one_private_address_among_public_ones_is_enough(self) -> None:
        assert refused(f"https://{NAME}/", resolve=Resolver(["93.184.216.34", "10.0.0.7"])).cause == "address_refused"

    def test_a_target_inside_may_be_allowed(self, receiver: WebhookReceiver) -> None:
        answer = post(f"http://{NAME}:{receiver.port}/x?y=1", resolve=Resolver(["127.0.0.1"]), allow_private=True)

        assert answer.status == 200
        assert receiver.got[0].path == "/x?y=1"
        assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"

    def test_but_never_where_clouds_keep_their_credentials(self) -> None:
        error = refused(f"http://{NAME}/", resolve=Resolver(["169.254.169.254"]), allow_private=True)

        assert error.cause == "address_refused"

    @pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "[::ffff:127.0.0.1]"])
    def test_disguised_addresses_are_seen_through(self, receiver: WebhookReceiver, host: str) -> None:
        error = refused(f"https://{host}:{receiver.port}/")

        assert error.cause == "address_refused"
        assert receiver.got == []

    def test_http_is_refused_unless_allowed(self, receiver: WebhookReceiver) -> None:
        with pytest.raises(PermanentError) as caught:
            post(receiver.url)

        assert caught.value.cause == "not_encrypted"
        assert receiver.got == []

    def test_and_then_does_not_leave_the_house(self) -> None:
        error = refused(f"http://{NAME}/", resolve=Resolver(["93.184.216.34"]), allow_private=True)

        assert "http:// is not encrypted" in str(error)

    @pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/hostname", "gopher://x", "x"])
    def test_other_schemes_are_not_spoken(self, url: str) -> None:
        with pytest.raises(PermanentError) as caught:
            post(url, allow_private=True)

        assert caught.value.cause == "bad_address"


class TestPinning:
    def test_the_checked_address_is_the_one_that_is_used(
        self, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A resolver that says something public first and something private afterwards is asked only once."""
        called: list[str] = []

        def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
            called.append(address[0])
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr(module.urllib3.util.connection, "create_connection", connect)
        resolver = Resolver(["93.184.216.34"], ["127.0.0.1"])

        error = refused(f"https://{NAME}:{receiver.port}/", resolve=resolver)

        assert (called, resolver.asked, error.cause) == (["93.184.216.34"], 1, "unreachable")

    def test_a_name_that_moves_inside_later_is_refused_then(self, receiver: WebhookReceiver) -> None:
        resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
        url = f"http://{NAME}:{receiver.port}/"
        assert post(url, resolve=resolver, allow_private=True).status == 200

        assert refused(url, resolve=resolver, allow_private=True).cause == "address_refused"
        assert len(receiver.got) == 1

    def test_the_next_address_is_tried_when_one_does_not_answer(self, receiver: WebhookReceiver) -> None:
        answer = post(
            f"http://{NAME}:{receiver.port}/", resolve=Resolver(["127.0.0.2", "127.0.0.1"]), allow_private=True
        )

        assert answer.status == 200


class TestTls:
    def test_the_name_is_asked_for_and_verified_at_the_pinned_address(self, tmp_path: Path) -> None:
        seen: list[str | None] = []
        made = a_certificate(tmp_path, NAME)
        with WebhookReceiver(context=made.server(seen=seen.append)) as receiver:
            url = f"https://{NAME}:{receiver.port}/"
            answer = post(url, resolve=Resolver(["127.0.0.1"]), allow_private=True, ca_file=str(made.file))

        assert (answer.status, seen) == (200, [NAME])

    def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path) -> None:
        made = a_certificate(tmp_path, "other.example.com")
        with WebhookReceiver(context=made.server()) as receiver:
            url = f"https://{NAME}:{receiver.port}/"
            error = refused(url, resolve=Resolver(["127.0.0.1"]), allow_private=True, ca_file=str(made.file))

        assert error.cause == "certificate"
        assert receiver.got == []

    def test_nobody_vouches_for_a_stranger(self, tmp_path: Path) -> None:
        with WebhookReceiver(context=a_certificate(tmp_path, NAME).server()) as receiver:
            error = refused(f"https://{NAME}:{receiver.port}/", resolve=Resolver(["127.0.0.1"]), allow_private=True)

        assert error.cause == "certificate"


class TestTime:
    def test_the_numbers(self) -> None:
        assert (module.CONNECT_SECONDS, module.TOTAL_SECONDS, module.LARGEST_ANSWER) == (5.0, 15.0, 20_000)
        assert (Egress("event").connect_seconds, Egress("event").total_seconds) == (5.0, 15.0)

    @pytest.mark.parametrize("say", [b"", b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 60], ids=["silent", "dripping"])
    def test_an_answer_that_does_not_come_ends_in_time(self, say: bytes) -> None:
        with a_silent_server(say) as port:
            started = time.monotonic()
            error = refused(f"http://127.0.0.1:{port}/", allow_private=True, total_seconds=0.4)

        assert error.cause == "timeout"
        assert time.monotonic() - started < 4

    def test_a_handshake_that_hangs_ends_with_the_time_for_connecting(self) -> None:
        with a_silent_server() as port:
            started = time.monotonic()
            error = refused(f"https://127.0.0.1:{port}/", allow_private=True, connect_seconds=0.3)

        assert error.cause == "timeout"
        assert time.monotonic() - started < 4

    def test_a_resolver_that_hangs_is_not_waited_for(self) -> None:
        over = threading.Event()

        def hang(host: str, port: int) -> Sequence[str]:
            over.wait(20)
            return ["127.0.0.1"]

        started = time.monotonic()
        error = refused(f"https://{NAME}/", resolve=hang, connect_seconds=0.2)
        over.set()

        assert error.cause == "timeout"
        assert time.monotonic() - started < 4

    @pytest.mark.parametrize("answer", [OSError("no such host"), UnicodeError("label too long"), ()])
    def test_a_name_that_nobody_knows_is_unreachable(self, answer: Exception | Sequence[str]) -> None:
        def resolve(host: str, port: int) -> Sequence[str]:
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert refused(f"https://{NAME}/", resolve=resolve).cause == "unreachable"

    def test_nobody_at_the_address_is_unreachable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

        assert refused(f"http://127.0.0.1:{port}/", allow_private=True).cause == "unreachable"


class TestAnswers:
    def test_redirects_are_not_followed(self, receiver: WebhookReceiver) -> None:
        with WebhookReceiver() as elsewhere:
            receiver.replies = [Reply(307, headers={"Location": elsewhere.url})]
            answer = post(receiver.url, allow_private=True)

        assert answer.status == 307
        assert elsewhere.got == []

    def test_only_the_beginning_of_a_long_answer_is_kept(self, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(200, b"x" * 500_000)]

        assert len(post(receiver.url, allow_private=True).body) == 20_000

    def test_an_answer_cut_short_still_has_its_status(self) -> None:
        with a_silent_server(b"HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", every=0.001) as port:
            answer = post(f"http://127.0.0.1:{port}/", allow_private=True, total_seconds=2)

        assert answer.status == 204


class TestSurroundings:
    def test_proxies_and_netrc_of_the_environment_play_no_part(
        self, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with WebhookReceiver() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

            post(receiver.url, allow_private=True)

        assert proxy.got == []
        assert "authorization" not in receiver.got[0].headers
        assert receiver.got[0].headers["user-agent"].startswith("Hookdesk/")
