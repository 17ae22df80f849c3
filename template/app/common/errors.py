"""Errors of the API: RFC 9457 `application/problem+json` with a stable code."""

from __future__ import annotations

import http
import logging
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import (
    RequestValidationError,
    ValidationException,
    WebSocketRequestValidationError,
)
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from app.common.schemas import Schema
from app.db.violations import is_busy, is_down, read_violation

MEDIA_TYPE = "application/problem+json"

ERROR_CONFLICT = "Another row already has this value"
ERROR_UNKNOWN_REFERENCE = "It refers to a row that does not exist"
ERROR_IN_USE = "It cannot be deleted, because rows refer to it"
ERROR_CHECK_FAILED = "The values are not allowed together"
ERROR_CHANGED = "The row has changed since it was read; read it again"
ERROR_INVALID_VALUE = "The database cannot store this value"
ERROR_BUSY = "The database is busy; try again"
ERROR_DOWN = "The database does not respond; try again"
ERROR_INVALID_REQUEST = "The request is invalid; `errors` lists the fields"
ERROR_INTERNAL = "Something went wrong on our side"

# The codes that clients may rely on. Any other status gets its phrase in snake case.
CODES = {
    413: "content_too_large",
    422: "invalid_request",
    500: "internal_error",
}
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # Python 3.13 renamed both
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# The parts of a request, which are left out of the names of fields.
PLACES = {"body", "query", "path", "header", "cookie"}
# Limits the size of a response to an invalid request.
MAX_LISTED = 20
MAX_FIELD_LENGTH = 200

logger = logging.getLogger(__name__)


class FieldProblem(Schema):
    field: str = Field(description="The field's name, with dots where it is nested")
    code: str = Field(description="A stable name of the error")
    message: str


class Problem(Schema):
    """An error as in RFC 9457, with a stable code."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="A stable name of the error, for programs")
    detail: str = Field(description="What went wrong, for people")
    errors: list[FieldProblem] = Field(default=[], description="The offending fields, at most 20")


class ApiError(HTTPException):
    """Base of all errors: `raise ConflictError(ERROR_SOLD_OUT, "sku", code="sold_out")`."""

    status: ClassVar[int]
    code: str

    def __init__(self, message: str, *fields: str, code: str = "") -> None:
        super().__init__(self.status, detail=message)
        self.code = code or self.code
        self.errors = [FieldProblem(field=name, code=self.code, message=message) for name in fields]


class ForbiddenError(ApiError):
    status = 403
    code = "forbidden"


class NotFoundError(ApiError):
    status = 404
    code = "not_found"


class ConflictError(ApiError):
    status = 409
    code = "conflict"


class UnprocessableError(ApiError):
    status = 422
    code = "unprocessable"


class UnavailableError(ApiError):
    status = 503
    code = "unavailable"


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.model_dump(), problem.status, headers)


def responses(*statuses: int | str) -> dict[int | str, dict[str, Any]]:
    """Return the value of `responses=` for a route that can return these errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "Any error" if status == "default" else title(int(status)),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def title(status: int) -> str:
    """Return the name of a status, which is the same for every version of Python."""
    return TITLES.get(status) or http.HTTPStatus(status).phrase


def describe(
    status: int, detail: str, code: str = "", errors: Iterable[FieldProblem] = ()
) -> Problem:
    """Return a problem. The default code follows from the status."""
    return Problem(
        title=title(status),
        status=status,
        code=code or CODES.get(status) or title(status).lower().replace(" ", "_"),
        detail=detail,
        errors=list(errors),
    )


def internal_error() -> ProblemResponse:
    """Return the response to an unexpected error. It reveals no internals."""
    return ProblemResponse(describe(500, ERROR_INTERNAL))


async def handle_http_exception(request: Request, error: StarletteHTTPException) -> ProblemResponse:
    """Handle every `HTTPException`: those of this service and of the framework (404, 405, …)."""
    code = getattr(error, "code", "")
    errors = getattr(error, "errors", ())
    headers = {"Allow": _allowed_methods(request)} if error.status_code == 405 else error.headers
    return ProblemResponse(describe(error.status_code, str(error.detail), code, errors), headers)


