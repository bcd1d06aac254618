"""`hookdesk ticket`: the verbs of the ticket API from the command line, by the same rules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli.group import Guessing, settings_of
from worker.cli.ids import TICKET
from worker.cli.opening import actor, database, refuse_missing_file
from worker.cli.output import as_json, print_json
from worker.domain.facts import Person, Verb
from worker.domain.wording import label
from worker.errors import Invalid, NotFound

if TYPE_CHECKING:
    from worker.acting import Acted
    from worker.desk import Desk

_OPTIONS = {
    "actor": "--as",
    "idempotency_key": "--key",
    "requester": "--name or --email",
    "requester.email": "--email",
    "requester.name": "--name",
    "tags": "--tag",
    "text": "--text",
}
_AGENT = click.option("--agent", default="", help="An agent's id, e-mail address or name.")
_TEAM = click.option("--team", default="", help="A team's id or name.")
_PRIORITY = click.option("--priority", default="", help="low, medium, high or urgent.")
_CATEGORY = click.option("--category", default="", help="One category of the policy.")
_TAGS = click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
_FIELDS = click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field of the policy; several.")
_RESOLUTION = click.option("--resolution", default="", help="What was done; closing needs it.")
_ABOUT = {
    "create": "Open a ticket.",
    "triage": "Set category, priority, tags or fields.",
    "assign": "Give it to an agent, or to a team's queue.",
    "escalate": "Hand it to a senior, for a reason.",
    "reply": "Answer the customer.",
    "resolve": "Say that it is solved, and how.",
    "close": "End it; the definition of done must be met.",
    "reopen": "Take it up again.",
}


@click.group(cls=Guessing)
def ticket() -> None:
    """Act on one ticket (t9), as the API does. Exit code 4: its status does not allow that."""


@ticket.command(short_help="A ticket and its history.")
@click.argument("number", metavar="TICKET", type=TICKET)
@as_json
@click.pass_context
def show(ctx: click.Context, number: int, as_json: bool) -> None:
    """Show TICKET (t9) and its history. `hookdesk trace t9` also has deliveries, timers and effects."""
    from worker.cli.ticket_page import page, record

    with database(ctx) as db:
        found = record(db, number)
    if as_json:
        print_json([found])
    else:
        page(found)


def _verb(*options: Callable[[Any], Any], on_ticket: bool = True) -> Callable[[Callable[..., None]], click.Command]:
    """A verb's command: its own options, and those that all verbs share."""
    shared = (
        click.option("--reason", default="", help="Why; it is kept in the history."),
        click.option("--as", "who", metavar="NAME", help="Who acts; you, unless said."),
        click.option("--key", default="", help="Idempotency key: the same one again does nothing."),
        as_json,
        click.pass_context,
    )

    def make(function: Callable[..., None]) -> click.Command:
        decorated: Any = function
        for option in reversed((*options, *shared)):
            decorated = option(decorated)
        if on_ticket:
            decorated = click.argument("number", metavar="TICKET", type=TICKET)(decorated)
        name = function.__name__
        command: click.Command = ticket.command(name, help=function.__doc__, short_help=_ABOUT[name])(decorated)
        return command

    return make


@_verb(
    click.option("--subject", default="", help="What it is about, in a line."),
    click.option("--description", "text", default="", help="What the requester wants; - reads it from the input."),
    click.option("--name", default="", help="The requester's name."),
    click.option("--email", default="", help="The requester's e-mail address."),
    click.option("--channel", default="", help="Where it came in, for example phone."),
    click.option("--internal", is_flag=True, help="A request of our own people."),
    _CATEGORY, _PRIORITY, _TAGS, _FIELDS, on_ticket=False,
)  # fmt: skip
def create(ctx: click.Context, name: str, email: str, **said: Any) -> None:
    """Open a ticket of our own. A request that another door brought already is not opened twice."""
    _run(ctx, Verb.CREATE, None, {**said, "requester": Person(None, name, email or None)})


@_verb(
    click.option("--subject", default="", help="A better subject."),
    click.option("--internal/--external", default=None, help="A request of our own people, or a customer's."),
    _CATEGORY, _PRIORITY, _TAGS, _FIELDS,
)  # fmt: skip
def triage(ctx: click.Context, number: int, **said: Any) -> None:
    """Set what is known better of TICKET; what is left out stays."""
    _run(ctx, Verb.TRIAGE, number, said)


@_verb(_AGENT, _TEAM)
def assign(ctx: click.Context, number: int, **said: Any) -> None:
    """Give TICKET to an agent; a team alone takes it off its agent, into the team's queue."""
    _run(ctx, Verb.ASSIGN, number, said)


@_verb(_AGENT, _TEAM, _PRIORITY)
def escalate(ctx: click.Context, number: int, **said: Any) -> None:
    """Hand TICKET to a senior; without --agent and --team the policy finds one. Needs --reason."""
    _run(ctx, Verb.ESCALATE, number, said)


