"""The practice Chatwoot's API: the calls Hookdesk makes, answered with Chatwoot's habits."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from worker.clock import Clock
from worker.practice import payloads, rest_payloads
from worker.practice.chat import Chat, until_micros
from worker.practice.gate import Gate, plain_fault, said
from worker.practice.world import Agent, Bot, Conversation, NoSuchRecord, UnknownValue, World

MESSAGES_PER_MINUTE = 200
LONGEST_CONTENT = 150_000
_PAGE, _PAGE_AFTER, _LIST_PAGE = 20, 100, 25


def blueprint(world: World, chat: Chat, gate: Gate, clock: Clock) -> Blueprint:
    """Everything below /api."""
    api = Blueprint("api", __name__)
    api.before_request(gate.before)
    api.after_request(gate.after)
    api.register_error_handler(NoSuchRecord, lambda _: said({"error": "Resource could not be found"}, 404))
    api.register_error_handler(UnknownValue, lambda _: plain_fault("500"))
    account = f"/api/v1/accounts/{world.account['id']}"
    _add_people(api, account, world)
    _add_reading(api, account, world, gate, clock)
    _add_writing(api, account, world, chat, clock)
    api.add_url_rule("/api/v1/accounts/<int:account>/<path:rest>", "elsewhere", _elsewhere, methods=["GET", "POST"])
    return api


def _elsewhere(account: int, rest: str) -> Response:
    """Rails' own 404 for an address nobody knows; calls of another account do not get past the gate."""
    return Response("<html>The page you were looking for does not exist.</html>", 404, content_type="text/html")


def _add_people(api: Blueprint, account: str, world: World) -> None:
    @api.get("/api")
    def version() -> Response:
        return said({"version": "4.15.1", "timestamp": "", "queue_services": "ok", "data_services": "ok"})

    @api.get("/api/v1/profile")
    def profile() -> Response:
        mine: Agent = g.caller
        return said({"id": mine.id, "name": mine.name, "email": mine.email, "role": mine.role})

    @api.get(f"{account}/agents")
    def agents() -> Response:
        with world.lock:
            return said([rest_payloads.rest_agent(world, a) for a in world.agents.values()])

    @api.get(f"{account}/teams")
    def teams() -> Response:
        with world.lock:
            return said(
                [{"id": t.id, "name": t.name, "allow_auto_assign": t.allow_auto_assign} for t in world.teams.values()]
            )

    @api.get(f"{account}/teams/<int:team>/team_members")
    def members(team: int) -> Response:
        with world.lock:
            if team not in world.teams:
                raise NoSuchRecord(team)
            return said([rest_payloads.rest_agent(world, world.agents[i]) for i in world.teams[team].members])


def _add_reading(api: Blueprint, account: str, world: World, gate: Gate, clock: Clock) -> None:
    @api.get(f"{account}/conversations")
    def conversations() -> Response:
        with world.lock:
            rows = [] if gate.access.is_hidden_from(g.caller) else _listed(world, clock)
            return said({"data": {"meta": {"all_count": len(rows)}, "payload": rows}})

    @api.get(f"{account}/conversations/<int:number>")
    def conversation(number: int) -> Response:
        with world.lock:
            return said(rest_payloads.rest_conversation(world, world.conversation(number)))

    @api.get(f"{account}/conversations/<int:number>/messages")
    def messages(number: int) -> Response:
        with world.lock:
            c = world.conversation(number)
            return said({"meta": {"labels": c.labels}, "payload": _page(world, c)})

    @api.get(f"{account}/conversations/<int:number>/labels")
    def read_labels(number: int) -> Response:
        with world.lock:
            return said({"payload": world.conversation(number).labels})

    @api.get(f"{account}/csat_survey_responses")
    def surveys() -> Response:
        since, page = request.args.get("since", 0, type=int), request.args.get("page", 1, type=int)
        with world.lock:
            rows = [row for row in reversed(world.surveys) if row["created_at"] >= since]
            return said(rows[(page - 1) * _LIST_PAGE : page * _LIST_PAGE])


