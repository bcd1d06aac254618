"""What is RabbitMQ's alone: quorum queues, and a look that finds out what is the matter with it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.integration.system import System, eventually
from tests.integration.test_crash_loses_nothing import conversation
from tests.rabbitmq import RabbitServer
from worker.broker_look import look
from worker.celery_app import QUEUES

pytestmark = [pytest.mark.rabbitmq, pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)]


class TestQueues:
    def test_there_are_four_of_the_quorum_kind_and_no_others(
        self, start: Callable[..., System], rabbitmq: RabbitServer
    ) -> None:
        system = start("broker", "worker")

        eventually(lambda: rabbitmq.ctl("list_queues", "consumers").count("1") == len(QUEUES), within=60)
        listed = [line.split("\t") for line in rabbitmq.ctl("list_queues", "name", "type", "durable").splitlines()[1:]]

        assert sorted(listed) == sorted([f"hookdesk.{kind}", "quorum", "true"] for kind in QUEUES)
        assert system.is_alive("worker")


class TestLook:
    def test_it_tells_what_waits_and_what_is_the_matter(
        self, start: Callable[..., System], rabbitmq: RabbitServer
    ) -> None:
        system = start("broker", "web")
        assert system.post(conversation(1)).status_code == 200

        seen = eventually(lambda: (one := look(rabbitmq.url, seconds=1)).lengths.get("deliveries") and one)
        stranger = look(rabbitmq.url.replace(":guest@", ":not-guest@"), seconds=1)
        rabbitmq.signal(signal.SIGSTOP)
        hanging = look(rabbitmq.url, seconds=0.1)
        rabbitmq.signal(signal.SIGCONT)

        assert (seen.trouble, seen.doubt, seen.lengths["timers"]) == (None, None, 0)
        assert stranger.trouble is not None
        assert stranger.trouble.startswith("authentication failed")
        assert hanging.trouble == "timed out after 0.1 s: it hangs, or the network drops packets"
