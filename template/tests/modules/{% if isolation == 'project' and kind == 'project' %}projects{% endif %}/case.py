"""Projects in tests: two valid bodies, invalid values, and the rules of the fields."""

from __future__ import annotations

from app.modules.projects import models, schemas
from tests.contract.case import Case

CASE = Case(
    url="/api/v1/projects",
    model=models.Project,
    schema=schemas.ProjectCreate,
    query=schemas.ProjectQuery,
    first={
        "name": "Apollo",
    },
    second={
        "name": "Gemini",
    },
    invalid={
        "name": [None, 1, "", "a" * 121],
    },
    sorts=["name"],
    routes=["create", "list", "read", "update", "delete"],
)
