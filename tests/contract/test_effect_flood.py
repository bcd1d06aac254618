"""At most twenty effects of one ticket in an hour; what is beyond waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.builders import a_note, a_survey, an_assignment, claimed_effect, effect, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import effects
from worker.store.database import Database
from worker.store.effect_flood import MOST, WITHIN, Parked, park_excess


def asked(
    db: Database, rows: Sequence[tuple[int, Effect]], *, state: EffectState = EffectState.PENDING
) -> tuple[list[int], list[Parked]]:
    """What settling does: add, then look whether it was too much."""
    with db.write() as conn:
        now = db.now(conn)
        new = effects.add(conn, rows, states=lambda _: state, now=now)
        return new, park_excess(conn, new, now=now)


def notes(ticket: int, number: int, *, name: str = "n") -> list[tuple[int, Effect]]:
    return [(ticket, a_note(f"{name}:{n}")) for n in range(number)]


def states(db: Database) -> set[str]:
    return {row.state for row in effects.list_effects(db, limit=100)}


class TestParkExcess:
    def test_the_limit_itself_is_fine(self, db: Database) -> None:
        ticket, other = ticket_ids(db, 2)
        asked(db, notes(other, MOST))

        assert asked(db, notes(ticket, MOST))[1] == []
        assert states(db) == {"pending"}

    def test_what_is_beyond_waits_for_a_person(self, db: Database) -> None:
        ticket, other = ticket_ids(db, 2)
        asked(db, notes(ticket, MOST - 1))
        new, parked = asked(db, [*notes(ticket, 3, name="late"), (other, a_note())])

        last, *late = (id_ for id_ in new if effect(db, id_).ticket_id == ticket)
        (elsewhere,) = (id_ for id_ in new if effect(db, id_).ticket_id == other)
        assert parked == [Parked(id_, ticket, "private_note") for id_ in late]
        assert [(effect(db, id_).state, effect(db, id_).cause) for id_ in late] == [("approval", "too_many")] * 2
        assert [effect(db, id_).state for id_ in (last, elsewhere)] == ["pending"] * 2

    def test_a_reply_that_a_person_wrote_never_waits(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        asked(db, notes(ticket, MOST))

        reply = Effect(EffectKind.REPLY, "act:1", {"text": "Yes.", "actor": "ana"})
        new, parked = asked(db, [(ticket, reply), *notes(ticket, 1, name="late")])

        assert [one.kind for one in parked] == ["private_note"]
        assert effect(db, new[0]).state == "pending"

    def test_what_other_systems_are_told_is_counted_for_each_of_them(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        told = [
            (ticket, Effect(EffectKind.EVENT, f"{target}:{n}", {"target": target, "type": "x", "at": "", "data": {}}))
            for target in ("crm", "shop")
            for n in range(MOST)
        ]

        assert asked(db, [*told, *notes(ticket, MOST)])[1] == []
        assert len(asked(db, [(ticket, replace(told[0][1], decision="crm:late"))])[1]) == 1

    def test_once_over_everything_new_is_parked_and_nothing_old(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        first, _ = asked(db, notes(ticket, MOST))
        again = asked(db, notes(ticket, MOST))
        new, parked = asked(db, notes(ticket, 2, name="late"))

        assert again == ([], [])  # the same decisions are no new effects
        assert [one.id for one in parked] == new
        assert {effect(db, id_).state for id_ in first} == {"pending"}

    def test_an_hour_later_there_is_room_again(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        asked(db, notes(ticket, MOST))
        clock.advance(WITHIN - timedelta(seconds=1))
        assert len(asked(db, notes(ticket, 1, name="soon"))[1]) == 1

        clock.advance(1)
        assert asked(db, notes(ticket, 1, name="later"))[1] == []

    @pytest.mark.parametrize("state", [EffectState.NO_TARGET, EffectState.DRY_RUN])
    def test_what_would_not_be_performed_keeps_its_state(self, db: Database, state: EffectState) -> None:
        (ticket,) = ticket_ids(db)

        assert asked(db, notes(ticket, MOST + 1), state=state)[1] == []
        assert states(db) == {state.value}

    def test_what_waits_for_approval_anyway_says_why(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        asked(db, notes(ticket, MOST))
        (survey,), (parked,) = asked(db, [(ticket, a_survey())], state=EffectState.APPROVAL)

        assert (parked.kind, effect(db, survey).cause) == ("survey", "too_many")

    def test_a_newer_value_supersedes_a_parked_one(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        asked(db, notes(ticket, MOST))
        ((old,), _), ((new,), _) = (asked(db, [(ticket, an_assignment(n))]) for n in (1, 2))

        assert (effect(db, old).state, effect(db, old).cause) == ("cancelled", "superseded")
        assert (effect(db, new).state, effect(db, new).cause) == ("approval", "too_many")

    def test_a_person_may_let_it_go(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        asked(db, notes(ticket, MOST))
        _, (parked,) = asked(db, notes(ticket, 1, name="late"))
        for _ in range(MOST):
            effects.settle(db, claimed_effect(db), state=EffectState.DONE)
        assert effects.claim_one(db) is None

        effects.approve(db, [parked.id], actor="ada")

        assert claimed_effect(db).id == parked.id
        assert effect(db, parked.id).cause is None
