"""Sending mail through a real server on this machine that does what servers do, good and bad."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mail_server import MailServer
from tests.receiving import a_certificate
from worker.clients import smtp as module
from worker.clients.mail import Mail
from worker.clients.smtp import MailClient, Server
from worker.errors import AccessError, PermanentError, TransientError, WorkError

AT = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
MAIL = Mail("lena@customer.example", "Re: Refund", "Done.\n.hidden", "e4.x@desk.example.com", AT)
FROM = "Support <support@desk.example.com>"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def failed(server: MailServer, *, user: str = "", seconds: float = 5.0) -> WorkError:
    with pytest.raises(WorkError) as caught:
        MailClient(server.url(user=user), FROM, total_seconds=seconds).send(MAIL)
    assert "hunter2" not in str(caught.value)
    return caught.value


class TestSending:
    def test_it_arrives_whole(self, server: MailServer) -> None:
        said = MailClient(server.url(), FROM).send(MAIL)

        (kept,) = server.kept
        assert (kept.sender, kept.to) == ("support@desk.example.com", ["lena@customer.example"])
        assert kept.message["Message-ID"] == "<e4.x@desk.example.com>"
        assert kept.text == "Done.\n.hidden\n"
        assert said == "queued as 42"

    def test_it_introduces_itself_by_the_domain_it_sends_from(self, server: MailServer) -> None:
        MailClient(server.url(), FROM).send(MAIL)

        assert server.commands[0] == "ehlo desk.example.com"

    def test_without_a_password_none_is_asked_for(self, server: MailServer) -> None:
        MailClient(server.url(), FROM).send(MAIL)

        assert not any(command.upper().startswith("AUTH") for command in server.commands)


class TestAddresses:
    def test_one_that_is_silent_leaves_time_for_the_next(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "system_resolver", lambda host, port: ("127.0.0.2", "127.0.0.1"))
        monkeypatch.setattr(module, "CONNECT_SECONDS", 1.0)
        with silent("127.0.0.2", server.port):
            MailClient(server.url(), FROM).send(MAIL)

        assert len(server.kept) == 1

    def test_when_all_are_silent_it_is_a_timeout(self, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "system_resolver", lambda host, port: ("127.0.0.2", "127.0.0.2"))
        monkeypatch.setattr(module, "CONNECT_SECONDS", 0.4)
        with silent("127.0.0.2", server.port):
            error = failed(server)

        assert (type(error), error.cause) == (TransientError, "timeout")


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """Somebody who answers no connection: the queue of those who wait is full."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((address, port))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


class TestEncryption:
    def test_starttls_is_used_where_it_is_offered(self, tmp_path: Path) -> None:
        made = a_certificate(tmp_path, "localhost")
        with MailServer(context=made.server(), password="hunter2") as server:
            MailClient(server.url("localhost", "me:hunter2"), FROM, ca_file=str(made.file)).send(MAIL)

        assert (server.kept[0].encrypted, server.kept[0].user) == (True, "me")

    def test_smtps_is_encrypted_from_the_first_byte(self, tmp_path: Path) -> None:
        made = a_certificate(tmp_path, "localhost")
        with MailServer(context=made.server(), secure=True, password="a@b:c") as server:
            MailClient(server.url("localhost", "me:a%40b%3Ac"), FROM, ca_file=str(made.file)).send(MAIL)

        assert (server.kept[0].encrypted, server.kept[0].user) == (True, "me")

    def test_a_server_that_is_another_gets_nothing(self, tmp_path: Path) -> None:
        made = a_certificate(tmp_path, "other.example.com")
        with MailServer(context=made.server()) as server, pytest.raises(TransientError) as caught:
            MailClient(server.url("localhost"), FROM, ca_file=str(made.file)).send(MAIL)

        assert caught.value.cause == "certificate"
        assert server.kept == []

    def test_a_password_is_not_sent_in_the_clear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_LOOPBACK", frozenset())
        with MailServer(password="hunter2") as server:
            error = failed(server, user="me:hunter2")

        assert isinstance(error, AccessError)
        assert error.cause == "not_encrypted"
        assert not any("AUTH" in command for command in server.commands)

    def test_but_on_this_machine_it_may_be(self) -> None:
        with MailServer(password="hunter2") as server:
            MailClient(server.url(user="me:hunter2"), FROM).send(MAIL)

        assert server.kept[0].user == "me"

    @pytest.mark.parametrize(
        ("url", "read"),
        [
            ("smtp://mail.example.com", Server("mail.example.com", 587, False, "", "")),
            ("smtps://mail.example.com", Server("mail.example.com", 465, True, "", "")),
            ("smtp://u%40x:p%3A@mail.example.com:25/", Server("mail.example.com", 25, False, "u@x", "p:")),
        ],
    )
    def test_the_url_says_it_all(self, url: str, read: Server) -> None:
        assert Server.of(url) == read


