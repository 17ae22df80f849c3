"""Fields of the type `vector`, and the rule `embed`, which computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec import owners
from cofee.spec.module_rules import complete
from cofee.spec.parse import format_field, parse_field
from cofee.spec.record import Module
from cofee.template.template import Template
from tests import torn
from tests.conftest import Run
from tests.generated import (
    REPOSITORY,
    environment,
    make_service,
    rendered_here,
    run,
    snapshot_template,
)
from tests.judging import Judge
from tests.preforked import Preforked
from tests.strategies import FACTS

VECTOR = {"name": "embedding", "type": "vector", "dimension": 384, "nullable": True}
TITLE = {"name": "title", "type": "str"}
PAPERS = {"name": "papers", "entity": "Paper", "embed": ["title"], "fields": [TITLE, VECTOR]}


def test_specification_gives_a_record_and_back() -> None:
    field = parse_field("embedding:vector:384", FACTS, [], "papers")

    assert field.to_record() == VECTOR
    assert parse_field(format_field(field, FACTS), FACTS, [], "papers") == field


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("embedding:vector", "`vector` needs the length of its vectors, such as `384`"),
        ("embedding:vector:many", "the dimension must be 1 to 2000, not `many`"),
        ("embedding:vector:2001", "the dimension must be 1 to 2000, not `2001`"),
        ("embedding:vector:384:sort", "`vector` cannot have `sort`"),
        ("embedding:vector:384:filter", "`vector` cannot have `filter`"),
    ],
)
def test_other_specifications_are_refused(spec: str, message: str) -> None:
    with pytest.raises(CofeeError, match=message):
        parse_field(spec, FACTS, [], "papers")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": [TITLE]}, "must have one field that holds the vectors"),
        ({"fields": [TITLE, VECTOR, VECTOR | {"name": "more"}]}, "must have one field"),
        ({"embed": ["embedding"]}, "`embed`: `embedding` is not a text field"),
        ({"embed": [], "tools": ["similar"]}, "`tools`: `similar` needs `embed`"),
        ({"embed": ["text"]}, "the module `papers` has no field `text`"),
        ({"embed": ["title", "title"]}, "`embed`: `title` occurs twice"),
        ({"unique_together": [["title", "embedding"]]}, "`vector`, which cannot have an index"),
        ({"search": ["embedding"]}, "`search`: `embedding` is not a text field"),
    ],
)
def test_rules_that_no_vector_can_follow_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CofeeError, match=message):
        complete(Module.from_record({**PAPERS, **change}), FACTS)


@pytest.mark.parametrize(
    ("answers", "change", "message"),
    [
        ({}, {}, "answer `vectors: pgvector`"),
        ({}, {"embed": []}, "`papers.embedding` is a vector, which `vectors: none` does not have"),
        ({"vectors": "pgvector", "database": "sqlite"}, {}, "cofee set database=postgresql"),
        ({"vectors": "qdrant"}, {}, "cofee set tasks=dramatiq vectors=qdrant"),
        ({"vectors": "pgvector"}, {"fields": [TITLE]}, "needs one field of the type `vector`"),
        ({"vectors": "pgvector"}, {"embed": ["embedding"]}, "and texts"),
        (
            {"vectors": "pgvector", "mcp": True},
            {"embed": [], "tools": ["similar"]},
            "must be among its routes",
        ),
        (
            {"vectors": "pgvector"},
            {"fields": [TITLE, VECTOR | {"dimension": "x"}]},
            "a `dimension` of 1 to 2000",
        ),
    ],
)
def test_template_refuses_what_copier_alone_would_render(
    answers: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    renderer = Renderer(Template("template", "HEAD", REPOSITORY))

    with pytest.raises(CofeeError, match=message):
        renderer.settle({**answers, "modules": [{**PAPERS, **change}]}, {}, "shop")


def test_a_field_needs_the_option() -> None:
    """The command says how to turn it on, and what to remove before it is turned off."""
    modules = [Module.from_record({**PAPERS, "embed": []})]

    with pytest.raises(CofeeError, match="needs the option `vectors`") as missing:
        owners.require_options(modules, {"vectors": "none"}, (), FACTS)
    with pytest.raises(CofeeError, match="`vectors=none` removes") as removed:
        owners.require_options(modules, {"vectors": "none"}, ["vectors"], FACTS)

    with pytest.raises(CofeeError, match="its values do not move"):
        owners.require_same_store(modules, {"vectors": "pgvector"}, {"vectors": "qdrant"}, FACTS)

    assert missing.value.hint == "turn it on first: `cofee set vectors=pgvector`"
    assert removed.value.hint == "remove it first: `cofee remove-field papers embedding`"


def test_length_is_changed_with_the_index() -> None:
    """The values go, because they are computed again."""
    change = {"old": VECTOR, "new": {**VECTOR, "dimension": 768}}
    migration = {
        "operation": "change_fields",
        "module": "papers",
        "changes": [change],
        "revision": "b" * 12,
        "down_revision": "a" * 12,
        "date": "2026-01-01",
        "slug": "change_embedding",
    }
    fields = [TITLE, change["new"]]
    answers = {"vectors": "pgvector", "modules": [{**PAPERS, "fields": fields}]}

    tree = rendered_here({**answers, "migrations": [migration]})

    text = tree["migrations/versions/2026-01-01_change_embedding.py"].content.decode()
    upgrade = text.partition("def downgrade")[0]
    for statement in (
        'drop_index("papers_embedding_vector_idx", "papers")',
        'convert("papers", "embedding", Vector(768), using="NULL", sqlite="NULL")',
        "op.create_index(",
    ):
        upgrade = upgrade[upgrade.index(statement) :]
    assert "refuse_values" not in text


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in the working tree, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("vectors") / "template")


def test_another_database_needs_vectors_to_be_removed(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """The question about vectors is not asked with SQLite: no answer to it helps."""
    answers = {"vectors": "pgvector", "modules": [PAPERS]}
    service = make_service(template, tmp_path / "service", answers)

    refused = cofee("set", "database=sqlite", "-C", service)
    assert "hint: remove it first: `cofee remove-field papers embedding`" in refused.err
    assert cofee("change-module", "papers", "--embed", "", "-C", service).code == 0
    assert cofee("remove-field", "papers", "embedding", "--yes", "-C", service).code == 0

    assert cofee("set", "database=sqlite", "-C", service).code == 0


@pytest.mark.service
def test_requests_compute_vectors_without_tasks(
    template: Path, tmp_path: Path, judge: Judge
) -> None:
    """With tasks, the contracts run in services of `test_option_pairs.py`."""
    answers = {"auth": "none", "vectors": "pgvector", "modules": [PAPERS]}
    service = make_service(template, tmp_path / "service", answers)
    places = ("tests/modules/papers", "tests/db/test_vectors.py")
    chosen = ("-k", "vector or similar or outage")

    assert judge.complaint(service, *places, *chosen, variables={}) == ""


@pytest.mark.service
def test_both_stores_agree_after_a_worker_was_killed(
    template: Path, forks: Preforked, tmp_path: Path
) -> None:
    answers = {"auth": "none", "tasks": "dramatiq", "vectors": "qdrant", "modules": [PAPERS]}
    service = make_service(template, tmp_path / "service", answers)
    command = ("python", "-m", "dev", "--temporary", "python", str(Path(torn.__file__)))

    settings = {"PYTHONPATH": str(service), "TASK_LEASE_SECONDS": "1", **forks.first("alembic")}
    printed = run(service, environment(template), *command, **settings)

    assert printed.endswith("both agree\n")
