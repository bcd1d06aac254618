"""The practice Chatwoot as one object: start it, let people act in it, let things go wrong, look at the record."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from worker.clock import Clock, SystemClock, to_micros
from worker.practice import control, rest
from worker.practice.access import Access
from worker.practice.chat import Chat
from worker.practice.faults import Fault, Faults, Habits
from worker.practice.gate import LIMIT_PER_MINUTE, Gate
from worker.practice.payloads import body
from worker.practice.sender import Sender
from worker.practice.world import DEFAULT_AGENTS, DEFAULT_TEAMS, Agent, Bot, NoSuchRecord, Team, UnknownValue, World

TOKEN = "practice-token"  # noqa: S105 - only ever opens the practice Chatwoot
SECRET = "practice-webhook-secret"  # noqa: S105 - as above


class _Handler(WSGIRequestHandler):
    """Lets the header api_access_token through, as nginx does for Chatwoot; werkzeug drops names with underscores."""

    underscores = True

    def make_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().make_environ()
        token = self.headers.get("api-access-token") or self.headers.get("api_access_token" if self.underscores else "")
        if token is not None:
            environ["HTTP_API_ACCESS_TOKEN"] = token
        return environ

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet: `gate.received` has it all."""


class _BehindNginx(_Handler):
    """nginx without `underscores_in_headers on` drops the header before Chatwoot sees it."""

    underscores = False


class PracticeChatwoot:
    """A Chatwoot to practise with. Port 0 takes a free one; without `webhook_url` webhooks are only recorded."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = TOKEN,
        webhook_url: str | None = None,
        secret: str = SECRET,
        account_id: int = 1,
        clock: Clock | None = None,
        agents: tuple[Agent, ...] = DEFAULT_AGENTS,
        teams: tuple[Team, ...] = DEFAULT_TEAMS,
        requests_per_minute: int = LIMIT_PER_MINUTE,
        stall_seconds: float = 30.0,
        sender_threads: int = 4,
        underscores_in_headers: bool = True,
        seed: int = 0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.world = World(self.clock, account_id=account_id, agents=agents, teams=teams)
        self.faults = Faults(stall_seconds)
        self.gate = Gate(self.clock, self.faults, access=Access(self.world, token), limit=requests_per_minute)
        self.sender = Sender(self.clock, url=webhook_url, secret=secret, threads=sender_threads, seed=seed)
        self.chat = Chat(self.world, self.sender.announce)
        self._host, self._port = host, port
        self._handler = _Handler if underscores_in_headers else _BehindNginx
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens; only after start()."""
        if self._server is None:
            raise RuntimeError("start() comes first")
        return f"http://{self._host}:{self._server.server_port}"

    def start(self) -> PracticeChatwoot:
        """Listen and send, on threads of its own. Raises OSError or SystemExit when the port is taken."""
        self._server = make_server(self._host, self._port, self._app(), threaded=True, request_handler=self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="practice")
        self._thread.start()
        self.sender.start()
        return self

    def stop(self) -> None:
        """Stop at once; safe without start()."""
        self.gate.stopped.set()
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()
        self.sender.stop()

    def __enter__(self) -> PracticeChatwoot:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def customer_opens(self, name: str, email: str | None, text: str, plan: str | None = None) -> int:
        """A customer starts a conversation; returns its number."""
        return self.chat.open(name, email, text, plan).id

    def opens_unheard(self, name: str, email: str | None, text: str, plan: str | None = None) -> bytes:
        """The same, but nothing is sent: returns the body of its `conversation_created`, for somebody else to post."""
        heard: list[tuple[str, dict[str, Any]]] = []
        Chat(self.world, lambda event, payload: heard.append((event, payload))).open(name, email, text, plan)
        return next(body({**payload, "event": event}) for event, payload in heard if event == "conversation_created")

    def customer_writes(self, conversation: int, text: str) -> None:
        """The customer writes again; that opens a resolved or snoozed conversation."""
        self.chat.customer(conversation, text)

    def agent_replies(self, conversation: int, agent: int, text: str) -> None:
        """An agent answers the customer."""
        self.chat.reply(conversation, self._agent(agent), text)

    def private_note(self, conversation: int, agent: int, text: str) -> None:
        """An agent writes a note the customer does not see."""
        self.chat.reply(conversation, self._agent(agent), text, private=True)

    def assign(self, conversation: int, agent: int | None) -> None:
        """Somebody assigns by hand."""
        self.chat.assign(conversation, agent)

    def resolve(self, conversation: int, *, ask: bool = False) -> None:
        """An agent resolves; with `ask` Chatwoot puts its own survey question."""
        self.chat.set_status(conversation, "resolved")
        if ask:
            self.chat.ask(conversation)

    def reopen(self, conversation: int) -> None:
        """An agent opens it again."""
        self.chat.set_status(conversation, "open")

    def snooze(self, conversation: int, seconds: float) -> None:
        """An agent puts it aside for a while."""
        until = self.clock.now() + timedelta(seconds=seconds)
        self.chat.set_status(conversation, "snoozed", until=to_micros(until))

    def set_pending_bot(self, conversation: int) -> None:
        """A bot takes it over."""
        self.chat.set_status(conversation, "pending", bot=Bot())

    def answers_survey(self, conversation: int, rating: int, feedback: str = "") -> None:
        """The customer answers Chatwoot's own question; raises NoSuchRecord when none was put."""
        self.chat.answer(conversation, rating, feedback)

    def set_availability(self, agent: int, availability: str) -> None:
        """An agent comes, goes or is busy."""
        if availability not in {"online", "busy", "offline"}:
            raise UnknownValue(availability)
        with self.world.lock:
            self._agent(agent).availability = availability

    def leave_inbox(self, agent: int) -> None:
        """An agent is no member of the inbox any more: its conversations are not theirs to see."""
        with self.world.lock:
            self.world.outsiders.add(self._agent(agent).id)

    def token_of(self, caller: int | Bot) -> str:
        """The access token of an agent, by number, or of a bot."""
        return self.gate.access.token_of(caller if isinstance(caller, Bot) else self._agent(caller))

    def set_faults(self, *faults: Fault, habits: Habits | None = None) -> None:
        """Replace what goes wrong; without arguments everything is well again."""
        self.faults.set(faults)
        self.sender.habits = replace(habits) if habits is not None else Habits()

    def messages_marked(self, marker: str, key: str = "hookdesk") -> int:
        """How many messages carry this marker: the proof that an effect is visible exactly once."""
        with self.world.lock:
            held = [m for c in self.world.conversations.values() for m in c.messages]
            return sum(1 for m in held if m.content_attributes.get(key) == marker)

    def _agent(self, agent: int) -> Agent:
        try:
            return self.world.agents[int(agent)]
        except KeyError as exc:
            raise NoSuchRecord(f"agent {agent}") from exc

    def _app(self) -> Flask:
        app = Flask("practice_chatwoot")
        app.register_blueprint(rest.blueprint(self.world, self.chat, self.gate, self.clock))
        app.register_blueprint(control.blueprint(self))
        return app
