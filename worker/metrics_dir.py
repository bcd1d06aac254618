"""Where several processes of one service keep their metrics; import it before anything imports `prometheus_client`."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


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
