"""The nginx that is shipped, in front of a receiver of these tests: deploy/nginx.conf with other addresses only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.programs import needed

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "nginx.conf"


@contextmanager
def in_front_of(port: int, folder: Path, *, listen: int, others: Sequence[int] = ()) -> Iterator[str]:
    """Its URL, while it runs; `others` are the ports of further receivers.

    Skips or fails as `needed` does where nginx is not installed.
    """
    program = needed("nginx")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nginx.conf"
    file.write_text(_moved(CONFIGURATION.read_text("utf-8"), (port, *others), folder, listen=listen))
    as_root = "user root; " if os.geteuid() == 0 else ""  # its workers have to reach this folder
    with (folder / "nginx.log").open("wb") as log:
        command = [program, "-e", "stderr", "-c", str(file), "-g", f"{as_root}daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _await(listen, process, folder / "nginx.log")
        yield f"http://127.0.0.1:{listen}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _moved(text: str, ports: Sequence[int], folder: Path, *, listen: int) -> str:
    changes = {
        "server web:8000;": " ".join(f"server 127.0.0.1:{port};" for port in ports),
        "listen 8080;": f"listen 127.0.0.1:{listen};",
        "/tmp/nginx": str(folder / "nginx"),
    }
    for old, new in changes.items():
        assert old in text, f"deploy/nginx.conf has no {old!r} any more"
        text = text.replace(old, new)
    return text


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nginx does not listen: {log.read_text()}")
