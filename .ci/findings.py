"""Runs bandit and holds what it finds against the exceptions in pyproject.toml, which name a test, a file and a reason.

An exception covers so many findings as it says and no more, and one that covers nothing any longer is a finding too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def main(root: Path) -> int:
    """1 when there is a finding without an exception, or an exception without its findings; else 0."""
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hookdesk"]["audit"]
    reported = _bandit(root, table["folders"])
    wrong = [f"{one['filename']}: bandit could not read it: {one['reason']}" for one in reported["errors"]]
    wrong += unexplained(reported["results"], table["exceptions"])
    for sentence in wrong:
        print(sentence)
    said = f"FAILED, {len(wrong)} to look at" if wrong else f"nothing beyond {len(table['exceptions'])} exceptions"
    print(f"code audit: {said}")
    return 1 if wrong else 0


def unexplained(found: Sequence[Mapping[str, Any]], exceptions: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each finding beyond the exceptions, and for each exception that is wrong itself."""
    sentences = []
    allowed: Counter[tuple[str, str]] = Counter()
    for one in exceptions:
        if not str(one.get("reason", "")).strip():
            sentences.append(f"{one['file']}: the exception for {one['test']} gives no reason")
        allowed[one["test"], one["file"]] += one.get("count", 1)
    counted = Counter((one["test_id"], one["filename"].removeprefix("./")) for one in found)
    for (test, file), number in (allowed - counted).items():
        sentences.append(f"{file}: {number} fewer {test} than its exception says; correct or remove it")
    for one in found:
        place = one["test_id"], one["filename"].removeprefix("./")
        if counted[place] > allowed[place]:
            sentences.append(f"{place[1]}:{one['line_number']}: {place[0]} {one['issue_text']}")
    return sentences


def _bandit(root: Path, folders: Sequence[str]) -> Any:
    missing = [folder for folder in folders if not (root / folder).is_dir()]
    if missing:
        raise SystemExit(f"code audit: FAILED, there is no folder {', '.join(missing)}")
    command = [sys.executable, "-m", "bandit", "--quiet", "--format", "json", "--recursive", *folders]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode not in (0, 1):  # 1: there are findings
        raise SystemExit(f"code audit: FAILED, bandit ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:2])))  # the root of the repository; without an argument, here
