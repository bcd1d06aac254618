"""Language, organisation and attributes, out of what Chatwoot lets everybody fill with anything."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.intake.reading import body, only, parsed
from worker.domain.facts import Snapshot


def conversation(*, contact: dict[str, Any] | None = None, **changes: Any) -> Snapshot:
    said = {**body("09"), **changes}
    said["meta"]["sender"] |= contact or {}
    return only(said, Snapshot)


def of_contact(**attributes: Any) -> dict[str, Any]:
    return {"custom_attributes": attributes, "additional_attributes": {}}


class TestLanguage:
    @pytest.mark.parametrize("number", ["01", "02", "03", "09"])
    def test_the_fixtures_know_it_from_the_browser(self, number: str) -> None:
        assert only(body(number), Snapshot).language == "de"

    @pytest.mark.parametrize(
        "contact",
        [
            of_contact(language="fr"),
            of_contact(language="fr-CA"),
            {"custom_attributes": {}, "additional_attributes": {"language": "fr"}},
            of_contact(language="", preferred_language="fr"),
        ],
    )
    def test_what_the_contact_says_comes_before_the_browser(self, contact: dict[str, Any]) -> None:
        assert conversation(contact=contact).language == "fr"

    @pytest.mark.parametrize("strange", ["German", 7, ["fr"], {"a": 1}, None, "<b>"])
    def test_what_is_no_language_is_passed_over(self, strange: object) -> None:
        assert conversation(contact=of_contact(language=strange)).language == "de"

    def test_nobody_says_it(self) -> None:
        assert conversation(additional_attributes={}).language == ""


class TestOrganization:
    @pytest.mark.parametrize(
        ("contact", "name"),
        [
            (
                {"additional_attributes": {"company_name": "Northwind"}, "custom_attributes": {"company": "x"}},
                "Northwind",
            ),
            (of_contact(company=" Northwind\u202e Ltd "), "Northwind  Ltd"),
            (of_contact(organization="Northwind"), "Northwind"),
            (of_contact(company=""), ""),
            (of_contact(company=12), ""),
            (of_contact(company="x" * 300), "x" * 200),
            ({"additional_attributes": None, "custom_attributes": ["company"]}, ""),
        ],
    )
    def test_it_is_chatwoots_own_field_or_an_attribute_of_that_name(self, contact: dict[str, Any], name: str) -> None:
        assert conversation(contact=contact).organization == name

    def test_the_fixtures_know_none(self) -> None:
        assert only(body("01"), Snapshot).organization == ""


class TestAttributes:
    def test_they_are_text_in_order_of_name(self) -> None:
        given = {"vendor": "Acme", "order": 4711, "paid": True, "weight": 1.50, "note": " two\r\nlines ", "none": None,
                 "list": [1], "map": {}, "empty": ""}  # fmt: skip

        found = conversation(custom_attributes=given).attributes

        assert found == (
            ("note", "two\nlines"),
            ("order", "4711"),
            ("paid", "true"),
            ("vendor", "Acme"),
            ("weight", "1.5"),
        )

    def test_they_are_bounded(self) -> None:
        given = {f"n{number:02d}": "v" * 600 for number in range(60)} | {"k" * 300: "long"}

        found = conversation(custom_attributes=given).attributes

        assert len(found) == 50
        assert found[0] == ("k" * 100, "long")
        assert found[1] == ("n00", "v" * 500)

    @pytest.mark.parametrize("strange", [None, [], "text", 7])
    def test_a_strange_shape_is_no_reason_to_lose_a_delivery(self, strange: object) -> None:
        assert conversation(custom_attributes=strange).attributes == ()

    def test_two_that_differ_only_in_them_are_two_facts(self) -> None:
        one, other = conversation(custom_attributes={"order": "1"}), conversation(custom_attributes={"order": "2"})

        assert one.at == other.at
        assert one.key != other.key

    def test_the_twins_of_one_save_stay_one_fact(self) -> None:
        assert parsed(body("09")).facts == parsed(body("10")).facts
