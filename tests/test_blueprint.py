"""The module blueprint gives clean Python for every specification."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cofee.engine.render import Renderer
from cofee.template.template import Template
from tests import ruled
from tests.strategies import ROOT, Record, modules, options_of

RULES = "F,I,B,UP,SIM,ASYNC,RUF"
ITEMS: Record = {"name": "items", "entity": "Item", "fields": []}
LANGUAGE: Record = {"name": "language", "type": "str", "max_length": 5}
TASKS: list[Record] = [
    {"name": "write_it_down", "fields": [LANGUAGE]},
    {"name": "tidy_up", "fields": [], "every": "2h"},
]
FILTER: Record = {"type": "int", "filter": True}


def partial_key(field: str) -> Record:
    """Give a rule with a condition, and the field that it names."""
    key = {"fields": [field], "where": f"{field} > 0", "examples": [{field: 1}, {field: 0}]}
    return {"fields": [{"name": field, "type": "int"}], "unique_together": [key]}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """The template of the working tree, uncommitted changes included."""
    return Renderer(Template(str(ROOT), "HEAD", ROOT))


def render(renderer: Renderer, records: list[Record], **more: str) -> dict[str, str]:
    """Render the Python files that depend on the modules."""
    given = {"modules": records, **options_of(records), "tasks": "dramatiq", **more}
    answers = renderer.settle(given, {}, "service")
    tree = renderer.render(answers, "copy")
    wanted = ("app/modules/", "app/api/", "tests/modules/", "migrations/versions/")
    return {
        path: file.content.decode()
        for path, file in tree.items()
        if path.startswith(wanted) and path.endswith(".py")
    }


def extended(records: list[Record]) -> list[Record]:
    """Give the first module newer rules and fields that lead to it and to users, where they can."""
    if not records:
        return records
    first, *others = records
    is_short = len(first["name"]) < 30  # so that the names in the database are short enough
    has_users = is_short and options_of(records)["auth"] != "none"
    fields = [*first["fields"], *(ruled.relations("users") if has_users else [])]
    leading = {**ruled.leading("ref", first["name"], "first_of_all"), "expand": True}
    can_lead = [
        "routes" not in other and first.get("owned_by") in (None, other.get("owned_by"))
        for other in others
    ]
    return [
        {**first, "fields": fields, "bulk": True, "idempotent": True, "tasks": TASKS},
        *(
            {**other, "fields": [*other["fields"], leading]} if leads else other
            for other, leads in zip(others, can_lead, strict=True)
        ),
    ]


def ruff(folder: Path, *arguments: str) -> None:
    """Run ruff as a generated project would, without any configuration around it."""
    command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache"]
    if "check" in arguments:
        command.append("--config=lint.isort.known-first-party=['app', 'migrations', 'tests']")
    done = subprocess.run(
        [*command, "--line-length=100", "--target-version=py311", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@given(batch=st.lists(modules(), min_size=15, max_size=15))
@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],  # the diff names the project; making a batch smaller takes minutes
    suppress_health_check=list(HealthCheck),
)
def test_every_specification_gives_formatted_and_sorted_python(
    renderer: Renderer, tmp_path_factory: pytest.TempPathFactory, batch: list[list[Record]]
) -> None:
    """Ruff does not change what is rendered, for all names, types and modifiers."""
    folder = tmp_path_factory.mktemp("batch")
    for number, records in enumerate(batch):
        for path, text in render(renderer, extended(records)).items():
            ast.parse(text)
            target = folder / f"project{number}" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    ruff(folder, "format", "--diff")
    ruff(folder, "check", f"--select={RULES}")


def test_repeated_samples_are_broken_where_ruff_does(renderer: Renderer, tmp_path: Path) -> None:
    """Before the operator, and in the list as well if it does not fit into the line."""
    ids = {"type": "list", "items": "uuid", "min_length": 12, "nullable": True, "readonly": True}
    fields = [{"name": "a" * length, **ids} for length in range(38, 55)]
    records = [{"name": "notes", "entity": "Note", "fields": fields}]
    for path, text in render(renderer, records).items():
        (tmp_path / path.replace("/", "-")).write_text(text)

    ruff(tmp_path, "format", "--diff")


def test_modules_of_any_name_follow_a_deletion(renderer: Renderer, tmp_path: Path) -> None:
    """The line that calls the service of another module has two of its names."""
    records: list[Record] = [{"name": "tags", "entity": "Tag", "fields": []}]
    tag = {"name": "tag", "type": "ref", "to": "tags", "on_delete": "cascade"}
    for number, length in enumerate(range(66, 76)):
        name, entity = f"a{number}", f"A{number}"
        names = name + "a" * (length // 2 - 2), entity + "a" * (length - length // 2 - 2)
        records.append({"name": names[0], "entity": names[1], "fields": [tag]})
    (tmp_path / "service.py").write_text(render(renderer, records)["app/modules/tags/service.py"])

    ruff(tmp_path, "format", "--diff")


@pytest.mark.parametrize("length", range(34, 44))
def test_files_of_an_entity_with_any_name_are_read(
    renderer: Renderer, tmp_path: Path, length: int
) -> None:
    files = {"type": "file", "to": "files", "media_types": ["image/png"]}
    scan = {"name": "scan", "nullable": True, **files}
    records = [{"name": "notes", "entity": "N" + "o" * length, "fields": [scan]}]
    text = render(renderer, records, files="s3")["app/modules/notes/router.py"]
    (tmp_path / "router.py").write_text(text)

    ruff(tmp_path, "format", "--diff")


@pytest.mark.parametrize("rule", ["restrict", "cascade", "set_null"])
def test_rows_that_lead_to_a_deleted_one_are_found_by_any_name(
    renderer: Renderer, tmp_path: Path, rule: str
) -> None:
    """The name of the method can be too long for the line that calls it."""
    reference = {"type": "ref", "to": "notes", "nullable": True, "on_delete": rule}
    fields = [{"name": "a" * length, **reference} for length in range(36, 50)]
    records = [{"name": "notes", "entity": "Note", "fields": fields}]
    (tmp_path / "service.py").write_text(render(renderer, records)["app/modules/notes/service.py"])

    ruff(tmp_path, "format", "--diff")
    ruff(tmp_path, "check", f"--select={RULES}")


def test_imports_are_sorted_whatever_the_digits_are(renderer: Renderer, tmp_path: Path) -> None:
    """The key that modules are sorted by gives the order of ruff."""
    names = ["a", "a0", "a00", "a01", "a0_b", "a000", "a1", "a02", "a2", "a10", "a10b2", "a10b10"]
    names += ["a_1", "ab", "a_b", "a1_b", "a1b", "auth0", "user", "users_1"]
    records = [{"name": n, "entity": f"E{i}", "fields": []} for i, n in enumerate(names)]
    text = render(renderer, records, auth="jwt")["app/api/v1/router.py"]
    (tmp_path / "router.py").write_text(text)
    ruff(tmp_path, "check", "--select=I")


def test_tables_of_links_are_imported_in_their_order(renderer: Renderer, tmp_path: Path) -> None:
    """They are named by two modules, either of which may end in a number."""
    names = ["item6", "item11", "item"]
    links = [{"name": name, "type": "many", "to": name} for name in names]
    modules: list[Record] = [{"name": n, "entity": n.title(), "fields": []} for n in names]
    records = [*modules, {"name": "item0", "entity": "Seat", "fields": links}]
    text = render(renderer, records)["app/modules/item0/repository.py"]
    (tmp_path / "repository.py").write_text(text)
    ruff(tmp_path, "check", "--select=I")


def test_users_are_imported_among_the_modules_that_refer_to_them(
    renderer: Renderer, tmp_path: Path
) -> None:
    """A module's name can come after `users` as well as before."""
    reference = {"name": "person", "type": "ref", "to": "users"}
    records: list[Record] = [
        {"name": "acts", "entity": "Act", "fields": [], "owned_by": "user"},
        {"name": "vendors", "entity": "Vendor", "fields": [reference]},
    ]
    text = render(renderer, records, auth="jwt")["app/modules/users/references.py"]
    (tmp_path / "references.py").write_text(text)
    ruff(tmp_path, "check", "--select=I")


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        (["tags:many"], ["/tags/{tag_id}/items"]),
        (["labels:many"], ["/tags/{label_id}/items/by-labels"]),
        (["tag:ref", "tags:many"], ["/tags/{tag_id}/items", "/tags/{tag_id}/items/by-tags"]),
    ],
)
def test_rows_are_listed_below_those_they_lead_to(
    renderer: Renderer, fields: list[str], paths: list[str]
) -> None:
    """A reference and links never share a path."""
    tags = {"name": "tags", "entity": "Tag", "fields": []}
    pairs = [field.split(":") for field in fields]
    given = [{"name": name, "type": kind, "to": "tags"} for name, kind in pairs]
    text = render(renderer, [tags, ITEMS | {"fields": given}])["app/modules/items/router.py"]

    assert re.findall(r'"(/tags/.*)"', text) == paths


