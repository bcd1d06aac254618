"""What it was measured on, and how quiet it was there: hardware, disk, kernel, versions."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Container
from importlib import metadata
from pathlib import Path
from statistics import median

from bench.report import number

PACKAGES = ("celery", "flask", "granian", "gunicorn", "kombu", "psycopg", "psycopg-pool", "redis", "SQLAlchemy")
FSYNCS = 100
_FOLDERS = ("--results", "--folder")
OWN = ("HOOKDESK_WEB", "HOOKDESK_WORK")  # settings that a run may be given from outside


def describe(folder: Path, *, postgres: str | None, broker: str | None) -> dict[str, str]:
    """Words by heading; `folder` is where the databases lie."""
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', _read("/etc/os-release"), re.MULTILINE)
    model = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "CPU": model[1] if model else platform.processor() or platform.machine(),
        "cores": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "memory": f"{int(memory[1]) / 1024**2:.1f} GiB" if memory else "unknown",
        "disk": disk(folder),
        "fsync of 4 KiB": f"{number(fsync_milliseconds(folder))} ms",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": release[1] if release else "unknown",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "PostgreSQL": postgres or "none found: its columns are missing",
        "SQLite": sqlite3.sqlite_version,
        "broker": broker or "unknown",
        "packages": ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
        "Hookdesk": _commit(),
    }


def disk(folder: Path) -> str:
    """The file system a folder lies on; one in memory is said to be that, as `fsync` costs nothing there."""
    best = ("", "unknown", "")
    place = str(folder.resolve())
    for line in _read("/proc/mounts").splitlines():
        device, at, kind = line.split()[:3]
        if (place == at or place.startswith(at.rstrip("/") + "/")) and len(at) >= len(best[0]):
            best = (at, kind, device)
    kind = "in memory (tmpfs): nothing is durable here" if best[1] == "tmpfs" else best[1]
    return f"{kind} on {best[2]}" if best[2].startswith("/dev/") else kind


def fsync_milliseconds(folder: Path) -> float:
    """The median time of writing 4 KiB durably."""
    path = folder / "fsync"
    seconds = []
    with path.open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    path.unlink()
    return median(seconds) * 1000


class Quiet:
    """How much others took from this machine between making and asking."""

    def __init__(self) -> None:
        self._before = _jiffies()

    def told(self) -> dict[str, str]:
        """Load average, and the share of CPU time that the hypervisor gave to somebody else."""
        now = _jiffies()
        spent: list[int] = [after - before for before, after in zip(self._before, now, strict=True)]
        total = sum(spent)
        stolen = spent[7] / total if len(spent) > 7 and total else 0.0
        return {"load": " ".join(f"{value:.1f}" for value in os.getloadavg()), "stolen": f"{stolen:.1%}"}


def _jiffies() -> list[int]:
    line = _read("/proc/stat").partition("\n")[0]
    return [int(word) for word in line.split()[1:9]]


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    here = Path(__file__).parent
    asked = ["git", "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(asked, cwd=here, capture_output=True, text=True, check=False)
    commit = done.stdout.strip() if done.returncode == 0 else "unknown commit"
    own = {key: value for key, value in sorted(os.environ.items()) if key.startswith(OWN)}
    return commit + "".join(f", {key}={value}" for key, value in own.items())


def output_of(*command: str) -> str | None:
    """The first line that a program says about its version; None when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return None
    return (done.stdout or done.stderr).partition("\n")[0].strip() or None


def command_line(part: str, *, others: Container[str]) -> str:
    """How to ask for this part as it was asked for; folders are left out, as they are this machine's."""
    words, said = [f"python -m bench {part}"], iter(sys.argv[1:])
    for word in said:
        if word in _FOLDERS:
            next(said, None)
        elif word not in others and not word.startswith(tuple(f"{name}=" for name in _FOLDERS)):
            words.append(word)
    return " ".join(words)