def _listed(world: World, clock: Clock) -> list[dict[str, Any]]:
    status = request.args.get("status", "open")
    rows = [c for c in world.conversations.values() if status in ("all", c.status)]
    within = request.args.get("updated_within", type=int)
    rows.sort(key=lambda c: c.updated, reverse=True)
    if within is not None:
        oldest = clock.now().timestamp() - within
        rows = [c for c in rows if c.updated / 1_000_000 >= oldest]
    else:
        page = request.args.get("page", 1, type=int)
        rows = rows[(page - 1) * _LIST_PAGE : page * _LIST_PAGE]
    return [rest_payloads.rest_conversation(world, c) for c in rows]


def _page(world: World, c: Conversation) -> list[dict[str, Any]]:
    before, after = request.args.get("before", type=int), request.args.get("after", type=int)
    rows = [m for m in c.messages if (before is None or m.id < before) and (after is None or m.id > after)]
    rows = rows[:_PAGE_AFTER] if after is not None else rows[-_PAGE:]
    return [rest_payloads.rest_message(world, m) for m in rows]


def _add_writing(api: Blueprint, account: str, world: World, chat: Chat, clock: Clock) -> None:
    one = f"{account}/conversations/<int:number>"

    @api.post(f"{one}/assignments")
    def assignments(number: int) -> Response:
        wanted = request.get_json()
        if "assignee_id" in wanted:  # a team_id beside it is ignored
            agent = chat.assign(number, wanted["assignee_id"])
            return said(rest_payloads.rest_agent(world, agent) if agent else None)
        chat.assign_team(number, wanted.get("team_id"))
        team = world.conversation(number).team
        return said({"id": team.id, "name": team.name} if team else None)

    @api.post(f"{one}/messages")
    def create_message(number: int) -> Response:
        return _create_message(world, chat, clock, number)

    @api.post(f"{one}/labels")
    def labels(number: int) -> Response:
        chat.set_labels(number, request.get_json()["labels"])
        return said({"payload": world.conversation(number).labels})

    @api.post(f"{one}/toggle_status")
    def toggle_status(number: int) -> Response:
        return _toggle_status(world, chat, number)

    @api.post(f"{one}/toggle_priority")
    def toggle_priority(number: int) -> Response:
        chat.set_priority(number, request.get_json().get("priority"))
        return Response(status=200)

    @api.post(f"{one}/custom_attributes")
    def custom_attributes(number: int) -> Response:
        chat.set_custom_attributes(number, request.get_json()["custom_attributes"])
        return said({"custom_attributes": world.conversation(number).custom_attributes})


def _create_message(world: World, chat: Chat, clock: Clock, number: int) -> Response:
    wanted = request.get_json()
    minute_ago = (clock.now().timestamp() - 60) * 1_000_000
    recent = sum(1 for m in world.conversation(number).messages if m.micros >= minute_ago)
    if recent >= MESSAGES_PER_MINUTE:
        return plain_fault("message_limit")
    content = wanted.get("content") or ""
    if len(content) > LONGEST_CONTENT:
        wrong = f"Content is too long (maximum is {LONGEST_CONTENT} characters)"
        return said({"message": wrong, "attributes": ["content"]}, 422)
    message = chat.reply(
        number,
        g.caller,
        content,
        private=bool(wanted.get("private")),
        content_attributes=dict(wanted.get("content_attributes") or {}),
        source_id=wanted.get("source_id"),
    )
    return said({**rest_payloads.rest_message(world, message), "echo_id": wanted.get("echo_id")})  # never stored


def _toggle_status(world: World, chat: Chat, number: int) -> Response:
    wanted, c = request.get_json(), world.conversation(number)
    status = wanted.get("status") or ("open" if c.status == "resolved" else "resolved")
    chat.set_status(number, status, until=until_micros(wanted.get("snoozed_until")))
    caller: Agent | Bot = g.caller
    if status == "open" and isinstance(caller, Agent) and caller.role == "agent":
        chat.assign(number, caller.id)
    until = payloads.epoch(c.snoozed_until) if c.snoozed_until else None
    answer = {"success": True, "conversation_id": c.id, "current_status": c.status, "snoozed_until": until}
    return said({"meta": {}, "payload": answer})
