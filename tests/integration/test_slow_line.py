"""A line to PostgreSQL on which one large body takes longer than any answer may."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.contract.builders import a_receipt
from tests.integration.system import eventually
from tests.postgres import PostgresServer
from tests.sockets import serving
from tests.unit.webhooks.spooling import keep
from webhooks.door import open_door
from webhooks.spool import Spool, count, directory_of
from worker.config import Settings
from worker.store.database import Database
from worker.store.ledger import ledger

CHUNK = 64 << 10
BODY_BYTES = 12 << 20
BYTES_PER_SECOND = 5 << 18  # ten seconds for the body, where an answer may take five


@pytest.mark.postgres
def test_what_was_spooled_comes_back_all_the_same(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create("slow_line")
    near = Database.open(url)
    near.migrate()
    folder = directory_of(tmp_path)
    spool = Spool(folder, max_bytes=1 << 30)
    spool.open()
    keep(spool, a_receipt(body=os.urandom(BODY_BYTES)))
    keep(spool, a_receipt())
    spool.close()

    with slow_line(url) as far:
        door = open_door(Settings(data_dir=tmp_path, database_url=far), wake=lambda _ids: None)
        try:
            eventually(lambda: ledger(near).received == 2, within=60, what="both came back")
            eventually(lambda: count(folder) == 0, what="the spool is empty")
        finally:
            door.close()
    near.dispose()


@contextmanager
def slow_line(url: str) -> Iterator[str]:
    """A way to this database that takes only so much a second."""
    place = make_url(url)

    def pump(source: socket.socket, target: socket.socket, bytes_per_second: float) -> None:
        with source, suppress(OSError):  # the other side may have gone
            while chunk := source.recv(CHUNK):
                target.sendall(chunk)
                time.sleep(len(chunk) / bytes_per_second)
            target.shutdown(socket.SHUT_WR)

    def relay(connection: socket.socket) -> None:
        client, server = connection.dup(), socket.create_connection((place.host, place.port))
        for source, target, rate in ((client, server, BYTES_PER_SECOND), (server, client, float("inf"))):
            threading.Thread(target=pump, args=(source, target, rate), daemon=True).start()

    with serving(relay, receive_buffer=CHUNK) as port:
        yield place.set(port=port).render_as_string(hide_password=False)
