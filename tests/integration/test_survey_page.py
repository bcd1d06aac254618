"""The survey page in a real Chromium, served by a real receiver: by keyboard, without JavaScript, for axe."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from tests.integration.system import System, running
from tests.programs import needed
from worker import survey_token
from worker.store.schema import raw_requests
from worker.survey_token import SurveyLink

TITLES = {"en": "How did we do?", "de": "Wie war unsere Hilfe?"}
THANKS = {"en": "Thank you", "de": "Vielen Dank"}
EXPIRED = {"en": "This link has expired", "de": "Dieser Link ist abgelaufen"}
SEND = {"en": "Send", "de": "Absenden"}
_numbers = itertools.count(1)
pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; nothing is downloaded."""
    program = needed("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all of these tests; each asks about a ticket of its own."""
    with running(tmp_path_factory.mktemp("survey"), "web") as system:
        yield system


@dataclass(frozen=True)
class Door:
    """The receiver, as far as one ticket is concerned."""

    system: System
    ticket: int

    def address(self, *, language: str = "en", expires_in: timedelta = timedelta(days=7)) -> str:
        link = SurveyLink(self.ticket, 2, datetime.now(UTC) + expires_in, language)
        return f"{self.system.url}/survey/" + survey_token.make([self.system.env["HOOKDESK_LINK_SECRETS"]], link)

    def answers(self) -> list[dict[str, Any]]:
        """What was recorded, oldest first."""
        with self.system.db.read() as conn:
            bodies = conn.execute(select(raw_requests.c.body).order_by(raw_requests.c.delivery_id)).scalars()
            said = [json.loads(body) for body in bodies]
        return [answer for answer in said if answer["ticket_id"] == self.ticket]


@pytest.fixture
def door(receiver: System) -> Door:
    return Door(receiver, next(_numbers))


class Visitor:
    """Somebody with a browser. Whatever the page asks of other addresses, or complains of, is kept."""

    def __init__(self, door: Door, page: Page) -> None:
        self.door, self.page = door, page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, **given: Any) -> None:
        self.page.goto(self.door.address(**given))

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def focused(self) -> str:
        """The name and value of what has the focus."""
        at = self.page.locator(":focus")
        return f"{at.get_attribute('name') or at.inner_text()}{at.get_attribute('value') or ''}"


