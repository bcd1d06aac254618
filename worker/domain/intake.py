"""Intake: which fields a ticket needs, what it is about, and which mail is a machine's."""

from __future__ import annotations

from collections.abc import Iterable

from worker.domain.facts import Person
from worker.domain.matching import found, named_any
from worker.domain.policy import Policy

LONGEST_SUBJECT = 120

REQUIRED = ("requester", "channel", "subject")
"""A subject is the mail's, else the beginning of the first text."""

_AUTOMATIC = frozenset({"auto_reply", "bounce", "mailing_list", "auto_generated", "own_loop"})
_DAEMONS = ("mailer-daemon", "postmaster")


def categorise(policy: Policy, *, labels: tuple[str, ...], prose: str) -> tuple[str, str]:
    """One category of the closed list and why: labels first, then words, most matches first, then the default."""
    for kind, matches in (
        ("label", [(named_any(each.labels, labels), each) for each in policy.categories] if labels else []),
        ("word", [(found(each.words, prose), each) for each in policy.categories]),
    ):
        hits, best = max(matches, key=lambda match: len(match[0]), default=((), None))
        if hits and best is not None:
            return best.name, f"{kind} {', '.join(hits)}"
    return policy.default_category, "nothing matched, so the default"


def subject_from(text: str) -> str:
    """The beginning of a text as a subject: one line, at most 120 characters."""
    line = " ".join(text[: 8 * LONGEST_SUBJECT].split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1].rstrip()}…"


def missing(*, requester: Person | None, channel: str, subject: str) -> tuple[str, ...]:
    """The required fields that no fact has given yet."""
    is_known = requester is not None and bool(requester.id or requester.email or requester.name)
    return tuple(name for name, has in zip(REQUIRED, (is_known, bool(channel), bool(subject)), strict=True) if not has)


def kind_of_mail(headers: Iterable[tuple[str, str]], *, sender: str, envelope_from: str | None, is_answer: bool) -> str:
    """bounce, auto_reply, mailing_list, auto_generated or human: the first that fits. Case does not count."""
    said: dict[str, list[str]] = {}
    for name, value in headers:
        said.setdefault(name.strip().lower(), []).append(value.strip().lower())
    content_type = " ".join(said.get("content-type", ()))
    is_daemon = sender.lower().startswith(_DAEMONS)
    submitted = next(iter(said.get("auto-submitted", ())), "no")
    precedence = {*said.get("precedence", ()), *said.get("x-precedence", ())}
    if "multipart/report" in content_type and "delivery-status" in content_type:
        return "bounce"
    if is_daemon and (envelope_from is not None and envelope_from.strip("<> ") == ""):
        return "bounce"
    is_automatic = not submitted.startswith("no")
    if (
        submitted.startswith("auto-replied")
        or "yes" in said.get("x-autoreply", ())
        or "auto_reply" in precedence
        or (is_automatic and is_answer)
    ):
        return "auto_reply"
    if "list-id" in said or "list-unsubscribe" in said or precedence & {"list", "bulk", "junk"}:
        return "mailing_list"
    return "auto_generated" if is_automatic else "human"


def is_automatic(kind: str) -> bool:
    """Whether mail of this kind starts no clock, restarts none and meets none."""
    return kind in _AUTOMATIC
