"""Whose token a call carries, and what it may do. Chatwoot says 401 to a bad token and to a forbidden action alike."""

from __future__ import annotations

from flask import Request

from worker.practice.world import Agent, Bot, World

Caller = Agent | Bot

_FOR_BOTS = frozenset(
    {"conversation", "toggle_status", "toggle_priority", "custom_attributes", "create_message", "assignments",
     "read_labels", "labels"}
)  # fmt: skip
"""The calls a bot's token may make, by the names of their views."""
_FOR_ADMINISTRATORS = frozenset({"surveys"})


class Access:
    """The owner's token is the practice Chatwoot's own; agents and bots have theirs from it."""

    def __init__(self, world: World, token: str) -> None:
        self._world, self._token = world, token

    def token_of(self, caller: Caller) -> str:
        """The access token of this user or bot."""
        if isinstance(caller, Bot):
            return f"{self._token}-bot"
        return self._token if caller.id == self._world.owner.id else f"{self._token}-{caller.id}"

    def caller(self, token: str | None) -> Caller | None:
        """Whose token it is; None for nobody's."""
        callers: tuple[Caller, ...] = (*self._world.agents.values(), Bot())
        return next((one for one in callers if self.token_of(one) == token), None)

    def refusal(self, caller: Caller, request: Request) -> str | None:
        """Why this caller may not make this call; None when they may."""
        view = (request.endpoint or "").rpartition(".")[2]
        if view == "elsewhere" and (request.view_args or {})["account"] != self._world.account["id"]:
            return "You are not authorized to access this account"
        if isinstance(caller, Bot):
            return None if view in _FOR_BOTS else "Access to this endpoint is not authorized for bots"
        if caller.role == "administrator":
            return None
        if view in _FOR_ADMINISTRATORS or (self.is_hidden_from(caller) and "number" in (request.view_args or {})):
            return "You are not authorized to do this action"
        return None

    def is_hidden_from(self, caller: Caller) -> bool:
        """Whether the conversations of the inbox are not this agent's to see."""
        return isinstance(caller, Agent) and caller.role != "administrator" and caller.id in self._world.outsiders
