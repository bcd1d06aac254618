"""`hookdesk verify --event`: for whoever receives our events, why a signature does not hold on their side."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from worker.cli.event_secrets import secrets_for, target_named, targets_of

if TYPE_CHECKING:
    from webhooks.diagnosis import Diagnosis
    from worker.cli.saved_request import SavedRequest
    from worker.config import Settings

_WORDS = {
    "missing_header": (
        "webhook-id, webhook-timestamp or webhook-signature is missing.",
        "Every event has all three. Look for a proxy, or a framework, that drops headers it does not know.",
    ),
    "malformed": (
        "The signature or the timestamp does not have the form it must have.",
        "`webhook-signature` is a list of `v1,` and base64, separated by spaces; `webhook-timestamp` is whole seconds.",
    ),
    "no_prefix": (
        "No entry of webhook-signature begins with `v1,`.",
        "Pass the header on exactly as it came, with all its entries.",
    ),
    "changed_body": (None, "Verify the raw bytes as they came, before anything parses them."),
    "wrong_secret": (
        "None of our secrets made this signature for these bytes, this id and this timestamp.",
        "Compare the receiver's secret with HOOKDESK_EVENT_SECRETS; a target's own (`crm:whsec_…`) replaces the common "
        "ones. Check that id, timestamp and body are of the same request, and the body its raw bytes.",
    ),
    "stale": (
        None,
        "Each try is signed anew, so an honest one is never old: check both clocks (`timedatectl`). A captured request "
        "is always old: verify it with --at and the time it arrived.",
    ),
}


def diagnose_event(
    settings: Settings, saved: SavedRequest, target: str | None, secret_file: str | None, *, now: datetime
) -> Diagnosis:
    """What a receiver with the right secret would say of this request, in words about our side."""
    from webhooks.diagnosis import diagnose

    if target is not None:
        target_named(targets_of(settings), target)
    secrets = secrets_for(settings, target, secret_file)
    headers = {name: value for name, value in saved.headers.items() if name.startswith("webhook-")}
    headers.setdefault("webhook-signature", "")
    tolerance = timedelta(seconds=settings.timestamp_tolerance_seconds)
    found = diagnose(headers, saved.body, secrets, now=now, tolerance=tolerance)
    explanation, remedy = _WORDS.get(found.reason, (None, found.remedy))
    return replace(found, explanation=explanation or found.explanation, remedy=remedy)