def _allowed_methods(request: Request) -> str:
    """Collect the methods of all routes; the framework only names those of the first match."""
    scopes = [{**request.scope, "method": method} for method in METHODS]
    routes = request.app.routes
    fitting = (s for s in scopes if any(route.matches(s)[0] is Match.FULL for route in routes))
    return ", ".join(scope["method"] for scope in fitting)


async def handle_invalid_request(_: Request, error: ValidationException) -> ProblemResponse:
    """List the invalid fields, without their input, which may contain a secret."""
    errors = [
        FieldProblem(field=_field_name(item["loc"]), code=item["type"], message=item["msg"])
        for item in error.errors()[:MAX_LISTED]
    ]
    return ProblemResponse(describe(422, ERROR_INVALID_REQUEST, errors=errors))


def _field_name(location: tuple[int | str, ...]) -> str:
    inside = location[1:] if location and location[0] in PLACES else location
    return ".".join(str(part) for part in inside or location)[:MAX_FIELD_LENGTH]


async def handle_integrity_error(request: Request, error: IntegrityError) -> ProblemResponse:
    """Handle violated constraints. Uniqueness is only checked by the database."""
    return await handle_http_exception(request, violated(error, request.method == "DELETE"))


def violated(error: IntegrityError, is_deletion: bool = False) -> ApiError:
    """Return the error of a violated constraint.

    Raises:
        IntegrityError: no request can violate the constraint.
    """
    violation = read_violation(error)
    match violation.rule:
        case "unique":
            return ConflictError(ERROR_CONFLICT, *violation.fields)
        case "reference" if is_deletion:
            return ConflictError(ERROR_IN_USE, code="in_use")
        case "reference":
            code = "unknown_reference"
            return UnprocessableError(ERROR_UNKNOWN_REFERENCE, *violation.fields, code=code)
        case "check":
            return UnprocessableError(ERROR_CHECK_FAILED, *violation.fields, code="check_failed")
        case _:
            raise error


async def handle_database_error(_: Request, error: DBAPIError) -> ProblemResponse:
    """Handle a busy database and rejected values. Any other error is a bug."""
    if is_busy(error):
        logger.warning("the database is busy: %s", error.orig)
        return ProblemResponse(describe(503, ERROR_BUSY, "database_busy"), {"Retry-After": "1"})
    if is_down(error):
        return await handle_connection_error(_, error)
    # Class 22 is SQL's "data exception". The driver raises ValueError for some values.
    is_rejected = str(getattr(error.orig, "sqlstate", "")).startswith("22")
    if not is_rejected and not isinstance(error.orig and error.orig.__cause__, ValueError):
        raise error
    return ProblemResponse(describe(422, ERROR_INVALID_VALUE, "invalid_value"))


async def handle_timeout(_: Request, error: Exception) -> ProblemResponse:
    """Handle a wait for a connection or for a pooler that took too long."""
    logger.warning("the database is busy: %s", error)
    return ProblemResponse(describe(503, ERROR_BUSY, "database_busy"), {"Retry-After": "1"})


async def handle_connection_error(_: Request, error: Exception) -> ProblemResponse:
    """Handle a database that cannot be reached, or that closed the connection."""
    logger.warning("the database does not answer: %s", error)
    return ProblemResponse(describe(503, ERROR_DOWN, "database_down"), {"Retry-After": "1"})


async def handle_stale_data(_: Request, __: Exception) -> ProblemResponse:
    """Handle a change of a row that was changed by another request."""
    return ProblemResponse(describe(412, ERROR_CHANGED))


def add_error_handlers(app: FastAPI) -> None:
    """Return every error of the application as a problem."""
    app.exception_handler(StarletteHTTPException)(handle_http_exception)
    app.exception_handler(RequestValidationError)(handle_invalid_request)
    app.exception_handler(WebSocketRequestValidationError)(handle_invalid_request)
    app.exception_handler(IntegrityError)(handle_integrity_error)
    app.exception_handler(DBAPIError)(handle_database_error)
    app.exception_handler(PoolTimeout)(handle_timeout)
    app.exception_handler(TimeoutError)(handle_timeout)
    app.exception_handler(ConnectionError)(handle_connection_error)
    app.exception_handler(StaleDataError)(handle_stale_data)
