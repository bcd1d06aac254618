"""One HTTP exchange with a JSON API: bounded in time and size, and every failure one of ours."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from worker import log, metrics
from worker.clients.deadline import DeadlineAdapter, ending_at, left
from worker.clients.rate import Rate
from worker.clock import Clock, SystemClock
from worker.errors import AccessError, PermanentError, TransientError, WorkError

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 20.0
LARGEST_ANSWER = 32 * 1024 * 1024  # `updated_within` answers unpaged; more than this is not a list we asked for
OWN_RATE = "own_rate"
_CHUNK = 64 * 1024
_SECONDS = re.compile(r"\s*-?[0-9]+\s*")
_WAITS_AGAIN = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status and the whole, bounded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises TransientError("bad_answer") for anything else, such as a proxy's HTML page."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as exc:
            message = f"expected JSON, got {self.headers.get('Content-Type', 'no content type')}"
            raise TransientError("bad_answer", message, status=self.status) from exc


class NoAuth(AuthBase):
    """Keeps requests from adding credentials of its own from ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Direct(requests.Session):
    """Goes straight to the configured address: a proxy of the environment would be given the token."""

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """What the environment says of certificates holds, for a Chatwoot inside; what it says of proxies does not."""
        return {**super().merge_environment_settings(*args, **kwargs), "proxies": {}}


def open_session(headers: Mapping[str, str]) -> requests.Session:
    """A session that obeys `ending_at`, uses no proxy, sends these headers and no credentials of its own."""
    session = _Direct()
    session.mount("http://", DeadlineAdapter())
    session.mount("https://", DeadlineAdapter())
    session.auth = NoAuth()
    session.headers.update(headers)
    return session


class Exchange:
    """Calls one base address with one session. Raises only worker.errors.

    TransientError causes: timeout, unreachable, cut, rate_limited, message_limit, unavailable, server_error,
    bad_answer, own_rate. AccessError: 401, 403, 404 and redirects. PermanentError: every other refusal.
    """

    def __init__(
        self,
        base_url: str,
        session: requests.Session,
        *,
        dependency: str,
        rate: Rate | None = None,
        clock: Clock | None = None,
        total_seconds: float = TOTAL_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base, self._session, self._dependency = base_url.rstrip("/"), session, dependency
        self._rate, self._clock, self._total, self._sleep = rate, clock or SystemClock(), total_seconds, sleep

    def call(self, method: str, path: str, *, params: Any = None, body: Any = None) -> Answer:
        """One exchange within the total time. A GET whose connection failed is repeated once, at once."""
        with ending_at(time.monotonic() + self._total):
            if method != "GET":
                return self._once(method, path, params, body)
            again = Retrying(stop=stop_after_attempt(2), retry=retry_if_exception(_is_cut), reraise=True)
            return again(self._once, method, path, params, body)

    def _once(self, method: str, path: str, params: Any, body: Any) -> Answer:
        self._wait_for_turn()
        started, outcome = time.monotonic(), "error"
        try:
            answer = self._send(method, path, params, body)
            failure = failure_of(answer, now=self._clock.now().timestamp())
            if failure is not None:
                raise failure
            outcome = "ok"
            return answer
        except TransientError as exc:
            outcome = {"timeout": "timeout", "rate_limited": "throttled"}.get(exc.cause, "error")
            if exc.cause == "rate_limited" and self._rate is not None:
                self._rate.slow_down()
            raise
        finally:
            metrics.OUTBOUND_REQUESTS.labels(self._dependency, outcome).inc()
            metrics.OUTBOUND_DURATION.labels(self._dependency).observe(time.monotonic() - started)

    def _wait_for_turn(self) -> None:
        while self._rate is not None and (pause := self._rate.take()) > 0:
            try:
                if pause > left():
                    raise TimeoutError
            except TimeoutError as exc:
                raise TransientError(OWN_RATE, "no call was free in time", retry_after=pause) from exc
            self._sleep(pause)

    def _send(self, method: str, path: str, params: Any, body: Any) -> Answer:
        try:
            seconds = left()
            with self._session.request(
                method,
                f"{self._base}{path}",
                params=params,
                json=body,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers, _read(response))
        except (requests.Timeout, TimeoutError) as exc:
            raise TransientError("timeout", f"no answer within {self._total:g} s") from exc
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise broken(exc) from exc


def broken(exc: Exception) -> WorkError:
    """Our error for what the libraries raise when an exchange fails."""
    if _timed_out(exc):
        return TransientError("timeout", "the answer did not come in time")
    if isinstance(exc, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError)):
        return PermanentError("bad_address", str(exc))
    return TransientError("unreachable" if _refused(exc) else "cut", _first_cause(exc))


def _first_cause(exc: BaseException) -> str:
    """What the system said first, such as "Connection refused"; the libraries only wrap it."""
    said, one = type(exc).__name__, exc.__cause__ or exc.__context__
    while one is not None:
        said = getattr(one, "strerror", None) or said
        one = one.__cause__ or one.__context__
    return said


def _refused(exc: BaseException | None) -> bool:
    while exc is not None and not isinstance(exc, urllib3.exceptions.NewConnectionError):
        exc = exc.__cause__ or exc.__context__
    return exc is not None


def _timed_out(exc: BaseException | None) -> bool:
    """urllib3 and requests wrap a socket's TimeoutError in several ways; it is somewhere in the chain. A refused
    connection is one of urllib3's timeouts by inheritance only."""
    while exc is not None and not isinstance(exc, urllib3.exceptions.NewConnectionError):
        if isinstance(exc, (TimeoutError, urllib3.exceptions.TimeoutError)):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _is_cut(exc: BaseException) -> bool:
    return isinstance(exc, TransientError) and exc.cause in {"unreachable", "cut"}


def _read(response: requests.Response) -> bytes:
    parts, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise PermanentError("answer_too_large", f"more than {LARGEST_ANSWER} bytes", status=response.status_code)
        parts.append(chunk)
    return b"".join(parts)


def failure_of(answer: Answer, *, now: float) -> WorkError | None:
    """The error that a status means; None for 2xx."""
    status, text = answer.status, answer.body[:2000].decode("utf-8", "replace")
    said = f"HTTP {status}: {log.redact_text(text)[:200].strip()}"
    hint = retry_after(answer.headers.get("Retry-After"), now=now)
    if 200 <= status < 300:
        return None
    if status == 422 and "too many messages" in text.lower():
        return TransientError("message_limit", said, status=status)
    if status == 429:
        return TransientError("rate_limited", said, status=status, retry_after=hint)
    if status in _WAITS_AGAIN:
        return TransientError("timeout" if status == 408 else "too_early", said, status=status, retry_after=hint)
    if status >= 500:
        cause = "unavailable" if status == 503 else "server_error"
        return TransientError(cause, said, status=status, retry_after=hint)
    if status in {401, 403}:
        return AccessError("unauthorized" if status == 401 else "forbidden", said, status=status)
    if status == 404:
        return AccessError("not_found", said, status=status, ours=_is_not_found(answer))
    if status < 400:
        return AccessError("redirected", f"HTTP {status}: expected an answer, not a redirect", status=status)
    return PermanentError("refused", said, status=status)


def _is_not_found(answer: Answer) -> bool:
    """Chatwoot's own 404 says in JSON that a record does not exist; anything else is a proxy or a wrong address."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("error") == "Resource could not be found"


def retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds from a Retry-After header, given as seconds or as a date; None when there is none to understand."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return max(0.0, float(value))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
