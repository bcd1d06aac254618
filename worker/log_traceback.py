"""Tracebacks for logs: where it broke and what kind of error, without what it says where that may be a customer's.

Databases quote the row they refuse, parsers the text they stumble over, other sides the request they were sent. What an
error said is kept where it may be kept: beside the delivery or effect, for `hookdesk trace`.
"""

from __future__ import annotations

import traceback
from types import TracebackType

from worker.errors import ConfigError, WorkError

_ABOUT_CODE = (AttributeError, ImportError, NameError, TypeError)
WITHHELD = "(what it said is not logged: it may quote a customer)"
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def render(exc_info: ExcInfo) -> str:
    """The chain of errors with their frames, the oldest first, as Python prints it but for what they said."""
    parts: list[str] = []
    exc: BaseException | None = exc_info[1]
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        frames = "".join(traceback.format_tb(exc.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{said(exc)}")
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    return "\n\nthen:\n\n".join(reversed(parts))


def said(exc: BaseException) -> str:
    """The kind of an error, and so much of its words as can only be about us."""
    return f"{type(exc).__module__}.{type(exc).__qualname__}: {_words(exc)}".removeprefix("builtins.")


def _words(exc: BaseException) -> str:
    match exc:
        case ConfigError():
            return str(exc)
        case WorkError(cause=cause, status=status):
            return f"{cause} {status or ''} {WITHHELD}"
        case OSError(errno=int(), strerror=str(words)):
            return words
        case _ if isinstance(exc, _ABOUT_CODE):
            return str(exc)
    state = getattr(exc, "sqlstate", None) or getattr(exc, "sqlite_errorname", None)  # a database's own word
    return f"{state} {WITHHELD}" if state else WITHHELD
