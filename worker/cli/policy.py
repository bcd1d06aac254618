"""`hookdesk policy`: what is in force, and how long we keep trying."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from worker.cli import policy_care, policy_people, policy_promises
from worker.cli.group import settings_of
from worker.cli.output import as_json, print_json, print_table, span

if TYPE_CHECKING:
    from worker.domain.policy import CsatPolicy, Policy


@click.command()
@click.option("--retry", is_flag=True, help="Only the retry table, as Markdown: what runbooks/retry-policy.md holds.")
@click.option("--defaults", is_flag=True, help="The built-in policy as a file to start your own from.")
@as_json
@click.pass_context
def policy(ctx: click.Context, retry: bool, defaults: bool, as_json: bool) -> None:
    """Show the effective policy: categories, scores, routing, SLA, escalation, closing, surveys, retries."""
    if retry:
        from worker.policy_page import render

        click.echo(render(), nl=False)
        return
    from worker.policy_file import DEFAULT_TOML, load_policy

    if defaults:
        click.echo(DEFAULT_TOML, nl=False)
        return
    settings = settings_of(ctx)
    effective = load_policy(settings.config)
    if as_json:
        print_json([asdict(effective)])
        return
    click.echo(f"Policy {effective.version} from {settings.config or 'the built-in defaults'}; times are in words.\n")
    _show_deciding(effective)
    _show_promises(effective, settings.effects)


def _show_deciding(effective: Policy) -> None:
    click.echo(f"Categories (none matches: {effective.default_category})")
    print_table(
        ("category", "report line", "labels", "words"),
        ((each.name, each.report_line, _list(each.labels), _list(each.words)) for each in effective.categories),
        empty="none",
    )
    click.echo("\nPriority score: the sum of what matches, 0 to 100")
    print_table(
        ("points", "rule", "when"),
        ((f"{each.points:+d}", each.name, _conditions(asdict(each))) for each in effective.score_rules),
        empty="none",
    )
    click.echo("\nRouting: the first rule that matches")
    print_table(
        ("rule", "team", "when"),
        ((each.name, each.team or "any agent", _conditions(asdict(each))) for each in effective.routing),
        empty="none: tickets wait in the queue",
    )
    policy_people.show(effective)


def _show_promises(effective: Policy, effects: str) -> None:
    policy_promises.show(effective)
    policy_care.show(effective)
    csat = effective.csat
    asked = f"{span(csat.delay.total_seconds())} after resolving, once in {span(csat.cooldown.total_seconds())}"
    click.echo(f"\nSurveys: {asked if csat.enabled else 'off'}; {_survey_words(csat)}")
    own = "; ".join(f"{kind}: {mode}" for kind, mode in effective.effect_modes)
    click.echo(f"Effects: {effects}{f' ({own})' if own else ''}")
    click.echo(f"Templates: {', '.join(name for name, _ in effective.templates) or 'none'}")
    click.echo("Retries: `hookdesk policy --retry` shows the whole table.")


def _survey_words(csat: CsatPolicy) -> str:
    """In which languages, for how long, and what a bad answer leads to."""
    others = f"own words for {', '.join(language for language, _ in csat.messages)}; " if csat.messages else ""
    within = span(csat.low_score_within.total_seconds())
    low = f"{csat.low_score} of 5 or less is followed up within {within}" if csat.low_score else "no follow-up"
    valid, editable = (span(each.total_seconds()) for each in (csat.link_valid, csat.editable))
    return f"{others}the link is valid for {valid}, an answer may be changed for {editable}; {low}"


def _conditions(rule: dict[str, Any]) -> str:
    parts = [
        f"{key} {_list(rule[key])}"
        for key in ("categories", "priorities", "tiers", "channels", "teams", "labels", "words", "skills")
        if rule.get(key)
    ]
    if rule.get("min_reopens"):
        parts.append(f"reopened {rule['min_reopens']} times or more")
    if rule.get("min_waiting"):
        parts.append(f"waiting {span(rule['min_waiting'].total_seconds())} or longer")
    return "; ".join(parts) or "always"


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words)
