"""Forty-odd kinds of hand edit of a generated module, each the way a developer makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

MODULE = Path("app/modules/products")
TESTS = Path("tests/modules/products")
Edit = Callable[[Path], list[str]]


def put(file: Path, after: str, *lines: str) -> Edit:
    """Insert lines after the first one that contains some text."""

    def edit(root: Path) -> list[str]:
        path = root / file
        found = path.read_text().split("\n")
        place = next(number for number, line in enumerate(found) if after in line)
        found[place + 1 : place + 1] = lines
        path.write_text("\n".join(found))
        return [line for line in lines if line.strip()]

    return edit


def above(file: Path, before: str, *lines: str) -> Edit:
    """Insert lines before the first one that contains some text."""

    def edit(root: Path) -> list[str]:
        path = root / file
        found = path.read_text().split("\n")
        place = next(number for number, line in enumerate(found) if before in line)
        found[place:place] = lines
        path.write_text("\n".join(found))
        return [line for line in lines if line.strip()]

    return edit


def swap(file: Path, old: str, new: str) -> Edit:
    """Change some text; the lines of the new text must stay."""

    def edit(root: Path) -> list[str]:
        path = root / file
        text = path.read_text()
        assert old in text, f"{file} holds no {old!r}"
        path.write_text(text.replace(old, new, 1))
        before = set(text.split("\n"))
        return [line for line in path.read_text().split("\n") if line not in before]

    return edit


def append(file: Path, *lines: str) -> Edit:
    """Add lines at the end of a file."""

    def edit(root: Path) -> list[str]:
        path = root / file
        path.write_text(path.read_text() + "\n".join(lines) + "\n")
        return [line for line in lines if line.strip()]

    return edit


def every(*edits: Edit) -> Edit:
    """Make several edits."""
    return lambda root: [line for edit in edits for line in edit(root)]


def crlf(root: Path) -> list[str]:
    """Save the module's files with other line endings, and a hand-written comment."""
    for path in (root / MODULE).glob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with (root / MODULE / "service.py").open("ab") as file:
        file.write(b"# mine\r\n")
    return ["# mine"]


def moved_file(root: Path) -> list[str]:
    """Move the service, and add a hand-written line."""
    (root / MODULE / "service.py").rename(root / "app/product_service.py")
    for path in root.rglob("*.py"):
        text = path.read_text()
        moved = text.replace("app.modules.products.service", "app.product_service")
        other = "from app.modules.products import service as"
        moved = moved.replace(other, "from app import product_service as")
        if moved != text:
            path.write_text(moved)
    return append(Path("app/product_service.py"), "MINE = 1")(root)


def renamed_folder(root: Path) -> list[str]:
    """Rename the module's folder, and fix every import."""
    for tree in ("app", "tests"):
        (root / tree / "modules/products").rename(root / tree / "modules/goods")
    for path in root.rglob("*.py"):
        if "modules.products" in (text := path.read_text()):
            path.write_text(text.replace("modules.products", "modules.goods"))
    return append(Path("app/modules/goods/service.py"), "MINE = 1")(root)


def deleted_file(root: Path) -> list[str]:
    """Throw the generated tests away."""
    (root / TESTS / "test_api.py").unlink()
    return []


def reformatted(root: Path) -> list[str]:
    """Let another tool format the repository with single quotes."""
    path = root / MODULE / "repository.py"
    path.write_text(path.read_text().replace('"customer_id"', "'customer_id'"))
    return ["    'customer_id': Product.customer_id,"]


def own_files(root: Path) -> list[str]:
    """Keep hand-written files in the module's folder."""
    (root / MODULE / "prices.py").write_text("RATE = 2\n")
    (root / MODULE / "notes.md").write_text("Mine, all mine\n")
    return ["RATE = 2", "Mine, all mine"]


MODELS, SCHEMAS = MODULE / "models.py", MODULE / "schemas.py"
SERVICE, ROUTER, REPOSITORY = MODULE / "service.py", MODULE / "router.py", MODULE / "repository.py"
CASE, TEST = TESTS / "case.py", TESTS / "test_api.py"
V1 = Path("app/api/v1/router.py")

