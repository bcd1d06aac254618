"""The survey page: a GET only shows it, a person's POST records an answer, as a delivery like any other.

Mail scanners open links and some run JavaScript, so nothing is recorded without the form being sent, and the page has
no script. A forged, expired or unknown link looks the same as no page at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import datetime

from flask import Blueprint, Response, render_template, request

from webhooks.accept import Overloaded
from webhooks.deps import Deps
from worker import survey_token
from worker.config import Settings
from worker.store.inbox import Receipt
from worker.survey_token import SurveyLink

SOURCE, ENDPOINT = "survey", "page"
LONGEST_FEEDBACK = 5000
RATINGS = ((5, "Very satisfied"), (4, "Satisfied"), (3, "Neither"), (2, "Dissatisfied"), (1, "Very dissatisfied"))
STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h1{font-size:1.6rem;line-height:1.25}fieldset{border:0;margin:0;padding:0}"
    "legend{padding:0;margin-bottom:.4rem}label{display:block}"
    "fieldset label{border:1px solid #767676;border-radius:.5rem;padding:.6rem .8rem;margin:.5rem 0;cursor:pointer}"
    "fieldset label:has(:checked){border-color:#0b57d0;box-shadow:inset 0 0 0 1px #0b57d0;background:#f2f6fe}"
    "input{width:1.1em;height:1.1em;margin:0 .6rem 0 0;vertical-align:-.1em}"
    "[for=feedback]{margin:1.4rem 0 .4rem}textarea{width:100%;font:inherit;box-sizing:border-box;padding:.5rem;"
    "border:1px solid #767676;border-radius:.5rem}button{font:inherit;font-weight:600;padding:.7rem 1.8rem;"
    "margin-top:1rem;border:0;border-radius:.5rem;color:#fff;background:#0b57d0;cursor:pointer}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}.error{border-left:.3rem solid #b00020;"
    "padding-left:.6rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def blueprint(settings: Settings, deps: Deps) -> Blueprint:
    """`GET|POST /survey/<token>`."""
    pages = Blueprint("survey", __name__, template_folder="templates")

    @pages.route("/survey/<token>", methods=["GET", "POST"], provide_automatic_options=False)
    def survey(token: str) -> Response:
        link = survey_token.read(settings.link_secrets, token)
        if link is None:
            return _page("gone", 404)
        if request.method != "POST":
            return _page("form", 200)
        return _record(link, deps)

    return pages


def _record(link: SurveyLink, deps: Deps) -> Response:
    rating, feedback = request.form.get("rating", ""), request.form.get("feedback", "").strip()
    errors = {}
    if rating not in {"1", "2", "3", "4", "5"}:
        errors["rating"] = "Please choose one of the five answers."
    if len(feedback) > LONGEST_FEEDBACK:
        errors["feedback"] = f"Please keep your comment below {LONGEST_FEEDBACK} characters."
    if errors:
        return _page("form", 422, errors=errors, rating=rating, feedback=feedback)
    try:
        deps.acceptor.accept(_receipt(link, int(rating), feedback, deps.clock.now()))
    except Overloaded as exc:
        page = _page("busy", 503)
        page.headers["Retry-After"] = str(exc.retry_after_seconds)
        return page
    return _page("thanks", 200)


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


def _page(
    which: str, status: int, *, errors: dict[str, str] | None = None, rating: str = "", feedback: str = ""
) -> Response:
    text = render_template(
        "survey.html", which=which, ratings=RATINGS, errors=errors or {}, rating=rating, feedback=feedback, style=STYLE,
        longest=LONGEST_FEEDBACK,
    )  # fmt: skip
    page = Response(text, status=status, mimetype="text/html")
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return page
