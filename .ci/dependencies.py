"""Are there advisories for what requirements.lock pins? Findings fail; a feed that is out of reach is said, not hidden.

pip-audit alone is too polite: it calls packages that the feed did not answer for "skipped", ends with 0 and prints that
it found nothing. So the feed first has to name an advisory that everybody knows, and then answer for every package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONTROL = HERE / "known-bad.txt"
SECONDS = 300
OSV = "https://api.osv.dev/v1/query"


class Unreached(Exception):
    """The feed gave no answer that says anything."""


def main(arguments: Sequence[str]) -> int:
    """0: looked up and nothing found, or not checked, as is printed; 1: findings, or this check itself is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path, help="pinned requirements with hashes")
    parser.add_argument("--osv-url", default=OSV, help="the advisory feed")
    parser.add_argument("--timeout", default=15, type=int, help="seconds for one answer of the feed")
    given = parser.parse_args(arguments)
    feed = ("--vulnerability-service", "osv", "--osv-url", given.osv_url, "--timeout", str(given.timeout))
    if (broken := _unreadable(given.lock)) is not None:
        print(f"dependency audit: FAILED, {given.lock} cannot be read by pip-audit: {broken}")
        return 1
    try:
        if not any(one["vulns"] for one in _ask(CONTROL, "--no-deps", *feed)):
            raise Unreached("it does not name an advisory that everybody knows")
        answers = _ask(given.lock, "--require-hashes", *feed)
    except Unreached as exc:
        print(f"dependency audit: NOT CHECKED, the advisory feed could not be reached ({exc})")
        return 0
    return _told(answers)


def _told(answers: Sequence[dict[str, Any]]) -> int:
    """Print what the feed says and return the exit code."""
    skipped = [f"{one['name']} ({one['skip_reason']})" for one in answers if "skip_reason" in one]
    found = [one for one in answers if one.get("vulns")]
    for one in found:
        for vuln in one["vulns"]:
            fixed = ", ".join(vuln["fix_versions"]) or "no version yet"
            print(f"{one['name']} {one['version']}: {vuln['id']}, fixed in {fixed}")
    if skipped:
        print(f"dependency audit: NOT CHECKED for {len(skipped)} of {len(answers)} packages: {'; '.join(skipped)}")
    if found:
        print(f"dependency audit: FAILED, {len(found)} of {len(answers)} packages have advisories")
        return 1
    if not skipped:
        print(f"dependency audit: {len(answers)} pinned packages looked up, the feed names no advisory for them")
    return 0


def _ask(lock: Path, *options: str) -> list[dict[str, Any]]:
    """The feed's answers, one for each package. Raises Unreached."""
    try:
        done = _pip_audit(lock, *options)
        answers = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise Unreached(f"no answer within {SECONDS} s") from None
    except (ValueError, KeyError, TypeError):  # it ends with 1 both for findings and when it breaks off
        raise Unreached(_last_line(done.stderr)) from None
    if not answers:
        raise Unreached("it answered for no package")
    return list(answers)


def _unreadable(lock: Path) -> str | None:
    """Why the lock cannot be looked up, feed or no feed; None when it can. Nothing is asked of anybody here."""
    done = _pip_audit(lock, "--require-hashes", "--dry-run")
    if done.returncode != 0 or "would have audited 0 packages" in done.stderr:
        return _last_line(done.stderr)
    return None


def _pip_audit(lock: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--format", "json",
               "--progress-spinner", "off", *options]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1][:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
