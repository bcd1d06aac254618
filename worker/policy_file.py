"""`hookdesk.toml` becomes the policy: the packaged defaults, what the file changes, and every mistake with its line."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from worker.domain.effects import EffectKind
from worker.domain.policy import (
    Calendar,
    Category,
    CsatPolicy,
    Policy,
    RoutingRule,
    ScoreRule,
    SlaPolicy,
)
from worker.errors import ConfigError
from worker.policy_calendars import calendars_of
from worker.toml_table import (
    Mistakes,
    Table,
    duration,
    flag,
    instant,
    line_numbers,
    list_of_words,
    one_of,
    some_of,
    whole,
    words,
)

DEFAULT_TOML: str = files("worker").joinpath("default_policy.toml").read_text("utf-8")
PRIORITIES = ("low", "medium", "high", "urgent")
_LISTS = ("categories", "score_rules", "routing", "sla")
_MODES = ("live", "approve", "dry-run")


def load_policy(path: Path | None) -> Policy:
    """The policy of this file over the defaults, or the defaults alone. Raises ConfigError with every mistake."""
    defaults = tomllib.loads(DEFAULT_TOML)
    if path is None:
        return _policy(defaults, Mistakes("worker/default_policy.toml", line_numbers(DEFAULT_TOML)))
    try:
        text = path.read_text("utf-8")
        given = tomllib.loads(text)
    except OSError as exc:
        raise ConfigError([f"{path} cannot be read: {exc.strerror}. Check HOOKDESK_CONFIG."]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"{path} is not UTF-8 text. Save it as UTF-8."]) from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"{path} is not TOML: {exc}. Mend that line and check again."]) from exc
    return _policy(_merged(defaults, given), Mistakes(str(path), line_numbers(text)))


def version_of(policy: Policy) -> str:
    """Twelve hex digits that change exactly when a decision could come out differently."""
    content = json.dumps(asdict(replace(policy, version="")), sort_keys=True, default=_plain)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(str(each) for each in value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _merged(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Lists and single values replace, tables are taken key by key; a calendar named again replaces that calendar."""
    merged = dict(defaults)
    for key, value in given.items():
        both_tables = isinstance(value, dict) and isinstance(defaults.get(key), dict)
        merged[key] = {**defaults[key], **value} if both_tables else value
    if "categories" in given and "routing" not in given:
        merged["routing"] = _still_possible(defaults["routing"], given["categories"])
    return merged


def _still_possible(rules: list[dict[str, Any]], categories: Any) -> list[dict[str, Any]]:
    """The default rules as far as they speak of categories that this file has."""
    tables = categories if isinstance(categories, list) else []
    names = {each.get("name") for each in tables if isinstance(each, dict)}
    kept = [{**rule, "categories": [n for n in rule.get("categories", ()) if n in names]} for rule in rules]
    return [rule for rule, before in zip(kept, rules, strict=True) if rule["categories"] or "categories" not in before]


def _policy(content: dict[str, Any], mistakes: Mistakes) -> Policy:
    top = Table((), content, mistakes)
    calendars = calendars_of(top.table("calendars"))
    categories = tuple(_category(each) for each in top.tables("categories"))
    names = tuple(each.name for each in categories)
    policy = Policy(
        version="",
        categories=categories,
        default_category=top.read("default_category", "", one_of(names)),
        score_rules=tuple(_score_rule(each) for each in top.tables("score_rules")),
        routing=tuple(_routing_rule(each, names) for each in top.tables("routing")),
        sla=tuple(_sla(each, calendars) for each in top.tables("sla")),
        csat=_csat(top.table("csat")),
        default_capacity=top.read("default_capacity", 20, whole(1, 10_000)),
        roster_max_age=top.read("roster_max_age", timedelta(minutes=3), duration),
        effect_modes=_effect_modes(top.table("effects")),
        senior_tiers=top.read("senior_tiers", (), list_of_words),
        clocks_from=top.read("clocks_from", None, instant),
    )
    for key in _LISTS:
        _refuse_twins(top, key, (each.name for each in getattr(policy, key)))
    _refuse_unreachable(top, policy.routing)
    top.finish()
    if mistakes.found:
        raise ConfigError(mistakes.sentences())
    return replace(policy, version=version_of(policy))


def _category(table: Table) -> Category:
    category = Category(
        name=table.required("name"),
        report_line=table.required("report_line"),
        words=table.read("words", (), list_of_words),
        labels=table.read("labels", (), list_of_words),
    )
    table.finish()
    return category


def _score_rule(table: Table) -> ScoreRule:
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


def _routing_rule(table: Table, categories: tuple[str, ...]) -> RoutingRule:
    rule = RoutingRule(
        name=table.required("name"),
        team=table.read("team", None, _team),
        categories=table.read("categories", (), some_of(categories)),
        priorities=table.read("priorities", (), some_of(PRIORITIES)),
        tiers=table.read("tiers", (), list_of_words),
        channels=table.read("channels", (), list_of_words),
        labels=table.read("labels", (), list_of_words),
        words=table.read("words", (), list_of_words),
    )
    table.finish()
    return rule


def _team(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else words(value)


def _sla(table: Table, calendars: dict[str, Calendar]) -> SlaPolicy:
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
    )
    table.finish()
    return policy


def _csat(table: Table) -> CsatPolicy:
    usual = CsatPolicy()
    csat = CsatPolicy(
        enabled=table.read("enabled", usual.enabled, flag),
        delay=table.read("delay", usual.delay, duration),
        link_valid=table.read("link_valid", usual.link_valid, duration),
        editable=table.read("editable", usual.editable, duration),
        cooldown=table.read("cooldown", usual.cooldown, duration),
        message=table.read("message", usual.message, _survey_message),
    )
    table.finish()
    return csat


def _survey_message(value: Any) -> str:
    text = words(value)
    if "{link}" not in text:
        raise ValueError("Write {link} where the survey's address belongs.")
    return text


def _effect_modes(table: Table) -> tuple[tuple[str, str], ...]:
    modes = [(str(kind), table.read(kind, "", one_of(_MODES))) for kind in EffectKind]
    table.finish()
    return tuple((kind, mode) for kind, mode in modes if mode)


def _refuse_twins(top: Table, key: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for n, name in enumerate(names):
        if name and name in seen:
            top.mistakes.add((key, n, "name"), f"{name!r} stands in {key} twice", "Give one of them another name.")
        seen.add(name)


def _refuse_unreachable(top: Table, rules: tuple[RoutingRule, ...]) -> None:
    """A rule without a condition takes everything, so nothing may stand below it."""
    for n, rule in enumerate(rules[:-1]):
        if not (rule.categories or rule.priorities or rule.tiers or rule.channels or rule.labels or rule.words):
            what = f"{rule.name!r} matches everything, so the rules below it never come into play"
            top.mistakes.add(("routing", n), what, "Give it a condition or move it to the end.")
            return