@_verb(
    click.option("--text", default="", help="What the customer reads; - reads it from the input."),
    click.option("--template", default="", metavar="NAME", help="A text of [templates] in the policy, filled in."),
)
def reply(ctx: click.Context, number: int, template: str, **said: Any) -> None:
    """Answer the customer of TICKET: in its conversation, or by mail where there is none."""
    if template and said["text"]:
        raise click.UsageError("Give --text or --template, not both.", ctx)
    _run(ctx, Verb.REPLY, number, said, template=template)


@_verb(_RESOLUTION)
def resolve(ctx: click.Context, number: int, resolution: str, **said: Any) -> None:
    """Say that TICKET is solved; --resolution says how."""
    _run(ctx, Verb.RESOLVE, number, {**said, "text": resolution})


@_verb(
    _RESOLUTION, _CATEGORY, _FIELDS,
    click.option("--automatic", is_flag=True, help="A rule or an AI asks: it is only noted, a person decides."),
)  # fmt: skip
def close(ctx: click.Context, number: int, resolution: str, **said: Any) -> None:
    """End TICKET, which must be resolved and done. What is missing is told; exit code 4."""
    _run(ctx, Verb.CLOSE, number, {**said, "text": resolution})


@_verb()
def reopen(ctx: click.Context, number: int, **said: Any) -> None:
    """Take TICKET up again, which was resolved."""
    _run(ctx, Verb.REOPEN, number, said)


def _run(ctx: click.Context, verb: Verb, number: int | None, said: Mapping[str, Any], *, template: str = "") -> None:
    from worker.acting import act
    from worker.acting import create as open_ticket
    from worker.instruction import Instruction

    given = dict(said)
    as_json, who = given.pop("as_json"), given.pop("who")
    if given.get("text") == "-":
        given["text"] = sys.stdin.read()
    given["fields"] = tuple(_pair(each) for each in given.get("fields", ()))
    asked = Instruction(verb=verb, actor=who or actor().removeprefix("cli:"), **given)
    with _desk(ctx) as desk:
        if template and number is not None:
            asked = replace(asked, text=_filled(desk, number, template, asked.actor))
        try:
            done = open_ticket(desk, asked) if number is None else act(desk, number, asked)
        except Invalid as exc:
            raise _usage(exc, verb, ctx) from exc
    if as_json:
        print_json([shapes.ticket(done.ticket)])
    else:
        click.echo(_told(done, verb))


def _filled(desk: Desk, number: int, template: str, who: str) -> str:
    """The template with what the ticket knows; raises NotFound for an unknown ticket or template."""
    from worker.domain.templates import filled
    from worker.store import ticket_reads

    stored = ticket_reads.get(desk.db, number)
    if stored is None or stored.ticket is None:
        raise NotFound(f"There is no ticket t{number}. `hookdesk tickets` lists them.")
    return filled(desk.policy.templates, template, stored.ticket, number=number, actor=who)


@contextmanager
def _desk(ctx: click.Context) -> Iterator[Desk]:
    """The desk of this invocation: store, policy, and a way to wake the performers."""
    from worker import log
    from worker.cli.practice_events import with_practice
    from worker.desk import open_desk

    settings = with_practice(settings_of(ctx))
    refuse_missing_file(settings)
    log.configure(settings)
    desk = open_desk(settings, origin="cli")
    try:
        yield desk
    finally:
        desk.close()


def _pair(said: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals:
        raise click.UsageError(f"{said!r} is not NAME=VALUE, for example --field order=4711.")
    return name.strip(), value.strip()


def _usage(exc: Invalid, verb: Verb, ctx: click.Context) -> click.UsageError:
    """The mistakes, each with the option it belongs to; one that several share is told once."""
    names = _OPTIONS | {Verb.CREATE: {"text": "--description"}, Verb.REPLY: {}}.get(verb, {"text": "--resolution"})
    by_words: dict[str, list[str]] = {}
    for field, why in exc.mistakes.items():
        by_words.setdefault(why, []).append(names.get(field, f"--{field.partition('.')[0].removesuffix('s')}"))
    lines = (f"{' or '.join(dict.fromkeys(options))}: {why}." for why, options in by_words.items())
    return click.UsageError("\n".join(lines), ctx)


def _told(done: Acted, verb: Verb) -> str:
    record, number = done.ticket.ticket, f"t{done.ticket.id}"
    if record is None:
        return number
    if not done.is_new:
        return f"{number} is {record.status}; this was done before, under the same key. Nothing was changed."
    if verb is Verb.CREATE and not done.created:
        return f"{number} is the same request, by another door; it is {record.status}. No new ticket was opened."
    if verb is Verb.CLOSE and done.act.automatic:
        return f"{number} stays {record.status}: the proposal to close it is noted, and a person decides."
    held = ", ".join(label(each) for each in (record.assignee, record.team) if each is not None)
    return f"{number} is {record.status}, priority {record.priority}, {f'with {held}' if held else 'with nobody yet'}."