@pytest.fixture
def visit(browser: Browser, door: Door) -> Callable[..., Any]:
    @contextmanager
    def _visit(**options: Any) -> Iterator[Visitor]:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        try:
            yield Visitor(door, context.new_page())
        finally:
            context.close()

    return _visit


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de"])
class TestAccessibility:
    def check(self, visitor: Visitor, heading: str, language: str) -> None:
        found = Axe().run(visitor.page)

        assert found.violations_count == 0, found.generate_report()
        assert visitor.heading() == heading
        assert visitor.page.locator("html").get_attribute("lang") == language

    def test_axe_finds_nothing_on_any_page(self, visit: Any, language: str, scheme: str) -> None:
        with visit(color_scheme=scheme) as visitor:
            visitor.open(language=language)
            self.check(visitor, TITLES[language], language)

            visitor.page.get_by_role("radio").first.check()
            self.check(visitor, TITLES[language], language)

            visitor.page.get_by_role("button", name=SEND[language]).click()
            self.check(visitor, THANKS[language], language)

            visitor.open(language=language, expires_in=-timedelta(seconds=1))
            self.check(visitor, EXPIRED[language], language)

    def test_nor_on_the_form_that_comes_back(self, visit: Any, language: str, scheme: str) -> None:
        with visit(color_scheme=scheme) as visitor:
            visitor.open(language=language)
            visitor.page.eval_on_selector("[name=seal]", "field => field.value = 'stale'")
            visitor.page.get_by_role("radio").nth(2).check()
            visitor.page.get_by_role("button").click()

            assert visitor.page.get_by_role("alert").is_visible()
            assert visitor.page.get_by_role("radio").nth(2).is_checked()
            self.check(visitor, TITLES[language], language)

    def test_the_ground_follows_the_scheme(self, visit: Any, language: str, scheme: str) -> None:
        with visit(color_scheme=scheme) as visitor:
            visitor.open(language=language)

            ground = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 23, 25)"}[scheme]


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
class TestAnswering:
    def test_by_keyboard_alone(self, visit: Any, door: Door, has_script: bool) -> None:
        with visit(java_script_enabled=has_script) as visitor:
            visitor.open(language="de")
            keyboard = visitor.page.keyboard

            keyboard.press("Tab")
            assert visitor.focused() == "rating5"
            keyboard.press("Space")
            keyboard.press("Tab")
            assert visitor.focused() == "feedback"
            keyboard.type("Schnell & freundlich")
            keyboard.press("Tab")
            assert visitor.focused() == "Absenden"
            keyboard.press("Enter")

            visitor.page.get_by_role("heading", name="Vielen Dank").wait_for()

        (answer,) = door.answers()
        assert (answer["ticket_id"], answer["resolution"]) == (door.ticket, 2)
        assert (answer["rating"], answer["feedback"]) == (5, "Schnell & freundlich")

    def test_the_arrows_choose_another(self, visit: Any, door: Door, has_script: bool) -> None:
        with visit(java_script_enabled=has_script) as visitor:
            visitor.open()
            for key in ("Tab", "Space", "ArrowDown", "ArrowDown", "Enter"):
                visitor.page.keyboard.press(key)
            visitor.page.get_by_role("heading", name="Thank you").wait_for()

        assert [answer["rating"] for answer in door.answers()] == [3]

    def test_without_a_choice_the_browser_stays(self, visit: Any, door: Door, has_script: bool) -> None:
        with visit(java_script_enabled=has_script) as visitor:
            visitor.open()
            visitor.page.get_by_role("button").click()

            assert visitor.heading() == "How did we do?"
        assert door.answers() == []

    def test_the_link_may_be_opened_again_to_change_the_answer(self, visit: Any, door: Door, has_script: bool) -> None:
        with visit(java_script_enabled=has_script) as visitor:
            where = door.address()
            for number in (4, 0):
                visitor.page.goto(where)
                visitor.page.get_by_role("radio").nth(number).check()
                visitor.page.get_by_role("button").click()
                assert "for 1 hour after" in visitor.page.get_by_role("status").inner_text()

        assert [answer["rating"] for answer in door.answers()] == [1, 5]


class TestWhatIsNotRecorded:
    def test_opening_is_not_answering_and_asks_nobody_else(self, visit: Any, door: Door) -> None:
        with visit() as visitor:
            visitor.open()
            visitor.page.reload()
            asked, complaints = visitor.asked, visitor.complaints

        assert door.answers() == []
        assert {url.partition("/survey/")[0] for url in asked if not url.endswith("/favicon.ico")} == {door.system.url}
        assert [text for text in complaints if "favicon" not in text] == []

    def test_a_prefetch_or_a_post_to_the_bare_address_records_nothing(self, door: Door) -> None:
        where = door.address()

        statuses = [
            requests.head(where, timeout=5).status_code,
            requests.get(where, headers={"Sec-Purpose": "prefetch"}, timeout=5).status_code,
            requests.post(where, data={"rating": "5"}, timeout=5).status_code,
            requests.post(where, json={"rating": 5}, timeout=5).status_code,
        ]

        assert statuses == [200, 200, 422, 422]
        assert door.answers() == []

    def test_an_expired_link_has_no_form(self, visit: Any) -> None:
        with visit(java_script_enabled=False) as visitor:
            visitor.open(expires_in=-timedelta(days=1))

            assert visitor.heading() == "This link has expired"
            assert visitor.page.locator("form").count() == 0
