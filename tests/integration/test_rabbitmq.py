"""What is RabbitMQ's alone: quorum queues, its memory alarm, its limit of deliveries, and what doctor says of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.integration.system import System, eventually
from tests.integration.test_crash_loses_nothing import SHORT_LEASE, conversation
from tests.integration.test_outages import ALL, timed_post
from tests.rabbitmq import RabbitServer
from worker.broker_look import look
from worker.celery_app import QUEUES
from worker.store import letters

pytestmark = pytest.mark.only_on("rabbitmq", "quorum queues, alarms and the limit of deliveries are its own")


def broker_line(system: System) -> tuple[str, str]:
    """What `hookdesk doctor` says of the broker."""
    command = [sys.executable, "-m", "worker.cli.main", "doctor", "--json"]
    done = subprocess.run(command, env=system.env, cwd=system.root, capture_output=True, text=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    (found,) = [line for line in lines if line["check"] == "broker"]
    return found["state"], found["message"]


class TestQueues:
    def test_there_are_four_of_the_quorum_kind_and_no_others(
        self, start: Callable[..., System], rabbitmq: RabbitServer
    ) -> None:
        system = start("broker", "worker")

        eventually(lambda: rabbitmq.ctl("list_queues", "consumers").count("1") == len(QUEUES), within=60)
        listed = [line.split("\t") for line in rabbitmq.ctl("list_queues", "name", "type", "durable").splitlines()[1:]]

        assert sorted(listed) == sorted([f"hookdesk.{kind}", "quorum", "true"] for kind in QUEUES)
        assert system.is_alive("worker")


class TestAlarm:
    @pytest.fixture
    def alarm(self, rabbitmq: RabbitServer) -> Iterator[Callable[[], None]]:
        yield lambda: rabbitmq.ctl("set_vm_memory_high_watermark", "0") and None
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")

    def test_answers_stay_fast_and_the_scheduler_stands_in(
        self, start: Callable[..., System], rabbitmq: RabbitServer, alarm: Callable[[], None]
    ) -> None:
        system = start(*ALL)
        eventually(lambda: timed_post(system, 1) < 1.0)
        alarm()

        slowest = max(timed_post(system, 100 + n) for n in range(20))

        assert slowest < 1.0
        eventually(lambda: system.ledger().processed >= 20, within=30, what="processed without a broker")
        eventually(lambda: "stood_in_for_broker" in system.log_of("scheduler"))
        assert broker_line(system)[0] == "fail"
        assert "its memory or disk alarm is on" in broker_line(system)[1]
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
        eventually(lambda: "broker_back" in system.log_of("scheduler"), within=30)
        assert broker_line(system) == ("ok", "answers and takes messages")
        assert system.ledger().difference == 0


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


class TestDeliveryLimit:
    @pytest.fixture
    def one_more(self, rabbitmq: RabbitServer) -> Iterator[Callable[[], None]]:
        policy = json.dumps({"delivery-limit": 1})
        yield lambda: rabbitmq.ctl("set_policy", "few", "^hookdesk", policy, "--apply-to", "queues") and None
        rabbitmq.ctl("clear_policy", "few")

    def test_a_wake_up_that_rabbitmq_drops_is_none_the_work_depends_on(
        self, start: Callable[..., System], one_more: Callable[[], None]
    ) -> None:
        system = start("broker", "web", "scheduler", settings=SHORT_LEASE)
        one_more()
        system.start("worker", HOOKDESK_FAILPOINT="process.read", HOOKDESK_FAILPOINT_BODY="kill the worker, please")
        poison = conversation(3666)
        poison["custom_attributes"] = {"wish": "kill the worker, please"}

        assert system.post(poison).status_code == 200
        assert system.post(conversation(3001)).status_code == 200

        eventually(lambda: system.ledger().dead == 1, within=60)
        eventually(system.at_rest, within=60)
        assert [dead.cause for dead in letters.list_deliveries(system.db, state="dead")] == ["poison"]
        assert (system.ledger().processed, system.ledger().difference) == (1, 0)
