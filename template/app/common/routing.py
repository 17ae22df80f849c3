"""Routers of modules."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class Router(APIRouter):
    """A router that is skipped for the paths of others.

    FastAPI compares a path with all routes before its own, again at each level of routers.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        beginning, _, _ = self.prefix.partition("{")
        return super().matches(scope) if beginning in scope["path"] else (Match.NONE, {})
