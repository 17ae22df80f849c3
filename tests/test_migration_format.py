"""Every migration that an operation can need is clean Python, for all records."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cofee.engine.render import Renderer
from cofee.spec import module_rules
from cofee.spec.record import Module
from tests.strategies import (
    TYPES,
    Record,
    fields,
    is_free,
    modules,
    names,
    options_of,
    ruled,
    with_rules,
)
from tests.test_blueprint import renderer, ruff

RULES = "F,I,B,UP,SIM,RUF,S,RET,N"
EXAMPLES = 9
PLACE = {"revision": "3f2a91c0b7de", "down_revision": "0b7de3f2a91c", "date": "2026-11-21"}

__all__ = ["renderer"]  # pytest finds the fixture by its name


def backfill_for(field: Record) -> Any:
    """Give a value that any field of the type can have."""
    if field["type"] == "decimal":
        return format(0, f".{field['scale']}f")
    return field["values"][0] if "values" in field else TYPES[field["type"]].get("samples", [[]])[0]


@st.composite
def operations(draw: st.DrawFn, kind: str) -> Record:
    """Draw the record of a migration, with everything that its template reads, and the modules."""
    known = draw(modules(most=2).filter(bool))
    module = known[-1]
    records = module["fields"] or [{"name": "note", "type": "text"}]
    filled = draw(st.lists(st.sampled_from(records), max_size=3))
    backfill = {record["name"]: backfill_for(record) for record in filled}
    found = OPERATIONS[kind](draw, module, records, known)
    after = {**module, "fields": records, **found.pop("after", {})}
    migration = {
        **PLACE,
        "module": module["name"],
        "operation": kind,
        "backfill": backfill,
        **found,
    }
    ruled = with_rules(migration, [{**module, "fields": records}], [after])
    return {"migration": ruled, "modules": known}


def _changed(draw: st.DrawFn, _: Record, given: list[Record], known: list[Record]) -> Record:
    """Turn each field into any other, or into itself with other modifiers; links stay links."""
    others = fields([module["name"] for module in known]).filter(lambda one: one["type"] != "many")
    records = [one for one in given if one["type"] != "many"] or [{"name": "x", "type": "text"}]
    drawn = [draw(others) for _ in records]
    news = [{**new, "name": old["name"]} for old, new in zip(records, drawn, strict=True)]
    changes = [{"old": old, "new": new} for old, new in zip(records, news, strict=True)]
    changed = {new["name"]: new for new in news}
    after = {"fields": [changed.get(one["name"], one) for one in given]}
    return {
        "after": after,
        "changes": changes,
        "backfill": {new["name"]: backfill_for(new) for new in news[::2]},
    }


def _renamed(draw: st.DrawFn, module: Record, records: list[Record], _: object) -> Record:
    old = draw(st.sampled_from(records))
    others = names(56).map(lambda name: {**old, "name": name})
    new = draw(others.filter(lambda one: is_free(one, module["name"])))
    fields = [new if one is old else one for one in records]
    before = Module.from_record({**module, "fields": records})
    rules = module_rules.renamed(before, old["name"], new["name"]).to_record()
    return {"old": old, "new": new, "after": {**rules, "fields": fields}}


def _moved(draw: st.DrawFn, module: Record, records: list[Record], _: object) -> Record:
    olds = names(40).filter(lambda old: all(is_free(record, old) for record in records))
    return {"old": draw(olds), "record": {**module, "fields": records}}


def _ruled(draw: st.DrawFn, module: Record, records: list[Record], _: object) -> Record:
    """Give a module other rules than it has; an index at least comes or goes."""
    taken = {record["name"] for record in records}
    name = draw(names(20).filter(lambda one: one not in taken))
    fields = [*records, {"name": name, "type": "int"}]
    plain = {"name": module["name"], "entity": module["entity"], "fields": fields}
    sides = [{**draw(ruled(plain)), "indexes": [[name]]}, {**draw(ruled(plain)), "indexes": []}]
    return dict(zip(("old", "new"), draw(st.permutations(sides)), strict=True))


OPERATIONS: dict[str, Callable[..., Record]] = {
    "add_fields": lambda draw, module, records, known: {"fields": records},
    "remove_fields": lambda draw, module, records, known: {"fields": records},
    "drop": lambda draw, module, records, known: {"record": {**module, "fields": records}},
    "change_fields": _changed,
    "rename_field": _renamed,
    "rename_module": _moved,
    "change_rules": _ruled,
}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_migration_is_formatted_and_sorted_python(
    kind: str,
    renderer: Renderer,  # the fixture
    tmp_path: Path,
) -> None:
    """Ruff changes nothing in the rendered files and finds no unused import."""
    seen: set[str] = set()

    @given(record=operations(kind))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],  # what fails is small enough to be read as it is
        suppress_health_check=[HealthCheck.too_slow],
    )
    def write(record: Record) -> None:
        migration = {**record["migration"], "slug": f"step{len(seen)}"}
        among = {"modules": record["modules"], **options_of(record["modules"])}
        answers = renderer.settle({**among, "migrations": [migration]}, {}, "service")
        ((path, text),) = (
            (path, file.content.decode())
            for path, file in renderer.render(answers, "copy", ()).items()
            if path.startswith("migrations/versions/")
        )
        ast.parse(text)
        (tmp_path / Path(path).name).write_text(text)
        seen.add(text)

    write()
    # A strategy that gives up early would leave nothing to look at, and so prove nothing.
    assert len(seen) > EXAMPLES // 2
    ruff(tmp_path, "format", "--diff")
    ruff(tmp_path, "check", f"--select={RULES}")


def test_another_enum_value_leaves_all_indexes_alone(renderer: Renderer) -> None:
    """Its column holds the same text, so only the check of its values changes."""
    number = {"name": "number", "type": "int", "index": True}
    old = {"name": "state", "type": "enum", "values": ["new"], "filter": True}
    new = {**old, "values": ["new", "old"]}
    rules = {"indexes": [["state", "number"], ["number"]], "unique_together": [["number", "state"]]}
    modules = [{"name": "notes", "entity": "Note", "fields": [new, number], **rules}]
    step = {"operation": "change_fields", "module": "notes", "changes": [{"old": old, "new": new}]}
    sides = [[{**modules[0], "fields": [old, number]}], modules]
    migration = with_rules(step, *sides)

    macros: Any = renderer.environment.get_template("macros/migrations/operations.jinja").module
    upgrade, downgrade = json.loads(macros.operations(migration, modules))["steps"]

    changed = {"name", "text", "table", "drop_constraints", "create_checks"}
    assert {key for key in upgrade if upgrade[key]} == changed
    assert {key for key in downgrade if downgrade[key]} == {*changed, "checks"}
