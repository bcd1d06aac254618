"""How the survey page looks: one template for every language, light and dark, no script, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Response, render_template

from webhooks.survey_words import WORDS, span

LONGEST_FEEDBACK = 5000
_LIGHT = (
    "--text:#1a1a1a;--ground:#fff;--line:#767676;--accent:#0b57d0;--on-accent:#fff;--chosen:#f2f6fe;--wrong:#b00020"
)
_DARK = (
    "--text:#e8e8e8;--ground:#161719;--line:#8a8d91;--accent:#a8c7fa;--on-accent:#062e6f;--chosen:#202c40;"
    "--wrong:#ffb4ab"
)
STYLE = (
    f":root{{color-scheme:light dark;{_LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:var(--text);"
    "background:var(--ground)}h1{font-size:1.6rem;line-height:1.25}fieldset{border:0;margin:0;padding:0}"
    "legend{padding:0;margin-bottom:.4rem}label{display:block}"
    "fieldset label{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;margin:.5rem 0;cursor:pointer}"
    "fieldset label:has(:checked){border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent);"
    "background:var(--chosen)}"
    "input{width:1.1em;height:1.1em;margin:0 .6rem 0 0;vertical-align:-.1em;accent-color:var(--accent)}"
    "[for=feedback]{margin:1.4rem 0 .4rem}textarea{width:100%;font:inherit;box-sizing:border-box;padding:.5rem;"
    "border:1px solid var(--line);border-radius:.5rem;color:inherit;background:var(--ground)}"
    "button{font:inherit;font-weight:600;padding:.7rem 1.8rem;margin-top:.4rem;border:0;border-radius:.5rem;"
    "color:var(--on-accent);background:var(--accent);cursor:pointer}"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    ".error{border-left:.3rem solid var(--wrong);padding-left:.6rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the form: what was sent before, if it came back, and the seal that it must bring along."""

    seal: str
    rating: str = ""
    feedback: str = ""
    errors: dict[str, str] = field(default_factory=dict)  # by field: rating, feedback, seal


def page(
    which: str, status: int, *, language: str, editable: timedelta = timedelta(hours=1), form: Form | None = None
) -> Response:
    """`form`, `thanks`, `expired`, `gone` or `busy`, in a language of WORDS."""
    words = WORDS[language]
    shown = form if form is not None else Form("")
    text = render_template(
        "survey.html",
        which=which,
        language=language,
        words=words,
        form=shown,
        errors={name: getattr(words, said).format(most=LONGEST_FEEDBACK) for name, said in shown.errors.items()},
        ratings=tuple(zip((5, 4, 3, 2, 1), words.ratings, strict=True)),
        span=span(words, editable),
        style=STYLE,
        longest=LONGEST_FEEDBACK,
    )
    answer = Response(text, status=status, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Content-Language"] = language
    answer.headers["Vary"] = "Accept-Language"
    return answer
