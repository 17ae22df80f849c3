"""Old names in hand-written lines: rewritten where they are unmistakable, and only there."""

from __future__ import annotations

import pytest

from cofee.changes import fields, modules
from cofee.source import renames
from cofee.spec import names
from cofee.spec.record import Field, Module
from tests.strategies import FACTS

MODULES = [Module("products", "Product", (Field("sku", "str"),))]
FIELD = fields.rename_field(MODULES, "products", "sku", "code", FACTS).renaming
MODULE = modules.rename_module(MODULES, "products", names.derive("articles"), FACTS).renaming
IMPORT = "from app.modules.products.models import Product\n"


def renamed(text: str) -> str:
    """Return a file of the module once the field is renamed."""
    assert FIELD is not None
    return renames.rewrite(text, FIELD, inside=True)


def moved(text: str, path: str = "app/report.py") -> str:
    """Return a file once the module is renamed."""
    assert MODULE is not None
    return renames.rewrite(text, MODULE, inside=False, path=path)


@pytest.mark.parametrize(
    "text",
    [
        "def f(item: Product):\n    return item.{}\n",
        "class Product:\n    def f(self):\n        return self.{}\n",
        "class Product:\n    def f(self):\n        return [self.{} for _ in 'ab']\n",
        "item = Product({}=1)\n\n\ndef f():\n    return item.{}\n",
        "def f(item: Product):\n    return (item  # sku stays\n        .{})\n",
        "é = 'ü'; p: Product | None = None; print(é, p.{})\n",
    ],
)
def test_unmistakable_attributes_are_rewritten(text: str) -> None:
    """An annotation, a call of the class, and `self` in it."""
    old, new = (IMPORT + text.replace("{}", name) for name in ("sku", "code"))

    assert renamed(old) == new


@pytest.mark.parametrize(
    "text",
    [
        "class ProductService:\n    def f(self):\n        return self.sku\n",
        "def f(item: Product):\n    def g(item):\n        return item.sku\n",
        "def f(item: Product):\n    def g(item: Other):\n        return item.sku\n",
        "def f(item: Product):\n    def g():\n        item = 1\n        return item.sku\n",
        "def f(item: Product):\n    return lambda item: item.sku\n",
        "def f(item: Product, all):\n    return [item.sku for item in all]\n",
        "def f(item: Product):\n    item = other()\n    return item.sku\n",
        "def f(item: Product):\n    for item in []:\n        print(item.sku)\n",
        "def f(Product):\n    return Product(sku=1).x\n",
        "from vendor import Product\n\nprint(Product.sku)\n",
        "class Product:\n    @staticmethod\n    def f(other):\n        return other.sku\n",
        "class Product:\n    def f(self):\n        def g(self):\n            return self.sku\n",
    ],
)
def test_what_could_be_another_object_stays(text: str) -> None:
    """A name that is hidden or bound again holds nothing for sure."""
    assert renamed(text) == text


@pytest.mark.parametrize(
    "text", ["x = '\udce9'\n", "a = 1\rb: Product = 2\rb.sku\r", "\0", "(" * 500]
)
def test_files_that_cannot_be_read_are_left_alone(text: str) -> None:
    """Other encodings and old line endings are no reason to fail."""
    assert renamed(text) == text
    assert FIELD is not None
    renames.mentions({"a.py": f"{text} sku"}, FIELD)[0].text.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from ..products.models import Product\n", "from ..articles.models import Article\n"),
        ("from ..products import models as m\n", "from ..articles import models as m\n"),
        ("from .. import products as p\n", "from .. import articles as p\n"),
        ("from .products import x\n", "from .products import x\n"),
        (
            "from app.modules import products\nx = products.models.Product\n",
            "from app.modules import articles as products\nx = products.models.Article\n",
        ),
        (
            "import app.modules.products.models\nx = app.modules.products.models.Product\n",
            "import app.modules.articles.models\nx = app.modules.articles.models.Article\n",
        ),
        (
            "from app.modules.products.models import Product as P\n",
            "from app.modules.articles.models import Article as P\n",
        ),
        ("from vendor import Product\nProduct()\n", "from vendor import Product\nProduct()\n"),
    ],
)
def test_every_form_of_import_follows_a_module(before: str, after: str) -> None:
    """Relative ones, dotted ones, and the package itself."""
    assert moved(before, "app/modules/orders/extra.py") == after


def test_relative_imports_that_cannot_be_resolved_are_listed() -> None:
    """What is not rewritten is said."""
    assert MODULE is not None
    text = "from ..products.models import X\nfrom app.modules import orders, products\n"

    found = renames.mentions({"app/x.py": text}, MODULE)

    assert [mention.line for mention in found] == [1, 2]
