"""Routers that an application includes one by one: FastAPI compares paths again at each level."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI


class Version(APIRouter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._included: list[tuple[APIRouter, dict[str, Any]]] = []

    def include_router(self, router: APIRouter, **options: Any) -> None:
        options["prefix"] = self.prefix + options.get("prefix", "")
        options["dependencies"] = [*self.dependencies, *options.get("dependencies", ())]
        self._included.append((router, options))

    def add_to(self, app: FastAPI) -> None:
        if self.routes:
            app.include_router(self)
        for router, options in self._included:
            app.include_router(router, **options)
