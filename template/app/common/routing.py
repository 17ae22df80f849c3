"""Routers of modules."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.common.parameters import require_single_values


class SingleValuesRoute(APIRoute):
    """A route that rejects repeated query parameters, for less than a dependency would cost."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            require_single_values(request)
            return await handle(request)

        return check_and_handle


class Router(APIRouter):
    """A router that is skipped for the paths of others, and rejects repeated query parameters.

    FastAPI compares a path with all routes before its own, again at each level of routers.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=SingleValuesRoute, **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        beginning, _, _ = self.prefix.partition("{")
        return super().matches(scope) if beginning in scope["path"] else (Match.NONE, {})
