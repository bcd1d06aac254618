"""schemathesis on a whole running Hookdesk: does it do what its two OpenAPI descriptions say, whatever it is sent?"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from tests.fuzz import TICKETS
from tests.fuzz.counting import HANG_SECONDS, Count
from tests.fuzz.sockets import SETTINGS
from tests.integration.system import API_TOKEN, System, running

ROOT = Path(__file__).parents[2]
# The door takes any bytes that are signed, and its hook signs what schemathesis left unsigned on purpose; what a word
# in a body of the API means is for the policy to say, so well-formed ones may be refused.
NOT_OF_THE_DOOR = "ignored_auth,negative_data_rejection,positive_data_acceptance,missing_required_header"
NOT_OF_THE_API = "positive_data_acceptance"
_GENERATED = re.compile(r"^\s+([\d,]+) generated(.*)$", re.MULTILINE)


def is_installed() -> bool:
    """`make fuzz` installs it."""
    return importlib.util.find_spec("schemathesis") is not None


def run(seed: int, cases: int, say: Callable[[str], None], folder: Path) -> list[Count]:
    """About so many cases for both descriptions together."""
    if not is_installed():
        say("schemathesis: not run, it is not installed")
        return []
    with TemporaryDirectory(dir=folder, prefix="described-") as root:
        parts = ("broker", "web", "api")
        with running(Path(root), *parts, settings=SETTINGS) as system:
            _make_tickets(system)
            each = max(10, cases // 60)  # two dozen operations, several phases each
            places = (
                ("receiver", f"{system.url}/openapi.json", NOT_OF_THE_DOOR),
                ("ticket API", f"{system.api_url}/api/openapi.json", NOT_OF_THE_API),
            )
            return [
                _described(name, url, without, Path(root), seed=seed, each=each, say=say)
                for name, url, without in places
            ]


def _make_tickets(system: System) -> None:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    for number in range(TICKETS):
        said = {"requester": {"name": "Lena"}, "description": f"Where is parcel {number}?"}
        made = requests.post(f"{system.api_url}/api/tickets", json=said, headers=headers, timeout=5)
        assert made.status_code == 201, made.text


def _described(
    name: str, url: str, without: str, folder: Path, *, seed: int, each: int, say: Callable[[str], None]
) -> Count:
    """Runs in a folder that is thrown away, as it leaves a cache behind."""
    began, count = time.monotonic(), Count(f"schemathesis: {name}")
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", url, "--no-color", f"--seed={seed}",
        f"--max-examples={each}", f"--exclude-checks={without}", f"--max-response-time={HANG_SECONDS}",
        "--generation-database=none", "--continue-on-failure", "--output-sanitize=false",
        f"--header=Authorization: Bearer {API_TOKEN}",
    ]  # fmt: skip
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.signing", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    count.seconds = time.monotonic() - began
    found = _GENERATED.search(ended.stdout)
    if found is None:
        count.fault(f"schemathesis itself failed: {(ended.stdout + ended.stderr)[-1000:]}", b"")
        return count
    count.cases = int(found[1].replace(",", ""))
    count.outcomes["as described"] = count.cases if ended.returncode == 0 else 0
    if ended.returncode != 0:
        count.fault(f"not as described:{found[2]}\n{ended.stdout[-6000:]}", b"")
    say(f"schemathesis, {name}: {count.cases:,} cases, {'0' if ended.returncode == 0 else 'some'} faults")
    return count
