"""What the nginx that is shipped does when a receiver behind it is away, and what it says of that."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.integration.system import free_port
from tests.nginx import in_front_of
from tests.receiving import WebhookReceiver
from tests.sockets import serving

TOKEN = "a-token-that-opens-the-door"
WEBHOOKS = ("/webhooks/chatwoot", f"/webhooks/chatwoot/{TOKEN}", "/webhooks/email/generic", "/webhooks/form")
ROUNDS = 4  # in turns to each receiver, from each of nginx's processes: one of them meets the one that is away


@contextmanager
def a_receiver_that_dies_at_work() -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what it has read before it hung up on it."""
    read: list[bytes] = []

    with serving(lambda connection: read.append(connection.recv(65536))) as port:
        yield port, read


def posted(url: str, path: str, body: bytes = b"{}") -> int:
    return requests.post(f"{url}{path}", data=body, timeout=10).status_code


@pytest.mark.parametrize("path", [*WEBHOOKS, f"/survey/{TOKEN}"])
def test_what_one_receiver_refuses_another_gets(path: str, tmp_path: Path) -> None:
    with WebhookReceiver() as alive:
        for n in range(ROUNDS):  # each time a fresh nginx, which does not know yet who is away
            with in_front_of(free_port(), tmp_path / str(n), listen=free_port(), others=[alive.port]) as url:
                assert [posted(url, path), posted(url, path)] == [200, 200]

    assert len(alive.got) == 2 * ROUNDS


@pytest.mark.parametrize("path", WEBHOOKS)
def test_a_webhook_whose_receiver_died_over_it_another_gets(path: str, tmp_path: Path) -> None:
    with WebhookReceiver() as alive, a_receiver_that_dies_at_work() as (port, read):
        with in_front_of(port, tmp_path, listen=free_port(), others=[alive.port]) as url:
            answers = [posted(url, path) for _ in range(ROUNDS)]

        assert answers == [200] * ROUNDS
        assert len(alive.got) == ROUNDS and read


def test_a_webhook_whose_receiver_hangs_another_gets(tmp_path: Path) -> None:
    with (
        WebhookReceiver() as alive,
        socket.create_server(("127.0.0.1", 0)) as hangs,
        in_front_of(hangs.getsockname()[1], tmp_path, listen=free_port(), others=[alive.port]) as url,
    ):
        assert posted(url, "/webhooks/chatwoot") == 200

    assert len(alive.got) == 1


def test_an_answer_to_a_survey_is_sent_once(tmp_path: Path) -> None:
    """Each sending of that form is an answer of its own."""
    with WebhookReceiver() as alive, a_receiver_that_dies_at_work() as (port, read):
        with in_front_of(port, tmp_path, listen=free_port(), others=[alive.port]) as url:
            answers = [posted(url, f"/survey/{TOKEN}") for _ in range(ROUNDS)]

        assert len(read) + len(alive.got) == ROUNDS
        assert answers.count(502) == len(read) > 0


@pytest.mark.parametrize("path", [f"/webhooks/chatwoot/{TOKEN}", f"/survey/{TOKEN}"])
@pytest.mark.parametrize("size", [2, 20_000])
def test_a_token_in_the_path_is_never_logged(path: str, size: int, tmp_path: Path) -> None:
    with in_front_of(free_port(), tmp_path, listen=free_port()) as url:
        assert posted(url, path, b"x" * size) == 502
        assert requests.get(url + path, headers={"Referer": url + path}, timeout=10).status_code == 502
        assert posted(url, "/webhooks/chatwoot") == 502
        log = (tmp_path / "nginx.log").read_text()

    assert TOKEN not in log
    assert "Connection refused" in log  # of the path without one


def test_nor_is_it_when_nginx_cannot_keep_a_long_body(tmp_path: Path) -> None:
    with in_front_of(free_port(), tmp_path, listen=free_port()) as url:
        (tmp_path / "nginx-body").rmdir()
        answers = {path: posted(url, path, b"x" * 20_000) for path in WEBHOOKS[:2]}
        log = (tmp_path / "nginx.log").read_text()

    assert set(answers.values()) == {500}
    assert TOKEN not in log
    assert "No such file" in log
