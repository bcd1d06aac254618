"""The Flask application: routes from the table of sources, error types to status codes, health, the survey page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wsgi import get_input_stream

from webhooks import openapi, survey
from webhooks.answers import Secured, as_response, reply
from webhooks.arrival import Arrival, Reading
from webhooks.deps import Deps
from webhooks.receive import overloaded, receive
from webhooks.sources import registry
from webhooks.sources.base import Source
from worker import log
from worker.config import Settings
from worker.errors import ConfigError

FORM_BYTES = 64 * 1024
_CHUNK = 64 * 1024

logger = log.get(__name__)


def create_app(settings: Settings, deps: Deps) -> Flask:
    """The door. Raises ConfigError for a table of answers that could lose mail."""
    if faults := registry.faults():
        raise ConfigError(faults)
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES)
    app.url_map.merge_slashes = False  # it redirects, and a redirect is a lost delivery
    for source in registry.SOURCES:
        app.add_url_rule(
            source.path,
            endpoint=f"{source.name}.{source.endpoint}",
            view_func=_view(source, settings, deps),
            methods=["POST"],
            provide_automatic_options=False,
        )
    app.register_blueprint(survey.blueprint(settings, deps))
    _add_own_pages(app, deps)
    _add_errors(app)
    app.wsgi_app = Secured(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's documentation has it
    return app


def _view(source: Source, settings: Settings, deps: Deps) -> Callable[..., Response]:
    """For any WSGI server. Behind the front it sees no webhook: the front waits for many at once, on no thread."""

    def view(token: str | None = None) -> Response:
        return as_response(receive(_read(source, token, settings, deps), settings, deps))

    return view


def _read(source: Source, token: str | None, settings: Settings, deps: Deps) -> Arrival:
    headers = {name.lower(): value for name, value in request.headers.items()}
    reading = Reading(source, headers, token, settings, now=deps.clock.now())
    stream = get_input_stream(request.environ)
    while chunk := stream.read(_CHUNK):
        reading.feed(chunk)
    return reading.done()


def _add_own_pages(app: Flask, deps: Deps) -> None:
    @app.get("/livez")
    def livez() -> Response:
        return reply(200, "alive")

    @app.get("/readyz")
    def readyz() -> Response:
        readiness = deps.readiness()
        more = {name: value for name, value in asdict(readiness).items() if name not in {"is_ready", "status"}}
        return reply(200 if readiness.is_ready else 503, readiness.status, **more)

    @app.get("/openapi.json")
    def description() -> Response:
        return jsonify(openapi.document())


def _add_errors(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def known(exc: HTTPException) -> Response:
        if isinstance(exc, RequestRedirect):
            return reply(404, "not found")
        answer = reply(exc.code or 400, exc.name.lower())
        for name, value in exc.get_headers():
            if name in {"Allow", "Retry-After"}:
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def unknown(exc: Exception) -> Response:
        """A bug of ours: the sender may come again."""
        logger.error("request_failed", path=request.path, exc_info=exc)
        return as_response(overloaded())
