"""The no-op as a contender: as many processes and threads as Hookdesk's receiver has."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import noop, traffic
from bench.hookdesk import Hookdesk
from bench.processes import Started, answers, free_port


class Nothing:
    """It takes the environment of a Hookdesk, but for the port."""

    def __init__(self, folder: Path, like: Hookdesk) -> None:
        self._port = free_port()
        self.secret = like.secret
        root = str(Path(__file__).parents[1])
        self._env = {**like.env, "HOOKDESK_PORT": str(self._port), "PYTHONPATH": root}
        self._started = Started(folder / "logs")

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self._port}{noop.PATH}"

    def start_receiver(self) -> None:
        """Returns once it answers."""
        self._started.start("noop", [sys.executable, "-m", "bench.noop"], self._env)
        self._started.wait(lambda: answers(self.url.replace(noop.PATH, "/livez")))

    def stop(self) -> None:
        """End it."""
        self._started.stop()

    def requests(self, first: int, count: int) -> list[bytes]:
        """The same requests as everybody's."""
        return traffic.requests(self.url, self.secret, first=first, count=count)
