"""Logs: one event name and its fields per line; colour on a terminal, else JSON; never a secret, never a body."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog
from structlog.typing import Processor

from worker import log_traceback

if TYPE_CHECKING:
    from worker.config import Settings

REDACTED = "[redacted]"

_SECRET_FIELDS = re.compile(r"secret|token|password|passwd|authorization|api_?key|signature|cookie", re.IGNORECASE)
_BODY_FIELDS = frozenset({"body", "raw", "payload", "content", "text", "html"})
_SECRET_VALUES = (
    (re.compile(r"(\w[\w+.-]*://)[^/@\s]*@"), r"\1" + REDACTED + "@"),  # user and password in a URL
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), REDACTED),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE), r"\1 " + REDACTED),
    (re.compile(r"(/webhooks/chatwoot/|/survey/)[^/?\s\"']+"), r"\1" + REDACTED),
    (re.compile(r"\[parameters: .*"), "[parameters: " + REDACTED + "]"),  # SQLAlchemy shows what it could not store
    (re.compile(r"((?:token|secret|password|signature|api_key)=)[^&\s\"']+", re.IGNORECASE), r"\1" + REDACTED),
)

_SHORTEST_KNOWN = 6  # a shorter one would be cut out of ordinary words
_known: list[str] = []


def keep_secret(values: Iterable[str]) -> None:
    """From now on cut these out of every text, whatever stands around them; replaces those of an earlier call."""
    _known[:] = sorted({value for value in values if len(value) >= _SHORTEST_KNOWN}, key=len, reverse=True)


def configure(settings: Settings) -> None:
    """Send structlog and the standard library's logs to stderr in one shape; call it once, when a process starts."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.UnicodeDecoder(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(as_json=as_json)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("celery", "kombu", "urllib3", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `log.get(__name__).info("delivery_accepted", delivery=17)`; names are constants, fields are ids."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last look at every line: fields that name a secret or a body are emptied, secrets inside text are cut out."""
    for key, value in list(event.items()):
        event[key] = _clean(key, value)
    return event


def _ending(*, as_json: bool) -> list[Processor]:
    """Tracebacks are plain text in both shapes: the rich ones show local variables, and so bodies and secrets."""
    return [
        structlog.processors.ExceptionRenderer(log_traceback.render),
        redact,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=24,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_FIELDS.search(key) or key in _BODY_FIELDS or isinstance(value, bytes | bytearray):
        return REDACTED
    if isinstance(value, Mapping):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    return redact_text(str(value))


def redact_text(text: str) -> str:
    """The same text without the secrets of the settings, credentials in URLs, bearer tokens and path tokens."""
    for secret in _known:
        text = text.replace(secret, REDACTED)
    for pattern, replacement in _SECRET_VALUES:
        text = pattern.sub(replacement, text)
    return text