class TestReplies:
    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
    def test_a_5xx_is_for_good(self, server: MailServer, command: str) -> None:
        server.replies[command] = "550 5.1.1 nobody\x07 here"

        error = failed(server)

        assert isinstance(error, PermanentError)
        assert (error.cause, error.status, str(error)) == ("refused", 550, "550 5.1.1 nobody  here".replace("  ", " "))

    @pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END"])
    def test_a_4xx_is_for_now(self, server: MailServer, command: str) -> None:
        server.replies |= {command: "451 4.7.1 greylisted", "HELO": "451 4.7.1 greylisted"}

        error = failed(server)

        assert isinstance(error, TransientError)
        assert (error.cause, error.status) == ("later", 451)

    @pytest.mark.parametrize("command", ["CONNECT", "EHLO"])
    def test_being_turned_away_at_the_door_kills_no_mail(self, server: MailServer, command: str) -> None:
        server.replies |= {command: "554 5.7.1 no service for you"}

        error = failed(server)

        assert isinstance(error, AccessError)
        assert (error.cause, error.status) == ("forbidden", 554)

    def test_nor_does_a_wrong_password(self) -> None:
        with MailServer(password="right") as server:
            error = failed(server, user="me:hunter2")
            with pytest.raises(AccessError):
                MailClient(server.url(user="me:hunter2"), FROM).check()

        assert isinstance(error, AccessError)
        assert (error.cause, error.status) == ("unauthorized", 535)

    @pytest.mark.parametrize("user", ["me:hunter2", "me:hünter2"])
    def test_nor_does_a_server_that_does_not_know_our_way_to_log_in(self, server: MailServer, user: str) -> None:
        assert isinstance(failed(server, user=user), AccessError)

    @pytest.mark.parametrize("command", ["CONNECT", "RCPT", "DATA", "END"])
    def test_a_connection_that_is_cut_is_tried_again(self, server: MailServer, command: str) -> None:
        server.replies[command] = ""

        error = failed(server)

        assert isinstance(error, TransientError)
        assert error.cause == "cut"

    def test_a_broken_address_never_reaches_the_server(self, server: MailServer) -> None:
        with pytest.raises(PermanentError):
            MailClient(server.url(), FROM).send(Mail("a@b.example, c@d.example", "s", "t", "i@d", AT))

        assert server.connections == 0


class TestTime:
    def test_the_numbers(self) -> None:
        assert (module.CONNECT_SECONDS, module.TOTAL_SECONDS) == (5.0, 20.0)

    @pytest.mark.parametrize("command", ["CONNECT", "EHLO", "RCPT", "END"])
    def test_a_server_that_says_nothing_is_left_in_time(self, server: MailServer, command: str) -> None:
        server.replies[command] = None
        started = time.monotonic()

        error = failed(server, seconds=0.4)

        assert (type(error), error.cause) == (TransientError, "timeout")
        assert time.monotonic() - started < 4

    def test_one_that_talks_without_end_too(self, server: MailServer) -> None:
        server.replies["EHLO"] = "\r\n".join(["250-more"] * 100_000)
        server.replies["RCPT"] = None

        error = failed(server, seconds=0.6)

        assert (type(error), error.cause) == (TransientError, "timeout")

    def test_nobody_there_is_unreachable(self, server: MailServer) -> None:
        with pytest.raises(TransientError) as caught:
            MailClient("smtp://127.0.0.1:1", FROM).send(MAIL)

        assert caught.value.cause == "unreachable"


class TestCheck:
    def test_it_goes_as_far_as_a_mail_would(self, server: MailServer) -> None:
        MailClient(server.url(), FROM).check()

        assert [command.split()[0] for command in server.commands] == ["ehlo", "noop"]
        assert server.kept == []
