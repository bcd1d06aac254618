import pytest

from tests.builders import KEY, T0, a_message, a_policy, a_snapshot, at, minutes
from worker.domain.fold import fold
from worker.domain.matching import prose
from worker.domain.policy import ScoreRule
from worker.domain.priority import Circumstances, Given, looks, of_score, prioritise

RULES = (
    ScoreRule("words", 50, words=("down", "urgent")),
    ScoreRule("gold by chat", 25, tiers=("gold",), channels=("web_widget",)),
    ScoreRule("came back", 30, min_reopens=2),
    ScoreRule("waiting", 25, min_waiting=minutes(60)),
)


def judged(text="", *, given_priority=None, as_of=T0, **given):
    defaults = {"channel": "email", "tier": None, "reopen_count": 0, "waiting_since": None}
    return prioritise(RULES, Circumstances(prose(text), **{**defaults, **given}), given=given_priority, as_of=as_of)


class TestScore:
    @pytest.mark.parametrize(
        ("score", "priority"),
        [(0, "low"), (24, "low"), (25, "medium"), (49, "medium"), (50, "high"), (74, "high"), (75, "urgent")],
    )
    def test_thresholds(self, score, priority):
        assert of_score(score) == priority

    def test_the_rules_that_fired_are_named_with_their_points(self):
        judgement = judged("Site is DOWN, urgent", tier="gold", channel="web_widget")

        assert (judgement.name, judgement.score) == ("urgent", 75)
        assert judgement.reasons == ("words +50 (down, urgent)", "gold by chat +25")

    def test_all_matchers_of_a_rule_must_hold(self):
        assert judged(tier="gold", channel="email").score == 0

    @pytest.mark.parametrize(("reopens", "score"), [(1, 0), (2, 30)])
    def test_reopenings(self, reopens, score):
        assert judged(reopen_count=reopens).score == score

    @pytest.mark.parametrize(("as_of", "score"), [(at(59), 0), (at(60), 25)])
    def test_waiting(self, as_of, score):
        assert judged(waiting_since=T0, as_of=as_of).score == score

    def test_it_stays_within_its_bounds(self):
        seen = Circumstances(prose("x"), "", None, 0, None)

        assert prioritise((ScoreRule("a", 90), ScoreRule("b", 90)), seen, given=None, as_of=T0).score == 100
        assert prioritise((ScoreRule("a", -5),), seen, given=None, as_of=T0).score == 0


class TestUpstream:
    def test_a_priority_set_in_the_source_wins_over_the_score(self):
        judgement = judged("urgent", given_priority=Given("low", "set in the source"))

        assert (judgement.name, judgement.score) == ("low", 50)
        assert judgement.reasons[0] == "priority low was set in the source"

    def test_a_word_that_is_no_priority_does_not(self):
        assert (
            fold(KEY, [a_snapshot(0, priority="very"), a_message(0, text="refund")], a_policy(), as_of=T0).priority
            != "very"
        )


class TestLooks:
    def test_only_when_waiting_will_change_the_priority(self):
        assert list(looks(RULES, score=0, waiting_since=T0, as_of=at(1))) == [("waiting", at(60))]
        assert list(looks(RULES, score=30, waiting_since=T0, as_of=at(1))) == [("waiting", at(60))]
        assert list(looks(RULES, score=75, waiting_since=T0, as_of=at(1))) == []
        assert list(looks(RULES, score=0, waiting_since=T0, as_of=at(60))) == []
