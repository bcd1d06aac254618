"""Where several processes of one service keep their metrics; import it before anything imports `prometheus_client`."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare_multiprocess(directory: Path, environ: MutableMapping[str, str] = os.environ) -> Path:
    """Empty the folder and name it in the environment; returns it.

    Once per service, in its first process and before `prometheus_client` is imported: that library chooses there and
    then how it stores values. Each service has a folder of its own. Old files must go, or counters of dead processes
    would be added to the new ones at every restart and the folder would grow for ever.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        old.unlink(missing_ok=True)
    environ[VARIABLE] = str(directory)
    return directory
