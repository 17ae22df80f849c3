"""What `poe migration` writes for PostgreSQL: operations for tables that are in use.

Alembic finds the differences. On a table that the migration neither creates nor drops, the helpers of
`v3.py` and `v6.py` take the place of operations for which requests would have to wait.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type, render_op_text, renderers
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from migrations import v3

REWRITE = "# If the new type is stored differently, PostgreSQL locks the table and writes it anew."
_NAME = re.compile(r"op\.f\(('[^']*')\)")
# How PostgreSQL writes `status IN ('new', 'old')`, which SQLite would not understand.
_ONE_OF = re.compile(r"""\(*("?\w+"?)\)?(?:::text)? = ANY \(+ARRAY\[(.*?)\]\)?(?:::text\[\])?\)+""")
_CAST = re.compile(r"'::[a-z ]+")

Operations = Sequence[ops.MigrateOperation]


class Live(ops.MigrateOperation):
    """An operation on a table that is in use. `replaces` an object of the same name."""

    def __init__(self, found: Any, *, replaces: bool) -> None:
        self.found = found
        self.replaces = replaces

    def to_diff_tuple(self) -> Any:
        """Return what `alembic check` prints."""
        return self.found.to_diff_tuple()


def write_live(context: MigrationContext, _: object, scripts: list[ops.MigrationScript]) -> None:
    """Mark the operations of new migrations on tables that are in use."""
    directions = [one for script in scripts for one in (script.upgrade_ops, script.downgrade_ops)]
    found = [one for direction in directions if direction for one in direction.ops]
    whole = [one for one in found if isinstance(one, ops.CreateTableOp | ops.DropTableOp)]
    tables = [one for one in found if isinstance(one, ops.ModifyTableOps)]
    for one in [one for table in tables for one in table.ops]:
        if isinstance(one, ops.AddColumnOp):
            one.column = one.column._copy()
            one.column.type = _without_check(one.column.type)
        elif isinstance(one, ops.AlterColumnOp):
            one.modify_type = _without_check(one.modify_type)
            one.existing_type = _without_check(one.existing_type)
    changed = [one for one in tables if one.table_name not in {table.table_name for table in whole}]
    if context.dialect.name == "postgresql" and any(table.ops for table in changed):
        for table in changed:
            table.ops[:] = _live(table.ops)
        _let_repeat([*whole, *(one for table in tables for one in table.ops)])


def _without_check(kind: Any) -> Any:
    """Return the type of an enum as text; its check is an operation of its own."""
    return sa.String(kind.length) if isinstance(kind, sa.Enum) else kind


def _live(found: Operations) -> Iterator[Live]:
    dropped = {name for one in found if (name := _dropped_name(one))}
    created = {_created_name(one) for one in found} - {None}
    for one in found:
        if _dropped_name(one) not in dropped & created:
            yield Live(one, replaces=_created_name(one) in dropped)


def _dropped_name(one: ops.MigrateOperation) -> str | None:
    """Return the name of an object that a helper can replace."""
    if isinstance(one, ops.DropConstraintOp) and one.constraint_type in ("check", "foreignkey"):
        return str(one.constraint_name)
    return str(one.index_name) if isinstance(one, ops.DropIndexOp) else None


def _created_name(one: ops.MigrateOperation) -> str | None:
    if isinstance(one, ops.CreateCheckConstraintOp | ops.CreateForeignKeyOp):
        return str(one.constraint_name)
    return str(one.index_name) if isinstance(one, ops.CreateIndexOp) else None


def _let_repeat(operations: Operations) -> None:
    """Let a migration of several transactions run again after it has ended in the middle."""
    for one in operations:
        if isinstance(one, ops.CreateTableOp | ops.CreateIndexOp):
            one.if_not_exists = True
        elif isinstance(one, ops.DropTableOp | ops.DropIndexOp):
            one.if_exists = True


@renderers.dispatch_for(Live)
def _render(context: AutogenContext, operation: Live) -> list[str]:
    """Return the lines that call a helper, or Alembic's own."""
    found, replace = operation.found, {"replace": True} if operation.replaces else {}
    match found:
        case ops.CreateIndexOp():
            text = _text(context, found).replace(", unique=False", "").replace("::text", "")
            text = f"{text[:-1]}, replace=True)" if replace else text
            return [_renamed(context, "add_index", text)]
        case ops.AddColumnOp():
            return [_renamed(context, "add_column", _text(context, found))]
        case ops.DropIndexOp():
            return [_call(context, "drop_index", found.index_name, found.table_name)]
        case ops.CreateCheckConstraintOp():
            condition = _sql(context, found.to_constraint().sqltext)
            name = found.constraint_name
            return [_call(context, "add_check", name, found.table_name, condition, **replace)]
        case ops.CreateUniqueConstraintOp():
            name, columns = found.constraint_name, [str(one) for one in found.columns]
            return [_call(context, "add_unique", name, found.table_name, columns)]
        case ops.DropColumnOp():
            return [_call(context, "drop_column", found.table_name, found.column_name)]
        case ops.CreateForeignKeyOp():
            return _render_reference(context, found, **replace)
        case ops.DropConstraintOp():
            name, kind = found.constraint_name, found.constraint_type
            return [_call(context, "drop_constraint", name, found.table_name, kind)]
        case ops.AlterColumnOp():
            return _render_column(context, found)
        case _:
            return [_text(context, found)]


