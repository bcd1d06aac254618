import inspect
import re

import pytest

from tests.builders import KEY, a_message, a_policy, a_reply, a_snapshot, at
from worker.domain import outcome
from worker.domain.fold import fold
from worker.domain.promise_keys import why_unwanted
from worker.domain.wording import NOT_WANTED, failure, hours, why_walked
from worker.errors import AccessError, Gone, PermanentError, TransientError


def walked(*facts):
    ticket = fold(KEY, facts, a_policy(), as_of=at(100))
    return [why_walked(edge, facts, KEY) for edge in ticket.edges]


class TestWhyWalked:
    def test_each_edge_says_who_or_what_caused_it(self):
        facts = (
            a_snapshot(0),
            a_message(0),
            a_reply(5, id="76"),
            a_snapshot(10, status="resolved"),
            a_message(20, id="77"),
        )

        assert walked(*facts) == [
            "the conversation is open in Chatwoot",
            "Maya Ortiz replied (message 76)",
            "the conversation is resolved in Chatwoot",
            "the customer wrote again (message 77)",
        ]

    def test_a_reply_known_only_from_the_conversation(self):
        facts = (a_snapshot(0), a_snapshot(9, first_reply_at=at(5)))

        assert walked(*facts)[-1] == "Chatwoot says that an agent has replied"


class TestFailure:
    @pytest.mark.parametrize("error", [AccessError("not_found", "HTTP 404: {}", status=404, ours=True), Gone("gone")])
    def test_a_conversation_that_is_gone(self, error):
        assert failure(error) == "the conversation does not exist in Chatwoot (404)"

    def test_words_first_then_what_was_said(self):
        assert failure(TransientError("server_error", "HTTP 500: oops")) == "Chatwoot failed (HTTP 500: oops)"
        assert failure(PermanentError("no_link_secret", "no secret is set")) == "no secret is set"

    def test_a_bug_keeps_the_name_of_its_type(self):
        assert failure(KeyError("text")) == "KeyError: 'text'"


class TestNotWanted:
    def test_every_word_has_its_sentence(self):
        source = inspect.getsource(outcome).partition("def is_wanted")[2] + inspect.getsource(why_unwanted)
        words = set(re.findall(r'(?:return|else) "([a-z_]+)"', source))

        assert words | {"followed"} == set(NOT_WANTED)  # that one is asked where other tickets can be seen


class TestHours:
    @pytest.mark.parametrize(
        ("seconds", "words"), [(0, "0 s"), (45, "45 s"), (5400, "1 h 30 m"), (97200, "27 h"), (59.6, "1 m")]
    )
    def test_a_promise_is_never_told_in_days(self, seconds, words):
        assert hours(seconds) == words
