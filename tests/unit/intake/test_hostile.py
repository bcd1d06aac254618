"""The named ideas of hostile bodies, each before every parser; and bodies as large as the door takes them."""

from __future__ import annotations

import gc
import time

import msgspec
import pytest

from tests.fuzz import corpus
from tests.fuzz.counting import HANG_SECONDS
from tests.fuzz.parsers import facts_of
from tests.unit.intake.reading import parsed
from worker.intake import reading
from worker.intake.reading import MOST_HEADERS

MIB = 1 << 20
MAIL = b'{"from":"a@b.example","subject":"s","text":"t",'
STATUS = b'"status":"open"'
CHATWOOT = b'{"event":"conversation_updated","id":1,"account":{"id":1},%s,"updated_at":1781773202' % STATUS
FACTS = {  # what of the corpus Chatwoot's parser can read; the rest is a dead letter
    "nested just below the limit", "bomb of 100,000 keys", "bomb of 500,000 numbers", "bomb of a fraction",
    "duplicate keys", "lone surrogate escaped", "lone surrogate as a key", "NUL in text",
    "message of 150,000 characters", "message of 150,000 escapes", "id beyond 2^53", "id beyond 2^64",
    "names of the prototype", "bidi and invisible", "combining marks", "SQL and templates",
}  # fmt: skip


class TestNamed:
    @pytest.mark.parametrize("name", corpus.bodies())
    @pytest.mark.parametrize("source", ["chatwoot", "email", "form", "survey"])
    def test_it_is_facts_or_unparsable_and_soon(self, source: str, name: str) -> None:
        began = time.thread_time()

        outcome = facts_of(source, corpus.bodies()[name])

        assert time.thread_time() - began < HANG_SECONDS
        if source == "chatwoot":
            assert (outcome == "facts") == (name in FACTS)

    def test_of_two_equal_names_the_last_counts_as_everywhere(self) -> None:
        (message, *_) = parsed(corpus.bodies()["duplicate keys"]).facts

        assert message.key.endswith("2")

    def test_ids_beyond_what_floats_can_tell_apart_stay_apart(self) -> None:
        (one, *_), (other, *_) = (
            parsed(corpus.bodies()[f"id beyond 2^{power}"].replace(b"993", digits, 1)).facts
            for power, digits in ((53, b"993"), (53, b"992"))
        )

        assert one.key != other.key


class TestLarge:
    @pytest.mark.parametrize(
        ("source", "body"),
        [
            ("chatwoot", CHATWOOT + b',"labels":[' + b'"a",' * (3 * MIB) + b'"b"]}'),
            ("chatwoot", CHATWOOT + b',"meta":[' + b"[]," * (4 * MIB) + b"[]]}"),
            ("email", MAIL + b'"references":[' + b'"a",' * (5 * MIB) + b'"b"]}'),
            ("email", MAIL + b'"headers":[' + b'["a","b"],' * (2 * MIB) + b'["a","b"]]}'),
            ("email", MAIL + b'"headers":{' + b",".join(b'"h%d":"b"' % n for n in range(MIB)) + b"}}"),
            ("email", b'{"from":"' + b"<" * (20 * MIB) + b'"}'),
            ("email", b'{"from":"a@b.example","html":"' + b"<" * (20 * MIB) + b'"}'),
        ],
        ids=["labels", "lists", "references", "pairs of headers", "headers", "from", "html"],
    )
    def test_millions_of_one_thing_hold_no_worker_up(self, source: str, body: bytes) -> None:
        gc.collect()
        gc.freeze()  # as a worker does: the collector is not to look through what other tests have made
        try:
            began = time.thread_time()
            facts_of(source, body)
            took = time.thread_time() - began
        finally:
            gc.unfreeze()

        assert took < 2 * HANG_SECONDS

    def test_of_a_mails_headers_the_first_thousand_are_read(self) -> None:
        many = [["X-Nothing", "1"]] * (MOST_HEADERS - 1)
        automatic = ["Auto-Submitted", "auto-replied"]

        (within,) = parsed({"from": "a@b.example", "text": "t", "headers": [*many, automatic]}, "email").facts
        (beyond,) = parsed({"from": "a@b.example", "text": "t", "headers": [*many, [], automatic]}, "email").facts

        assert (within.auto_reply, beyond.auto_reply) == (True, False)

    def test_the_collector_rests_while_a_large_body_is_read_and_only_then(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[bool] = []
        decoder = msgspec.json.Decoder(float_hook=lambda _: seen.append(gc.isenabled()))
        monkeypatch.setattr(reading, "_DECODER", decoder)

        reading.document(b'{"a":1.5}')
        reading.document(b'{"a":1.5,"b":"' + b"x" * MIB + b'"}')
        with pytest.raises(reading.Unparsable):
            reading.document(b'{"a":1.5,"b":"' + b"x" * MIB)

        assert seen == [True, False, False]
        assert gc.isenabled()
