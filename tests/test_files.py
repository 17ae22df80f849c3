"""Fields of the type `file`: rows hold files of their owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec.parse import format_field, parse_field
from cofee.template.template import Template
from tests.generated import (
    DATABASES,
    REPOSITORY,
    check_types,
    environment,
    make_service,
    run,
    snapshot_template,
)
from tests.strategies import FACTS

COVER = {
    "name": "cover",
    "type": "file",
    "to": "files",
    "nullable": True,
    "max": 5_000_000,
    "media_types": ["image/png", "image/jpeg"],
}
SCAN = {"name": "scan", "type": "file", "to": "files", "media_types": ["application/pdf"]}
PHOTOS = {"name": "photos", "entity": "Photo", "fields": [COVER, SCAN]}
SHOTS = {
    "name": "shots",
    "entity": "Shot",
    "fields": [{"name": "photo", "type": "ref", "to": "photos"}],
}


def test_specification_gives_a_record_and_back() -> None:
    spec = "cover:file:image/png,image/jpeg:null:max=5MB"
    field = parse_field(spec, FACTS, [], "photos")

    assert field.to_record() == COVER
    assert format_field(field, FACTS) == spec


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cover:file", "`file` needs the media types that it accepts"),
        ("cover:file:png", "`png` must be a media type"),
        ("cover:file:image/png:max=big", "`big` must be a number of bytes, such as `500KB`"),
        ("cover:file:image/png:unique", "`file` cannot have `unique`"),
        ("cover:ref:files", "`ref` cannot refer to `files`; `file` can"),
    ],
)
def test_other_specifications_are_refused(spec: str, message: str) -> None:
    with pytest.raises(CofeeError, match=message):
        parse_field(spec, FACTS, [], "photos")


@pytest.mark.parametrize(
    ("answers", "change", "message"),
    [
        ({"files": "none", "auth": "none"}, {}, "which `files: none` does not have"),
        ({"files": "s3"}, {}, "which only a signed-in user can upload: set `access` of `photos`"),
        ({"files": "s3", "auth": "none"}, {"fields": [SCAN | {"to": "shots"}]}, "refer to `files`"),
        (
            {"files": "s3", "auth": "none"},
            {"fields": [SCAN | {"media_types": ["PNG"]}]},
            "list of `media_types`",
        ),
    ],
)
def test_template_refuses_what_copier_alone_would_render(
    answers: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    renderer = Renderer(Template("template", "HEAD", REPOSITORY))

    with pytest.raises(CofeeError, match=message):
        renderer.settle({**answers, "modules": [{**PHOTOS, **change}]}, {}, "shop")


def test_rows_hold_files_of_their_owner(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The contracts of the fields pass, for each owner and for rows that all can read.

    So do those of a module that refers to such rows.
    """
    template = snapshot_template(tmp_path_factory.mktemp("files") / "template")
    programs = environment(template)
    modules = [
        {**PHOTOS, "owned_by": "user"},
        {**SHOTS, "owned_by": "user"},
        {**PHOTOS, "name": "plans", "entity": "Plan", "owned_by": "project", "restorable": True},
        {**PHOTOS, "name": "posts", "entity": "Post", "access": "user-write"},
        {**PHOTOS, "name": "papers", "entity": "Paper", "routes": ["list", "read"]},
    ]
    answers = {"files": "s3", "isolation": "project", "modules": modules}
    project = make_service(template, tmp_path / "service", answers)

    run(project, programs, "poe", "test", "-n", "2", "-q", "tests/modules", "tests/infrastructure",
        "-k", "file or owner or restored or role", **DATABASES["sqlite"])  # fmt: skip
    run(project, programs, "ruff", "check")
    run(project, programs, "ruff", "format", "--check")
    check_types(project, programs)
