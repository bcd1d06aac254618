"""An hour in which Chatwoot fails, drags and rate-limits, with more than a hundred tickets that want something of it.

The clock is injected, everything else is real: the store, the practice Chatwoot, a receiver of events. In the end every
effect is done and visible exactly once, or cancelled with a reason; none is lost, doubled, dead or forgotten.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.outgoing import NOTE, SECRET, START, SURVEY, Bench
from tests.receiving import SECRET as EVENT_SECRET
from tests.receiving import Reply, WebhookReceiver
from worker.clients.chatwoot import ChatwootClient
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Person, Routed
from worker.domain.policy import NoticePolicy, Target
from worker.domain.ticket import Resolution, Status, Ticket
from worker.domain.wording import NOT_WANTED
from worker.performers.identity import lasting
from worker.practice.faults import Fault
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.store import effects
from worker.store.effects import StoredEffect

MINUTES, TICKETS_A_MINUTE = 60, 2
MAYA, BILLING = Person("7", "Maya Ortiz"), Person("2", "billing")
ROUTED = Routed(1, START, "rule", BILLING, MAYA, "because")
WRITTEN = (EffectKind.PRIVATE_NOTE, EffectKind.REPLY, EffectKind.SURVEY, EffectKind.CLOSING_NOTICE)
WRONG = ("500", "cut", "500_after_store", "cut_after_store", "message_limit", "html", "503", "429")
SLOW = ("timeout", "timeout_after_store", "drip")

FOR_OPEN = (
    Effect(EffectKind.ASSIGN_TEAM, "routed:1", {"team_id": "2", "team": "billing"}),
    Effect(EffectKind.ASSIGN_AGENT, "routed:1", {"agent_id": "7", "agent": "Maya Ortiz"}),
    NOTE,
    Effect(EffectKind.SET_PRIORITY, "act:1", {"priority": "high"}),
    Effect(EffectKind.ADD_LABELS, "act:1", {"labels": ["refund"]}),
    Effect(EffectKind.SET_ATTRIBUTES, "act:1", {"attributes": {"order": "77120"}}),
    Effect(EffectKind.REPLY, "act:1", {"text": "On it.", "actor": "ana@desk.example"}),
    Effect(EffectKind.OPERATOR_NOTICE, "escalated:1", {"subject": "s", "text": "t", "to": [], "team": None}),
)
FOR_RESOLVED = (
    Effect(EffectKind.SET_STATUS, "act:2", {"status": "resolved"}),
    SURVEY,
    Effect(EffectKind.CLOSING_NOTICE, "closing:1", {"text": "We close this soon.", "resolution": 1}),
    Effect(EffectKind.EVENT, "crm:ticket.resolved:1",
           {"target": "crm", "type": "ticket.resolved", "data": {}, "at": START.isoformat()}),
)  # fmt: skip


class Trouble:
    """One bench, two new tickets a minute, and a Chatwoot whose luck changes every minute."""

    def __init__(self, bench: Bench, receiver: WebhookReceiver, seed: int) -> None:
        self.bench, self.receiver, self.chance = bench, receiver, random.Random(seed)
        bench.draw = self.chance.random
        self.tickets: dict[int, tuple[int, Ticket]] = {}  # by id: the conversation, and the record as it stands

    def one_minute(self, minute: int) -> None:
        """Tickets come, people work, something goes wrong, and time goes by in small steps."""
        for n in range(TICKETS_A_MINUTE):
            self._opens(is_open=n % 2 == 0)
        if minute % 3 == 1:
            self._somebody_acts()
        self.bench.practice.set_faults(*self._faults(minute))
        self.receiver.replies = [Reply(self.chance.choice((200, 500, 503, 429))) for _ in range(8)]
        for _ in range(3):
            self.bench.perform()
            self.bench.clock.advance(20)
        if minute % 20 == 13:
            self._a_worker_dies()

    def _opens(self, *, is_open: bool) -> None:
        conversation, key, ticket_id = self.bench.open()
        ticket = Ticket(
            key, START, START, status=Status.IN_PROGRESS, priority="high", routed=ROUTED, assignment=ROUTED.key
        )
        if not is_open:
            ticket = replace(ticket, status=Status.RESOLVED, resolutions=(Resolution(1, START),))
        self.bench.practice.chat.set_labels(conversation, ["by hand"])
        self.bench.practice.chat.set_custom_attributes(conversation, {"vendor": "by hand"})
        self.bench.store(ticket)
        wanted = list(FOR_OPEN if is_open else FOR_RESOLVED)
        self.chance.shuffle(wanted)
        wanted.sort(key=lambda effect: effect.kind is EffectKind.ASSIGN_AGENT)  # never before its team
        self.bench.add(*wanted, ticket_id=ticket_id)
        self.tickets[ticket_id] = (conversation, ticket)

    def _faults(self, minute: int) -> list[Fault]:
        if minute % 5 == 0:  # it does what it is asked, and says that it failed
            return [Fault(self.chance.choice(("500_after_store", "cut_after_store")), times=None, method="POST")]
        if minute % 20 in (7, 8):  # all of it is down
            return [Fault(self.chance.choice(("500", "503", "429", "401", "cut")), times=None)]
        if minute % 20 == 17:
            return [Fault("429", times=None, retry_after=90)]
        waiting = sorted({self.tickets[row.ticket_id][0] for row in self.bench.live()})
        unlucky = [number for number in waiting if self.chance.random() < 0.4]
        slow = [self._fault(number, SLOW) for number in unlucky[:2]]
        return slow + [self._fault(number, WRONG) for number in unlucky]

    def _fault(self, number: int, kinds: tuple[str, ...]) -> Fault:
        method = self.chance.choice((None, "POST"))
        return Fault(self.chance.choice(kinds), method=method, path=f"/conversations/{number}/")

    def _somebody_acts(self) -> None:
        """The two newest tickets: one is assigned by hand, the other opened again."""
        for ticket_id in sorted(self.tickets)[-4:-2]:
            conversation, ticket = self.tickets[ticket_id]
            if ticket.resolutions:
                again = replace(ticket.resolutions[0], reopened_at=self.bench.clock.now())
                ticket = replace(ticket, status=Status.IN_PROGRESS, resolutions=(again,))
            else:
                ticket = replace(ticket, assignee=Person("8", "Jonas"), assignee_by="source")
            self.bench.store(ticket)
            self.tickets[ticket_id] = (conversation, ticket)

    def _a_worker_dies(self) -> None:
        """Between the call and its settling: the message is there, and nobody knows."""
        self.bench.practice.set_faults()
        killed = effects.claim_one(self.bench.db)
        if killed is not None and killed.kind in WRITTEN:
            number, marker = (
                self.tickets[killed.ticket_id][0],
                f"{'r' if killed.kind is EffectKind.REPLY else 'e'}{killed.id}",
            )
            if not self.bench.practice.messages_marked(marker):
                self.bench.client.create_message(number, "then it died", private=True, marker=marker)
        self.bench.clock.advance(61)
        effects.reap(self.bench.db)

    def all(self) -> list[StoredEffect]:
        return effects.list_effects(self.bench.db, limit=10_000)

    def messages(self, conversation: int) -> list[str]:
        held = self.bench.practice.world.conversation(conversation).messages
        return [m.content_attributes["hookdesk"] for m in held if "hookdesk" in m.content_attributes]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path, receiver: WebhookReceiver) -> Iterator[Bench]:
    clock = ManualClock(START)
    with PracticeChatwoot(clock=clock, stall_seconds=1, sender_threads=1, requests_per_minute=45) as practice:
        made = Bench(tmp_path, practice, clock)
        made.client.close()
        made.client = ChatwootClient(practice.url, 1, TOKEN, clock=clock, total_seconds=0.2)
        made.settings = replace(
            made.settings,
            event_secrets=(("crm", EVENT_SECRET),),
            notice_secrets=(EVENT_SECRET,),
            link_secrets=(SECRET,),
        )
        made.policy = replace(
            made.policy,
            targets=(Target("crm", receiver.url, allow_private=True),),
            notices=NoticePolicy(webhook=f"{receiver.url}/notice", allow_private=True),
        )
        yield made
        made.close()


def marker_of_row(row: StoredEffect) -> str:
    return f"{'r' if row.kind is EffectKind.REPLY else 'e'}{row.id}"


class TestHourOfTrouble:
    def test_every_effect_ends_visible_once_or_cancelled_with_a_reason(
        self, bench: Bench, receiver: WebhookReceiver
    ) -> None:
        trouble = Trouble(bench, receiver, seed=20_260_618)
        for minute in range(MINUTES):
            trouble.one_minute(minute)
        unsettled = len(bench.live())

        bench.practice.set_faults()
        receiver.replies = [Reply()]
        bench.run(hours=48)

        rows = trouble.all()
        assert len(trouble.tickets) == 120
        assert {row.kind for row in rows} == set(EffectKind)
        assert {row.state for row in rows} == {"done", "cancelled"}
        assert unsettled > 20
        assert sum(row.result == {"found": marker_of_row(row)} for row in rows if row.kind in WRITTEN) > 5
        self.each_message_once(trouble, rows)
        self.each_value_set(trouble, rows)
        assert all(row.cause == "stale" and row.detail in NOT_WANTED.values() for row in rows if row.state != "done")
        assert {got.headers["webhook-id"] for got in receiver.got} == {
            f"evt_{lasting(row)}" for row in rows if row.lane in ("notice", "event:crm")
        }

    def each_message_once(self, trouble: Trouble, rows: list[StoredEffect]) -> None:
        """What is done is there once, what is cancelled is not, and each ticket's are in the order they were wanted."""
        for ticket_id, (conversation, _) in trouble.tickets.items():
            mine = sorted(
                (row for row in rows if row.ticket_id == ticket_id and row.kind in WRITTEN), key=lambda r: r.id
            )
            assert trouble.messages(conversation) == [marker_of_row(row) for row in mine if row.state == "done"]

    def each_value_set(self, trouble: Trouble, rows: list[StoredEffect]) -> None:
        """Nobody's labels and attributes were lost, and everything done shows."""
        done = {(row.ticket_id, row.kind) for row in rows if row.state == "done"}
        for ticket_id, (conversation, _) in trouble.tickets.items():
            held = trouble.bench.practice.world.conversation(conversation)
            is_set = {kind for kind in EffectKind if (ticket_id, kind) in done}
            assert held.labels == ["by hand", "refund"][: 2 if EffectKind.ADD_LABELS in is_set else 1]
            assert held.custom_attributes["vendor"] == "by hand"
            assert ("order" in held.custom_attributes) == (EffectKind.SET_ATTRIBUTES in is_set)
            assert (held.priority == "high") == (EffectKind.SET_PRIORITY in is_set)
            if EffectKind.ASSIGN_AGENT in is_set:
                assert (held.team and held.team.id, held.assignee and held.assignee.id) == (2, 7)
            if EffectKind.SET_STATUS in is_set:
                assert held.status == "resolved"
