"""`hookdesk csat`: how satisfied customers are, by agent, team and category."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from worker.cli.opening import database
from worker.cli.output import as_json, print_json, print_table, span
from worker.domain import scores
from worker.toml_table import duration

if TYPE_CHECKING:
    from worker.domain.scores import Score
    from worker.store.csat import Survey

GROUPS = ("agent", "team", "category")


class Period(click.ParamType[timedelta]):
    """A length of time such as 30d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """A usage error says how to write it."""
        if isinstance(value, timedelta):
            return value
        try:
            return duration(value)
        except ValueError as exc:
            self.fail(f"{value!r}: {exc}", param, ctx)


@click.command()
@click.option("--since", type=Period(), default="30d", show_default=True, help="How far back, such as 12h, 7d or 90d.")
@click.option("--by", type=click.Choice(GROUPS), multiple=True, help="Only this table; may be given twice.")
@as_json
@click.pass_context
def csat(ctx: click.Context, since: timedelta, by: tuple[str, ...], as_json: bool) -> None:
    """Show the CSAT score (the share of answers that gave 4 or 5 of 5) with counts and response rate.

    Credit goes to who had the ticket when the customer answered. The response rate is of our own surveys that went out.
    """
    from worker.store.csat import surveys

    until = datetime.now(UTC) + timedelta(minutes=1)  # another machine's clock may be a little ahead
    with database(ctx) as db:
        found = surveys(db, since=until - since, until=until)
    wanted = by or GROUPS
    if as_json:
        print_json([_shape("all", "", _score(found))])
        print_json(_shape(group, name, score) for group in wanted for name, score in _grouped(found, group))
        return
    click.echo(_sentence(_score(found), since))
    for group in wanted if found else ():
        click.echo()
        print_table(
            (group, "score", "answers", "1", "2", "3", "4", "5", "asked", "answered"),
            ((name or _nobody(group), *_row(score)) for name, score in _grouped(found, group)),
            empty="",
        )


def _grouped(found: list[Survey], group: str) -> Iterator[tuple[str, Score]]:
    """By name; those with most answers first."""
    by_name: dict[str, list[Survey]] = {}
    for survey in found:
        by_name.setdefault(getattr(survey.credit, group), []).append(survey)
    scored = [(name, _score(surveys)) for name, surveys in by_name.items()]
    yield from sorted(scored, key=lambda each: (-each[1].answers, -each[1].asked, each[0].casefold()))


def _score(found: list[Survey]) -> Score:
    return scores.of((survey.asked_at is not None, survey.rating) for survey in found)


def _sentence(score: Score, since: timedelta) -> str:
    if not score.answers and not score.asked:
        return f"No customer was asked or answered within {span(since.total_seconds())}."
    satisfied = f"{_percent(score.share)} satisfied" if score.answers else "nobody answered"
    sent = _counted(score.asked, "survey")
    asked = f"{_percent(score.response_rate)} of {sent} answered" if score.asked else "we asked nobody ourselves"
    time = span(since.total_seconds())
    return f"Within {time}: {satisfied} (4 or 5 of 5) in {_counted(score.answers, 'answer')}; {asked}."


def _row(score: Score) -> tuple[object, ...]:
    return (
        _percent(score.share), score.answers, *score.ratings.values(), score.asked, _percent(score.response_rate)
    )  # fmt: skip


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.0f} %"


def _nobody(group: str) -> str:
    return {"agent": "(nobody)", "team": "(no team)", "category": "(none)"}[group]


def _shape(group: str, name: str, score: Score) -> dict[str, Any]:
    return {
        "by": group,
        "name": name or None,
        "score": score.share,
        "answers": score.answers,
        "ratings": {str(rating): count for rating, count in score.ratings.items()},
        "asked": score.asked,
        "response_rate": score.response_rate,
    }
