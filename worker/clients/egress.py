"""Posting to addresses that somebody configured, without becoming a way into our own network.

The name is resolved here, every address it has is checked, and the connection goes to exactly the address that was
checked: a name that resolves to something else a moment later changes nothing. The name itself still stands in the
Host header and in the certificate that is asked for. Redirects are not followed and proxies of the environment are
not used: both would lead elsewhere.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
import urllib3

from worker import __version__, metrics
from worker.clients.addresses import refusal
from worker.clients.deadline import Connection, DeadlineAdapter, Pool, SecureConnection, SecurePool, ending_at, left
from worker.clients.exchange import Answer, NoAuth, broken
from worker.errors import PermanentError, TransientError, WorkError

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
LARGEST_ANSWER = 20_000  # bytes that are kept; the rest is not read
_AGENT = f"Hookdesk/{__version__}"

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host name, in the order in which to try them. Raises OSError."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Gate:
    """Opens connections, but only to addresses that may be reached."""

    allow_private: bool
    only_private: bool
    resolve: Resolver
    seconds: float = CONNECT_SECONDS

    def connect(self, host: str, port: int, options: Any) -> socket.socket:
        """A connection to the first checked address that answers, within the time for connecting and for the call.

        Raises TransientError: unreachable, timeout, or address_refused when any address of the name may not be
        reached.
        """
        ends_at = time.monotonic() + min(self.seconds, left())
        addresses = self._checked(host, port, ends_at)
        trouble: OSError | None = None
        for n, address in enumerate(addresses):
            share = (ends_at - time.monotonic()) / (len(addresses) - n)
            if share <= 0:
                break
            try:
                opened = urllib3.util.connection.create_connection((address, port), share, socket_options=options)
            except OSError as exc:
                trouble = exc
                continue
            opened.settimeout(min(self.seconds, left()))  # for what follows: TLS, sending
            return opened
        if trouble is None or isinstance(trouble, TimeoutError):
            raise TransientError("timeout", f"{host} did not take the connection within {self.seconds:g} s")
        raise TransientError("unreachable", f"{host}: {trouble.strerror or trouble}")

    def _checked(self, host: str, port: int, ends_at: float) -> Sequence[str]:
        addresses = resolved(self.resolve, host.strip("[]"), port, ends_at - time.monotonic())
        for address in addresses:
            why = refusal(address, allow_private=self.allow_private, only_private=self.only_private)
            if why is not None:
                raise TransientError("address_refused", f"{host} is at {address}, which {why}")
        return addresses


def resolved(resolve: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """Ask the resolver, but do not wait for ever: the system's own has no time limit."""
    said: list[Sequence[str] | Exception] = []

    def ask() -> None:
        try:
            said.append(resolve(host, port))
        except Exception as exc:  # whatever it is, it is raised where it belongs: in the thread that waits
            said.append(exc)

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(max(seconds, 0.0))
    if not said:
        raise TransientError("timeout", f"the name {host} was not resolved in time")
    answer = said[0]
    if isinstance(answer, (OSError, UnicodeError)) or not answer:
        raise TransientError("unreachable", f"the name {host} cannot be resolved")
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Guarded:
    """Mixed into urllib3's connections: where they would resolve and connect, the gate does."""

    gate: ClassVar[Gate]
    host: str
    port: int
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        return self.gate.connect(self.host, self.port, self.socket_options)


class GuardedAdapter(DeadlineAdapter):
    """An adapter whose every connection goes through one gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the pools connections that know the gate."""
        super().init_poolmanager(*args, **kwargs)
        plain = type("GuardedConnection", (_Guarded, Connection), {"gate": self._gate})
        secure = type("GuardedSecureConnection", (_Guarded, SecureConnection), {"gate": self._gate})
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedPool", (Pool,), {"ConnectionCls": plain}),
            "https": type("GuardedSecurePool", (SecurePool,), {"ConnectionCls": secure}),
        }


@dataclass(frozen=True, slots=True)
class Egress:
    """How to post: what is allowed, and how long it may take. `ca_file`: trust these certificates instead."""

    dependency: str  # for metrics
    allow_private: bool = False
    resolve: Resolver = system_resolver
    ca_file: str | None = None
    connect_seconds: float = CONNECT_SECONDS
    total_seconds: float = TOTAL_SECONDS

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """One POST, whatever it is answered with; of a long answer the beginning.

        Raises TransientError (timeout, unreachable, cut, certificate, address_refused) or PermanentError
        (bad_address, not_encrypted).
        """
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise PermanentError("bad_address", "expected an address that begins with https://")
        if scheme == "http" and not self.allow_private:
            raise PermanentError("not_encrypted", "http:// is only for targets with allow_private = true")
        started, outcome = time.monotonic(), "error"
        try:
            with ending_at(started + self.total_seconds):
                answer = self._send(url, headers, body, only_private=scheme == "http")
            outcome = "ok" if 200 <= answer.status < 300 else "throttled" if answer.status == 429 else "error"
            return answer
        except TransientError as exc:
            outcome = "timeout" if exc.cause == "timeout" else "error"
            raise
        finally:
            metrics.OUTBOUND_REQUESTS.labels(self.dependency, outcome).inc()
            metrics.OUTBOUND_DURATION.labels(self.dependency).observe(time.monotonic() - started)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes, *, only_private: bool) -> Answer:
        gate = Gate(self.allow_private, only_private, self.resolve, self.connect_seconds)
        try:
            with (
                self._session(gate) as session,
                session.post(
                    url,
                    data=body,
                    headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers},
                    timeout=(self.connect_seconds, left()),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return Answer(response.status_code, response.headers, _beginning(response))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as exc:
            raise _failure(exc) from exc

    def _session(self, gate: Gate) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.auth = NoAuth()
        session.verify = self.ca_file or True
        for scheme in ("http://", "https://"):
            session.mount(scheme, GuardedAdapter(gate))
        return session


def _beginning(response: requests.Response) -> bytes:
    """The first bytes of an answer. Its status has come, and says enough: what is cut short here is no failure."""
    try:
        return bytes(response.raw.read(LARGEST_ANSWER, decode_content=False))
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _failure(exc: Exception) -> WorkError:
    one: BaseException | None = exc
    while one is not None and not isinstance(one, ssl.SSLError):
        one = one.__cause__ or one.__context__
    if isinstance(one, ssl.SSLCertVerificationError):
        return TransientError("certificate", f"its certificate is not trusted: {one.verify_message}")
    return broken(exc)
