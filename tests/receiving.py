"""Somebody who takes webhooks: a real server on this machine that keeps what it gets and answers as told."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from webhooks import signature

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="
OLD_SECRET = "whsec_" + "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZCE="


@dataclass(frozen=True)
class Got:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def is_signed_with(self, secret: str) -> bool:
        """Whether the door's own check of Standard Webhooks takes it."""
        try:
            check = signature.standard(dict(self.headers), [secret])
            check.update(self.body)
            check.finish(now=datetime.now(UTC), tolerance=timedelta(days=1))
        except signature.SignatureError:
            return False
        return True


@dataclass
class Reply:
    """What to answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class WebhookReceiver:
    """Answers with `replies`, one after the other, and then with the last for ever."""

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self.got: list[Got] = []
        self.replies: list[Reply] = [Reply()]
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                got = Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                kept.got.append(got)
                reply = kept.reply_to(got)
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PATCH = do_PUT = _take

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.port = self._server.server_port
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}/hooks"

    def reply_to(self, got: Got) -> Reply:
        """The next of `replies`, whatever came."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Certificate:
    """A certificate for one name, made for this run, and the only authority that vouches for it: itself."""

    file: Path
    key: Path

    def server(self, *, seen: Callable[[str | None], Any] = lambda _: None) -> ssl.SSLContext:
        """A server's side; `seen` is told which name the client asks for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        context.sni_callback = lambda _socket, name, _context: seen(name)
        return context


def a_certificate(folder: Path, name: str) -> Certificate:
    """Made by openssl."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", made.key, "-out", made.file],
        check=True, capture_output=True,
    )  # fmt: skip
    return made
