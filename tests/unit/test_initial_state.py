"""Where a new effect starts: let go, waiting for a person, or without a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.outgoing import NOTE, SURVEY
from worker.config import Settings
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.policy import NoticePolicy, Target
from worker.performing import initial_state
from worker.policy_file import load_policy

MAIL: dict[str, Any] = {"smtp_url": "smtp://mail.example", "mail_from": "desk@desk.example"}


class TestInitialState:
    SETTINGS = Settings(chatwoot_url="https://chat.example", chatwoot_token="t")

    @pytest.mark.parametrize(
        ("mode", "own", "kind", "state"),
        [
            ("live", None, EffectKind.SURVEY, EffectState.PENDING),
            ("live", "approve", EffectKind.SURVEY, EffectState.APPROVAL),
            ("live", "approve", EffectKind.PRIVATE_NOTE, EffectState.APPROVAL),
            ("live", "dry-run", EffectKind.PRIVATE_NOTE, EffectState.DRY_RUN),
            ("approve", None, EffectKind.SURVEY, EffectState.APPROVAL),
            ("approve", None, EffectKind.ASSIGN_AGENT, EffectState.PENDING),
            ("approve", "live", EffectKind.SURVEY, EffectState.PENDING),
            ("dry-run", None, EffectKind.ASSIGN_TEAM, EffectState.DRY_RUN),
            ("dry-run", "live", EffectKind.SURVEY, EffectState.DRY_RUN),
        ],
    )
    def test_the_mode_decides(self, mode: str, own: str | None, kind: EffectKind, state: EffectState) -> None:
        policy = replace(load_policy(None), effect_modes=() if own is None else ((kind.value, own),))
        settings = replace(self.SETTINGS, effects=mode)

        assert initial_state(Effect(kind, "x"), ticket_source="chatwoot", settings=settings, policy=policy) is state

    def test_a_template_that_was_let_go_does_not_wait(self) -> None:
        settings, policy = replace(self.SETTINGS, effects="approve"), load_policy(None)

        def state(approved: Callable[[Effect], bool]) -> EffectState:
            return initial_state(SURVEY, ticket_source="chatwoot", settings=settings, policy=policy, approved=approved)

        assert state(lambda effect: effect is SURVEY) is EffectState.PENDING
        assert state(lambda effect: effect is not SURVEY) is EffectState.APPROVAL

    def test_what_a_person_wrote_is_approved_by_that(self) -> None:
        reply = Effect(EffectKind.REPLY, "act:1", {"text": "On it.", "actor": "ana"})
        settings = replace(self.SETTINGS, effects="approve")

        state = initial_state(reply, ticket_source="chatwoot", settings=settings, policy=load_policy(None))

        assert state is EffectState.PENDING

    @pytest.mark.parametrize(
        ("effect", "settings"),
        [
            (Effect(EffectKind.EVENT, "crm:1", {"target": "crm"}), {"event_secrets": (("crm", "s"),)}),
            (Effect(EffectKind.OPERATOR_NOTICE, "escalated:1", {"to": []}), {"notice_secrets": ("s",)}),
            (Effect(EffectKind.OPERATOR_NOTICE, "escalated:1", {"to": ["lead@desk.example"]}), MAIL),
            (Effect(EffectKind.REPLY, "act:1", {"text": "Hi", "to": "lena@customer.example"}), MAIL),
        ],
        ids=["event", "notice by webhook", "notice by mail", "reply by mail"],
    )
    def test_other_sides_need_no_chatwoot_but_themselves(self, effect: Effect, settings: dict[str, Any]) -> None:
        policy = replace(
            load_policy(None),
            targets=(Target("crm", "https://crm.example/"),),
            notices=NoticePolicy(webhook="https://pager.example/"),
        )

        def state(settings: Settings) -> EffectState:
            return initial_state(effect, ticket_source="email", settings=settings, policy=policy)

        assert state(Settings(**settings)) is EffectState.PENDING
        assert state(Settings()) is EffectState.NO_TARGET

    @pytest.mark.parametrize(
        "effect",
        [
            Effect(EffectKind.EVENT, "crm:1", {"target": "crm"}),
            Effect(EffectKind.OPERATOR_NOTICE, "escalated:1", {"to": []}),
            Effect(EffectKind.REPLY, "act:1", {"text": "Hi", "to": ""}),
        ],
        ids=["event", "notice", "reply"],
    )
    def test_secrets_and_a_server_are_not_enough(self, effect: Effect) -> None:
        settings = Settings(event_secrets=(("crm", "s"),), notice_secrets=("s",), **MAIL)

        state = initial_state(effect, ticket_source="email", settings=settings, policy=load_policy(None))

        assert state is EffectState.NO_TARGET

    @pytest.mark.parametrize(
        ("source", "url", "token"),
        [("email", "https://x.example", "t"), ("chatwoot", None, "t"), ("chatwoot", "x", None)],
    )
    def test_without_a_chatwoot_there_is_no_target(self, source: str, url: str | None, token: str | None) -> None:
        settings = Settings(effects="live", chatwoot_url=url, chatwoot_token=token)

        state = initial_state(NOTE, ticket_source=source, settings=settings, policy=load_policy(None))

        assert state is EffectState.NO_TARGET
