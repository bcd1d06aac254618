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

from worker import (
    policy_closing,
    policy_escalation,
    policy_notices,
    policy_people,
    policy_sections,
    policy_surveys,
    policy_targets,
)
from worker.domain.effects import EffectKind
from worker.domain.policy import (
    Policy,
    RoutingRule,
)
from worker.errors import ConfigError
from worker.policy_calendars import calendars_of
from worker.policy_reopen import reopen
from worker.policy_templates import templates
from worker.toml_table import (
    Mistakes,
    Table,
    duration,
    instant,
    line_numbers,
    one_of,
    whole,
)

DEFAULT_TOML: str = files("worker").joinpath("default_policy.toml").read_text("utf-8")
PRIORITIES = ("low", "medium", "high", "urgent")
_LISTS = ("categories", "score_rules", "routing", "sla", "targets", "escalation", "fields")
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
    if isinstance(given.get("csat"), dict):
        merged["csat"] = policy_surveys.merged(defaults["csat"], given["csat"])
    for key in ("routing", "escalation"):
        if "categories" in given and key not in given:
            merged[key] = _still_possible(defaults[key], given["categories"])
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
    fields = policy_closing.fields(top.tables("fields"))
    named = tuple(each.name for each in fields)
    categories = tuple(policy_sections.category(each, named) for each in top.tables("categories"))
    names = tuple(each.name for each in categories)
    policy = Policy(
        version="",
        categories=categories,
        default_category=top.read("default_category", "", one_of(names)),
        score_rules=tuple(policy_sections.score_rule(each) for each in top.tables("score_rules")),
        routing=tuple(policy_sections.routing_rule(each, names) for each in top.tables("routing")),
        sla=tuple(policy_sections.sla(each, calendars) for each in top.tables("sla")),
        reopen=reopen(top.table("reopen")),
        csat=policy_surveys.csat(top.table("csat")),
        default_capacity=top.read("default_capacity", 20, whole(1, 10_000)),
        roster_max_age=top.read("roster_max_age", timedelta(minutes=3), duration),
        effect_modes=_effect_modes(top.table("effects")),
        templates=templates(top.table("templates")),
        agents=policy_people.agents(top.tables("agents")),
        organizations=policy_people.organizations(top.tables("organizations")),
        reroute=policy_people.reroute(top.table("reroute")),
        fields=fields,
        escalation=tuple(policy_escalation.rule(each, names) for each in top.tables("escalation")),
        closing=policy_closing.closing(top.table("closing")),
        notices=policy_notices.notices(top.table("notices")),
        targets=policy_targets.targets(top.tables("targets")),
        clocks_from=top.read("clocks_from", None, instant),
    )
    for key in _LISTS:
        _refuse_twins(top, key, (each.name for each in getattr(policy, key)))
    _refuse_unreachable(top, policy.routing)
    policy_people.refuse_unknown_skills(top, policy.routing, policy.agents)
    top.finish()
    if mistakes.found:
        raise ConfigError(mistakes.sentences())
    return replace(policy, version=version_of(policy))


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
