"""A file is rendered again if anything that it can depend on has changed, and only then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofee.engine.render import Renderer
from cofee.engine.sandbox import Sandbox
from cofee.template.template import Template
from tests.tiny import write

COPIER_YML = """\
_subdirectory: template
_envops: {extra}
size: {{type: yaml, default: 1}}
other: {{type: str, default: x}}
"""
READING = {
    "by value": "{{ size }}",
    "in a condition": "{% if size == 1 %}a{% else %}b{% endif %}",
    "by import": '{% from "macros/a.jinja" import spelt %}{{ spelt(size) }}',
    "by import of an import": '{% import "macros/b.jinja" as b %}{{ b.twice(size) }}',
    "by include": "{% include 'macros/c.jinja' %}",
    "by a computed name": (
        '{% set name = "a" %}{% import "macros/" ~ name ~ ".jinja" as a %}{{ a.word }}'
    ),
    "by one of two": '{% include "macros/c.jinja" if size == 7 else "macros/d.jinja" %}',
    "by a list": '{% include ["macros/none.jinja", "macros/c.jinja"] %}',
    "by a name that may be missing": '{% include "macros/c.jinja" ignore missing %}',
    "with a dash": "{%- include 'macros/c.jinja' -%}",
    "after a text like an end": '{{ "}} %}" ~ size }}',
}
MACROS = {
    "macros/a.jinja": '{% set word = "word" %}{% macro spelt(value) %}<{{ value }}>{% endmacro %}',
    "macros/b.jinja": (
        '{% from "macros/a.jinja" import spelt %}'
        "{% macro twice(value) %}{{ spelt(value) }}{{ spelt(value) }}{% endmacro %}"
    ),
    "macros/c.jinja": "{{ size }}",
    "macros/d.jinja": "d",
}


def make(folder: Path, changed: Mapping[str, str] | None = None, extra: str = "{}") -> Renderer:
    """Write a template whose files read their answers in every way."""
    sources = {f"template/{name}.txt.jinja": text for name, text in READING.items()}
    files = {"copier.yml": COPIER_YML.format(extra=extra)}
    folder.mkdir(parents=True)
    write(folder, {**files, **MACROS, **sources, **(changed or {})})
    return Renderer(Template(str(folder), "v1", folder))


def rendered(renderer: Renderer, size: Any, other: str = "x") -> dict[str, bytes]:
    """Render for these answers."""
    answers = renderer.settle({"size": size, "other": other}, {})
    return {path: file.content for path, file in renderer.render(answers, "copy").items()}


def after(renderer: Renderer, earlier: Renderer) -> Renderer:
    """Return the same renderer, but one that knows what another has made."""
    return Renderer(renderer.template, like=earlier)


CHANGES: dict[str, dict[str, str]] = {
    "nothing": {},
    "a file": {"template/by value.txt.jinja": "{{ size }}!"},
    "a macro": {"macros/a.jinja": MACROS["macros/a.jinja"].replace("<", "<<").replace("word", "w")},
    "an included file": {"macros/c.jinja": "{{ size }} {{ other }}"},
    "a list's first file": {"macros/none.jinja": "here now"},
    "the other of two": {"macros/d.jinja": "D"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_sources_is_seen(change: str, tmp_path: Path) -> None:
    """The next commit renders the same as alone, independently of the one before."""
    old, new = make(tmp_path / "old"), make(tmp_path / "new", CHANGES[change])
    rendered(old, 1)

    assert rendered(after(new, old), 1) == rendered(new, 1)


def test_a_change_of_settings_is_seen(tmp_path: Path) -> None:
    """How Jinja reads a file belongs to what the file depends on."""
    text = {"template/lines.txt.jinja": "{% if true %}\na\n{% endif %}\n{# size #}\n"}
    old = make(tmp_path / "old", text)
    new = make(tmp_path / "new", text, extra="{trim_blocks: true}")
    rendered(old, 1)

    assert rendered(after(new, old), 1) == rendered(new, 1)
    assert rendered(new, 1) != rendered(old, 1)


def test_foreign_delimiters_are_read(tmp_path: Path) -> None:
    """An import between other brackets is an import."""
    own = {"template/own.txt.jinja": "[% include 'macros/c.jinja' %]"}
    nothing = dict.fromkeys((f"template/{name}.txt.jinja" for name in READING), "")
    extra = "{block_start_string: '[%', block_end_string: '%]'}"
    old = make(tmp_path / "old", {**nothing, **own}, extra)
    new = make(tmp_path / "new", {**nothing, **own, "macros/c.jinja": "new"}, extra)
    rendered(old, 1)

    assert rendered(after(new, old), 1)["own.txt"] == b"new"


scalars = st.sampled_from([1, 1.0, True, "1", "True", 0, False, None, "", [1], [True], {"a": 1}])


@settings(max_examples=60, deadline=None)
@given(first=scalars, second=scalars)
def test_values_that_are_equal_to_python_alone_are_apart(
    first: Any, second: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`1`, `1.0` and `true` are equal and are written differently."""
    renderer = make(tmp_path_factory.mktemp("reuse") / "template")
    rendered(renderer, first)

    fresh = Renderer(renderer.template)
    assert rendered(renderer, second) == rendered(fresh, second)


