"""The speed limit over all workers, and each worker's share of it when Redis is away."""

from __future__ import annotations

import fakeredis
import pytest

from worker.clients.rate import AWAY_FOR, Rate


class Time:
    """A clock in seconds that moves when told to."""

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def time() -> Time:
    return Time()


def a_rate(server: fakeredis.FakeServer | None, time: Time, per_second: float = 5, workers: int = 2) -> Rate:
    client = fakeredis.FakeRedis(server=server) if server is not None else None
    return Rate(per_second=per_second, workers=workers, client=client, now=time)


def taken(rate: Rate, times: int) -> int:
    return sum(rate.take() == 0.0 for _ in range(times))


class TestShared:
    def test_all_workers_share_one_limit(self, server: fakeredis.FakeServer, time: Time) -> None:
        one, other = a_rate(server, time), a_rate(server, time)

        granted = taken(one, 4) + taken(other, 4)

        assert granted == 5

    def test_the_next_second_has_its_own(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time)
        taken(rate, 9)

        time.at += 1

        assert taken(rate, 9) == 5

    def test_it_says_how_long_to_wait(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time)
        time.at += 0.25
        taken(rate, 5)

        assert rate.take() == pytest.approx(0.75)

    def test_after_a_429_everybody_goes_half_as_fast_for_a_minute(
        self, server: fakeredis.FakeServer, time: Time
    ) -> None:
        one, other = a_rate(server, time, per_second=10), a_rate(server, time, per_second=10)

        one.slow_down()

        assert taken(other, 20) == 5
        assert fakeredis.FakeRedis(server=server).ttl("hookdesk:rate:chatwoot:slow") == 60

    def test_then_at_full_speed_again(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time, per_second=10)
        rate.slow_down()

        fakeredis.FakeRedis(server=server).delete("hookdesk:rate:chatwoot:slow")
        time.at += 61

        assert taken(rate, 20) == 10

    def test_its_keys_vanish_by_themselves(self, server: fakeredis.FakeServer, time: Time) -> None:
        a_rate(server, time).take()

        redis = fakeredis.FakeRedis(server=server)
        assert [redis.ttl(key) for key in redis.scan_iter()] == [5]

    def test_a_rate_below_one_gets_a_longer_window(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time, per_second=0.5)

        assert taken(rate, 3) == 1
        time.at += 2
        assert taken(rate, 3) == 1


class TestRedisAway:
    def test_each_worker_keeps_to_its_share(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time, per_second=10, workers=2)
        server.connected = False

        assert taken(rate, 20) == 5

    def test_it_is_remembered_for_a_while(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time, per_second=10, workers=2)
        server.connected = False
        rate.take()
        server.connected = True

        time.at += 1
        assert taken(rate, 20) == 5

        time.at += AWAY_FOR
        assert taken(rate, 20) == 10

    def test_a_429_halves_the_share(self, time: Time) -> None:
        rate = a_rate(None, time, per_second=20, workers=2)

        rate.slow_down()

        assert taken(rate, 20) == 5

    def test_a_429_while_it_is_away_does_no_harm(self, server: fakeredis.FakeServer, time: Time) -> None:
        rate = a_rate(server, time, per_second=20, workers=2)
        server.connected = False

        rate.slow_down()

        assert taken(rate, 20) == 5

    def test_a_broker_that_is_no_redis_means_shares(self, time: Time) -> None:
        rate = Rate("amqp://guest@localhost//", per_second=10, workers=5, now=time)

        assert taken(rate, 20) == 2


class TestRate:
    @pytest.mark.parametrize(("per_second", "workers"), [(0, 1), (-1, 1), (1, 0)])
    def test_it_refuses_what_makes_no_sense(self, per_second: float, workers: int) -> None:
        with pytest.raises(ValueError, match="a rate needs"):
            Rate(per_second=per_second, workers=workers)
