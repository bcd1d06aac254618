"""The Flask application of the ticket API: the table of routes, who may use them, and errors as problem documents."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request
from prometheus_client import generate_latest
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from worker import log, metrics, wsgi
from worker.api.access import caller, demand
from worker.api.problems import RETRY_AFTER_SECONDS, Problem, of_error, unavailable
from worker.api.routes import KEY_HEADER, ROUTES, Call, Route
from worker.desk import Desk
from worker.errors import Invalid, NotFound, Refused
from worker.shapes import dumps
from worker.store.database import is_connection_lost
from worker.wsgi import Answer

BODY_BYTES = 128 * 1024
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})  # another held what this one needed: ask again
_OF_HTTP = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_OF_FRONT = {400: "incomplete", 408: "too_slow", 413: "too_large", 503: "overloaded"}

logger = log.get(__name__)


def create_app(desk: Desk) -> Flask:
    """The API on this desk, for the tokens of its settings."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.url_map.merge_slashes = False  # it redirects, and a redirected POST is a lost one
    for route in ROUTES:
        app.add_url_rule(
            route.path.replace("{id}", "<id>"),
            endpoint=route.name,
            view_func=_view(route, desk),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.add_url_rule("/metrics", view_func=_metrics, methods=["GET"], provide_automatic_options=False)
    _add_errors(app)
    app.after_request(_secured)
    return app


def refusal(status: int, why: str) -> Answer:
    """What the front answers by itself, as a problem document like any other."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    response = _secured(Problem(_OF_FRONT[status], why, headers=headers).response())
    return wsgi.call(response, {"REQUEST_METHOD": "GET"})  # a response is an application, too


def _view(route: Route, desk: Desk) -> Callable[..., Response]:
    def view(id: str = "") -> Response:
        who = None
        if route.scope:
            who = caller(request.headers.get("Authorization"), desk.settings.api_tokens)
            demand(who, route.scope)
        query = request.args.to_dict(flat=False)
        if not route.query and query:
            raise Invalid({name[:60]: "is not known here" for name in sorted(query)})
        raw = _body() if route.body is not None else b""
        key = _key() if route.verb is not None else ""
        answer = route.handle(Call(desk, who, id, query, raw, key))
        response = Response(dumps(answer.body) + "\n", status=answer.status, mimetype="application/json")
        response.headers.extend(list(answer.headers))
        return response

    return view


def _metrics() -> Response:
    """What this process counted, for Prometheus; open like the other metrics, and not part of the API."""
    return Response(generate_latest(metrics.registry()), mimetype="text/plain")


def _body() -> bytes:
    raw = request.get_data(cache=False)
    if raw.strip() and request.mimetype != "application/json":
        raise Problem("unsupported_media_type", f"it is said to be {request.mimetype[:60] or 'nothing'}")
    return raw


def _key() -> str:
    """An empty key is a mistake of the caller, who would be doubled by the next broken connection."""
    given = request.headers.get(KEY_HEADER)
    if given is not None and not given.strip():
        raise Invalid({KEY_HEADER: "is empty: give each act a key of its own, or leave the header out"})
    return (given or "").strip()


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Problem)
    def problem(exc: Problem) -> Response:
        if exc.code in ("unauthorized", "forbidden"):
            logger.warning("api_refused", path=request.path[:100], code=exc.code, detail=exc.detail)
        return exc.response()

    @app.errorhandler(Invalid)
    @app.errorhandler(NotFound)
    @app.errorhandler(Refused)
    def ours(exc: Invalid | NotFound | Refused) -> Response:
        return of_error(exc).response()

    @app.errorhandler(HTTPException)
    def known(exc: HTTPException) -> Response:
        why = f"the body is larger than {BODY_BYTES} bytes" if isinstance(exc, RequestEntityTooLarge) else _said(exc)
        allowed = {name: value for name, value in exc.get_headers() if name == "Allow"}
        return Problem(_OF_HTTP.get(exc.code or 400, "invalid_json"), why, headers=allowed).response()

    @app.errorhandler(Exception)
    def unknown(exc: Exception) -> Response:
        """The store is away, or a bug of ours."""
        if is_connection_lost(exc) or (isinstance(exc, DBAPIError) and getattr(exc.orig, "sqlstate", "") in _BUSY):
            logger.warning("api_store_away", path=request.path[:100], error=type(exc).__name__)
            return unavailable("the database does not answer; nothing was changed").response()
        logger.error("api_failed", path=request.path[:100], exc_info=exc)
        return Problem("error", "an error that nobody expected; nothing was changed").response()


def _said(exc: HTTPException) -> str:
    return f"{request.method} of this address: {exc.name.lower()}"  # not repeated: somebody may have put anything in it


def _secured(response: Response) -> Response:
    """It is about people: nobody in between should keep it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
