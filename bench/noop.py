"""A Flask view that does nothing, on Hookdesk's own server and front: what there is to spend per request.

    python -m bench.noop        (HOOKDESK_PORT and the like from the environment)

POST /noop reads the body and answers 200; nothing is verified, stored or handed over.
"""

from __future__ import annotations

from flask import Flask

from webhooks import serve
from webhooks.answers import Secured, reply
from webhooks.deps import Deps
from webhooks.door import Door
from webhooks.front import Front
from worker.clock import SystemClock
from worker.config import Settings, load

PATH = "/noop"


def front(settings: Settings) -> Front:
    """Hookdesk's front over an application with two views and no collaborators."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(PATH, view_func=lambda: reply(200, "accepted"), endpoint="noop", methods=["POST"])
    app.add_url_rule("/livez", view_func=lambda: reply(200, "alive"), endpoint="livez")
    app.wsgi_app = Secured(app.wsgi_app)  # type: ignore[method-assign]  # as the real one
    nothing = Deps(None, None, None, SystemClock())  # type: ignore[arg-type]  # neither view asks for more than time
    return Front(lambda: Door(settings, nothing, app, settings.web_threads, ()))


if __name__ == "__main__":
    serve._load = front  # the server's own loader would open the real door; all its options stay
    serve.serve(load())