def test_a_field_changes_the_lines_of_its_own(renderer: Renderer) -> None:
    """A new field only adds lines, so that it merges with what a user has written."""
    name = {"name": "name", "type": "str"}
    added = {"name": "size", "type": "int", "nullable": True, "filter": True, "sort": True}
    module = {"name": "items", "entity": "Item", "fields": [name]}
    before = render(renderer, [module])
    after = render(renderer, [module | {"fields": [name, added]}])
    for path in ("models.py", "schemas.py", "service.py", "router.py"):
        old = before[f"app/modules/items/{path}"].splitlines()
        new = after[f"app/modules/items/{path}"].splitlines()
        lost = [line[2:] for line in ndiff(old, new) if line.startswith("- ")]
        assert all(line.startswith(("from ", "ItemSort = ")) for line in lost), lost


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        ({}, "`modules` must be a list of modules, each with `name`, `entity` and `fields`"),
        (
            [{"name": "Items", "entity": "Item", "fields": []}],
            "module name `Items` is not in snake_case",
        ),
        ([{"name": "items", "entity": "item", "fields": []}], "entity `item` is not in CamelCase"),
        ([{"name": "items", "entity": "Item"}], "module `items` must have a list of `fields`"),
        ([{"name": "items"}], "module 1 must have a `name` and an `entity`"),
        (
            [
                {"name": "a", "entity": "A", "fields": []},
                {"name": "a", "entity": "B", "fields": []},
            ],
            "module `a` is listed twice",
        ),
        ([ITEMS | {"owner": "user"}], "module `items` has the unknown key `owner`; known keys"),
        ([ITEMS | {"routes": ["none", "list"]}], "`routes` of `items` must name at least one"),
        (
            [ITEMS | {"access": "all"}],
            "`access` of `items` must be `public` or `user-write` or `us",
        ),
        (
            [ITEMS | {"aggregates": ["pin:sum"]}],
            "the rules of `items` name `pin`, which is not one",
        ),
        (
            [ITEMS | {"aggregates": ["count"], "routes": ["read"]}],
            "module `items` has `aggregates`, but no route `list`",
        ),
        (
            [ITEMS | {"aggregates": ["a:max"], "fields": [{"name": "a", "type": "bool"}]}],
            "`aggregates` of `items` cannot have `a:max`: of the values of `items.a`, it can have",
        ),
        ([ITEMS | {"access": "user"}], "module `items` has `access: user`, which `auth: none`"),
        ([ITEMS | {"access": "user", "owned_by": "user"}], "module `items` has rows owned by"),
        ([ITEMS | {"routes": []}], "`routes` of `items` must name at least one of create, list"),
        ([ITEMS | {"name": "class"}], "module `class` cannot have this name: it is a Python"),
        ([ITEMS | {"entity": "TestRun"}], "`TestRun` cannot name an entity: it is what pytest"),
        ([ITEMS | {"checks": ["1 > 0"]}], "module `items` has checks and must have `examples`"),
        ([ITEMS | {"checks": ["1 > 0"], "examples": [{}]}], "module `items` has checks and"),
        (
            [ITEMS | {"checks": ["weight > 0"]}],
            "check `weight > 0` of `items` has `weight`, which is not one of its columns",
        ),
        (
            [ITEMS | {"checks": ["(1 > 0"]}],
            "check `(1 > 0` of `items` has parentheses that do not match",
        ),
        (
            [ITEMS | {"checks": ["1 == 1"]}],
            "check `1 == 1` of `items` has `==`, which a check cannot have",
        ),
        (
            [ITEMS | {"fields": [{"name": "a" * 60, "type": "int", "filter": True}]}],
            f"field `items.{'a' * 60}` gives the database a name of more than 63 characters",
        ),
        (
            [ITEMS | {"indexes": [["a" * 55]], "fields": [{"name": "a" * 55, "type": "int"}]}],
            "an index of `items` has a name of more than 63 characters",
        ),
        (
            [ITEMS | partial_key("a" * 55)],
            "an index of `items` has a name of more than 63 characters",
        ),
        (
            [ITEMS | {"fields": [{"name": "a", "type": "str", "pattern": "x", "examples": ["y"]}]}],
            "field `items.a` has a pattern and must have `examples`: two values that match it",
        ),
    ],
)
def test_broken_modules_are_named(renderer: Renderer, modules: object, problem: str) -> None:
    """The questionnaire says in one sentence what is wrong with the modules."""
    assert validate(renderer, modules).startswith(problem)


