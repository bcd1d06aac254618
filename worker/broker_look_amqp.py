"""The same look at a RabbitMQ: queue lengths, and a message that no queue wants, confirmed all the same."""

from __future__ import annotations

from typing import Any

import amqp
from amqp.exceptions import AccessRefused, NotAllowed, NotFound
from kombu import connection as kombu_connection

from worker.celery_app import AMQP_PREFIX, QUEUES

_PROBE = f"{AMQP_PREFIX}probe"
_BLOCKED = "it answers, and takes no messages: its memory or disk alarm is on"


class AmqpLook:
    """One connection, made and closed. `blocked`: the server said that it takes nothing from publishers just now."""

    def __init__(self, url: str, *, seconds: float) -> None:
        self.blocked = False
        self.lengths: dict[str, int] = {}
        self._url, self._seconds = url, seconds

    def take(self) -> str | None:
        """Fills `lengths`; returns the trouble, or None. Never raises for what a server can do wrong."""
        connection: Any = None
        try:
            connection = self._connect()
            self.lengths = {kind: _length(connection, f"{AMQP_PREFIX}{kind}") for kind in QUEUES}
            connection.channel().basic_publish(
                amqp.Message(""), routing_key=_PROBE, timeout=self._seconds, confirm_timeout=self._seconds
            )
            connection.close()  # its answer comes after what the server had to say about blocking
        except (*amqp.Connection.connection_errors, *amqp.Connection.channel_errors, ValueError) as exc:
            if connection is not None:
                connection.collect()
            return self._trouble(exc)
        return _BLOCKED if self.blocked else None

    def _connect(self) -> Any:
        options = {
            "confirm_publish": True,
            "read_timeout": self._seconds,
            "write_timeout": self._seconds,
            "on_blocked": self._on_blocked,
        }
        parse: Any = kombu_connection.Connection  # untyped there; it knows the urls and every default
        parsed = parse(self._url, connect_timeout=self._seconds, transport_options=options)
        return parsed.transport.establish_connection()  # one try: kombu's own connect() repeats after two seconds

    def _on_blocked(self, _reason: str) -> None:
        self.blocked = True

    def _trouble(self, exc: Exception) -> str:
        said = str(exc).strip().rstrip(".")
        match exc:
            case _ if self.blocked:
                return _BLOCKED
            case AccessRefused() | NotAllowed():
                return f"authentication failed ({exc.reply_text.rstrip('.')})"
            case TimeoutError():
                return f"timed out after {self._seconds:g} s: it hangs, or the network drops packets"
            case OSError():
                return exc.strerror or said
            case _:
                return f"it answers, and refuses ({said})"


def _length(connection: Any, queue: str) -> int:
    """Messages that wait; 0 where nobody has made the queue yet."""
    channel = connection.channel()  # of its own: a refused declaration closes it
    try:
        waiting = int(channel.queue_declare(queue, passive=True).message_count)
    except NotFound:
        return 0
    channel.close()
    return waiting
