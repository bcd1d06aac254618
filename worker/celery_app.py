"""The Celery application: one function, two roles, and a reason beside each setting."""

from __future__ import annotations

from typing import Any, Literal

from celery import Celery
from kombu import entity
from kombu.transport.virtual import Channel as VirtualChannel

QUEUES = {
    "deliveries": "hookdesk.process_deliveries",
    "effects": "hookdesk.perform_effects",
    "timers": "hookdesk.fire_timers",
    "roster": "hookdesk.refresh_roster",
}
"""Kind of wake-up (and name of its queue) → task."""

PREFIX = "hookdesk:"
AMQP_PREFIX = "hookdesk."
WAKE_SECONDS = 0.25  # a wake-up is a nudge: it may fail, it may not make anyone wait

_WORKER_TRANSPORT: dict[str, Any] = {
    "visibility_timeout": 300,  # longer than any hard task limit, or a running task would be given out twice
    "unacked_restore_interval": 10,  # a dead worker's messages are back after about 10 s ...
    "unacked_restore_throttle": 1,  # ... instead of Celery's usual 100 s
    "socket_timeout": 15,  # a broker that hangs is noticed
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,  # a connection dropped in silence is noticed within about 30 s
    "global_keyprefix": PREFIX,  # a shared Redis stays readable
}
_PRODUCER_TRANSPORT: dict[str, Any] = {
    "socket_timeout": WAKE_SECONDS,
    "socket_connect_timeout": WAKE_SECONDS,
    "max_retries": 0,  # kombu would otherwise retry inside one publish, four times the wait
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "global_keyprefix": PREFIX,  # the same as the worker's, or nothing arrives
}
_AMQP_WORKER_TRANSPORT: dict[str, Any] = {
    "read_timeout": 5,  # the goodbye to a broker that hangs; py-amqp would wait for its answer for ever
    "write_timeout": 5,
}
_AMQP_PRODUCER_TRANSPORT: dict[str, Any] = {
    "confirm_publish": True,  # taken means confirmed: a hanging or full RabbitMQ takes bytes and keeps no message
    "read_timeout": WAKE_SECONDS,
    "write_timeout": WAKE_SECONDS,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
_AMQP_SETTINGS: dict[str, Any] = {
    "broker_heartbeat": 10,  # two missed ones end a connection that was dropped in silence
    "worker_enable_remote_control": False,  # nobody asks; it would be a queue of a kind RabbitMQ gives up
}
_AMQP_QUEUE: dict[str, Any] = {
    "x-queue-type": "quorum",  # kept by a majority of the brokers, through the loss of the others
    "x-delivery-limit": 20,  # RabbitMQ 4's own; a wake-up dropped after it costs nothing, its rows are woken again
}
_SETTINGS: dict[str, Any] = {
    "task_ignore_result": True,  # state lives in SQL; results would be a second thing to lose
    "result_backend": None,
    "task_serializer": "json",
    "accept_content": ["json"],  # pickle from a broker is remote code execution
    "task_acks_late": True,  # a killed worker's wake-up comes back
    "task_reject_on_worker_lost": True,  # also when only the child was killed; attempts are counted in SQL
    "worker_prefetch_multiplier": 1,  # no child hoards wake-ups while another is idle
    "task_time_limit": 60,  # the backstop; tasks set their own, below their lease
    "worker_soft_shutdown_timeout": 20,  # SIGTERM: finish the batch in hand
    "worker_enable_soft_shutdown_on_idle": True,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # the fence makes a second run harmless
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # Celery would give up after 100 tries and exit
    "broker_channel_error_retry": True,
    "worker_consumer": "worker.tasks.consumer:PromptConsumer",  # back within seconds of the broker's return
    "worker_send_task_events": False,  # own metrics; events are lost on every reconnect
    "worker_hijack_root_logger": False,  # structlog writes the log
    "worker_redirect_stdouts": False,
    "task_create_missing_queues": True,
    "task_default_queue": "deliveries",
    "enable_utc": True,
}


def make_app(broker_url: str, role: Literal["worker", "producer"]) -> Celery:
    """A fresh application. `worker` waits for its broker, `producer` gives up within about half a second."""
    app = Celery("hookdesk", broker=broker_url, set_as_current=role == "worker")
    app.conf.update(_SETTINGS)
    if broker_url.startswith("amqp"):
        app.conf.update(_AMQP_SETTINGS, task_queues=[amqp_queue(kind) for kind in QUEUES])
        app.conf.broker_transport_options = _AMQP_WORKER_TRANSPORT if role == "worker" else _AMQP_PRODUCER_TRANSPORT
    else:
        app.conf.broker_transport_options = _WORKER_TRANSPORT if role == "worker" else _PRODUCER_TRANSPORT
    if role == "producer":
        app.conf.update(task_publish_retry=False, broker_pool_limit=1, broker_connection_timeout=0.5)
    app.conf.task_routes = {task: {"queue": queue} for queue, task in QUEUES.items()}
    return app


def amqp_queue(kind: str) -> Any:
    """The queue of one kind of wake-up on a RabbitMQ; inside the application it goes by the kind alone."""
    make: Any = entity  # untyped there
    name = f"{AMQP_PREFIX}{kind}"
    exchange = make.Exchange("hookdesk")
    return make.Queue(name, exchange, name, alias=kind, durable=True, queue_arguments=dict(_AMQP_QUEUE))


def waiting(channel: Any, kind: str) -> int:
    """How many wake-ups of a kind nobody has taken yet, on a channel that knows its queue."""
    if isinstance(channel, VirtualChannel):  # Redis: a queue is a list, and an empty one is not there to be declared
        of_redis: Any = channel  # untyped there
        return int(of_redis._size(kind))
    return int(channel.queue_declare(f"{AMQP_PREFIX}{kind}", passive=True).message_count)
