"""Acting the demo out through the practice Chatwoot's buttons, and noticing what Hookdesk does about it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests

from worker.cli import demo_cast
from worker.cli.demo_cast import SURVEYED, UNANSWERED, Step
from worker.store import effects, tickets
from worker.store.ledger import Ledger, ledger

if TYPE_CHECKING:
    from worker.store.database import Database
    from worker.store.tickets import StoredTicket

HABITS = {"duplicates": 0.1, "copies": 0.05, "reorder": 0.3, "hold_seconds": 0.6}
LOOK_SECONDS = 0.5
QUIET_SECONDS = 1.5  # longer than any webhook is held back
_LINK = re.compile(r"http\S+/survey/\S+")
_FIRST_AGENT = 7


class Story:
    """`act` does what is due and returns False once all is told; `say` gets a line for each notable thing."""

    def __init__(self, db: Database, practice_url: str, *, account_id: int, say: Callable[[str], None]) -> None:
        self.db, self._url, self._account = db, f"{practice_url}/practice", account_id
        self._say = say
        self._session = requests.Session()
        self._session.trust_env = False
        self._plan = demo_cast.plan()
        self._numbers: dict[int, int] = {}  # which of the forty → conversation number
        self._started = time.monotonic()
        self._looked = 0.0
        self._quiet_since = 0.0
        self.breached: StoredTicket | None = None
        self.surveyed: StoredTicket | None = None
        self._asked = ""

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._started

    def begin(self) -> None:
        """Give the practice Chatwoot the habits of the real one: repetitions, copies, disorder."""
        self._call("PUT", "/faults", {"sending": HABITS})
        self._started = time.monotonic()

    def act(self) -> bool:
        """One turn; call it often."""
        while self._plan and self._plan[0].at <= self.seconds:
            self._do(self._plan.pop(0))
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._look()
        if self._plan or self.breached is None or self.surveyed is None or not self._is_quiet():
            self._quiet_since = self.seconds
        return self.seconds - self._quiet_since < QUIET_SECONDS

    def tickets(self) -> list[StoredTicket]:
        """All tickets there are."""
        return tickets.list_tickets(self.db, limit=1000)

    def books(self) -> Ledger:
        """The ledger of this moment."""
        return ledger(self.db)

    def effects(self) -> Counter[str]:
        """How many effects are in which state."""
        return Counter(row.state for row in effects.list_effects(self.db, limit=10_000))

    def _do(self, step: Step) -> None:
        who = demo_cast.customer(step.conversation)
        if step.action == "open":
            self._numbers[step.conversation] = self._call("POST", "/conversations", who)["id"]
            if step.conversation % 8 == 0 or step.conversation == UNANSWERED:
                self._say(f"{who['name']} writes: {who['text']}")
            return
        number = self._numbers[step.conversation]
        said: dict[str, Any] = {"text": step.text}
        if step.action == "agent":
            said["agent"] = self._agent_of(number)
        self._call("POST", f"/conversations/{number}/{step.action}", said)
        if step.remark:
            self._say(step.remark)

    def _look(self) -> None:
        """The two things that wait for Hookdesk."""
        if self.breached is None and (ticket := self._ticket(UNANSWERED)) is not None:
            record = ticket.ticket
            if record is not None and any(clock.breached_at for clock in record.clocks):
                self.breached = ticket
                number = self._numbers[UNANSWERED]
                self._say(f"t{ticket.id} breaches its first response: nobody answered in time (on purpose)")
                said = {"text": "Sorry for the delay, we are on it.", "agent": self._agent_of(number)}
                self._call("POST", f"/conversations/{number}/agent", said)
        if not self._asked:
            self._answer_survey()
        elif self.surveyed is None and (ticket := self._ticket(SURVEYED)) is not None and _answers(ticket):
            self.surveyed = ticket
            self._say(f"t{ticket.id}: the answer is recorded")

    def _answer_survey(self) -> None:
        """Find the link Hookdesk posted; open the page, then send the form, as a person does."""
        number = self._numbers.get(SURVEYED)
        said = self._call("GET", f"/conversations/{number}/messages") if number is not None else []
        link = next((found[0] for message in said if (found := _LINK.search(message.get("content") or ""))), "")
        if not link:
            return
        page = self._session.get(link, timeout=5)
        answer = self._session.post(link, data={"rating": "5", "feedback": "Quick and friendly!"}, timeout=5)
        self._asked = link
        self._say(f"the survey arrived; the customer opens it ({page.status_code}) and answers ({answer.status_code})")

    def _agent_of(self, number: int) -> int:
        ticket = tickets.by_key(self.db, self._key(number))
        assignee = ticket.ticket.assignee if ticket is not None and ticket.ticket is not None else None
        return int(assignee.id) if assignee is not None and assignee.id else _FIRST_AGENT

    def _ticket(self, conversation: int) -> StoredTicket | None:
        number = self._numbers.get(conversation)
        return None if number is None else tickets.by_key(self.db, self._key(number))

    def _key(self, number: int) -> Any:
        from worker.domain.facts import TicketKey

        return TicketKey("chatwoot", f"{self._account}/{number}")

    def _is_quiet(self) -> bool:
        """Nothing left to process or to send."""
        books = self.books()
        if books.pending or books.processing or books.retry or len(self.tickets()) < len(self._numbers):
            return False
        return not self.effects().keys() & {"pending", "retry", "performing"}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, self._url + path, json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()


def _answers(stored: StoredTicket) -> bool:
    return stored.ticket is not None and bool(stored.ticket.answers)
