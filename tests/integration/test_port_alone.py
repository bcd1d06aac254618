"""A receiver or ticket API has its port for itself: none starts beside another, and none is left behind by a kill."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.integration.system import System, eventually, fixture, listens


class TestPort:
    @pytest.mark.parametrize(("name", "setting"), [("web", "HOOKDESK_PORT"), ("api", "HOOKDESK_API_PORT")])
    def test_nobody_starts_beside_one_that_hangs(self, start: Callable[..., System], name: str, setting: str) -> None:
        """The kernel would give it only a part of the connections, and the hung one the others."""
        system = start(name)
        system.signal(name, signal.SIGSTOP)

        second = system.run(name)
        system.signal(name, signal.SIGCONT)

        assert second.returncode == 3
        assert "Address already in use" in second.stderr
        assert f"another port with {setting}." in second.stderr
        assert "_started" not in second.stdout

    def test_processes_whose_parent_was_killed_make_room_for_a_new_one(self, start: Callable[..., System]) -> None:
        system = start("web")
        assert system.post(fixture("01")).status_code == 200

        system.kill_parent("web")
        system.start("web")
        eventually(lambda: system.log_of("web").count("web_started") == 2, what="the old ones have gone")
        eventually(lambda: listens(system.port), what="the new one listens")

        assert system.post(fixture("01")).status_code == 200
        assert system.stop("web") == 0
        assert not listens(system.port)

    def test_processes_whose_parent_was_killed_end(self, start: Callable[..., System]) -> None:
        system = start("api")

        system.kill_parent("api")

        eventually(lambda: not listens(system.api_port), what="the port is given up")