EDITS: dict[str, Edit] = {
    "method of the model": append(MODELS, "", "    def mine(self) -> str:", '        return "x"'),
    "property after the fields": above(
        MODELS,
        "__table_args__",
        "    @property",
        "    def is_mine(self) -> bool:",
        "        return True",
        "",
    ),
    "column after the last field": above(
        MODELS, "customer: Mapped", "    own: Mapped[int | None] = mapped_column(sa.Integer())", ""
    ),
    "column before the first field": above(
        MODELS, "sku: Mapped", "    own: Mapped[int | None] = mapped_column(sa.Integer())"
    ),
    "column between fields": above(
        MODELS, "stock: Mapped", "    own: Mapped[int | None] = mapped_column(sa.Integer())"
    ),
    "comment above a field": above(MODELS, "price: Mapped", "    # net, in euros"),
    "comment after a field": swap(
        MODELS, "sa.Integer(), default=0)", "sa.Integer(), default=0)  # pieces"
    ),
    "comment of the class": put(MODELS, "class Product(", "    # mine"),
    "import of the model": above(MODELS, "import uuid", "import enum  # mine"),
    "docstring of the model": put(
        MODELS, "class Product(", '    """Something that we sell."""', ""
    ),
    "constraint": swap(
        MODELS,
        'unique_key("products", "sku"),)',
        'unique_key("products", "sku"), sa.CheckConstraint("stock >= 0", name="stock"))',
    ),
    "class beside the model": append(MODELS, "", "", "class Mine:", "    own = 1"),
    "longer column": swap(MODELS, "sa.String(20)", "sa.String(25)"),
    "validator of a schema": put(
        SCHEMAS, "    customer_id: uuid.UUID", "    # checked by hand below"
    ),
    "method of a schema": put(
        SCHEMAS, "    customer_id: uuid.UUID", "", "    def mine(self) -> int:", "        return 1"
    ),
    "class docstring of a schema": put(
        SCHEMAS, "class ProductCreate(", '    """Something new that we sell."""', ""
    ),
    "field after the last one": put(SCHEMAS, "    customer_id: uuid.UUID = ", "    own: int = 3"),
    "computed field": put(SCHEMAS, "    price: Decimal", "    own: int = 0"),
    "field of the create schema": above(
        SCHEMAS, "    note: Text | None = None", "    own: int = 3"
    ),
    "changed example": swap(SCHEMAS, 'examples=["alpha"]', 'examples=["A-1"]'),
    "changed default": swap(SCHEMAS, "    stock: Int32 = 0", "    stock: Int32 = 7"),
    "changed bound": swap(SCHEMAS, "max_length=20", "max_length=18"),
    "hand-written type": put(SCHEMAS, "Price = ", "Mine = Annotated[int, Field(ge=1)]"),
    "hand-written schema": append(
        SCHEMAS, "", "", "class ProductMine(Schema):", "    own: int = 1"
    ),
    "hand-written filter": above(
        SCHEMAS, "    sort: ProductSort", "    mine: int | None = None", ""
    ),
    "rule in the service": put(
        SERVICE,
        "    async def create(self, data: ProductCreate) -> ProductRead:",
        "        if not data:",
        '            raise ValueError("x")',
    ),
    "rule at the end": append(SERVICE, "        values.pop('own', None)"),
    "method of the service": append(
        SERVICE, "", "    async def mine(self) -> int:", "        return 1"
    ),
    "constant of the service": put(SERVICE, "ERROR_NOT_FOUND", 'ERROR_MINE = "mine"'),
    "changed error text": swap(SERVICE, "There is no product with this id", "No such product"),
    "rewritten method": swap(
        SERVICE,
        "        return Page[ProductRead].model_validate("
        "await self._repository.list_page(query))\n",
        "        rows = await self._repository.list_page(query)\n"
        "        return Page[ProductRead].model_validate(rows)\n",
    ),
    "removed method's body": swap(
        SERVICE, "data.model_dump(exclude_unset=True)", "data.model_dump(exclude_none=True)"
    ),
    "reordered methods": every(
        swap(
            SERVICE,
            "    async def get(self, product_id: uuid.UUID) -> ProductRead:\n"
            "        return ProductRead.model_validate(await self._get(product_id))\n\n",
            "",
        ),
        above(
            SERVICE,
            "    async def create(",
            "    async def get(self, product_id: uuid.UUID) -> ProductRead:",
            "        return ProductRead.model_validate(await self._get(product_id))",
            "",
        ),
    ),
    "query method": append(
        REPOSITORY, "", "    async def count_mine(self) -> int:", "        return 1"
    ),
    "changed query": swap(
        REPOSITORY,
        "sa.not_(Product.is_deleted)",
        "sa.not_(Product.is_deleted), sa.true()",
    ),
    "hand-written order": swap(
        REPOSITORY,
        "statement, query.sort, query)",
        'statement, query.sort or "-created_at", query)',
    ),
    "split line": swap(
        REPOSITORY,
        "        return await fetch_page(self._session, statement, query.sort, query)",
        "        return await fetch_page(\n            self._session,\n            statement,\n"
        "            query.sort,\n            query,\n        )",
    ),
    "extra route": append(
        ROUTER,
        "",
        "",
        '@router.get("/mine/teapot", response_model=str)',
        "async def teapot() -> str:",
        '    return "teapot"',
    ),
    "route before the others": above(
        ROUTER,
        "@router.post(",
        '@router.get("/mine", response_model=str)',
        "async def mine() -> str:",
        '    return "mine"',
        "",
        "",
    ),
    "changed status": swap(
        ROUTER, "responses=responses(404, 409, 422)", "responses=responses(404, 409, 418, 422)"
    ),
    "dependency of the router": swap(ROUTER, 'tags=["products"]', 'tags=["products", "mine"]'),
    "hand-written wiring": append(V1, "# router.include_router(mine)"),
    "wiring between": put(V1, "router.include_router(customers_router)", "# mine"),
    "hand-written test": append(TEST, "", "", "def test_mine() -> None:", "    assert CASE"),
    "overridden test": append(
        TEST,
        "",
        "    async def test_deleted_row_returns_404(self, client: httpx2.AsyncClient) -> None:",
        "        assert (await client.get(self.case.url)).status_code == 200",
    ),
    "changed sample": swap(CASE, '        "sku": "alpha",', '        "sku": "alpha2",'),
    "hand-written invalid value": put(CASE, "    invalid={", '        "mine": [1],'),
    "hand-written files": own_files,
    "moved file": moved_file,
    "renamed folder": renamed_folder,
    "deleted file": deleted_file,
    "another formatter": reformatted,
    "CRLF": crlf,
}
