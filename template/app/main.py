"""The composition root: creates the application from its parts."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi._compat import get_cached_model_fields
from fastapi.dependencies import utils
from pydantic.json_schema import models_json_schema

from app.api.v1.router import router
from app.common.errors import Problem, add_error_handlers, responses
from app.db.session import get_engine
from app.infrastructure import health
from app.infrastructure.logging import configure_logging
from app.infrastructure.security import add_middlewares
from app.infrastructure.settings import get_settings

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

# FastAPI remembers the parameters of 128 lists. It could not document a service with more, and would
# build them anew for every request.
vars(utils)["get_cached_model_fields"] = cache(get_cached_model_fields.__wrapped__)


class Service(FastAPI):
    """FastAPI that documents errors under their media type."""

    def openapi(self) -> dict[str, Any]:
        """Add the schema that `responses()` refers to."""
        document = super().openapi()
        _, problems = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        document.setdefault("components", {}).setdefault("schemas", {}).update(problems["$defs"])
        return document


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the connections when the service stops."""
    yield
    await get_engine().dispose()


def create_app() -> FastAPI:
    """Create the application."""
    settings = get_settings()
    configure_logging(settings.log_level)
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    app = Service(
        title=project["name"],
        description=project["description"],
        version=project["version"],
        lifespan=lifespan,
        redoc_url=None,
        responses=responses("default"),
    )
    add_error_handlers(app)
    add_middlewares(app, settings)
    app.include_router(health.router)
    app.include_router(router)
    return app


app = create_app()
