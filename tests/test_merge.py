"""The merge: git's own, and a second one on exact lines where git gives up."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cofee.console.output import patch_of
from cofee.engine import merge as merging
from cofee.engine.merge import merge, merge_lines
from cofee.engine.tokens import merge_tokens
from cofee.errors import CofeeError
from cofee.files import Change, File
from tests.tiny import run_git

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "    x = 1\n", ")\n"]), max_size=12)
TEXTS = LINES.map("".join)


def tree(**files: str) -> dict[str, File]:
    """Return a tree of text files."""
    return {name.replace("__", "/") + ".py": File(text.encode()) for name, text in files.items()}


def numbered(*changes: tuple[int, str], extra: dict[int, str] | None = None) -> str:
    """Return ten numbered lines, some replaced, some with a line put before them."""
    lines = {number: f"line_{number} = {number}\n" for number in range(10)} | dict(changes)
    put = extra or {}
    return "".join(put.get(number, "") + lines[number] for number in range(10))


PATHS = ("a.py", "b/c.py", "b/d.py", "e.py")
FILES = st.none() | st.sampled_from(["x = 1\n" * 20, "y = 1\n" * 20, ""]).map(
    lambda text: File(text.encode())
)
SIDES = st.tuples(FILES, FILES, st.booleans())


@given(TEXTS, TEXTS)
def test_one_side_alone_is_taken(base: str, changed: str) -> None:
    """Where one side did nothing, the result is the other side."""
    assert merge_lines(base, changed, base) == changed
    assert merge_lines(base, base, changed) == changed


@given(TEXTS, TEXTS)
def test_equal_sides_are_taken(base: str, changed: str) -> None:
    """What both did alike is done once."""
    assert merge_lines(base, changed, changed) == changed


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_appears_from_nowhere(base: str, template: str, yours: str) -> None:
    """Every line of the result is in one of the three versions."""
    merged = merge_lines(base, template, yours)

    if merged is not None:
        known = {*base.splitlines(), *template.splitlines(), *yours.splitlines()}
        assert set(merged.splitlines()) <= known


@given(st.data())
def test_edits_of_different_lines_both_stand(data: st.DataObject) -> None:
    """Edits that do not overlap merge, neighbours too, and none is lost."""
    numbers = st.integers(0, 9)
    mine = data.draw(st.sets(numbers))
    theirs = data.draw(st.sets(numbers)) - mine
    base = numbered()
    yours = numbered(*((number, f"mine_{number} = 0\n") for number in mine))
    template = numbered(*((number, f"theirs_{number} = 0\n") for number in theirs))

    merged = merge({"f.py": File(base.encode())}, tree(f=template), tree(f=yours))

    text = merged.tree["f.py"].content.decode()
    assert not merged.conflicts
    assert all(f"mine_{number} = 0\n" in text for number in mine)
    assert all(f"theirs_{number} = 0\n" in text for number in theirs)
    assert text.count("\n") == 10


def test_the_templates_insertion_stands_first() -> None:
    """At one point the template's lines come before the user's."""
    base = numbered()
    template = numbered(extra={5: "theirs = 0\n"})
    yours = numbered(extra={5: "mine = 0\n"})

    assert merge_lines(base, template, yours) == numbered(extra={5: "theirs = 0\nmine = 0\n"})


def test_the_same_line_changed_twice_is_a_conflict() -> None:
    """Only a person can decide; both sides are between markers."""
    merged = merge(tree(f="x = 1\n"), tree(f="x = 2\n"), tree(f="x = 3\n"))

    assert [conflict.path for conflict in merged.conflicts] == ["f.py"]
    expected = "<<<<<<< yours\nx = 3\n=======\nx = 2\n>>>>>>> template\n"
    assert merged.tree["f.py"].content.decode() == expected


def test_a_result_that_does_not_parse_is_a_conflict() -> None:
    """Touching edits are kept together only where the language still understands them."""
    base, template = "if a:\n    b()\n", "if a:\n    c(\n    )\n"
    yours = "if a: d()\n    b()\n".replace("    b()", "b()")

    merged = merge(tree(f=base), tree(f=template), tree(f=yours))

    assert merged.conflicts


def test_a_line_is_split_at_newlines_alone() -> None:
    """A form feed or a Unicode separator inside a line stays there."""
    base = "a\x0cb\u2028c\nd\n"

    assert merge_lines(base, base + "e\n", "0\n" + base) == "0\n" + base + "e\n"


def test_a_patch_has_the_lines_of_git(tmp_path: Path) -> None:
    """Git applies it to a file with a form feed."""
    before, after = File(b"a\nb\f c\nd\n"), File(b"A\nb\f c\nD\n")
    (tmp_path / "f").write_bytes(before.content)
    (tmp_path / "patch").write_text(patch_of([Change("f", before, after)]))

    run_git(tmp_path, "apply", "patch")

    assert (tmp_path / "f").read_bytes() == after.content


def test_files_that_both_made_are_a_conflict() -> None:
    """Two files of one name are not put one after the other."""
    merged = merge({}, tree(f="x = 1\n"), tree(f="y = 1\n"))

    assert merged.conflicts[0].reason == "you and the template both added this file"


def test_binary_conflict_keeps_yours() -> None:
    """What has no lines is left as the user has it, and is a conflict."""
    sides = [{"f.bin": File(b"\x00\xff" + bytes([number]))} for number in range(3)]

    merged = merge(*sides)

    assert merged.conflicts
    assert merged.tree["f.bin"] == sides[2]["f.bin"]


def test_irreconcilable_places_are_refused() -> None:
    """A file that must become a folder, while the user has changed it, cannot be merged."""
    with pytest.raises(CofeeError) as mine:
        merge({"a": File(b"1\n")}, {"a/b": File(b"2\n")}, {"a": File(b"3\n")})
    with pytest.raises(CofeeError) as theirs:
        merge({}, {"a": File(b"2\n")}, {"a/b": File(b"3\n")})

    cannot = "`a` cannot be merged: you have a {} there, and the template a {}"
    assert mine.value.message == cannot.format("file", "directory")
    assert theirs.value.message == cannot.format("directory", "file")


@given(st.binary(), st.binary(), st.binary())
def test_any_bytes_merge_or_conflict(base: bytes, template: bytes, yours: bytes) -> None:
    """No content makes the merge fail, and an unchanged side never conflicts."""
    merged = merge({"f": File(base)}, {"f": File(template)}, {"f": File(yours)})

    if base == template:
        assert merged.tree["f"].content == yours
    if not merged.conflicts and base == yours:
        assert merged.tree["f"].content == template


@settings(max_examples=20, phases=[Phase.generate])
@given(st.tuples(*[SIDES] * len(PATHS)))
def test_files_that_one_side_changed_merge_as_in_git(
    sides: tuple[tuple[File | None, File | None, bool], ...],
) -> None:
    """Added, changed, removed and renamed files of the template, some of which the user has."""
    base: dict[str, File] = {}
    template: dict[str, File] = {}
    yours: dict[str, File] = {}
    for path, (before, theirs, is_taken) in zip(PATHS, sides, strict=True):
        mine = theirs if is_taken and theirs else before
        for side, file in ((base, before), (template, theirs), (yours, mine)):
            if file is not None:
                side[path] = file

    with TemporaryDirectory() as folder:
        repository = merging._Repository(Path(folder), {})
        repository.load(base, template, yours)
        expected, _ = repository.merge()

    assert merge(base, template, yours) == expected


NAMES = ("stock", "product", "'stock'", "my_stock", "Stock", "total", "note", "sku")
SEPARATORS = (" ", ".", ", ", " = ", "(", ")\n", ":\n    ")
STOCK = {"stock": "quantity"}


def renamed(token: str) -> str:
    return token.replace("stock", "quantity").replace("Stock", "Quantity")


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(SEPARATORS)), min_size=1), st.data()
)
def test_rename_beside_another_changed_word_merges(
    tokens: list[tuple[str, str]], data: st.DataObject
) -> None:
    """The result has both edits; an edit of a renamed word is a conflict."""
    place = data.draw(st.integers(0, len(tokens) - 1))
    edited = [("mine" if at == place else name, gap) for at, (name, gap) in enumerate(tokens)]
    base, mine = ("".join(name + gap for name, gap in side) for side in (tokens, edited))
    template = "".join(renamed(name) + gap for name, gap in tokens)
    both = "".join(renamed(name) + gap for name, gap in edited)
    touched = tokens[place][0]

    merged = merge_tokens(base, template, mine, STOCK)

    is_certain = template != base and renamed(touched) == touched
    assert merged == (both if is_certain else None)


@pytest.mark.parametrize(
    ("base", "template", "yours"),
    [
        ("f(stock, b)\n", "f(quantity, b)\n", "f(stock, stock, b)\n"),
        ("f(stock, b)\n", "f(quantity, b)\n", "f(stock, quantity)\n"),
        ("f(stock, stock, b)\n", "f(quantity, stock, b)\n", "f(stock, stock, d)\n"),
        ("f(stock, b)\n", "f(quantity, b, c)\n", "f(stock, d)\n"),
        ("f(stock, b)\n", "f(quantity, c)\n", "f(stock, b, d)\n"),
        ("f(price, b)\n", "f(cost, b)\n", "f(price, d)\n"),
        ("f(stock, b)\n", "f(stock, b)\n", "f(stock, d)\n"),
        ("x = 'stock b'\n", "x = 'quantity b'\n", "x = 'stock d'\n"),
        ('stock """b\n', 'quantity """b\n', 'stock """d\n'),
    ],
)
def test_merge_of_a_line_that_is_not_certain_is_a_conflict(
    base: str, template: str, yours: str
) -> None:
    """The old or the new name is used elsewhere, or the template does more than the rename."""
    assert merge_tokens(base, template, yours, STOCK) is None


def test_renamed_line_with_another_word_of_the_user_is_merged() -> None:
    """In Python only, and if the command says what it renames."""
    base = "class A:\n    stock: int = field(default=0)\n"
    sides = [
        {name: File(text.encode()) for name in ("a.py", "a.txt")}
        for text in (base, base.replace("stock", "quantity"), base.replace("=0", "=7"))
    ]

    merged = merge(*sides, renaming=STOCK)
    unknown = merge(*sides)

    expected = base.replace("stock", "quantity").replace("=0", "=7")
    assert merged.tree["a.py"].content == expected.encode()
    assert [conflict.path for conflict in merged.conflicts] == ["a.txt"]
    assert [conflict.path for conflict in unknown.conflicts] == ["a.py", "a.txt"]
