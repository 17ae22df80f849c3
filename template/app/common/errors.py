"""One format for every error: RFC 9457 `application/problem+json` with a stable code."""

from __future__ import annotations

import http
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from app.common.schemas import Schema
from app.db.violations import is_busy, read_violation

MEDIA_TYPE = "application/problem+json"

ERROR_CONFLICT = "Another row already has this value"
ERROR_UNKNOWN_REFERENCE = "It refers to a row that does not exist"
ERROR_IN_USE = "It cannot be deleted, because rows refer to it"
ERROR_CHECK_FAILED = "The values do not go together"
ERROR_CHANGED = "The row has changed since it was read; read it again"
ERROR_INVALID_VALUE = "The database cannot store this value"
ERROR_BUSY = "The database is busy; try again"
ERROR_INVALID_REQUEST = "The request is not valid; `errors` says where"
ERROR_INTERNAL = "Something went wrong on our side"

# The codes that clients may rely on. Any other status gets its phrase in snake case.
CODES = {
    413: "content_too_large",
    422: "invalid_request",
    500: "internal_error",
}
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # Python 3.13 renamed both
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# An input's place in the request (body, query, path) is left out of the field's name.
PLACES = {"body", "query", "path", "header", "cookie"}
# However much is wrong with a request, its answer stays short.
MAX_LISTED = 20
MAX_FIELD_LENGTH = 200

logger = logging.getLogger(__name__)


class FieldProblem(Schema):
    """What is wrong with one field."""

    field: str = Field(description="The field's name, with dots where it is nested")
    code: str = Field(description="A stable name of the error")
    message: str


class Problem(Schema):
    """An error as RFC 9457 describes it, with a code that stays the same."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="A stable name of the error, for programs")
    detail: str = Field(description="What went wrong, for people")
    errors: list[FieldProblem] = Field(default=[], description="The offending fields, at most 20")


class ProblemException(HTTPException):
    """An HTTP error that knows its code and the fields it is about."""

    def __init__(self, status: int, code: str, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(status, detail=message)
        self.code = code
        self.errors = [FieldProblem(field=field, code=code, message=message) for field in fields]


class ProblemResponse(JSONResponse):
    """An answer that carries a problem."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.model_dump(), problem.status, headers)


def problem(status: int, code: str, message: str, *fields: str) -> HTTPException:
    """Return the exception to raise: `raise problem(404, "not_found", ERROR_NOT_FOUND)`."""
    return ProblemException(status, code, message, fields)


def responses(*statuses: int | str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route that can answer with these errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "Any error" if status == "default" else title(int(status)),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def title(status: int) -> str:
    """Return the name of a status, the same on every version of Python."""
    return TITLES.get(status) or http.HTTPStatus(status).phrase


def describe(
    status: int, detail: str, code: str = "", errors: Iterable[FieldProblem] = ()
) -> Problem:
    """Build a problem; without a code, its status gives one."""
    return Problem(
        title=title(status),
        status=status,
        code=code or CODES.get(status) or title(status).lower().replace(" ", "_"),
        detail=detail,
        errors=list(errors),
    )


def internal_error() -> ProblemResponse:
    """Return the answer to an error that nobody expected: it tells nothing of the inside."""
    return ProblemResponse(describe(500, ERROR_INTERNAL))


async def answer_http_exception(request: Request, error: StarletteHTTPException) -> ProblemResponse:
    """Answer an HTTPException, a module's own or the framework's (404, 405, …)."""
    code = getattr(error, "code", "")
    errors = getattr(error, "errors", ())
    headers = {"Allow": _allowed_methods(request)} if error.status_code == 405 else error.headers
    return ProblemResponse(describe(error.status_code, str(error.detail), code, errors), headers)


def _allowed_methods(request: Request) -> str:
    """Ask every route: the framework names the methods of the path's first route alone."""
    scopes = [{**request.scope, "method": method} for method in METHODS]
    routes = request.app.routes
    fitting = (s for s in scopes if any(route.matches(s)[0] is Match.FULL for route in routes))
    return ", ".join(scope["method"] for scope in fitting)


async def answer_invalid_request(_: Request, error: RequestValidationError) -> ProblemResponse:
    """Answer 422 with each field; the input is not repeated, since it may hold a secret."""
    errors = [
        FieldProblem(field=_field_name(item["loc"]), code=item["type"], message=item["msg"])
        for item in error.errors()[:MAX_LISTED]
    ]
    return ProblemResponse(describe(422, ERROR_INVALID_REQUEST, errors=errors))


def _field_name(location: tuple[int | str, ...]) -> str:
    inside = location[1:] if location and location[0] in PLACES else location
    return ".".join(str(part) for part in inside or location)[:MAX_FIELD_LENGTH]


async def answer_integrity_error(request: Request, error: IntegrityError) -> ProblemResponse:
    """Answer a broken rule of the database: the one place that judges uniqueness."""
    violation = read_violation(error)
    match violation.rule:
        case "unique":
            found = problem(409, "conflict", ERROR_CONFLICT, *violation.fields)
        case "reference" if request.method == "DELETE":
            found = problem(409, "in_use", ERROR_IN_USE)
        case "reference":
            found = problem(422, "unknown_reference", ERROR_UNKNOWN_REFERENCE, *violation.fields)
        case "check":
            found = problem(422, "check_failed", ERROR_CHECK_FAILED, *violation.fields)
        case _:
            raise error
    return await answer_http_exception(request, found)


async def answer_database_error(request: Request, error: DBAPIError) -> ProblemResponse:
    """Answer a busy database and a value that it refuses; any other of its errors is ours."""
    if is_busy(error):
        logger.warning("the database is busy: %s", error.orig)
        return ProblemResponse(describe(503, ERROR_BUSY, "database_busy"), {"Retry-After": "1"})
    # Class 22 is SQL's "data exception". The driver refuses some values by itself, as a ValueError.
    refused = str(getattr(error.orig, "sqlstate", "")).startswith("22")
    if not refused and not isinstance(error.orig and error.orig.__cause__, ValueError):
        raise error
    return await answer_http_exception(request, problem(422, "invalid_value", ERROR_INVALID_VALUE))


async def answer_stale_data(request: Request, _: Exception) -> ProblemResponse:
    """Answer a change that lost against another one of the same row."""
    return await answer_http_exception(request, problem(412, "precondition_failed", ERROR_CHANGED))


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.exception_handler(StarletteHTTPException)(answer_http_exception)
    app.exception_handler(RequestValidationError)(answer_invalid_request)
    app.exception_handler(IntegrityError)(answer_integrity_error)
    app.exception_handler(DBAPIError)(answer_database_error)
    app.exception_handler(StaleDataError)(answer_stale_data)
