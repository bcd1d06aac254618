"""Where several processes of one service keep their metrics; import it before anything imports `prometheus_client`."""

from __future__ import annotations

import os
import stat
from collections.abc import MutableMapping
from hashlib import sha256
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is checked to be ours alone


def folder(data_dir: Path, service: str, *, memory: Path = MEMORY) -> Path:
    """Where a service keeps its metrics: in memory where the system offers it, else in the data folder.

    The files are mapped, and a process that writes to a mapped file on a full disk is killed (SIGBUS): the receiver
    must not die of its metrics while its database still takes webhooks.
    """
    place = sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    own = memory / f"hookdesk-{os.getuid()}-{place}"
    return own / service if _is_ours_alone(own) else data_dir / "metrics" / service


def _is_ours_alone(place: Path) -> bool:
    """Anybody can make a folder in shared memory: ours is one that nobody else could have made or can enter."""
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def prepare_multiprocess(directory: Path, environ: MutableMapping[str, str] = os.environ) -> Path:
    """Rid the folder of dead processes and name it in the environment; returns it.

    Once per service, in its first process and before `prometheus_client` is imported: that library chooses there and
    then how it stores values. Each service has a folder of its own. Old files must go, or counters of dead processes
    would be added to the new ones at every restart and the folder would grow for ever. Those of other living ones stay:
    a second worker beside the first must not make the first one's numbers vanish.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        pid = old.stem.rpartition("_")[2]  # prometheus_client names its files so
        if not (pid.isdigit() and int(pid) != os.getpid() and is_alive(int(pid))):
            old.unlink(missing_ok=True)
    environ[VARIABLE] = str(directory)
    return directory


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs here."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
