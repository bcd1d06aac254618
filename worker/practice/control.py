"""Buttons for the demo and for checkers: what customers and agents do, what goes wrong, and the record of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from worker.practice import rest_payloads
from worker.practice.faults import read_fault, read_habits
from worker.practice.world import NoSuchRecord, UnknownValue

if TYPE_CHECKING:  # the server mounts this blueprint
    from worker.practice.server import PracticeChatwoot

Action = Callable[["PracticeChatwoot", int, Mapping[str, Any]], None]

ACTIONS: dict[str, Action] = {
    "customer": lambda p, c, said: p.customer_writes(c, said["text"]),
    "agent": lambda p, c, said: p.agent_replies(c, said["agent"], said["text"]),
    "note": lambda p, c, said: p.private_note(c, said["agent"], said["text"]),
    "assign": lambda p, c, said: p.assign(c, said.get("agent")),
    "resolve": lambda p, c, said: p.resolve(c, ask=bool(said.get("ask"))),
    "reopen": lambda p, c, said: p.reopen(c),
    "snooze": lambda p, c, said: p.snooze(c, float(said.get("seconds", 3600))),
    "pending": lambda p, c, said: p.set_pending_bot(c),
    "answer": lambda p, c, said: p.answers_survey(c, int(said["rating"]), said.get("feedback", "")),
}
"""POST /practice/conversations/<id>/<name>; adding a button is adding a line."""


def blueprint(practice: PracticeChatwoot) -> Blueprint:
    """Everything below /practice."""
    control = Blueprint("control", __name__, url_prefix="/practice")
    control.register_error_handler(KeyError, lambda exc: _refuse(f"missing: {exc.args[0]}", 422))
    control.register_error_handler(NoSuchRecord, lambda exc: _refuse(f"there is no {exc.args[0]}", 404))
    control.register_error_handler(UnknownValue, lambda exc: _refuse(str(exc), 422))
    control.register_error_handler(ValueError, lambda exc: _refuse(str(exc), 422))
    _add_actions(control, practice)
    _add_faults(control, practice)
    _add_records(control, practice)
    return control


def _add_actions(control: Blueprint, practice: PracticeChatwoot) -> None:
    @control.post("/conversations")
    def open_conversation() -> tuple[Response, int]:
        said = request.get_json()
        if said.get("unheard"):
            body = practice.opens_unheard(said["name"], said.get("email"), said["text"], said.get("plan"))
            return Response(body, mimetype="application/json"), 201
        opened = practice.customer_opens(said["name"], said.get("email"), said["text"], said.get("plan"))
        return jsonify({"id": opened}), 201

    @control.post("/conversations/<int:number>/<action>")
    def act(number: int, action: str) -> Response | tuple[Response, int]:
        if action not in ACTIONS:
            return _refuse(f"unknown action {action!r}; known: {', '.join(ACTIONS)}", 404)
        ACTIONS[action](practice, number, request.get_json(silent=True) or {})
        return jsonify({"id": number, "status": practice.world.conversation(number).status})

    @control.post("/agents/<int:agent>")
    def availability(agent: int) -> Response:
        practice.set_availability(agent, request.get_json()["availability"])
        return jsonify({"id": agent, "availability": practice.world.agents[agent].availability})


def _add_faults(control: Blueprint, practice: PracticeChatwoot) -> None:
    @control.put("/faults")
    def put_faults() -> Response:
        said = request.get_json()
        if unknown := set(said) - {"answers", "sending"}:
            raise ValueError(f"unknown keys {sorted(unknown)}; known: answers, sending")
        faults = [read_fault(row) for row in said.get("answers", [])]
        practice.set_faults(*faults, habits=read_habits(said.get("sending", {})))
        return jsonify({"faults": len(faults)})


def _add_records(control: Blueprint, practice: PracticeChatwoot) -> None:
    @control.get("/sent")
    def sent() -> Response:
        rows = [{**asdict(row), "body": row.body.decode()} for row in list(practice.sender.sent)]
        return jsonify(rows)

    @control.get("/received")
    def received() -> Response:
        rows = [{**asdict(row), "at": row.at.isoformat()} for row in list(practice.gate.received)]
        return jsonify(rows)

    @control.get("/conversations")
    def conversations() -> Response:
        with practice.world.lock:
            held = list(practice.world.conversations.values())
            return jsonify([rest_payloads.rest_conversation(practice.world, c) for c in held])

    @control.get("/conversations/<int:number>/messages")
    def messages(number: int) -> Response:
        with practice.world.lock:
            held = practice.world.conversation(number).messages
            return jsonify([rest_payloads.rest_message(practice.world, m) for m in held])


def _refuse(message: str, status: int) -> tuple[Response, int]:
    return jsonify({"error": message}), status
