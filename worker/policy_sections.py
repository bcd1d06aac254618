"""The sections of the policy file, each read into its frozen value; mistakes are collected with their lines."""

from __future__ import annotations

from typing import Any

from worker.domain.policy import Calendar, Category, RoutingRule, ScoreRule, SlaPolicy
from worker.policy_closing import checks
from worker.toml_table import Table, duration, flag, list_of_words, one_of, some_of, whole, words

PRIORITIES = ("low", "medium", "high", "urgent")


def category(table: Table, fields: tuple[str, ...] = ()) -> Category:
    """One of [[categories]]; its checks may name these fields."""
    category = Category(
        name=table.required("name"),
        report_line=table.required("report_line"),
        words=table.read("words", (), list_of_words),
        labels=table.read("labels", (), list_of_words),
        done=table.read("done", (), checks(fields)),
    )
    table.finish()
    return category


def score_rule(table: Table) -> ScoreRule:
    """One of [[score_rules]]; a rule without points or without a condition is a mistake."""
    rule = ScoreRule(
        name=table.required("name"),
        points=table.read("points", 0, whole(-100, 100)),
        words=table.read("words", (), list_of_words),
        channels=table.read("channels", (), list_of_words),
        tiers=table.read("tiers", (), list_of_words),
        min_reopens=table.read("min_reopens", 0, whole(0, 1000)),
        min_waiting=table.read("min_waiting", None, duration),
    )
    if not rule.points and "points" not in table.values:
        table.wrong("points", "points is missing", "Add points = 20, or the like.")
    if not (rule.words or rule.channels or rule.tiers or rule.min_reopens or rule.min_waiting):
        table.wrong("name", "this rule matches every ticket", "Add words, channels, tiers, min_reopens or min_waiting.")
    table.finish()
    return rule


def routing_rule(table: Table, categories: tuple[str, ...]) -> RoutingRule:
    """One of [[routing]]."""
    rule = RoutingRule(
        name=table.required("name"),
        team=table.read("team", None, _team),
        categories=table.read("categories", (), some_of(categories)),
        priorities=table.read("priorities", (), some_of(PRIORITIES)),
        tiers=table.read("tiers", (), list_of_words),
        channels=table.read("channels", (), list_of_words),
        labels=table.read("labels", (), list_of_words),
        words=table.read("words", (), list_of_words),
        skills=table.read("skills", (), list_of_words),
    )
    table.finish()
    return rule


def _team(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else words(value)


def _shares(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and 0 < each < 100 for each in value):
        raise ValueError("Write a list of percents from 1 to 99, for example [50, 80]; [] for no warnings.")
    return tuple(sorted(set(value)))


def sla(table: Table, calendars: dict[str, Calendar]) -> SlaPolicy:
    """One of [[sla]]."""
    calendar = table.read("calendar", "always", one_of(tuple(calendars)))
    policy = SlaPolicy(
        name=table.required("name"),
        calendar=calendars.get(calendar, Calendar()),
        first_response=table.read("first_response", None, duration),
        next_response=table.read("next_response", None, duration),
        resolution=table.read("resolution", None, duration),
        priorities=table.read("priorities", (), some_of(PRIORITIES)),
        tiers=table.read("tiers", (), list_of_words),
        channels=table.read("channels", (), list_of_words),
        teams=table.read("teams", (), list_of_words),
        pause_while_waiting_for_customer=table.read("pause_while_waiting_for_customer", True, flag),
        warn_at=table.read("warn_at", (50, 80), _shares),
    )
    table.finish()
    return policy
