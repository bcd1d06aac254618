"""The survey page: a GET only shows it, a person's POST records an answer, as a delivery like any other.

Mail scanners open links, run JavaScript and post to what they find: nothing is recorded without the form that was
shown being sent, rating chosen, and the page has no script. A forged or unknown link looks the same as no page at all;
one that was ours and is too old gets a kind word.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, request

from webhooks import survey_page
from webhooks.accept import Overloaded
from webhooks.deps import Deps
from webhooks.survey_page import LONGEST_FEEDBACK, Form
from webhooks.survey_words import chosen
from worker import survey_token
from worker.config import Settings
from worker.language import preferred
from worker.store.inbox import Receipt
from worker.survey_token import SurveyLink

SOURCE, ENDPOINT = "survey", "page"
_RATINGS = frozenset({"1", "2", "3", "4", "5"})


def blueprint(settings: Settings, deps: Deps) -> Blueprint:
    """`GET|POST /survey/<token>`; HEAD is a GET without its body."""
    pages = Blueprint("survey", __name__, template_folder="templates")

    @pages.route("/survey/<token>", methods=["GET", "POST"], provide_automatic_options=False)
    def survey(token: str) -> Response:
        now = deps.clock.now()
        link = survey_token.read(settings.link_secrets, token)
        known = (link.language,) if link is not None else ()
        language = chosen((*known, *preferred(request.headers.get("Accept-Language"))))
        if link is None:
            return survey_page.page("gone", 404, language=language)
        if now >= link.expires_at:
            return survey_page.page("expired", 410, language=language)
        given = request.form if request.method == "POST" else {}
        form = _form(given, seal=survey_token.seal(settings.link_secrets, token, at=now))
        if request.method == "POST":
            is_ours = survey_token.is_sealed(settings.link_secrets, token, given.get("seal", ""), now=now)
            form = _checked(form, is_ours=is_ours)
            if not form.errors:
                return _record(link, form, deps, language=language)
        status = 422 if form.errors else 200
        return survey_page.page("form", status, language=language, editable=link.editable, form=form)

    return pages


def _form(given: Mapping[str, str], *, seal: str) -> Form:
    """What was sent, with a new seal for the next time."""
    return Form(seal, given.get("rating", ""), given.get("feedback", "").strip())


def _checked(form: Form, *, is_ours: bool) -> Form:
    """The form with what is wrong about it, by the name of the sentence that says so."""
    errors = {}
    if form.rating not in _RATINGS:
        errors["rating"] = "no_rating"
    elif not is_ours:
        errors["seal"] = "again"
    if len(form.feedback) > LONGEST_FEEDBACK:
        errors["feedback"] = "too_long"
    return Form(form.seal, form.rating, form.feedback, errors)


def _record(link: SurveyLink, form: Form, deps: Deps, *, language: str) -> Response:
    try:
        deps.acceptor.accept(_receipt(link, int(form.rating), form.feedback, deps.clock.now()))
    except Overloaded as exc:
        page = survey_page.page("busy", 503, language=language)
        page.headers["Retry-After"] = str(exc.retry_after_seconds)
        return page
    return survey_page.page("thanks", 200, language=language, editable=link.editable)


def _receipt(link: SurveyLink, rating: int, feedback: str, at: datetime) -> Receipt:
    """Every sending of the form is an answer of its own (5, then 3, then 5 again), hence the time in the body."""
    answer = {
        "ticket_id": link.ticket_id,
        "resolution": link.resolution,
        "rating": rating,
        "feedback": feedback,
        "at": at.isoformat(timespec="microseconds"),
    }
    body = json.dumps(answer, separators=(",", ":")).encode()
    return Receipt(
        receipt_id=str(uuid.uuid4()),
        source=SOURCE,
        endpoint=ENDPOINT,
        delivery_id=None,
        dedupe_key=f"{SOURCE}:{ENDPOINT}::{hashlib.sha256(body).hexdigest()}",
        headers={"content-type": "application/json"},
        body=body,
        received_at=at,
        sent_at=at,
    )
