"""Templates that a person lets go once for all."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from tests.contract.builders import NOON, a_note, add_effects, effect, ticket_ids, wait_for_a_lock
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.templates import digest
from worker.store import approvals, audit
from worker.store import effects as store
from worker.store.approvals import Approved
from worker.store.database import Database
from worker.store.schema import effects

ANA = "ana@desk.example"
TEXT = "How did we do? {link}\0\ud800"


def survey(n: int, text: str = TEXT, **payload: str) -> Effect:
    return Effect(EffectKind.SURVEY, f"resolution:{n}", {"text": text, "resolution": n, **payload})


def is_approved(db: Database, wanted: Effect) -> bool:
    with db.read() as conn:
        return Approved(conn)(wanted)


class TestAllow:
    def test_what_waits_with_it_is_released_for_its_whole_time(self, db: Database, clock: ManualClock) -> None:
        one, other = ticket_ids(db, 2)
        waiting = [(one, survey(1)), (other, survey(1)), (other, survey(2, "Hm?")), (one, a_note())]
        first, second, different, note = add_effects(db, waiting, state=EffectState.APPROVAL)
        clock.advance(timedelta(hours=20))

        released = approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)

        assert released == [first, second]
        assert effect(db, first).next_at == NOON + timedelta(hours=20)
        assert effect(db, first).expires_at == NOON + timedelta(hours=44)
        assert [effect(db, each).state for each in (second, different, note)] == ["pending", "approval", "approval"]
        (line,) = audit.attempts_of(db, f"e{first}")
        assert (line.outcome, line.detail) == (
            "approved",
            f"{ANA}: template {digest(EffectKind.SURVEY, TEXT)[:12]}",
        )

    def test_the_text_before_filling_in_is_the_template(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, survey(1, "Dear Ada", template=TEXT))], state=EffectState.APPROVAL)

        assert approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA) == [id_]

    def test_what_has_too_many_beside_it_goes_on_waiting(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, survey(1))], state=EffectState.APPROVAL)
        with db.write() as conn:
            conn.execute(update(effects).values(cause="too_many"))

        assert approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA) == []
        assert effect(db, id_).state == "approval"

    def test_new_ones_of_it_are_approved_and_others_not(self, db: Database) -> None:
        approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)

        assert is_approved(db, survey(3))
        assert not is_approved(db, survey(3, "Hm?"))
        assert not is_approved(db, Effect(EffectKind.CLOSING_NOTICE, "closing:1", {"text": TEXT}))
        assert not is_approved(db, a_note())

    def test_it_is_kept_with_who_and_when(self, db: Database) -> None:
        approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)

        (kept,) = approvals.all_approvals(db)

        assert (kept.kind, kept.actor, kept.at, kept.revoked_at) == (EffectKind.SURVEY, ANA, NOON, None)
        assert kept.text == "How did we do? {link}\ufffd\ufffd"


class TestRevoke:
    NAME = digest(EffectKind.SURVEY, TEXT)

    def test_new_ones_wait_again_and_so_does_what_has_not_gone_out(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)
        waiting, done = add_effects(db, [(ticket, survey(1)), (ticket, survey(2))])
        with db.write() as conn:
            conn.execute(update(effects).where(effects.c.id == done).values(state="done"))

        held = approvals.revoke(db, self.NAME, actor="ben@desk.example")

        assert held == [waiting]
        assert [effect(db, each).state for each in (waiting, done)] == ["approval", "done"]
        assert not is_approved(db, survey(3))
        (kept,) = approvals.all_approvals(db)
        assert (kept.revoked_at, kept.revoked_by) == (NOON, "ben@desk.example")
        assert audit.attempts_of(db, f"e{waiting}")[-1].outcome == "held"

    def test_it_can_be_let_go_anew(self, db: Database, clock: ManualClock) -> None:
        approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)
        approvals.revoke(db, self.NAME, actor=ANA)
        clock.advance(60)

        approvals.allow(db, EffectKind.SURVEY, TEXT, actor="ben@desk.example")

        (kept,) = approvals.all_approvals(db)
        assert (kept.actor, kept.at, kept.revoked_at) == ("ben@desk.example", NOON + timedelta(seconds=60), None)
        assert is_approved(db, survey(3))

    def test_what_was_never_approved_stays_as_it_is(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, survey(1))])

        assert approvals.revoke(db, self.NAME, actor=ANA) == []
        assert effect(db, id_).state == "pending"


class TestAtOnce:
    """A wish that is just being stored while a person decides about its template."""

    @pytest.mark.parametrize("is_allowed", [True, False], ids=["revoked", "approved"])
    def test_the_wish_ends_as_the_person_says(self, db: Database, *, is_allowed: bool) -> None:
        (ticket,) = ticket_ids(db)
        if is_allowed:
            approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA)
            decides = threading.Thread(target=lambda: approvals.revoke(db, TestRevoke.NAME, actor=ANA))
        else:
            decides = threading.Thread(target=lambda: approvals.allow(db, EffectKind.SURVEY, TEXT, actor=ANA))

        with db.write() as conn:
            states = EffectState.PENDING if Approved(conn)(survey(1)) else EffectState.APPROVAL
            (wish,) = store.add(conn, [(ticket, survey(1))], states=lambda _: states, now=NOON)
            decides.start()
            wait_for_a_lock(db)
        decides.join()

        assert effect(db, wish).state == ("approval" if is_allowed else "pending")


class TestApproved:
    def test_it_looks_once_and_only_when_asked(self, db: Database) -> None:
        asked: list[str] = []
        with db.read() as conn:
            event.listen(conn, "before_cursor_execute", lambda *said: asked.append(said[2]))
            approved = Approved(conn)

            approved(a_note())
            before = len(asked)
            approved(survey(0))
            first = len(asked)
            for n in range(5):
                approved(survey(n))

        assert (before, len(asked)) == (0, first)
