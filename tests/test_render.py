"""Our renderer gives, byte for byte, what Copier gives."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize

import pytest
import yaml
from copier import run_copy, run_update
from pathspec import PathSpec

from cofee.engine.exclusion import exclusion
from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.files import EXECUTABLE, File, load_yaml
from cofee.template import template as templates
from cofee.template.parsed import parsed_yaml
from tests.conftest import Run, snapshot
from tests.test_update import MAIN, edit, next_main
from tests.tiny import FILES, MODULE, make_template, release, run_git

CUSTOMERS = {"name": "customers", "entity": "Customer", "fields": [{"name": "a", "type": "str"}]}
QUESTIONS = ("port", "ratio", "fast", "colours", "size", "hidden", "later", "secret", "data")
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "an option": {"ci": "none"},
    "modules": {"modules": [CUSTOMERS, {**CUSTOMERS, "name": "orders", "entity": "Order"}]},
    "module alone": {"kind": "module", "modules": [CUSTOMERS]},
    "no module alone": {"kind": "module"},
    "awkward text": {"project_name": 'größe "x" {{ y }} # 日本'},
}

# Macros of an imported file: one of values that look alike, one that changes what it is given, and
# one of what is around its call.
CALLS = (
    "{% macro show(value, more=none) %}{{ value }}/{{ more }}{% endmacro %}"
    "{% macro grow(values) %}{% set _ = values.append(1) %}{{ values }}{% endmacro %}"
    "{% macro within() %}<{{ caller() }}>{% endmacro %}"
)
CALLING = (
    '{% from "macros/calls.jinja" import grow, show, within %}{% set list = [] %}'
    "{{ show(1) }} {{ show(1.0) }} {{ show(true) }} {{ show('1') }} {{ show(1, more=[size]) }}\n"
    "{{ grow(list) }} {{ grow(list) }} {{ grow([]) }} {{ grow([]) }} {{ list }}\n"
    "{% for one in [1, 2] %}{% call within() %}{{ size }}{{ one }}{% endcall %}{% endfor %}\n"
)
SEGMENTS = ["a", "b", "ab", ".a", "a.py", "*", "a*", "*.p[yx]", "[ab]", "**", "?", " ", "é"]
NAMES = ["a", "b", "ab", ".a", "a.py", "aXpy", "x.px", "é", "e\N{COMBINING ACUTE ACCENT}"]


def ours(template: Path, data: dict[str, Any], name: str) -> dict[str, File]:
    """Render into memory."""
    renderer = Renderer(templates.latest(str(template)))
    return renderer.render(renderer.settle(data, {}, name), "copy")


def copiers(template: Path, data: dict[str, Any], target: Path) -> dict[str, File]:
    """Let Copier render into a folder."""
    run_copy(str(template), target, data=data, defaults=True, quiet=True, skip_tasks=True)
    modes = {name: os.access(target / name, os.X_OK) for name in snapshot(target)}
    return {
        name: File(content, EXECUTABLE) if modes[name] else File(content)
        for name, content in snapshot(target).items()
    }


@pytest.mark.parametrize("case", CASES)
def test_equals_copier(case: str, template: Path, tmp_path: Path) -> None:
    """Same template, same answers, same operation: same bytes and same modes."""
    rendered = ours(template, CASES[case], "shop")

    assert rendered == copiers(template, CASES[case], tmp_path / "shop")


def test_files_that_cannot_differ_are_left_out_of_both_sides(template: Path) -> None:
    """Whatever differs between two sides is rendered, as without the comparison."""
    renderer = Renderer(templates.latest(str(template)))
    before, after = (renderer.settle(CASES[case], {}, "shop") for case in ("defaults", "modules"))
    sides = [renderer.render(side, "copy") for side in (before, after)]
    differing = {
        path for side in sides for path in side if sides[0].get(path) != sides[1].get(path)
    }

    base, changed, paths = renderer.render_changed(before, after, None)

    assert paths == set(sides[0])
    assert differing
    for whole, part in zip(sides, (base, changed), strict=True):
        assert part == {path: file for path, file in whole.items() if path in differing}


def test_equals_copier_on_what_copier_allows(tmp_path: Path) -> None:
    """Conditional names, empty names, includes, siblings and types of questions."""
    template = make_template(tmp_path / "template")
    questions = (
        'port: {type: int, default: "{{ 8000 + 80 }}"}\n'
        "ratio: {type: float, default: 0.5}\n"
        'fast: {type: bool, default: "{{ port > 1 }}"}\n'
        "colours: {type: str, multiselect: true, choices: [red, blue], default: [blue]}\n"
        "size: {type: str, choices: {Small: s, Large: l}, default: l}\n"
        "hidden: {type: str, default: h, when: false}\n"
        'later: {type: str, default: "{{ hidden }}", when: "{{ fast }}"}\n'
        "secret: {type: str, default: x, secret: true}\n"
        "data: {type: json, default: '{\"a\": [1, null]}'}\n"
        "plain: 3\n"
    )
    release(
        template,
        "v1.1.0",
        {
            "copier.yml": FILES["copier.yml"] + questions,
            "template/{% if fast %}fast{% endif %}/in.txt": "in\n",
            "template/{% if not fast %}slow{% endif %}/in.txt": "in\n",
            "template/both.txt": "plain\n",
            "template/both.txt.jinja": "rendered\n",
            "template/included.txt.jinja": '{% include "macros/part.jinja" %}\n',
            "macros/part.jinja": "part of {{ project_name }}\n\n",
            "template/all.txt.jinja": "".join(f"{name}={{{{ {name} }}}}\n" for name in QUESTIONS),
            "template/no-newline.txt.jinja": "{{ size }}",
            "template/{{ size }}/{{ plain }}.txt": "path\n",
            "macros/calls.jinja": CALLS,
            "template/calls.txt.jinja": CALLING,
            "template/more-calls.txt.jinja": "{% set size = 2 %}" + CALLING,
        },
    )

    assert ours(template, {}, "shop") == copiers(template, {}, tmp_path / "shop")


def test_exclusion_is_that_of_pathspec() -> None:
    """Copier asks it; random patterns of a path, a name and everything else that git supports."""
    random = Random(1)
    for _ in range(5000):
        parts = [random.choices(SEGMENTS, k=random.randint(1, 3)) for _ in range(3)]
        patterns = [random.choice(["", "/", "!/"]) + "/".join(part) for part in parts]
        path = "/".join(random.choices(NAMES, k=random.randint(1, 3)))
        lines = (normalize("NFD", line) for line in patterns)
        known = PathSpec.from_lines("gitignore", lines).match_file(path)

        assert exclusion(patterns)(path) == known, (patterns, path)


def test_yaml_of_a_template_is_the_same_from_the_cache() -> None:
    """Also what JSON cannot express, and what changes in it."""
    text = b"{1: one, '2': two, day: 2024-01-02, real: 1.0, is: true, none: ~, list: [1, {a: b}]}"
    for content in (text, text.replace(b"1: one, ", b"").replace(b"2024-01-02", b"'2024'")):
        known = load_yaml(content, "a.yml")

        assert [repr(parsed_yaml(content, "a.yml")) for _ in range(2)] == [repr(known)] * 2


def test_a_typo_in_a_template_names_the_file(template: Path) -> None:
    """An undefined name is an error, never an empty string."""
    release(template, "v1.1.0", {"template/README.md.jinja": "{{ projct_name }}"})

    with pytest.raises(CofeeError, match=r"README\.md\.jinja"):
        ours(template, {}, "shop")


def by_copier(shop: Path) -> None:
    """Update a project by Copier alone."""
    run_update(shop, defaults=True, overwrite=True, quiet=True)


@pytest.mark.parametrize("case", ["untouched", "edited", "deleted", "new file", "new question"])
def test_copier_update_gives_the_same_tree(
    case: str, shop: Path, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """Wherever nothing conflicts, `copier update` and `cofee update` end alike."""
    changes: dict[str, str | None] = {
        **next_main(PORT="PORT_NUMBER"),
        f"template/{MODULE}/service.py.jinja": FILES[f"template/{MODULE}/service.py.jinja"] + "#\n",
    }
    if case == "edited":
        edit(shop / "app/main.py", "return 1", "return 2")
        edit(shop / "app/modules/customers/models.py", "class", "# mine\nclass")
    if case == "deleted":
        (shop / "run.sh").unlink()
        changes["template/run.sh"] = "#!/bin/sh\n"
    if case == "new file":
        changes["template/docs/new.md"] = "new\n"
    if case == "new question":
        text = "flavour: {type: str, help: New, default: old}\n"
        changes["copier.yml"] = FILES["copier.yml"] + text
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--allow-empty", "--message", "edits")
    release(template, "v1.1.0", changes)
    twin = tmp_path / "twin" / "shop"
    run_git(tmp_path, "clone", "--quiet", str(shop), str(twin))

    assert cofee("update", "--defaults", "-C", shop).code == 0
    by_copier(twin)

    assert snapshot(shop) == snapshot(twin)
    assert MAIN in changes


def test_answers_file_is_plain_yaml(shop: Path) -> None:
    """Copier and people read it as it is."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())

    assert answers["_commit"] == "v1.0.0"
    assert answers["modules"][0]["name"] == "customers"