def test_key_with_a_condition_is_named_after_its_fields(renderer: Renderer) -> None:
    """Also where the module has a long name: the words of the rule itself do not count."""
    assert validate(renderer, [ITEMS | {"name": "i" * 40} | partial_key("a" * 18)]) == ""


def test_the_validator_knows_the_rules(renderer: Renderer) -> None:
    """The same ones as the command reads in `copier.yml`."""
    macros = renderer.environment.get_template("macros/validate.jinja").module

    assert getattr(macros, "KEYS") == ["name", "entity", "fields", *renderer.template.facts.rules]  # noqa: B009


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([{"name": "x", "type": "strr"}], "field `items.x` has the unknown type `strr`"),
        ([{"name": "x"}], "field 1 of `items` must have a `name` and a `type`"),
        ([{"name": "X", "type": "str"}], "field name `items.X` is not in snake_case"),
        ([{"name": "x", "type": "str"}] * 2, "field `items.x` is listed twice"),
        ([{"name": "x", "type": "decimal"}], "field `items.x` must have `precision`"),
        ([{"name": "x", "type": "enum"}], "field `items.x` must have `values`"),
        ([{"name": "x", "type": "list", "items": "json"}], "field `items.x` cannot be a list"),
        ([{"name": "x", "type": "str", "pattern": "a"}], "field `items.x` has a pattern"),
        ([{"name": "x", "type": "ref", "to": "items"}], "field `items.x` refers to its own"),
        ([{"name": "x", "type": "ref", "to": "y"}], "field `items.x` refers to `y`, which"),
        ([{"name": "uuid", "type": "uuid"}], "field `items.uuid` cannot have this name: it is a"),
        ([{"name": "xmin", "type": "int"}], "field `items.xmin` cannot have this name: it is a"),
        (
            [{"name": "sort", "type": "int", "filter": True}],
            "field `items.sort` cannot be a filter: it is a parameter",
        ),
        (
            [FILTER | {"name": "price"}, FILTER | {"name": "price_min"}],
            "fields `items.price` and `items.price_min` would both be called `?price_min`",
        ),
        (
            [{"name": "x", "type": "text", "unique": True}],
            "field `items.x` has the key `unique`, which `text` does not take",
        ),
        ([{"name": "x", "type": "int", "min": 9, "max": 3}], "`min`, `default` and `max` of"),
        ([{"name": "x", "type": "int", "max": 2**31}], "`min`, `default` and `max` of field"),
        (
            [{"name": "x", "type": "int", "default": "abc"}],
            "field `items.x` has the bound or default `abc`, which is not a `int`",
        ),
        (
            [{"name": "x", "type": "enum", "values": ["a", "b"], "default": "c"}],
            "the default of field `items.x` is not one of its values",
        ),
        (
            [{"name": "x", "type": "decimal", "precision": 40, "scale": 3}],
            "field `items.x` must have a `precision` of 1 to 18",
        ),
        (
            [{"name": "x", "type": "str", "min_length": 9, "max_length": 3}],
            "the lengths of field `items.x` must be 1 to 10485760",
        ),
        (
            [{"name": "x", "type": "datetime", "default": "now", "max": "2030-01-01T00:00:00Z"}],
            "field `items.x` has the default `now`, and must not have a `min`",
        ),
        (
            [{"name": "x", "type": "list", "items": "str", "default": []}],
            "field `items.x` has the bound or default `[]`, which is not a `list`",
        ),
        (
            [{"name": "x", "type": "enum", "values": ["a", "b"], "labels": {"b": "B", "a": "A"}}],
            "field `items.x` must have `labels` for all of its values, in their order",
        ),
        (
            [{"name": "x", "type": "int", "readonly": True}],
            "field `items.x` is `readonly` and must be nullable or have a default",
        ),
        (
            [{"name": "x", "type": "int", "json_name": "x-y"}],
            "`json_name` of field `items.x` must be another name, of letters, digits and single",
        ),
        (
            [{"name": "x", "type": "int", "json_name": "createdAt"}],
            "`json_name` of field `items.x` cannot be `createdAt`: it is a field of every row",
        ),
        (
            [
                {"name": "x", "type": "int", "json_name": "unitPrice"},
                {"name": "unit_price", "type": "int"},
            ],
            "fields `items.x` and `items.unit_price` would both be called `unitprice`",
        ),
        (
            [{"name": "x", "type": "int", "writeonly": True, "sort": True}],
            "field `items.x` is `writeonly` and must not be `readonly`, `unique`, `filter` or",
        ),
    ],
)
def test_broken_fields_are_named(renderer: Renderer, fields: list[Record], problem: str) -> None:
    """The questionnaire says in one sentence what is wrong with a field."""
    module = {"name": "items", "entity": "Item", "fields": fields}
    assert validate(renderer, [module]).startswith(problem)


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (
            {"name": "rows", "entity": "Note", "fields": [{"type": "one"}]},
            "the rows of `note.item` would be listed at `/items/{item_id}/note`, which is taken",
        ),
        (
            {"name": "rows", "entity": "Seat", "fields": [{"type": "many"}, {"name": "item_ids"}]},
            "fields `rows.item` and `rows.item_ids` would both be called `item_ids`",
        ),
        (
            {"name": "rows", "entity": "Seat", "fields": [{"type": "many", "to": "later"}]},
            "field `rows.item` refers to `later`, which is not one of the modules",
        ),
        (
            {"name": "rows", "entity": "Seat", "fields": [{"type": "one", "to": "note"}]},
            "field `rows.item` refers to `note`, which is listed later, and must be nullable",
        ),
        (
            {
                "name": "rows",
                "entity": "Seat",
                "fields": [{"type": "one"}, {"name": "code"}],
                "unique_together": [["item", "code"]],
            },
            "`unique_together` of `rows` names `item`, which is unique by itself",
        ),
        (
            {
                "name": "rows",
                "entity": "Seat",
                "fields": [{"type": "ref"}, {"name": "code"}],
                "unique_together": [{"fields": ["item"], "where": "code > 'a'"}],
            },
            "a key of `unique_together` of `rows` with a condition must have `fields`, `where`, "
            "`examples`: use `cofee`, which finds `examples`",
        ),
        (
            {
                "name": "rows",
                "entity": "Seat",
                "fields": [{"type": "ref"}, {"name": "code"}],
                "unique_together": [
                    {"fields": ["item"], "where": "cod > 'a'", "examples": [{"code": "b"}] * 2}
                ],
            },
            "check `cod > 'a'` of `rows` has `cod`, which is not one of its columns",
        ),
        (
            {
                "name": "rows",
                "entity": "Seat",
                "fields": [{"type": "many"}, {"name": "pin", "type": "str", "writeonly": True}],
                "search": ["pin"],
            },
            "the rules of `rows` name `pin`, which is `readonly` or `writeonly`",
        ),
    ],
)
def test_broken_relations_are_named(renderer: Renderer, module: Record, problem: str) -> None:
    """Names outside of the module are checked too: routes, and what lists of identifiers are."""
    first, *rest = module["fields"]
    given = [{"name": "item", "to": "items", **first}, *({"type": "str", **one} for one in rest)]
    note = {"name": "item", "type": "ref", "to": "items"}
    modules = [
        {"name": "items", "entity": "Item", "fields": []},
        {**module, "fields": given},
        {"name": "note", "entity": "Memo", "fields": [note]},
    ]
    assert validate(renderer, modules) == problem


