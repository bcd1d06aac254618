"""The ticket API as a process of its own, beside a worker and a practice Chatwoot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.system import API_TOKEN, SECRET, System, eventually, free_port
from tests.postgres import PostgresServer
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.store import people, tickets

LENA = {"name": "Lena", "email": "lena@customer.example"}


class Caller:
    """Another system of the same company."""

    def __init__(self, system: System) -> None:
        self._url, self._http = system.api_url, requests.Session()
        self._http.headers["Authorization"] = f"Bearer {API_TOKEN}"

    def __call__(self, method: str, path: str, body: Any = None, *, key: str = "") -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self._http.request(method, f"{self._url}{path}", json=body, headers=headers, timeout=10)

    def use(self, number: int, verb: str, **said: Any) -> requests.Response:
        return self("POST", f"/api/tickets/{number}/{verb}", said)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def calls(start: Callable[..., System]) -> Iterator[Callable[[System], Caller]]:
    made: list[Caller] = []

    def one(system: System) -> Caller:
        made.append(Caller(system))
        return made[-1]

    yield one
    for caller in made:
        caller.close()


class TestTickets:
    def test_a_ticket_goes_all_the_way(
        self, start: Callable[..., System], calls: Callable[[System], Caller], database_url: str
    ) -> None:
        system = start("api", database_url=database_url)
        call = calls(system)
        said = {"subject": "Parcel", "description": "Where is it?", "requester": LENA, "priority": "urgent"}

        created = call("POST", "/api/tickets", said, key="crm-1")
        again = call("POST", "/api/tickets", said, key="crm-1")
        number = created.json()["id"]
        triaged = call("GET", "/api/tickets?status=Open&priority=URGENT").json()["tickets"]
        replied = call.use(number, "reply", text="Which parcel?")
        waiting = call("GET", "/api/tickets?status=waiting").json()["tickets"]
        resolved = call.use(number, "resolve", resolution="Sent again.")
        closed = call.use(number, "close")
        refused = call.use(number, "reopen")

        assert [one.status_code for one in (created, again, replied, resolved, closed)] == [201, 200, 200, 200, 200]
        assert [one["id"] for one in triaged] == [one["id"] for one in waiting] == [number]
        assert closed.json()["status"] == "closed"
        assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
        assert (refused.json()["ticket_status"], refused.json()["legal"]) == ("closed", [])
        assert call("GET", "/api/queue").json()["depth"] == 0
        history = [one["name"] for one in call("GET", f"/api/tickets/{number}").json()["history"]]
        assert history[0] == "ticket.created" and history[-1] == "ticket.closed"
        assert system.stop("api") == 0

    def test_many_at_once_open_each_ticket_once(
        self, start: Callable[..., System], calls: Callable[[System], Caller], database_url: str
    ) -> None:
        system = start("api", database_url=database_url)

        def create(n: int) -> int:
            call = calls(system)
            said = {"description": f"Matter {n % 10}", "requester": LENA}
            return call("POST", "/api/tickets", said, key=f"crm-{n % 10}").status_code

        with ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(create, range(40)))

        assert sorted(codes) == [200] * 30 + [201] * 10
        assert len(tickets.list_tickets(system.db)) == 10
        assert calls(system)("GET", "/api/queue").json()["depth"] == 10

    @pytest.mark.postgres
    def test_a_database_that_goes_away_is_a_503_and_its_return_is_noticed(
        self, start: Callable[..., System], calls: Callable[[System], Caller], own_postgres: PostgresServer
    ) -> None:
        system = start("api", database_url=own_postgres.create("api"))
        call = calls(system)
        assert call("GET", "/api/queue").status_code == 200

        own_postgres.stop()
        away = call("POST", "/api/tickets", {"subject": "x", "requester": LENA}, key="k")
        own_postgres.start()
        back = eventually(
            lambda: (answer := call("POST", "/api/tickets", {"subject": "x", "requester": LENA}, key="k")).ok and answer
        )

        assert (away.status_code, away.json()["code"], away.headers["Retry-After"]) == (503, "unavailable", "2")
        assert back.status_code == 201


class TestChatwoot:
    @pytest.fixture
    def office(self, start: Callable[..., System], tmp_path: Path) -> Iterator[tuple[System, PracticeChatwoot]]:
        """Everything, beside a practice Chatwoot that tells it what happens there."""
        port = free_port()
        settings = {
            "HOOKDESK_CHATWOOT_URL": f"http://127.0.0.1:{port}",
            "HOOKDESK_CHATWOOT_TOKEN": TOKEN,
            "HOOKDESK_EFFECTS": "live",
        }
        system = start("broker", settings=settings)
        webhook = f"{system.url}/webhooks/chatwoot"
        with PracticeChatwoot(port=port, webhook_url=webhook, secret=SECRET) as practice:
            system.start("web", "api", "worker", "scheduler")
            eventually(lambda: _agents(system))
            yield system, practice

    def test_what_is_done_here_shows_there_and_is_not_taken_for_news(
        self, office: tuple[System, PracticeChatwoot], calls: Callable[[System], Caller]
    ) -> None:
        system, practice = office
        call = calls(system)
        conversation = practice.customer_opens("Lena", "lena@customer.example", "Where is my parcel?")
        (stored,) = eventually(lambda: tickets.list_tickets(system.db))
        eventually(system.at_rest)

        assigned = call.use(stored.id, "assign", agent="Jonas Weber")
        eventually(lambda: _assignee(practice, conversation) == "Jonas Weber")  # first it may be whom routing chose
        replied = call.use(stored.id, "reply", text="It is on its way.")
        eventually(lambda: "It is on its way." in _said(practice, conversation))
        resolved = call.use(stored.id, "resolve", resolution="Sent again.")
        eventually(lambda: practice.world.conversation(conversation).status == "resolved")

        assert [one.status_code for one in (assigned, replied, resolved)] == [200, 200, 200]
        eventually(lambda: "set_status" in _done(call, stored.id))
        eventually(system.at_rest)
        shown = call("GET", f"/api/tickets/{stored.id}").json()
        assert (shown["status"], shown["reopen_count"], shown["resolution"]["text"]) == ("resolved", 0, "Sent again.")
        assert (shown["assignee"]["name"], shown["resolution"]["ordinal"]) == ("Jonas Weber", 1)
        assert _said(practice, conversation).count("It is on its way.") == 1


def _agents(system: System) -> bool:
    with system.db.read() as conn:
        return bool(people.roster(conn, lock=False).agents)


def _assignee(practice: PracticeChatwoot, conversation: int) -> str | None:
    agent = practice.world.conversation(conversation).assignee
    return agent.name if agent is not None else None


def _said(practice: PracticeChatwoot, conversation: int) -> list[str]:
    return [message.content or "" for message in practice.world.conversation(conversation).messages]


def _done(call: Caller, number: int) -> set[str]:
    effects = call("GET", f"/api/tickets/{number}").json()["effects"]
    return {one["kind"] for one in effects if one["state"] == "done"}
