"""Lines that use what the generated code of a module no longer defines."""

from __future__ import annotations

from cofee.files import File
from cofee.source.removed_names import removals, uses

BEFORE = """\
class Product:
    name: str
    price = 1

    def set_tags(self) -> None: ...
"""
AFTER = BEFORE.replace("price", "cost").replace("set_tags", "set_labels")
PATH = "app/modules/products/models.py"
USER = """\
product.price = 2
product.set_tags([1])
Product(price=3)
price = 4
prices = product.name
if price == 5:
    pass
"""


def tree(text: str) -> dict[str, File]:
    return {PATH: File(text.encode()), "app/new.py": File(b""), "README.md": File(b"# x")}


def test_uses_of_fields_and_methods_are_found() -> None:
    """As attributes, keywords and assignments; not as the plain name of something else."""
    removed = removals(tree(BEFORE), tree(AFTER))

    assert [sorted(one.names) for one in removed] == [["price", "set_tags"]]
    assert [use.line for use in uses({"app/modules/products/mine.py": USER}, removed)] == [
        *(1, 2, 3, 4),
    ]


def test_files_without_the_class_are_not_searched() -> None:
    """Another class can have an attribute of the same name."""
    removed = removals(tree(BEFORE), tree(AFTER))

    assert uses({"app/other.py": "wine.price = 1\n"}, removed) == []
    assert len(uses({"app/other.py": "# of a Product\nwine.price = 1\n"}, removed)) == 1


def test_equal_and_unreadable_files_remove_nothing() -> None:
    """A file that does not parse is reported elsewhere."""
    assert removals(tree(BEFORE), tree(BEFORE)) == []
    assert removals(tree("class\n"), tree(AFTER)) == []
