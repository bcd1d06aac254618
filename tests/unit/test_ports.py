"""A port is ours alone or not ours at all."""

from __future__ import annotations

import errno
import socket

import pytest

from worker.ports import free_port, is_free, refuse_shared


class TestRefuseShared:
    def test_a_port_somebody_would_share_is_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
            port = other.getsockname()[1]

            with pytest.raises(OSError) as caught:
                refuse_shared("127.0.0.1", port)

            assert caught.value.errno == errno.EADDRINUSE
            assert not is_free("0.0.0.0", port)

    def test_what_a_process_that_ended_left_behind_is_in_nobodys_way(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as caller:
                listener.accept()[0].close()  # who closes first waits for a minute (TIME_WAIT)
                assert caller.recv(1) == b""

        refuse_shared("127.0.0.1", port)

    def test_a_free_one_is_free(self) -> None:
        assert is_free("127.0.0.1", free_port())
        assert is_free("::1", free_port())
