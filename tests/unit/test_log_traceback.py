"""What a traceback in a log says, and what it keeps to itself."""

from __future__ import annotations

import sqlite3
import sys

import pytest
from sqlalchemy.exc import IntegrityError

from worker.errors import ConfigError, PermanentError
from worker.log_traceback import WITHHELD, render

CANARY = "canary-5f1c0d"


def rendered(error: BaseException, cause: BaseException | None = None) -> str:
    try:
        raise error from cause
    except BaseException:
        found = sys.exc_info()
        assert found[1] is not None
        return render(found)  # type: ignore[arg-type]


class TestRender:
    def test_it_says_where_and_what_kind(self) -> None:
        text = rendered(ValueError(CANARY))

        assert text.startswith("Traceback (most recent call last):\n")
        assert "test_log_traceback.py" in text
        assert text.endswith(f"ValueError: {WITHHELD}")

    @pytest.mark.parametrize("error", [
        ValueError(CANARY), KeyError(CANARY), RuntimeError(CANARY), UnicodeDecodeError("utf-8", b"x", 0, 1, CANARY),
        PermanentError("refused", f"HTTP 422: {CANARY}", status=422), sqlite3.IntegrityError(CANARY),
        IntegrityError(f"INSERT {CANARY}", {"subject": CANARY}, sqlite3.IntegrityError(CANARY)),
    ], ids=lambda error: type(error).__name__)  # fmt: skip
    def test_what_may_be_a_customers_is_withheld(self, error: Exception) -> None:
        assert CANARY not in rendered(error)
        assert CANARY not in rendered(RuntimeError("outer"), error)

    def test_what_is_about_us_is_said(self) -> None:
        assert "HOOKDESK_PORT is 'x'" in rendered(ConfigError(["HOOKDESK_PORT is 'x'"]))
        assert "has no attribute 'close'" in rendered(AttributeError("'NoneType' object has no attribute 'close'"))
        assert "Permission denied" in rendered(OSError(13, "Permission denied", f"/var/{CANARY}"))
        assert "PermanentError: refused 422" in rendered(PermanentError("refused", CANARY, status=422))

    def test_causes_come_first_and_a_circle_ends(self) -> None:
        first, second = ValueError("a"), KeyError("b")
        first.__cause__, second.__cause__ = second, first

        text = rendered(RuntimeError("last"), first)

        assert text.index("KeyError") < text.index("ValueError") < text.index("RuntimeError")
