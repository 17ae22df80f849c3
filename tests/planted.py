"""Violations of the architecture rules, at least three of each, as people would write them.

Each is appended to a file of a service, which may be a new one. The line that must be found has a
comment `# here`; without one, it is the first of what was appended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from cofee.source.architecture import read_rules
from cofee.source.checkers import Rule
from cofee.template.template import Template
from tests.generated import REPOSITORY as ROOT

MODELS = "app/modules/notes/models.py"
SCHEMAS = "app/modules/notes/schemas.py"
REPOSITORY = "app/modules/notes/repository.py"
SERVICE = "app/modules/notes/service.py"
ROUTER = "app/modules/notes/router.py"
HEALTH = "app/infrastructure/health.py"

VIOLATIONS: Mapping[str, Sequence[tuple[str, str]]] = {
    "module-files": [
        ("app/modules/notes/utils.py", "X = 1"),
        ("app/modules/notes/helpers/__init__.py", ""),
        ("app/modules/notes/prompt.txt", ""),
    ],
    "router-queries": [
        (ROUTER, "import sqlalchemy as sa"),
        (ROUTER, "from app.modules.notes.repository import NoteRepository"),
        (ROUTER, "def load() -> None:\n    from app.modules.notes.models import Note  # here"),
    ],
    "router-statements": [
        (ROUTER, "async def a(session: DbSession) -> None:\n    await session.execute(Q)  # here"),
        (ROUTER, "async def b(s: Any) -> None:\n    (await s.session.scalars(Q)).all()  # here"),
        (ROUTER, "async def c(db_session: Any) -> None:\n    db_session.add(Note())  # here"),
    ],
    "service-queries": [
        (SERVICE, "import sqlalchemy as db\nQ = db.select(Note)  # here"),
        (SERVICE, "from sqlalchemy import text as sql\nQ = sql('SELECT 1')  # here"),
        (SERVICE, "async def x(self: Any) -> None:\n    await self._session.scalar(Q)  # here"),
    ],
    "foreign-repository": [
        (SERVICE, "from app.modules.tags.repository import TagRepository"),
        (REPOSITORY, "import app.modules.tags.repository as tags"),
        (HEALTH, "from app.modules.tags import repository"),
    ],
    "base-classes": [
        (SERVICE, "class TagService(NoteService):\n    pass"),
        (REPOSITORY, "from typing import Generic\n"
         "class RowRepository(Generic[Row]):  # here\n    X = 1"),
        (REPOSITORY, "def make() -> type:\n    class TagRepository:  # here\n        X = 1"),
    ],
    "relative-imports": [
        (SERVICE, "from .models import Note as N"),
        (ROUTER, "from ..tags import service as tags"),
        ("tests/modules/notes/test_more.py", "from . import factory"),
    ],
    "model-mixins": [
        (MODELS, "class A(Base):\n    __tablename__ = 'a'"),
        (MODELS, "class B(BaseModelMixin):\n    __tablename__: str = 'b'"),
        (MODELS, "from sqlalchemy.orm import DeclarativeBase\n"
         "class C(DeclarativeBase):  # here\n    __tablename__ = 'c'"),
    ],
    "unindexed-references": [
        (MODELS, "X = mapped_column(sa.Uuid(), sa.ForeignKey('tags.id'))"),
        (MODELS, "X = mapped_column(sa.ForeignKey('tags.id', ondelete='CASCADE'), index=False)"),
        (MODELS, "from sqlalchemy import ForeignKey as Key\n"
         "X = mapped_column(Key('tags.id'))  # here"),
    ],
    "lazy-relationships": [
        (MODELS, "from sqlalchemy.orm import relationship\nX = relationship('Tag')  # here"),
        (MODELS, "import sqlalchemy.orm as orm\nX = orm.relationship(lazy='select')  # here"),
        (MODELS, "from sqlalchemy.orm import relationship as r\nX = r(back_populates='a')  # here"),
    ],
    "lazy-relationships-of-sqlmodel": [
        (MODELS, "from sqlmodel import Relationship\nX = Relationship()  # here"),
        (MODELS, "import sqlmodel as sm\nX = sm.Relationship(back_populates='a')  # here"),
        (MODELS, "from sqlmodel import Relationship as R\nX = R(link_model=None)  # here"),
    ],
    "raw-schemas": [
        (SCHEMAS, "from pydantic import BaseModel\nclass A(BaseModel):  # here\n    a: int"),
        (SCHEMAS, "import pydantic as p\nclass B(p.RootModel[int]):  # here\n    pass"),
        (SERVICE, "import typing\nclass C(typing.TypedDict):  # here\n    a: int"),
    ],
    "models-in-answers": [
        (ROUTER, "from app.modules.notes.models import Note\n"
         "@router.get('/a', response_model=Note)  # here\ndef a() -> Any: ..."),
        (ROUTER, "from app.modules.notes import models\n@router.post('/b')  # here\n"
         "def b() -> models.Note: ..."),
        (ROUTER, "from app.modules.notes.models import Note\n@router.get('/c')  # here\n"
         "def c() -> 'Page[Note]': ..."),
    ],
    "deleted-rows": [
        (REPOSITORY, "X = sa.select(Note).where(Note.user_id == 1)"),
        (REPOSITORY, "def a(self: Any, user_id: int) -> Any:\n"
         "    return sa.select(Note.text).filter_by(user_id=user_id)  # here"),
        (REPOSITORY, "async def b(self: Any, user_id: int) -> Any:\n"
         "    return await self._session.get(Note, user_id)  # here"),
    ],
    "owned-rows": [
        (REPOSITORY, "X = sa.select(Note).where(~Note.is_deleted)"),
        (REPOSITORY, "def a(self: Any, note: int) -> Any:\n"
         "    return sa.update(Note).where(Note.id == note)  # here"),
        (REPOSITORY, "from sqlalchemy import select\ndef b(self: Any, note: int) -> Any:\n"
         "    return select(Note.id).filter_by(id=note, is_deleted=False)  # here"),
    ],
    "optional-owners": [
        (REPOSITORY, "def a(user_id: uuid.UUID | None) -> None: ..."),
        (SERVICE, "async def b(*, user_id: uuid.UUID = ANYONE) -> None: ..."),
        (SERVICE, "def c(data: int, user_id: Optional[uuid.UUID]) -> None: ..."),
    ],
    "inline-errors": [
        (SERVICE, "def a() -> None:\n    raise NotFoundError('There is no note')  # here"),
        (SERVICE, "def b(n: int) -> None:\n"
         "    raise HTTPException(404, detail=f'no note {n}')  # here"),
        (ROUTER, "def c() -> None:\n    text = 'no note ' + 'here'\n"
         "    raise NotFoundError(text)  # here"),
    ],
    "swallowed-errors": [
        (SERVICE, "try:\n    X = 1\nexcept Exception:  # here\n    X = 2"),
        (HEALTH, "def a() -> bool:\n    try:\n        return True\n    except:  # here\n"
         "        return False"),
        (SERVICE, "import contextlib\nwith contextlib.suppress(ValueError, Exception):  # here\n"
         "    X = 1"),
    ],
    "undeclared-routes": [
        (ROUTER, "@router.get('/a', status_code=200, summary='A', responses={})\n"
         "def a() -> int: ..."),
        (ROUTER, "@router.post('/b', response_model=int, summary='B', responses={})\n"
         "def b() -> int: ..."),
        (ROUTER, "@router.delete(\n    '/c', response_model=None, status_code=204, responses={})\n"
         "def c() -> None: ..."),
    ],
    "unbounded-lists": [
        (ROUTER, "@router.get('/a')\nasync def a() -> list[NoteRead]: ..."),
        (ROUTER, "from collections.abc import Sequence\n"
         "@router.get('/b', response_model=Sequence[NoteRead])  # here\nasync def b() -> Any: ..."),
        (ROUTER, "@router.get('/c')\nasync def c() -> Annotated[list[NoteRead] | None, 1]: ..."),
    ],
    "blocking-calls": [
        (SERVICE, "from time import sleep as wait\nasync def a() -> None:\n    wait(1)  # here"),
        (HEALTH, "from pathlib import Path\nasync def b() -> str:\n"
         "    return Path('x').read_text()  # here"),
        (ROUTER, "import requests\nasync def c() -> Any:\n    with open('x') as f:  # here\n"
         "        return f"),
    ],
    "environment": [
        (SERVICE, "import os\nX = os.environ['X']  # here"),
        (HEALTH, "from os import getenv\nX = getenv('X')  # here"),
        ("app/common/errors.py", "import os as system\nX = system.environ.get  # here"),
    ],
    "addresses": [
        (SERVICE, "X = 'postgresql://app:secret@db/app'"),
        (SERVICE, "def a() -> str:\n    return f'redis://{HOST}:6379'  # here"),
        (REPOSITORY, "X = dict(url='http://localhost:8000/api')"),
    ],
    "own-sessions": [
        (SERVICE, "from sqlalchemy.ext.asyncio import async_sessionmaker\n"
         "X = async_sessionmaker()  # here"),
        (SERVICE, "async def a() -> None:\n"
         "    async with AsyncSession(ENGINE):  # here\n        ..."),
        (ROUTER, "from app.db import session as db\nX = db.get_sessions()  # here"),
    ],
    "own-commits": [
        (SERVICE, "async def a(self: Any) -> None:\n    await self._session.commit()  # here"),
        (REPOSITORY, "async def b(session: Any) -> None:\n"
         "    async with session.begin():  # here\n        ..."),
        (ROUTER, "async def c(db: Any) -> None:\n    await db.rollback()  # here"),
    ],
    "server-sessions": [
        ("app/main.py", "from starlette.middleware.sessions import SessionMiddleware"),
        (HEALTH, "import starsessions"),
        ("app/main.py", "def a() -> None:\n    import starlette.middleware.sessions as s  # here"),
    ],
    "unbounded-tasks": [
        (SERVICE, "from app.infrastructure import tasks\n"
         "@tasks.task(queue='a', time_limit=1, max_age=1)  # here\nasync def a() -> None: ..."),
        (SERVICE, "import dramatiq\n@dramatiq.actor  # here\ndef b() -> None: ..."),
        (HEALTH, "from dramatiq import actor as job\n"
         "@job(max_retries=3)  # here\ndef c() -> None: ..."),
    ],
    "untyped-functions": [
        (SERVICE, "def a(x) -> None: ..."),
        (HEALTH, "async def b(x: int): ..."),
        (SERVICE, "class A:\n    def c(self, *rest, x: int = 1) -> None: ...  # here"),
    ],
    "mocks": [
        ("tests/modules/notes/test_more.py", "from unittest.mock import AsyncMock"),
        ("tests/modules/notes/test_more.py", "from unittest import mock"),
        ("tests/fixtures.py", "def a() -> None:\n"
         "    from pytest_mock import MockerFixture  # here"),
    ],
}  # fmt: skip


@cache
def rules() -> list[Rule]:
    """Return the rules of the template."""
    return read_rules(Template("template", "HEAD", ROOT).architecture, "the template")
