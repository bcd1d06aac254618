"""Acting the demo out through the practice Chatwoot's buttons, and noticing what Hookdesk does about it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests

from worker.cli import demo_cast
from worker.cli.demo_cast import REROUTED, SURVEYED, UNANSWERED, Step
from worker.cli.demo_scenes import scenes
from worker.store import effects, tickets
from worker.store.ledger import Ledger, ledger

if TYPE_CHECKING:
    from worker.domain.policy import Policy
    from worker.store.database import Database
    from worker.store.tickets import StoredTicket
    from worker.wake import Publisher

HABITS = {"duplicates": 0.1, "copies": 0.05, "reorder": 0.3, "hold_seconds": 0.6}
LOOK_SECONDS = 0.5
ROSTER_SECONDS = 1.5
QUIET_SECONDS = 1.5  # longer than any webhook is held back
_LINK = re.compile(r"http\S+/survey/\S+")
_SEAL = re.compile(r'name="seal" value="([^"]+)"')
_FIRST_AGENT = 7


class Story:
    """`act` does what is due and returns False once all is told; `say` gets a line for each notable thing."""

    def __init__(
        self,
        db: Database,
        practice_url: str,
        publisher: Publisher,
        policy: Policy,
        *,
        account_id: int,
        say: Callable[[str], None],
    ) -> None:
        self._publisher = publisher
        self.db, self._url, self._account = db, f"{practice_url}/practice", account_id
        self._say = say
        self._session = requests.Session()
        self._session.trust_env = False
        self._plan = demo_cast.plan()
        self._numbers: dict[int, int] = {}  # which of the forty → conversation number
        self._started = time.monotonic()
        self._looked = 0.0
        self._quiet_since = 0.0
        self.scenes = scenes(policy)
        self._asked = ""
        self._away: int | None = None  # the agent who left
        self._is_back = False
        self._asked_who = 0.0

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
        if self._plan or not all(scene.reasons for scene in self.scenes.values()) or not self._is_quiet():
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
        """Which scenes have happened by now, and what people do about them."""
        for scene in self.scenes.values():
            ticket = self._ticket(scene.conversation)
            if ticket is not None and scene.look(self.db, ticket):
                self._say(f"t{ticket.id} {scene.remark}")
                if scene.name in ("breach", "rerouted"):
                    self._apologise(scene.conversation)
        if not self._asked:
            self._answer_survey()
        self._send_agent_away()

    def _apologise(self, conversation: int) -> None:
        number = self._numbers[conversation]
        said = {"text": "Sorry for the delay, we are on it.", "agent": self._agent_of(number)}
        self._call("POST", f"/conversations/{number}/agent", said)

    def _send_agent_away(self) -> None:
        """Who has the conversation goes offline until it has moved; Hookdesk looks each minute, here sooner."""
        scene, ticket = self.scenes["rerouted"], self._ticket(REROUTED)
        record = ticket.ticket if ticket is not None else None
        if self._away is None and record is not None and record.assignee is not None:
            self._away = self._agent_of(self._numbers[REROUTED])
            self._call("POST", f"/agents/{self._away}", {"availability": "offline"})
            self._say(f"{record.assignee.name} leaves, while a customer waits for an answer")
        if self._away is None or self._is_back:
            return
        if scene.reasons:
            self._is_back = True
            self._call("POST", f"/agents/{self._away}", {"availability": "online"})
        elif self.seconds - self._asked_who >= ROSTER_SECONDS:
            self._asked_who = self.seconds
            self._publisher.publish("roster", [])

    def _answer_survey(self) -> None:
        """Find the link Hookdesk posted; open the page, then send the form, as a person does."""
        number = self._numbers.get(SURVEYED)
        said = self._call("GET", f"/conversations/{number}/messages") if number is not None else []
        link = next((found[0] for message in said if (found := _LINK.search(message.get("content") or ""))), "")
        if not link:
            return
        page = self._session.get(link, timeout=5)
        seal = found[1] if (found := _SEAL.search(page.text)) else ""
        said = {"rating": "5", "feedback": "Quick and friendly!", "seal": seal}
        answer = self._session.post(link, data=said, timeout=5)
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
