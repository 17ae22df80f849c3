"""Names that a file uses and does not define."""

from __future__ import annotations

import pytest

from cofee.source.undefined_names import undefined_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = x + missing\nz = missing\n", {"missing": 2}),
        ("def f(a: Missing) -> None: ...\n", {"Missing": 1}),
        ("from __future__ import annotations\n\ndef f(a: Missing) -> None: ...\n", {"Missing": 3}),
        ("class A:\n    x = 1\n\n    def f(self):\n        return x\n", {"x": 5}),
        ("@decorated\nclass A(Base): ...\n", {"decorated": 1, "Base": 2}),
        ("def f():\n    return [g(n) for n in range(3)]\n", {"g": 2}),
    ],
)
def test_undefined_names_have_their_first_line(text: str, expected: dict[str, int]) -> None:
    """In expressions, annotations, decorators, bases and functions."""
    assert undefined_names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "import a.b, c as d\nfrom e import f\nprint(a, d, f, __name__, __file__)\n",
        "def f():\n    return later\n\nlater = 1\n",
        "def f():\n    global made\n    made = 1\n\ndef g():\n    return made\n",
        "class A:\n    x = 1\n    y = x\n\n    def f(self):\n        return __class__\n",
        "try:\n    import a\nexcept ImportError as error:\n    a = error\n",
        "if (found := 1):\n    print(found)\nfor one in [1]:\n    print(one)\n",
        "match 1:\n    case [first, *rest]:\n        print(first, rest)\n",
        "from a import *\nprint(anything)\n",
        "print(anything\n",
        "x = lambda a: [b for b in a]\n",
    ],
)
def test_defined_and_unknowable_names_are_not_listed(text: str) -> None:
    """Whatever binds a name defines it; nothing is known about what does not parse."""
    assert undefined_names(text) == {}
