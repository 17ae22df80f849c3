"""Routers that an application includes one by one: FastAPI compares paths again at each level."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI


class Version:
    def __init__(self, **shared: Any) -> None:
        self._shared = shared
        self._included: list[tuple[APIRouter, dict[str, Any]]] = []

    def include_router(self, router: APIRouter, **options: Any) -> None:
        self._included.append((router, options))

    def add_to(self, app: FastAPI) -> None:
        for router, options in self._included:
            app.include_router(router, **self._shared, **options)
