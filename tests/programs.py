"""Programs that some tests need: where one is missing they are skipped on a developer's machine and fail in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def find(name: str) -> str | None:
    """The program's path, or None."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def needed(name: str) -> str:
    """The program's path; without it the test does not run."""
    found = find(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {name}")
        pytest.skip(f"{name} is not installed here")
    return found
