"""Canned texts: what is filled in, and what a person approves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import KEY, LENA, MAYA, SUPPORT, T0
from worker.domain.effects import EffectKind
from worker.domain.templates import PLACEHOLDERS, digest, fill, filled, template_of, unknown_in, values_of
from worker.domain.ticket import Ticket
from worker.errors import NotFound

TICKET = Ticket(
    KEY, T0, T0, requester=LENA, subject="My parcel", assignee=MAYA, team=SUPPORT, organization="Initech",
    category="shipping", priority="high",
)  # fmt: skip


class TestFilled:
    def test_every_placeholder_is_filled_in(self) -> None:
        text = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)

        said = filled((("all", text),), "all", TICKET, number=9, actor="ana")

        assert said == "Lena Fischer Lena My parcel t9 Maya Ortiz support Initech high shipping ana"

    def test_what_a_ticket_does_not_know_is_nothing(self) -> None:
        assert filled((("x", "Hi {requester}{agent}{team}{ticket}!"),), "x", Ticket(KEY, T0, T0)) == "Hi !"

    def test_other_braces_stay(self) -> None:
        assert fill("{link} {date} { subject } {}", values_of(TICKET)) == "{link} {date} { subject } {}"

    def test_what_a_customer_wrote_is_not_filled_in_itself(self) -> None:
        mean = replace(TICKET, subject="{agent} {requester}")

        assert fill("{subject}", values_of(mean)) == "{agent} {requester}"

    def test_a_name_nobody_knows_tells_those_there_are(self) -> None:
        with pytest.raises(NotFound, match=r"no template 'eta'\. Known: received, waiting"):
            filled((("waiting", "x"), ("received", "x")), "eta", TICKET)

    def test_a_placeholder_nothing_fills_in_is_told(self) -> None:
        assert unknown_in("{requester} {name} {link} {Subject}") == ("name", "link")
        assert unknown_in("{requester} {link}", ("link",)) == ("requester",)


class TestTemplateOf:
    @pytest.mark.parametrize(
        ("kind", "payload", "text"),
        [
            (EffectKind.SURVEY, {"text": "How? {link}"}, "How? {link}"),
            (EffectKind.SURVEY, {"text": "Dear Ada", "template": "Dear {requester}"}, "Dear {requester}"),
            (EffectKind.CLOSING_NOTICE, {"text": "Bye"}, "Bye"),
            (EffectKind.REPLY, {"text": "Hello Ada", "template": "Hello {requester}"}, "Hello {requester}"),
            (EffectKind.REPLY, {"text": "Hello Ada"}, None),
            (EffectKind.PRIVATE_NOTE, {"text": "Routed"}, None),
            (EffectKind.ASSIGN_TEAM, {"team_id": "2"}, None),
        ],
    )
    def test_it_is_the_text_before_filling_in(self, kind: EffectKind, payload: dict[str, str], text: str) -> None:
        assert template_of(kind, payload) == text

    def test_its_name_follows_from_kind_and_every_letter(self) -> None:
        names = {
            digest(EffectKind.SURVEY, "How?"),
            digest(EffectKind.SURVEY, "How? "),
            digest(EffectKind.CLOSING_NOTICE, "How?"),
        }

        assert len(names) == 3
        assert all(len(name) == 64 for name in names)
