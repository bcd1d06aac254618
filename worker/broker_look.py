"""One look at a broker: would it take a wake-up, and if not, what is the matter?"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RefusedError
from redis.exceptions import TimeoutError as HangingError

from worker.celery_app import PREFIX, QUEUES

_PROBE = f"{PREFIX}probe"
_PROBE_SECONDS = 60
_KEEPS_ALL = "noeviction"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. `trouble`: why it takes no wake-up, None when it does; `doubt`: takes them and may drop them."""

    trouble: str | None
    doubt: str | None
    lengths: Mapping[str, int]


def can_look(url: str | None) -> bool:
    """Whether it is a broker that can be looked at: all but a Redis behind a socket file."""
    return url is not None and url.startswith(("redis://", "rediss://", "amqp://", "amqps://"))


def look(url: str, *, seconds: float) -> Look:
    """Read the queues and give the server something to take: one that is full or read-only answers, and refuses that.

    Never raises for what a server can do wrong."""
    if not url.startswith("amqp"):
        return _look_at_redis(url, seconds=seconds)
    from worker.broker_look_amqp import AmqpLook  # only who has a RabbitMQ needs its library

    seen = AmqpLook(url, seconds=seconds)
    trouble = seen.take()
    return Look(trouble, None, seen.lengths)


def _look_at_redis(url: str, *, seconds: float) -> Look:
    """One key that expires by itself is what it is given."""
    lengths: dict[str, int] = {}
    try:
        with Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds) as client:
            lengths = {queue: int(client.llen(PREFIX + queue)) for queue in QUEUES}
            client.set(_PROBE, "", ex=_PROBE_SECONDS)
            return Look(None, _doubt(client), lengths)
    except (RedisError, OSError, ValueError) as exc:
        return Look(_trouble(exc, seconds), None, lengths)


def _doubt(client: Redis) -> str | None:
    policy = _KEEPS_ALL
    with contextlib.suppress(ResponseError):  # a hosted one may not tell
        policy = str(client.info("memory").get("maxmemory_policy", _KEEPS_ALL))
    if policy == _KEEPS_ALL:
        return None
    return f"its maxmemory-policy is {policy}: when it is full it throws wake-ups away; set {_KEEPS_ALL}"


def _trouble(exc: Exception, seconds: float) -> str:
    said = str(exc).strip().rstrip(".")
    match exc:
        case AuthenticationError():
            return f"authentication failed ({said})"
        case HangingError():
            return f"timed out after {seconds:g} s: it hangs, or the network drops packets"
        case RefusedError():
            return said
        case _:
            return f"it answers, and refuses writes ({said})"