def _render_reference(
    context: AutogenContext, found: ops.CreateForeignKeyOp, **replace: bool
) -> list[str]:
    name, table, options = found.constraint_name, found.source_table, {**found.kw}
    on_delete = options.pop("ondelete", None)
    is_plain = not any(options.values()) and found.remote_cols == ["id"]
    if on_delete and is_plain and len(found.local_cols) == 1:
        place = (name, table, found.local_cols[0], found.referent_table)
        return [_call(context, "add_foreign_key", *place, ondelete=on_delete, **replace)]
    dropped = [_call(context, "drop_constraint", name, table, "foreignkey")] if replace else []
    return [*dropped, _renamed(context, "add_reference", _text(context, found))]


def _render_column(context: AutogenContext, found: ops.AlterColumnOp) -> list[str]:
    """Return the lines for a column that changes: a required value is the last step."""
    kind, lines = found.modify_type or found.existing_type, []
    rest = copy.copy(found)
    rest.modify_nullable = found.modify_nullable or None
    if rest.has_changes():
        lines += [REWRITE] if _rewrites(found.existing_type, found.modify_type) else []
        lines.append(_renamed(context, "alter_column", _text(context, rest)))
    if found.modify_nullable is False and kind is not None:
        column = f"sa.column({found.column_name!r}, {_repr_type(kind, context)})"
        lines.append(_helper(context, "set_not_null") + f"({found.table_name!r}, {column})")
    return lines


def _rewrites(old: object, new: object) -> bool:
    """Return whether a type may be stored differently: a longer text is not."""
    if isinstance(old, sa.String) and isinstance(new, sa.String):
        return (new.length or math.inf) < (old.length or math.inf)
    return new is not None


def _sql(context: AutogenContext, expression: sa.ColumnElement[Any]) -> str:
    text = context.migration_context.impl.render_ddl_sql_expr(expression)
    found = _ONE_OF.fullmatch(text)
    return f"{found[1]} IN ({_CAST.sub(chr(39), found[2])})" if found else text


def _text(context: AutogenContext, found: ops.MigrateOperation) -> str:
    """Return the call that Alembic writes, with names as they are."""
    return _NAME.sub(r"\1", render_op_text(context, found))


def _renamed(context: AutogenContext, name: str, text: str) -> str:
    """Return a call of a helper with the arguments of an operation."""
    return _helper(context, name) + text[text.index("(") :]


def _call(context: AutogenContext, name: str, *values: object, **options: object) -> str:
    arguments = [repr(str(one) if isinstance(one, str) else one) for one in values]
    arguments += [f"{key}={value!r}" for key, value in options.items()]
    return f"{_helper(context, name)}({', '.join(arguments)})"


def _helper(context: AutogenContext, name: str) -> str:
    """Import a helper, and return its name."""
    module = "v3" if hasattr(v3, name) else "v6"
    context.imports.add(f"from migrations.{module} import {name}")
    return name
