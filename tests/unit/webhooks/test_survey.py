"""The survey page: shown to anybody with a valid link, recorded only when a person sends the form."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from tests.unit.webhooks.senders import NOW
from tests.unit.webhooks.surveying import OTHER, address, answer, seal_in
from tests.unit.webhooks.world import World
from webhooks.survey_page import LONGEST_FEEDBACK

SCANNERS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Barracuda Sentinel", "GoogleImageProxy", "curl/8", "")


class TestGet:
    def test_it_shows_the_form_and_records_nothing(self, world: World) -> None:
        for _ in range(3):
            page = world.client.get(address())

        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert len(re.findall(r'type="radio" name="rating" value="[1-5]"', page.text)) == 5
        assert world.rows() == []

    @pytest.mark.parametrize("agent", SCANNERS)
    @pytest.mark.parametrize("query", ["", "?rating=5", "?rating=1&feedback=x&seal=y"])
    def test_no_scanner_records_anything_by_opening_it(self, agent: str, query: str, world: World) -> None:
        headers = {"User-Agent": agent, "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}
        for method in (world.client.get, world.client.head):
            assert method(address() + query, headers=headers).status_code == 200

        assert world.rows() == []

    def test_a_head_has_no_body(self, world: World) -> None:
        assert world.client.head(address()).data == b""

    def test_it_has_no_script_and_leaks_nothing(self, world: World) -> None:
        page = world.client.get(address())

        assert "<script" not in page.text
        assert not re.search(r"https?:|//|\bsrc=|\bhref=|url\(", page.text)
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "noindex" in page.headers["X-Robots-Tag"]
        assert "Set-Cookie" not in page.headers

    def test_the_content_policy_allows_its_own_style_and_form_alone(self, world: World) -> None:
        policy = world.client.get(address()).headers["Content-Security-Policy"]

        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; form-action 'self'; base-uri 'none'; "
            r"frame-ancestors 'none'",
            policy,
        )

    def test_every_field_has_a_label(self, world: World) -> None:
        text = world.client.get(address()).text

        assert '<html lang="en">' in text
        assert "<legend>" in text
        assert text.count("<label") == 6
        assert '<label for="feedback">' in text

    @pytest.mark.parametrize(
        ("editable", "said"), [(timedelta(hours=1), "for 1 hour:"), (timedelta(minutes=90), "for 90 minutes:")]
    )
    def test_it_says_for_how_long_an_answer_may_be_changed(self, editable: timedelta, said: str, world: World) -> None:
        assert said in world.client.get(address(editable=editable)).text
        assert said.replace(":", " after") in answer(world, address(editable=editable), rating="5").text

    @pytest.mark.parametrize("token", ["x", "a.b.c", "é", "%00", address()[8:-1], address(OTHER)[8:]])
    def test_forged_links_all_look_alike(self, token: str, world: World) -> None:
        page, other = world.client.get(f"/survey/{token}"), world.client.post("/survey/never", data={"rating": "5"})

        assert (page.status_code, page.text) == (404, other.text)
        assert "This link is not valid" in page.text

    def test_other_methods_are_not_allowed(self, world: World) -> None:
        assert world.client.delete(address()).status_code == 405


class TestExpiry:
    def test_an_expired_link_gets_a_kind_word_and_records_nothing(self, world: World) -> None:
        where = address(expires_at=NOW + timedelta(days=7))
        seal = seal_in(world.client.get(where))
        world.clock.advance(timedelta(days=7))

        pages = [world.client.get(where), world.client.post(where, data={"rating": "5", "seal": seal})]

        assert [page.status_code for page in pages] == [410, 410]
        assert "This link has expired" in pages[0].text
        assert "simply reply to our last message" in pages[0].text
        assert world.rows() == []

    def test_until_then_it_is_open(self, world: World) -> None:
        where = address(expires_at=NOW + timedelta(days=7))
        world.clock.advance(timedelta(days=7) - timedelta(seconds=1))

        assert world.client.get(where).status_code == 200


class TestPost:
    def test_an_answer_is_a_delivery(self, world: World) -> None:
        page = answer(world, rating="4", feedback="  Danke! ✓ <b> ")

        (row,) = world.rows()
        assert (page.status_code, row.source, row.endpoint, row.state) == (200, "survey", "page", "pending")
        assert json.loads(world.raw(row).body) == {
            "ticket_id": 9,
            "resolution": 2,
            "rating": 4,
            "feedback": "Danke! ✓ <b>",
            "at": "2026-06-18T09:00:00.000000+00:00",
        }
        assert "Thank you" in page.text
        assert world.woken == [[row.id]]

    def test_five_three_five_are_three_answers(self, world: World) -> None:
        for rating in ("5", "3", "5"):
            answer(world, rating=rating)
            world.clock.advance(timedelta(microseconds=1))

        assert [row.duplicate_of for row in world.rows()] == [None, None, None]

    @pytest.mark.parametrize("rating", ["", "0", "6", "5.0", "five", "٥", " 5"])
    def test_without_a_rating_the_form_comes_back(self, rating: str, world: World) -> None:
        page = answer(world, rating=rating, feedback="<script>alert(1)</script>")

        assert page.status_code == 422
        assert 'role="alert"' in page.text
        assert "<title>Please check your answer – How did we do?</title>" in page.text
        assert "&lt;script&gt;" in page.text
        assert world.rows() == []

    def test_what_was_chosen_stays_chosen(self, world: World) -> None:
        page = answer(world, rating="2", feedback="x" * (LONGEST_FEEDBACK + 1))

        assert page.status_code == 422
        assert "below 5000 characters" in page.text
        assert 'value="2" required checked' in page.text

    def test_a_body_beyond_a_form_is_refused(self, world: World) -> None:
        assert world.client.post(address(), data={"rating": "5", "feedback": "x" * 100_000}).status_code == 413

    def test_when_nothing_can_be_kept_it_asks_for_another_try(self, world: World) -> None:
        world.health.lost("test")
        world.spool._max_bytes = 0

        page = answer(world, rating="5")

        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "Please try again" in page.text

    def test_it_is_spooled_like_any_other(self, world: World) -> None:
        world.commits.is_away = True
        assert answer(world, rating="5").status_code == 200

        world.commits.is_away = False
        world.health.back()
        world.drainer.round()

        assert world.rows()[0].received_at == NOW


class TestSeal:
    """A program that posts to the bare address has not seen the form."""

    @pytest.mark.parametrize("seal", [None, "", "x", "é", "a.b", '{"seal":1}'])
    def test_without_the_forms_seal_nothing_is_recorded(self, seal: str | None, world: World) -> None:
        data = {"rating": "5"} if seal is None else {"rating": "5", "seal": seal}

        page = world.client.post(address(), data=data)

        assert page.status_code == 422
        assert "Please send your answer once more" in page.text
        assert world.rows() == []

    def test_the_seal_of_another_link_does_not_fit(self, world: World) -> None:
        seal = seal_in(world.client.get(address(ticket_id=10)))

        assert world.client.post(address(), data={"rating": "5", "seal": seal}).status_code == 422
        assert world.rows() == []

    def test_a_form_that_was_open_for_more_than_a_day_is_sent_once_more(self, world: World) -> None:
        seal = seal_in(world.client.get(address()))
        world.clock.advance(timedelta(hours=24))
        assert world.client.post(address(), data={"rating": "5", "seal": seal}).status_code == 200
        world.clock.advance(timedelta(seconds=1))

        page = world.client.post(address(), data={"rating": "3", "seal": seal, "feedback": "slow"})

        assert page.status_code == 422
        assert 'value="3" required checked' in page.text and ">slow</textarea>" in page.text
        assert world.client.post(address(), data={"rating": "3", "seal": seal_in(page)}).status_code == 200

    def test_every_page_brings_its_own(self, world: World) -> None:
        first = seal_in(world.client.get(address()))
        world.clock.advance(timedelta(seconds=1))

        assert seal_in(world.client.get(address())) != first
