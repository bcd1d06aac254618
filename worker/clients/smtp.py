"""Sending mail: one connection and one message at a time, encrypted wherever possible, and over in bounded time."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from worker import log, metrics
from worker.clients.deadline import ending_at, left, reader
from worker.clients.egress import resolved, system_resolver
from worker.clients.mail import Mail, compose, recipient
from worker.errors import AccessError, PermanentError, TransientError, WorkError
from worker.settings_values import sender

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SUBMISSION, _SECURE = 587, 465


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as its URL says."""

    host: str
    port: int
    secure: bool  # TLS from the first byte; else STARTTLS, where it is offered
    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> Server:
        """From smtp://user:password@host:port or smtps://…, already checked."""
        parts = urlsplit(url)
        secure = parts.scheme == "smtps"
        return cls(
            parts.hostname or "",
            parts.port or (_SECURE if secure else _SUBMISSION),
            secure,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class _Bounded:
    """Mixed into smtplib's classes: every send and every read gets only the time that is left."""

    _host: str
    sock: socket.socket | None
    file: Any

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(left())
        super().send(data)  # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = reader(self.sock)
        said: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        return said

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        ends_at, trouble = time.monotonic() + min(timeout, left()), OSError("no address")
        addresses = resolved(system_resolver, host, port, ends_at - time.monotonic())
        for n, address in enumerate(addresses):  # one that is silent leaves the others their share of the time
            share = (ends_at - time.monotonic()) / (len(addresses) - n)
            try:
                return urllib3.util.connection.create_connection((address, port), max(share, 0.001))
            except OSError as exc:
                trouble = exc
        raise trouble


class _Plain(_Bounded, smtplib.SMTP):
    pass


class _Secure(_Bounded, smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)


class MailClient:
    """Sends from one address through one server. Every call ends within 20 s and raises only worker.errors."""

    def __init__(
        self, url: str, mail_from: str, *, ca_file: str | None = None, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        self._server, self._from = Server.of(url), sender(mail_from)
        self._context = ssl.create_default_context(cafile=ca_file)
        self._total = total_seconds

    @property
    def domain(self) -> str:
        """The part after the @ of the address that mail is sent from."""
        return self._from.domain

    def send(self, mail: Mail) -> str:
        """Hand the mail over; returns what the server said last.

        TransientError (unreachable, timeout, cut, certificate, later: a 4xx reply), PermanentError (refused: a 5xx
        reply, bad_address), AccessError (unauthorized, not_encrypted).
        """
        message = compose(mail, self._from)
        with self._session() as smtp:
            _accepted(smtp.mail(self._from.addr_spec))
            _accepted(smtp.rcpt(recipient(mail.to).addr_spec))
            return _accepted(smtp.data(message.as_bytes()))

    def check(self) -> None:
        """Raise unless the server can be reached and takes our password: what `send` does before it sends."""
        with self._session() as smtp:
            smtp.noop()

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        started, outcome = time.monotonic(), "error"
        try:
            with ending_at(started + self._total):
                smtp = self._connected()
                try:
                    yield smtp
                finally:
                    smtp.close()
            outcome = "ok"
        except (smtplib.SMTPException, OSError, UnicodeError, TransientError) as exc:
            failure = failure_of(exc)
            outcome = "timeout" if failure.cause == "timeout" else "error"
            raise failure from exc
        finally:
            metrics.OUTBOUND_REQUESTS.labels("smtp", outcome).inc()
            metrics.OUTBOUND_DURATION.labels("smtp").observe(time.monotonic() - started)

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        name = self._from.domain
        smtp: _Plain | _Secure
        if server.secure:
            smtp = _Secure(local_hostname=name, timeout=CONNECT_SECONDS, context=self._context)
        else:
            smtp = _Plain(local_hostname=name, timeout=CONNECT_SECONDS)
        smtp._host = server.host  # the name that its certificate must have
        try:
            code, said = smtp.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            self._introduce(smtp)
        except BaseException as exc:
            smtp.close()
            if isinstance(exc, smtplib.SMTPResponseException) and exc.smtp_code >= 500:
                raise _turned_away(exc) from exc
            raise
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        smtp.ehlo_or_helo_if_needed()
        is_encrypted = server.secure
        if not is_encrypted and smtp.has_extn("starttls"):
            smtp.starttls(context=self._context)
            smtp.ehlo_or_helo_if_needed()
            is_encrypted = True
        if not server.user:
            return
        if not is_encrypted and server.host not in _LOOPBACK:
            raise AccessError(
                "not_encrypted", "it offers no STARTTLS, and a password is not sent in the clear", status=530
            )
        smtp.login(server.user, server.password)


def _accepted(reply: tuple[int, bytes]) -> str:
    code, said = reply
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, said)
    return _text(said)


def failure_of(exc: Exception) -> WorkError:
    """What an error of smtplib or of the network means for another try."""
    if isinstance(exc, WorkError):
        return exc
    if isinstance(exc, smtplib.SMTPResponseException):
        said = f"{exc.smtp_code} {_text(exc.smtp_error)}"
        if 500 <= exc.smtp_code < 600:
            return PermanentError("refused", said, status=exc.smtp_code)
        return TransientError("later", said, status=exc.smtp_code if exc.smtp_code > 0 else None)
    if isinstance(exc, smtplib.SMTPNotSupportedError):
        return AccessError("unauthorized", "it offers no way to log in that we know", status=535)
    if isinstance(exc, UnicodeError):
        return AccessError("unauthorized", "user or password has characters that it cannot take", status=535)
    return _of_network(exc)


def _turned_away(exc: smtplib.SMTPResponseException) -> AccessError:
    """Refused before there was a mail: that is about us, and no mail dies for it."""
    cause = "unauthorized" if isinstance(exc, smtplib.SMTPAuthenticationError) else "forbidden"
    return AccessError(cause, f"{exc.smtp_code} {_text(exc.smtp_error)}", status=exc.smtp_code)


def _of_network(exc: BaseException) -> WorkError:
    one: BaseException | None = exc
    while one is not None:
        if isinstance(one, TimeoutError):
            return TransientError("timeout", "it did not answer in time")
        if isinstance(one, ssl.SSLCertVerificationError):
            return TransientError("certificate", f"its certificate is not trusted: {one.verify_message}")
        one = one.__cause__ or one.__context__
    if isinstance(exc, smtplib.SMTPException):
        return TransientError("cut", "the connection was closed")
    return TransientError("unreachable", getattr(exc, "strerror", None) or type(exc).__name__)


def _text(said: bytes | str) -> str:
    text = log.redact_text(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:300]
