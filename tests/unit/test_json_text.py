from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.domain.facts import Author, Message
from worker.store import codec, json_text

ODD = "a\0b\udc00é\ud83d"


class TestJsonText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"a": [1, None, True, 2.5]}, '{"a":[1,null,true,2.5]}'),
            ({"at": datetime(2026, 5, 4, 12, tzinfo=UTC)}, '{"at":"2026-05-04T12:00:00Z"}'),
            ({"by": Author.CUSTOMER}, '{"by":"customer"}'),
            ({"text": "größer\0"}, '{"text":"größer\\u0000"}'),
            ({"text": "\ud83d", "by": Author.OWN}, '{"text":"\\ud83d","by":"own"}'),
        ],
    )
    def test_it_is_compact_and_has_nothing_that_a_database_refuses(self, value: object, text: str) -> None:
        dumped = json_text.dump(value)

        assert dumped == text
        assert "\0" not in dumped
        dumped.encode()  # no lone surrogate

    def test_what_was_dumped_comes_back(self) -> None:
        assert json_text.load(json_text.dump({"odd": ODD, "n": 10**30})) == {"odd": ODD, "n": 10**30}

    def test_what_was_written_as_ascii_is_read_as_well(self) -> None:
        assert json_text.load('{"text": "gr\\u00f6\\u00dfer"}') == {"text": "größer"}


class TestCodec:
    def test_a_fact_with_any_text_is_the_same_after_it(self) -> None:
        fact = Message("1", datetime(2026, 5, 4, 12, 0, 0, 1, tzinfo=UTC), Author.AGENT, ODD, subject="\ud800")

        assert codec.load_fact("message", codec.dump(fact)) == fact

    def test_a_record_of_another_shape_is_refused(self) -> None:
        with pytest.raises(ValueError, match="missing required field `created_at`"):
            codec.load_ticket('{"key":{"source":"email","external_id":"1"}}')
