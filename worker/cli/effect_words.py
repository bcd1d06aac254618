"""Effects told to people: what was asked of which other side, about what, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from worker.cli.output import shortened
from worker.cli.words import cause, clock
from worker.domain.effects import CHATWOOT, MAIL, NOTICE, EffectKind
from worker.store.effects import StoredEffect

KINDS: Mapping[EffectKind, str] = {
    EffectKind.ASSIGN_TEAM: "set the team",
    EffectKind.ASSIGN_AGENT: "assign the agent",
    EffectKind.SET_STATUS: "set the status",
    EffectKind.SET_PRIORITY: "set the priority",
    EffectKind.ADD_LABELS: "add labels",
    EffectKind.SET_ATTRIBUTES: "set attributes",
    EffectKind.PRIVATE_NOTE: "write a private note",
    EffectKind.REPLY: "reply to the customer",
    EffectKind.SURVEY: "send the survey",
    EffectKind.CLOSING_NOTICE: "announce the closing",
    EffectKind.OPERATOR_NOTICE: "tell the operators",
    EffectKind.EVENT: "tell another system",
}
_LANES: Mapping[str, str] = {CHATWOOT: "Chatwoot", MAIL: "mail server", NOTICE: "address or webhook for notices"}
_ABOUT: Mapping[str, Callable[[str], str]] = {
    "routed": lambda _: "about the routing",
    "escalated": lambda rest: f"about the escalation to level {rest.rpartition(':')[2]}",
    "act": lambda _: "as somebody asked",
    "kept": lambda _: "to put right what was written across it",
    "resolution": lambda rest: f"about resolution {rest}",
    "sla": lambda rest: f"about the broken promise: {_clock(rest)}",
    "warned": lambda rest: f"about the time running out: {_clock(rest)}",
    "withdrawn": lambda rest: f"about the breach that was taken back: {_clock(rest)}",
    "low_score": lambda _: "about the bad answer",
    "low_score_withdrawn": lambda _: "about the bad answer that was taken back",
    "close_blocked": lambda _: "about what is missing for closing",
    "confirmed": lambda _: "as the customer said that it is done",
}


def asked_for(effect: StoredEffect) -> str:
    """What it sets, whom it tells, or what it speaks of."""
    payload = effect.payload
    match effect.kind:
        case EffectKind.ASSIGN_TEAM | EffectKind.ASSIGN_AGENT:
            return str(payload.get("agent") or payload.get("team") or about(effect.decision))
        case EffectKind.SET_STATUS:
            return f"to {payload.get('status')}, {about(effect.decision)}"
        case EffectKind.SET_PRIORITY:
            return f"to {payload.get('priority')}, {about(effect.decision)}"
        case EffectKind.ADD_LABELS:
            return ", ".join(str(label) for label in payload.get("labels", ()))
        case EffectKind.SET_ATTRIBUTES:
            return ", ".join(f"{name} = {value}" for name, value in payload.get("attributes", {}).items())
        case EffectKind.REPLY:
            return _reply(payload)
        case EffectKind.OPERATOR_NOTICE:
            return f"{_addressees(payload)}: {shortened(str(payload.get('subject', '')))}"
        case EffectKind.EVENT:
            return f"{payload.get('type')} to {payload.get('target')}"
    language = f", in {payload['language']}" if payload.get("language") else ""
    return about(effect.decision) + language + _by_mail(payload)


def about(decision: str) -> str:
    """Which decision asked for it, without the key it is stored under."""
    kind, _, rest = decision.partition(":")
    told = _ABOUT.get(kind)
    return told(rest) if told is not None else f"about {kind.replace('_', ' ')}"


def standing(effect: StoredEffect) -> str:
    """Where it stands, and why."""
    why = cause(effect.cause, effect.detail)
    match effect.state:
        case "approval":
            return f"waits for `hookdesk effects approve e{effect.id} --yes`" + (f": {why}" if why else "")
        case "no_target":
            known = effect.detail or (why if effect.cause not in (None, "no_target") else "")
            return f"not sent: {known or f'there is no {other_side(effect)} for it'}"
        case "dry_run":
            return "not sent: dry-run"
    return f"{effect.state}: {why}" if why else effect.state


def other_side(effect: StoredEffect) -> str:
    """Who performs it, in words: Chatwoot, the mail server, a target."""
    lane, _, target = effect.lane.partition(":")
    return f"target {target}" if target else _LANES.get(lane, lane)


def _reply(payload: Mapping[str, Any]) -> str:
    said = shortened(str(payload.get("text", "")))
    return f"{payload.get('actor', 'somebody')}{_by_mail(payload)}: {said!r}"


def _by_mail(payload: Mapping[str, Any]) -> str:
    return f" to {payload['to']} by mail" if payload.get("to") else ""


def _addressees(payload: Mapping[str, Any]) -> str:
    return ", ".join(str(one) for one in payload.get("to", ())) or "by the signed webhook alone"


def _clock(rest: str) -> str:
    """`first_response:1:80` or `…:2026-06-18T09:00:00+00:00` is about the clock alone."""
    metric, ordinal, *_ = (*rest.split(":"), "")
    return clock(f"{metric}:{ordinal}")
