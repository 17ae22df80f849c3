"""The sandbox is faster than Jinja's, and refuses what that one refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from cofee.engine.sandbox import Sandbox

PLAIN_CODE = (
    "{% set at = namespace(depth=1) %}{% set at.depth = at.depth + 1 %}{{ at.depth }}",
    "{% for word in ['a', 'b'] %}{{ word.upper() }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% macro twice(text) %}{{ text }}{{ text }}{{ caller() }}{% endmacro %}"
    "{% call twice('a') %}b{% endcall %}",
    "{% macro all(first, second=2) %}{{ first }}{{ second }}{{ varargs }}{{ kwargs }}{% endmacro %}"
    "{{ all(1, 2, 3, more=4) }}{{ all(1) }}",
    "{{ '{} of {}'.format(1, 2) }}",
)
REFUSED = (
    "{{ namespace(a=1)._Namespace__attrs }}",
    "{% for _ in [1] %}{{ loop._iterator }}{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ namespace(form='{0.__class__}'.format).form(1) }}",
)
MISSING = (
    "{{ namespace(a=1).b }}",
    "{% for _ in [1] %}{{ loop.nothing }}{% endfor %}",
    "{{ ''.nothing }}",
)


def render(kind: Any, text: str) -> str:
    """Render a text in an environment of this kind."""
    environment = kind(Path("nothing")) if kind is Sandbox else kind()
    environment.undefined = StrictUndefined
    return str(environment.from_string(text).render())


@pytest.mark.parametrize("text", PLAIN_CODE)
def test_plain_code_gives_the_same(text: str) -> None:
    """Records, methods of strings, and macros with all kinds of arguments."""
    assert render(Sandbox, text) == render(SandboxedEnvironment, text)


@pytest.mark.parametrize(
    ("text", "error"),
    [*((text, SecurityError) for text in REFUSED), *((text, UndefinedError) for text in MISSING)],
)
def test_the_same_is_refused(text: str, error: type[Exception]) -> None:
    """What would leave the sandbox, and what does not exist."""
    for kind in (Sandbox, SandboxedEnvironment):
        with pytest.raises(error):
            render(kind, text)
