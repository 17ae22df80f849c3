"""What a generated service is compared with: the same endpoints, written by hand in one file.

Plain FastAPI, SQLAlchemy and asyncpg, as their tutorials have it: `uvicorn by_hand:app`. It has the
pool, the validation, the 404s and the commits of the service; `serving.py` says what it leaves out.
"""

# mypy: ignore-errors, disable-error-code="untyped-decorator,import-not-found"
from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=15)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    created_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(
        sa.DateTime(timezone=True), default=now, onupdate=now
    )
    is_deleted: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(sa.String(120))
    sku: Mapped[str] = mapped_column(sa.String(40))
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    stock: Mapped[int] = mapped_column(default=0)
    note: Mapped[str | None] = mapped_column(sa.Text())


class ProductIn(BaseModel):
    name: str = Field(max_length=120)
    sku: str = Field(max_length=40)
    price: Decimal = Field(max_digits=10, decimal_places=2, ge=0)
    stock: int = 0
    note: str | None = None


class ProductOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    created_at: dt.datetime
    updated_at: dt.datetime
    name: str
    sku: str
    price: Decimal
    stock: int
    note: str | None


class ProductPage(BaseModel):
    items: list[ProductOut]
    next_cursor: uuid.UUID | None


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def find(session: AsyncSession, product_id: uuid.UUID) -> Product:
    statement = sa.select(Product).where(Product.id == product_id, sa.not_(Product.is_deleted))
    product = await session.scalar(statement)
    if product is None:
        raise HTTPException(404, "There is no product with this id")
    return product


@app.get("/api/v1/products")
async def list_products(
    session: Session,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: uuid.UUID | None = None,
) -> ProductPage:
    statement = sa.select(Product).where(sa.not_(Product.is_deleted))
    if cursor is not None:
        statement = statement.where(Product.id > cursor)
    rows: Sequence[Product] = (
        await session.scalars(statement.order_by(Product.id).limit(limit + 1))
    ).all()
    items = [ProductOut.model_validate(row) for row in rows[:limit]]
    return ProductPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@app.get("/api/v1/products/{product_id}")
async def get_product(product_id: uuid.UUID, session: Session) -> ProductOut:
    return ProductOut.model_validate(await find(session, product_id))


@app.post("/api/v1/products", status_code=201)
async def create_product(data: ProductIn, session: Session) -> ProductOut:
    product = Product(**data.model_dump())
    session.add(product)
    await session.commit()
    return ProductOut.model_validate(product)


@app.put("/api/v1/products/{product_id}")
async def replace_product(product_id: uuid.UUID, data: ProductIn, session: Session) -> ProductOut:
    product = await find(session, product_id)
    for name, value in data.model_dump().items():
        setattr(product, name, value)
    await session.commit()
    return ProductOut.model_validate(product)
