"""Runs the guided targets, each in a process of its own that begins with well-formed samples."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import corpus, making, parsers
from tests.fuzz.counting import HANG_SECONDS, Count
from tests.unit.webhooks.senders import CHATWOOT_SECRET, STANDARD_SECRET
from worker.signing import sign_chatwoot, sign_standard

ROOT = Path(__file__).parents[2]
LARGEST = 16_384  # bytes of an input
_DONE = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_SLOWEST = re.compile(r"stat::slowest_unit_time_sec:\s*(\d+)")
_FOUND = re.compile(r"stat::new_units_added:\s*(\d+)")


def is_installed() -> bool:
    """`make fuzz` installs it where it has a wheel: CPython 3.11 to 3.14 on Linux x86-64."""
    return importlib.util.find_spec("atheris") is not None


def run(seed: int, cases: int, say: Callable[[str], None], folder: Path) -> list[Count]:
    """The cases are shared out equally."""
    if not is_installed():
        say("atheris: not run, it is not installed (it has wheels for CPython 3.11 to 3.14 on Linux x86-64 only)")
        return []
    counts = []
    for target, seeds in _seeds().items():
        with TemporaryDirectory(dir=folder, prefix="guided-") as place:
            counts.append(_guided(target, seeds, Path(place), seed=seed, runs=max(1, cases // len(_seeds()))))
        say(f"{counts[-1].kind}: {counts[-1].cases:,} cases, {counts[-1].faulty} faults")
    return counts


def _guided(target: str, seeds: Sequence[bytes], place: Path, *, seed: int, runs: int) -> Count:
    began, count = time.monotonic(), Count(f"atheris: {target}")
    (place / "corpus").mkdir()
    for number, content in enumerate(seeds):
        (place / "corpus" / str(number)).write_bytes(content)
    (place / "words").write_text("".join(f'"{_escaped(word)}"\n' for word in making.ODD_TOKENS if 0 < len(word) < 60))
    options = [f"-runs={runs}", f"-seed={seed % 2**32}", f"-max_len={LARGEST}", "-timeout=10", "-print_final_stats=1",
               f"-dict={place / 'words'}", f"-artifact_prefix={place}/fault-", "-rss_limit_mb=4096"]  # fmt: skip
    command = [sys.executable, "-m", "tests.fuzz.guided", target, *options, str(place / "corpus")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    count.seconds = time.monotonic() - began
    done, found = _DONE.search(ended.stderr), _FOUND.search(ended.stderr)
    count.cases = int(done[1]) if done else 0
    count.outcomes[f"as promised ({found[1] if found else 0} inputs reached something new):"] = count.cases
    slowest = _SLOWEST.search(ended.stderr)
    count.slowest = float(slowest[1]) if slowest else 0.0
    if count.slowest > HANG_SECONDS:
        count.fault(f"took {count.slowest:.0f} s", b"")
    if ended.returncode != 0 or done is None:
        inputs = [path.read_bytes() for path in place.glob("fault-*")] or [b""]
        count.fault(f"ended with {ended.returncode}: {_told(ended.stdout + ended.stderr)}", inputs[0])
    return count


def _told(output: str) -> str:
    """The exception, where there was one."""
    _, marker, rest = output.partition("=== Uncaught Python exception: ===")
    return rest[:2000] if marker else output[-2000:]


def _seeds() -> Mapping[str, Sequence[bytes]]:
    """By target; the names are those of tests.fuzz.guided."""
    small = [body for body in corpus.bodies().values() if len(body) <= LARGEST]
    at = b"%d" % parsers.AT
    standard = sign_standard(STANDARD_SECRET, b"{}", message_id="m", timestamp=parsers.AT).encode()
    chatwoot = sign_chatwoot(CHATWOOT_SECRET, b"{}", timestamp=parsers.AT).encode()
    headers = (b"Bearer x", b"m", standard, at, chatwoot, at, b"d", b"handling=strict")  # as in parsers.DOOR_HEADERS
    return {
        "bodies of chatwoot": [*corpus.samples("chatwoot"), *small],
        "bodies of email": [*corpus.samples("email"), *small],
        "bodies of form": [*corpus.samples("form"), *small],
        "bodies of survey": [*corpus.samples("survey"), *small],
        "headers and signatures": [b"\n".join((b"a-token", b"another body", *headers))],
        "survey tokens and seals": [f"{parsers.a_token()}\n{parsers.a_seal()}".encode()],
        "spool frames": [parsers.frames()],
        "API bodies": list(parsers.API_SAMPLES),
    }


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)
