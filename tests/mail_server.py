"""A mail server on this machine: speaks SMTP, keeps what it is given, and can be told to misbehave."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(frozen=True)
class Kept:
    """One mail as it came in: the envelope and the message."""

    sender: str
    to: list[str]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")

    @property
    def message(self) -> EmailMessage:
        read = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read


class MailServer:
    """`replies` says what to answer to a command instead (`{"RCPT": "550 5.1.1 nobody here"}`; `RCPT` and an address is
    only for that one); "" hangs up and None says nothing for ever. `context` offers STARTTLS; with `secure` it is TLS
    from the first byte."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        secure: bool = False,
        password: str | None = None,
    ) -> None:
        self.kept: list[Kept] = []
        self.replies: dict[str, str | None] = {}
        self.commands: list[str] = []
        self.connections = 0
        self.over = threading.Event()
        self.context, self.secure, self.password = context, secure, password
        keeper = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                conversation = _Conversation(keeper, self.request)
                try:
                    conversation.run()
                except OSError:
                    return
                finally:
                    conversation.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def url(self, host: str = "127.0.0.1", user: str = "") -> str:
        """Its address, with a user's name and password before the @."""
        return f"{'smtps' if self.secure else 'smtp'}://{user + '@' if user else ''}{host}:{self.port}"

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Conversation:
    def __init__(self, server: MailServer, connection: ssl.SSLSocket) -> None:
        self.server, self.encrypted, self.user = server, False, None
        server.connections += 1
        self._use(connection)

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def run(self) -> None:
        if self.server.secure:
            self._encrypt()
        if not self._answer("CONNECT", "220 mail.example.com ready"):
            return
        sender, to = "", []
        while line := self.file.readline().decode("utf-8", "replace").strip():
            self.server.commands.append(line)
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    going = self._answer("EHLO", self._features())
                case "STARTTLS":
                    going = self._answer("STARTTLS", "220 go ahead")
                    if going and "STARTTLS" not in self.server.replies:
                        self._encrypt()
                case "AUTH":
                    going = self._answer("AUTH", self._login(rest))
                case "MAIL":
                    sender, to = _address(rest), []
                    going = self._answer("MAIL", "250 ok")
                case "RCPT":
                    to.append(_address(rest))
                    name = f"RCPT {to[-1]}" if f"RCPT {to[-1]}" in self.server.replies else "RCPT"
                    going = self._answer(name, "250 ok")
                case "DATA":
                    going = self._answer("DATA", "354 go on") and self._data(sender, to)
                case _:
                    going = self._answer(verb.upper(), "250 ok")
            if not going:
                return

    def _use(self, connection: ssl.SSLSocket) -> None:
        self.connection, self.file = connection, connection.makefile("rb")

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.file.close()
        self._use(self.server.context.wrap_socket(self.connection, server_side=True))
        self.encrypted = True

    def _features(self) -> str:
        offered = ["STARTTLS"] if self.server.context is not None and not self.encrypted else []
        offered += ["AUTH PLAIN"] if self.server.password is not None else []
        lines = ["mail.example.com", *offered]
        return "\r\n".join(f"250{'-' if n < len(lines) - 1 else ' '}{line}" for n, line in enumerate(lines))

    def _login(self, rest: str) -> str:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        if password != self.server.password:
            return "535 5.7.8 wrong password"
        self.user = user
        return "235 ok"

    def _data(self, sender: str, to: list[str]) -> bool:
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if "END" not in self.server.replies:
            self.server.kept.append(Kept(sender, to, b"".join(lines), self.encrypted, self.user))
        return self._answer("END", "250 queued as 42")

    def _answer(self, command: str, usual: str) -> bool:
        said = self.server.replies.get(command, usual)
        if said is None:
            self.server.over.wait()
            return False
        if said:
            self.connection.sendall(f"{said}\r\n".encode())
        return bool(said)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
