"""Calling a WSGI application with what an ASGI server has read."""

from __future__ import annotations

from tests.unit.webhooks.asgi import scope_of
from tests.unit.webhooks.senders import Sent
from worker.wsgi import environ_of, headers_of


class TestWsgi:
    def test_repeated_headers_are_joined_and_odd_bytes_survive(self) -> None:
        headers = headers_of({"headers": [(b"X-A", b"1"), (b"x-a", b"2"), (b"x-b", b"\xff")]})

        assert headers == {"x-a": "1,2", "x-b": "\xff"}

    def test_the_environment_is_complete(self) -> None:
        environ = environ_of(scope_of(Sent("/é", b"")), {"content-type": "a/b", "x-y": "1"}, b"body")

        assert (environ["PATH_INFO"], environ["CONTENT_TYPE"], environ["HTTP_X_Y"]) == ("/Ã©", "a/b", "1")
        assert (environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == ("4", b"body")
