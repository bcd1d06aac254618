"""A template that was let go once for all, from the decision on: what asks for the same words waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import a_message, a_reply, a_snapshot, at
from worker.clock import ManualClock
from worker.config import Settings
from worker.deciding import decide_all
from worker.desk import Desk
from worker.domain.effects import EffectKind
from worker.domain.facts import TicketKey
from worker.domain.templates import template_of
from worker.policy_file import load_policy
from worker.store import approvals, tickets
from worker.store.database import Database
from worker.store.effects import list_effects
from worker.wake import RecordingWaker

ANA = "ana@desk.example"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(data_dir=tmp_path, effects="approve", chatwoot_url="http://chat.example", chatwoot_token="t")
    db = Database.open(settings.database_url, clock=ManualClock(at(60)))
    db.migrate()
    yield Desk(settings=settings, policy=load_policy(None), db=db, wake=RecordingWaker())
    db.dispose()


def survey_of(desk: Desk, number: int) -> str:
    """Resolve another customer's ticket long enough ago; returns where its survey stands."""
    who = replace(a_message().by or pytest.fail(), id=f"{number}", email=f"c{number}@customer.example")
    facts = (
        a_message(0, by=who),
        a_reply(5),
        a_snapshot(0, requester=who),
        a_snapshot(20, "resolved", requester=who),
    )
    key = TicketKey("chatwoot", f"1/{number}")
    with desk.db.write() as conn:
        stored = tickets.lock(conn, [key], now=at(60))[key]
        tickets.add_facts(conn, [(stored.id, fact, "d1") for fact in facts])
        decide_all(conn, desk, [stored], causes={}, now=at(60))
    (survey,) = list_effects(desk.db, kind=EffectKind.SURVEY, ticket=stored.id)
    return survey.state


class TestRelease:
    def test_one_waits_until_its_template_is_let_go_and_again_once_that_is_taken_back(self, desk: Desk) -> None:
        first = survey_of(desk, 1)
        (waiting,) = list_effects(desk.db, kind=EffectKind.SURVEY)
        text = template_of(waiting.kind, waiting.payload)
        assert text is not None

        released = approvals.allow(desk.db, EffectKind.SURVEY, text, actor=ANA)
        second = survey_of(desk, 2)
        (approval,) = approvals.all_approvals(desk.db)
        approvals.revoke(desk.db, approval.template, actor=ANA)
        third = survey_of(desk, 3)

        assert (first, released, second, third) == ("approval", [waiting.id], "pending", "approval")