def test_labels_are_shown_by_openapi(renderer: Renderer) -> None:
    labels = {"draft": "Being written", "paid": "Paid, or free"}
    field = {"name": "status", "type": "enum", "values": [*labels], "labels": labels}
    module = {"name": "items", "entity": "Item", "fields": [field]}
    answers = renderer.settle({"modules": [module], "auth": "none"}, {}, "service")
    schemas = renderer.render(answers, "copy")["app/modules/items/schemas.py"].content.decode()

    assert 'Literal["draft", "paid"]' in schemas
    assert 'description="draft: Being written, paid: Paid, or free"' in schemas


def test_all_problems_are_named_at_once(renderer: Renderer) -> None:
    fields = [{"name": "class", "type": "str"}, {"name": "size", "type": "int", "min": 2, "max": 1}]
    module = {"name": "items", "entity": "Item", "fields": fields}

    assert validate(renderer, [module, ITEMS | {"name": "is", "entity": "I"}]).splitlines() == [
        "field `items.class` cannot have this name: it is a Python keyword",
        "`min`, `default` and `max` of field `items.size` are not in this order, "
        "or not in the range of `int`",
        "module `is` cannot have this name: it is a Python keyword",
        "`I` cannot name an entity: it is a letter that looks like a digit",
    ]


@given(modules())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_sound_modules_have_no_problem(renderer: Renderer, records: list[Record]) -> None:
    """The validator finds nothing in what the command would record."""
    assert validate(renderer, records, **options_of(records)) == ""


def validate(
    renderer: Renderer,
    records: object,
    auth: str = "none",
    isolation: str = "none",
    events: str = "none",
) -> str:
    """Ask the questionnaire's validator of `modules`."""
    question = renderer.template.questions["modules"].validator
    options = {"auth": auth, "isolation": isolation, "events": events, "cache": "none"}
    return renderer.text(question, {"modules": records, "options": options})
