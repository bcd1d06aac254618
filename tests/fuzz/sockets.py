"""A receiver as it is deployed, over real connections: alone, and behind the nginx that is shipped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.fuzz.counting import Count
from tests.fuzz.promised import Promised, compare
from tests.fuzz.raw_http import Gone, Reply, Silent, Wire
from tests.fuzz.wired import KINDS, Wired, one
from tests.integration.knocking import PROTOCOL
from tests.integration.system import System, eventually, free_port, running
from tests.nginx import in_front_of
from tests.programs import find
from tests.unit.webhooks.senders import LINK_SECRET, STANDARD_SECRET, URL_TOKEN
from webhooks import spool

THREADS = 16
PATIENCE_SECONDS = 0.1  # then the sender of something broken ends its half, and has to be answered or cut off
SETTINGS = {
    "HOOKDESK_CHATWOOT_URL_TOKEN": URL_TOKEN,
    "HOOKDESK_EMAIL_SECRETS": STANDARD_SECRET,
    "HOOKDESK_LINK_SECRETS": LINK_SECRET,
}
PLACES = ("alone", "behind nginx")


def run(seed: int, cases: int, say: Callable[[str], None], folder: Path) -> list[Count]:
    """Half of the cases at each place."""
    found: list[Count] = []
    for place in PLACES:
        if place != "alone" and find("nginx") is None:
            say("sockets behind nginx: not run, nginx is not installed")
            continue
        with TemporaryDirectory(dir=folder, prefix="sockets-") as root, _receiver(Path(root), place) as (system, port):
            knockers = _Knockers(port, is_behind_nginx=place != "alone", prefix=f"sockets {place}")
            knockers.run(seed, cases // 2)
            eventually(lambda: not spool.count(spool.directory_of(system.root / "data")), what="the spool drained")
            compare(system.db, knockers.promised, knockers.counts["genuine"], is_all=False)
            found += knockers.counts.values()
            say(f"sockets {place}: {knockers.cases:,} cases, {sum(c.faulty for c in knockers.counts.values())} faults")
    return found


@contextmanager
def _receiver(root: Path, place: str) -> Iterator[tuple[System, int]]:
    with ExitStack() as stack:
        system = stack.enter_context(running(root, "web", settings=SETTINGS))
        port = system.port
        if place != "alone":
            port = free_port()
            stack.enter_context(in_front_of(system.port, root / "nginx", listen=port))
        yield system, port


class _Knockers:
    """Threads that each keep a connection as long as the other side does."""

    def __init__(self, port: int, *, is_behind_nginx: bool, prefix: str) -> None:
        self._port, self._is_behind_nginx = port, is_behind_nginx
        self._guard = threading.Lock()
        self.promised = Promised()
        self.counts = {name: Count(f"{prefix}: {name}") for name in KINDS}
        self.cases = 0

    def run(self, seed: int, cases: int) -> None:
        """Returns when all are done."""
        began = time.monotonic()
        work = [Random(f"{seed}/sockets/{self._is_behind_nginx}/{n}") for n in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            for ended in [pool.submit(self._knock, rng, cases // THREADS) for rng in work]:
                ended.result()  # a mistake of ours is no case that went well
        for count in self.counts.values():
            count.seconds = (time.monotonic() - began) * count.cases / max(1, self.cases)

    def _knock(self, rng: Random, cases: int) -> None:
        opened: Wire | None = None
        done = 0
        while done < cases:
            case = one(rng)
            if opened is None or case.is_broken:
                if opened is not None:
                    opened.close()
                opened = Wire(self._port, seconds=5)
            is_kept_open = self._one(opened, case)
            done += len(case.expected)
            if not is_kept_open:
                opened.close()
                opened = None

    def _one(self, opened: Wire, case: Wired) -> bool:
        """Send and judge; returns whether the connection can serve for the next."""
        began = time.perf_counter()
        opened.send(case.sent)
        for expected in case.expected:
            reply = self._broken_reply(opened) if case.is_broken else _reply(opened)
            seconds = time.perf_counter() - began
            with self._guard:
                self.cases += 1
                count = self.counts[case.kind]
                count.case(self._judge(count, reply, case, expected), seconds)
            if reply is None or reply.headers.get(b"connection", b"").lower() == b"close":
                return False
        return not case.is_broken

    def _judge(
        self, count: Count, reply: Reply | None, case: Wired, expected: tuple[frozenset[int], bytes | None]
    ) -> str:
        allowed, kept = expected
        if reply is None:
            if not case.is_broken:
                count.fault("no answer", case.sent)
            return "ended"
        is_protocol = self._is_behind_nginx and reply.status in PROTOCOL and case.is_broken
        if reply.status == 503 and b"retry-after" in reply.headers:
            return "503 overload"
        if reply.status not in allowed and not is_protocol:
            count.fault(f"answered {reply.status}: {reply.body[:100]!r}", case.sent)
        if reply.status == 200 and case.may_be_kept and reply.body.startswith(b'{"status"'):
            return f"200 {self.promised.took(reply.body, kept)}"
        self.promised.survey_answers += reply.status == 200 and case.is_survey_answer
        return str(reply.status)

    def _broken_reply(self, opened: Wire) -> Reply | None:
        """What is broken may be unfinished, too: then the sender stops, and the receiver has to notice."""
        opened.seconds = PATIENCE_SECONDS
        try:
            return opened.reply()
        except Silent:
            opened.end_sending()
        except (Gone, ValueError, IndexError):
            return None
        opened.seconds = 5
        return _reply(opened)


def _reply(opened: Wire) -> Reply | None:
    try:
        return opened.reply()
    except (Gone, Silent, ValueError, IndexError):
        return None