def test_what_is_the_same_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the file that the change reaches is rendered, and one whose sources cannot be known."""
    old = make(tmp_path / "old")
    new = make(tmp_path / "new", {"template/by value.txt.jinja": "{{ size }}!"})
    made: list[str] = []
    render = Renderer._rendered
    rendered(old, 1)

    def note(self: Renderer, name: str, scope: Any) -> bytes:
        made.append(name.removeprefix("template/").removesuffix(".txt.jinja"))
        return render(self, name, scope)

    monkeypatch.setattr(Renderer, "_rendered", note)
    rendered(after(new, old), 1)

    assert sorted(made) == ["by a computed name", "by a list", "by one of two", "by value"]


def test_the_next_commit_compiles_what_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in another folder, and another process renders it."""
    text = f"{{{{ size }}}} of {tmp_path}"  # that no earlier test has compiled
    rendered(make(tmp_path / "old", {"macros/c.jinja": text}), 1)
    compiled: list[str | None] = []
    compiling = Sandbox.compile

    def note(self: Sandbox, source: Any, name: str | None = None, *more: Any) -> Any:
        compiled.append(name)
        return compiling(self, source, name, *more)

    monkeypatch.setattr(Sandbox, "compile", note)
    changed = {"macros/c.jinja": text, "macros/d.jinja": text}
    rendered(make(tmp_path / "new", changed), 2)

    assert compiled == ["macros/d.jinja"]


def test_a_text_is_rendered_whatever_is_quoted_in_it(tmp_path: Path) -> None:
    """What Jinja calls a text must not get into the code that it compiles."""
    renderer = make(tmp_path / "template", extra="{undefined: jinja2.StrictUndefined}")
    text = """{{ 'it "is"' if size == 1 }}"""

    assert renderer.text(text, {"size": 1}) == 'it "is"'
    assert Renderer(renderer.template).text(text, {"size": 1}) == 'it "is"'


def test_an_answer_that_is_only_mentioned_in_text_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text around expressions cannot read an answer, so the file is not rendered again."""
    renderer = make(tmp_path / "old", {"template/text.txt.jinja": "the other: {{ size }}"})
    made: list[str] = []
    render = Renderer._rendered
    rendered(renderer, 1, other="x")

    def note(self: Renderer, name: str, scope: Any) -> bytes:
        made.append(name)
        return render(self, name, scope)

    monkeypatch.setattr(Renderer, "_rendered", note)
    rendered(renderer, 1, other="y")

    assert "template/text.txt.jinja" not in made
