"""`hookdesk`: the command line, and the only place that knows every part of Hookdesk."""

from __future__ import annotations

import click

from worker import __version__
from worker.cli.group import Root

_SECTIONS = {
    "Run": {
        "up": ("up:up", "Start everything on this machine; Ctrl-C ends it."),
        "demo": ("demo:demo", "A support day in a minute, with a practice Chatwoot."),
        "web": ("run:web", "Only the receiver."),
        "worker": ("run:worker", "Only the worker."),
        "api": ("run:api", "Only the ticket API."),
        "scheduler": ("run:scheduler", "Only the scheduler."),
        "migrate": ("run:migrate", "Bring the database up to date."),
    },
    "Look": {
        "doctor": ("doctor:doctor", "Check everything Hookdesk needs, two seconds each."),
        "deliveries": ("deliveries:deliveries", "What arrived, and what became of it."),
        "tickets": ("tickets:tickets", "The tickets."),
        "trace": ("trace:trace", "The whole life of a delivery or ticket, with every reason."),
        "contacts": ("contacts:contacts", "Who writes to us, and what they asked for before."),
        "organizations": ("contacts:organizations", "The customers: tier, value, contacts, tickets."),
        "roster": ("roster:roster", "Who works here: availability, load, capacity, skills."),
        "sla": ("sla:sla", "SLA clocks: list, explain."),
        "escalations": ("escalations:escalations", "What went to a senior, why, and who has it."),
        "csat": ("csat:csat", "How satisfied customers are, by agent, team and category."),
        "ledger": ("deliveries:ledger", "Received against accounted for; the difference is 0."),
    },
    "Act": {
        "ticket": ("ticket:ticket", "One ticket: create, show, assign, escalate, reply, resolve, close, reopen …"),
        "dead-letters": ("dead_letters:dead_letters", "What could not be processed: list, show, replay, discard."),
        "activities": ("activities:activities", "What somebody should do: list, done, cancel."),
        "targets": ("targets:targets", "Where events go: list, events, test, enable, disable."),
        "effects": ("effects:effects", "What goes out: list, show, approve, cancel."),
    },
    "Webhooks": {
        "sign": ("sign:sign", "A signed curl command for a body."),
        "verify": ("verify:verify", "Why the signature of a saved request fails."),
        "simulate": ("simulate:simulate", "Post real-shaped Chatwoot webhooks to a running receiver."),
    },
    "Configure": {
        "config": ("config:config", "Settings and policy file: check, show."),
        "policy": ("policy:policy", "The effective policy and the retry table."),
        "completion": ("completion:completion", "Tab completion for your shell."),
    },
}

_SHORT_HELP = """\
Hookdesk turns support webhooks into tickets, and never loses or doubles one.

  hookdesk demo               see it work: a support day in a minute, nothing to set up
  hookdesk up --practice      run it, with a practice Chatwoot
  hookdesk trace t1           everything that happened to a ticket, with every reason

`hookdesk --help` lists all commands, `hookdesk doctor` says what is missing."""


@click.group(
    "hookdesk",
    cls=Root,
    sections=_SECTIONS,
    concealed={"practice": "run:practice"},  # what `up --practice` starts; of no use alone
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="hookdesk")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Hookdesk turns support webhooks into tickets, and never loses or doubles one.

    Settings are HOOKDESK_* variables (`hookdesk config show`), policy is hookdesk.toml (`hookdesk policy`).
    Ids: d17 is a delivery, t9 a ticket, e4 an effect, a3 an activity. Reads take --json: one object per line.
    Exit codes: 0 fine, 1 findings, 2 usage, 3 a dependency is down, 4 refused.
    """
    if ctx.invoked_subcommand is None:
        click.echo(_SHORT_HELP)


if __name__ == "__main__":
    main(prog_name="hookdesk")
