"""Logs: their two shapes, and that secrets and bodies never get through."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from worker import log
from worker.config import Settings
from worker.log_traceback import WITHHELD

CANARY = "canary-5f1c0d"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configure(shape: str) -> None:
    log.configure(Settings(data_dir=Path("data"), log_format=shape))


class TestConfigure:
    def test_json_is_one_object_per_line_with_constant_names(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("json")

        log.get("webhooks").info("delivery_accepted", delivery=17, source="chatwoot")

        [line] = capsys.readouterr().err.splitlines()
        record = json.loads(line)
        assert record["event"] == "delivery_accepted"
        assert record["delivery"] == 17
        assert record["level"] == "info"
        assert record["logger"] == "webhooks"
        assert record["timestamp"].endswith("Z")

    def test_auto_is_json_where_nobody_watches(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("auto")

        log.get("x").info("started")

        assert json.loads(capsys.readouterr().err)["event"] == "started"

    def test_console_is_key_value(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("console")

        log.get("x").warning("lease_expired", delivery=9)

        line = capsys.readouterr().err
        assert "lease_expired" in line
        assert "delivery=9" in line

    def test_the_standard_librarys_logs_come_out_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("json")

        logging.getLogger("celery.worker").warning("lost %s", "redis://user:" + CANARY + "@broker/0")

        record = json.loads(capsys.readouterr().err)
        assert record["logger"] == "celery.worker"
        assert record["event"] == "lost redis://[redacted]@broker/0"

    def test_configuring_twice_does_not_double_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("json")
        configure("json")

        log.get("x").info("once")

        assert len(capsys.readouterr().err.splitlines()) == 1

    @pytest.mark.parametrize("shape", ["json", "console"])
    def test_a_traceback_shows_no_local_variables(self, capsys: pytest.CaptureFixture[str], shape: str) -> None:
        configure(shape)
        secret_local = CANARY

        try:
            raise ValueError(f"no answer after {len(secret_local)} characters")
        except ValueError:
            log.get("x").exception("call_failed")

        text = capsys.readouterr().err
        assert "test_log.py" in text
        assert f"ValueError: {WITHHELD}" in text
        assert CANARY not in text

    def test_a_traceback_is_redacted_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("json")

        try:
            raise ValueError("https://agent:" + CANARY + "@chat.example/api")
        except ValueError:
            log.get("x").exception("call_failed")

        assert CANARY not in capsys.readouterr().err


class TestRedact:
    @pytest.mark.parametrize(
        "fields",
        [
            {"token": CANARY},
            {"chatwoot_token": CANARY},
            {"api_access_token": CANARY},
            {"link_secrets": (CANARY, "b")},
            {"Authorization": f"Bearer {CANARY}"},
            {"X-Chatwoot-Signature": CANARY},
            {"headers": {"Authorization": CANARY}},
            {"body": CANARY},
            {"payload": {"content": CANARY}},
            {"anything": CANARY.encode()},
            {"database_url": f"postgresql://desk:{CANARY}@db/desk"},
            {"path": f"/webhooks/chatwoot/{CANARY}"},
            {"path": f"/survey/{CANARY}"},
            {"url": f"https://x.example/a?token={CANARY}&b=1"},
            {"error": f"server said whsec_{CANARY}"},
            {"error": f"sent Authorization: Bearer {CANARY}"},
            {"error": f"(Operational) gone\n[SQL: INSERT …]\n[parameters: ('{CANARY}',)]\n(Background on this error)"},
            {"urls": [f"redis://:{CANARY}@broker"]},
        ],
        ids=str,
    )
    def test_it_lets_no_secret_through(self, fields: dict[str, Any]) -> None:
        cleaned = log.redact(None, "info", {"event": "x", **fields})

        assert CANARY not in repr(cleaned)
        assert "[redacted]" in repr(cleaned)

    def test_it_leaves_ids_and_numbers_alone(self) -> None:
        event = {"event": "delivery_accepted", "delivery": 17, "source": "chatwoot", "waited": 0.25, "cause": None}

        assert log.redact(None, "info", dict(event)) == event
