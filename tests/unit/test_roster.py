"""Refreshing the roster: what Chatwoot says about its agents, stored for routing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outgoing import Bench, a_bench
from worker.clients.deadline import left
from worker.domain.routing import Roster
from worker.errors import TransientError
from worker.practice.faults import Fault
from worker.roster import HASTY_SECONDS, refresh_if_stale, refresh_roster
from worker.store import breakers, people
from worker.store.breaker_trip import trip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        yield made


def stored(bench: Bench) -> Roster:
    with bench.db.read() as conn:
        return people.roster(conn, lock=False)


class TestRefresh:
    def test_it_stores_who_there_is_and_who_is_online(self, bench: Bench) -> None:
        assert refresh_roster(bench.db, bench.client, bench.policy) == 5

        roster = stored(bench)
        maya = next(agent for agent in roster.agents if agent.person.name == "Maya Ortiz")
        assert (maya.person.id, maya.availability, maya.role) == ("7", "online", "agent")
        assert maya.team_ids == ("1", "2")
        assert [team.name for team in roster.teams] == ["support", "billing", "technical"]
        assert roster.refreshed_at == bench.clock.now()

    def test_it_follows_changes(self, bench: Bench) -> None:
        refresh_roster(bench.db, bench.client, bench.policy)
        bench.practice.set_availability(7, "busy")
        del bench.practice.world.agents[10]
        bench.practice.world.teams.pop(3)
        bench.practice.world.teams.pop(1)

        refresh_roster(bench.db, bench.client, bench.policy)

        assert {agent.person.id: agent.availability for agent in stored(bench).agents} == {
            "1": "offline",
            "7": "busy",
            "8": "online",
            "9": "busy",
        }

    def test_when_chatwoot_fails_the_old_one_stays(self, bench: Bench) -> None:
        refresh_roster(bench.db, bench.client, bench.policy)
        before = stored(bench)
        bench.clock.advance(60)
        bench.practice.set_faults(Fault("500", path="/team_members"))

        with pytest.raises(TransientError):
            refresh_roster(bench.db, bench.client, bench.policy)

        assert stored(bench) == before


class TestLeftAlone:
    """While Chatwoot's circuit is open because it hangs, others' effects must not wait for the roster either."""

    @pytest.fixture
    def calls(self, bench: Bench) -> list[float]:
        """How long each call to Chatwoot may take."""
        made: list[float] = []
        teams = bench.client.teams
        bench.client.teams = lambda: (made.append(left()), teams())[1]  # type: ignore[method-assign]
        return made

    def test_a_refresh_in_passing_waits_until_it_is_over(self, bench: Bench, calls: list[float]) -> None:
        trip(bench.db, "chatwoot", "timeout")
        refresh_if_stale(bench.db, bench.client, bench.policy)
        assert calls == []

        bench.clock.advance(31)
        breakers.record(bench.db, "chatwoot", breakers.state(bench.db, "chatwoot").is_probe)
        refresh_if_stale(bench.db, bench.client, bench.policy)
        assert len(calls) == 1
        assert len(stored(bench).agents) == 5

    def test_the_one_of_each_minute_has_only_a_moment(self, bench: Bench, calls: list[float]) -> None:
        trip(bench.db, "chatwoot", "timeout")

        assert refresh_roster(bench.db, bench.client, bench.policy) == 5

        assert calls[0] <= HASTY_SECONDS
