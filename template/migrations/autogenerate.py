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

    def __init__(self, op: Any, *, replaces: bool) -> None:
        self.op = op
        self.replaces = replaces

    def to_diff_tuple(self) -> Any:
        """Return what `alembic check` prints."""
        return self.op.to_diff_tuple()


def write_live(context: MigrationContext, _: object, scripts: list[ops.MigrationScript]) -> None:
    """Mark the operations of new migrations on tables that are in use."""
    directions = [half for script in scripts for half in (script.upgrade_ops, script.downgrade_ops)]
    operations = [op for direction in directions if direction for op in direction.ops]
    whole = [op for op in operations if isinstance(op, ops.CreateTableOp | ops.DropTableOp)]
    tables = [op for op in operations if isinstance(op, ops.ModifyTableOps)]
    for op in [op for table in tables for op in table.ops]:
        if isinstance(op, ops.AddColumnOp):
            op.column = op.column._copy()
            op.column.type = _without_check(op.column.type)
        elif isinstance(op, ops.AlterColumnOp):
            op.modify_type = _without_check(op.modify_type)
            op.existing_type = _without_check(op.existing_type)
    changed = [op for op in tables if op.table_name not in {table.table_name for table in whole}]
    if context.dialect.name == "postgresql" and any(table.ops for table in changed):
        for table in changed:
            table.ops[:] = _live(table.ops)
        _let_repeat([*whole, *(op for table in tables for op in table.ops)])


def _without_check(kind: Any) -> Any:
    """Return the type of an enum as text; its check is an operation of its own."""
    return sa.String(kind.length) if isinstance(kind, sa.Enum) else kind


def _live(operations: Operations) -> Iterator[Live]:
    dropped = {name for op in operations if (name := _dropped_name(op))}
    created = {_created_name(op) for op in operations} - {None}
    for op in operations:
        if _dropped_name(op) not in dropped & created:
            yield Live(op, replaces=_created_name(op) in dropped)


def _dropped_name(op: ops.MigrateOperation) -> str | None:
    """Return the name of an object that a helper can replace."""
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type in ("check", "foreignkey"):
        return str(op.constraint_name)
    return str(op.index_name) if isinstance(op, ops.DropIndexOp) else None


def _created_name(op: ops.MigrateOperation) -> str | None:
    if isinstance(op, ops.CreateCheckConstraintOp | ops.CreateForeignKeyOp):
        return str(op.constraint_name)
    return str(op.index_name) if isinstance(op, ops.CreateIndexOp) else None


def _let_repeat(operations: Operations) -> None:
    """Let a migration of several transactions run again after it has ended in the middle."""
    for op in operations:
        if isinstance(op, ops.CreateTableOp | ops.CreateIndexOp):
            op.if_not_exists = True
        elif isinstance(op, ops.DropTableOp | ops.DropIndexOp):
            op.if_exists = True


@renderers.dispatch_for(Live)
def _render(context: AutogenContext, live: Live) -> list[str]:
    """Return the lines that call a helper, or Alembic's own."""
    op, replace = live.op, {"replace": True} if live.replaces else {}
    match op:
        case ops.CreateIndexOp():
            text = _text(context, op).replace(", unique=False", "").replace("::text", "")
            text = f"{text[:-1]}, replace=True)" if replace else text
            return [_renamed(context, "add_index", text)]
        case ops.AddColumnOp():
            return [_renamed(context, "add_column", _text(context, op))]
        case ops.DropIndexOp():
            return [_call(context, "drop_index", op.index_name, op.table_name)]
        case ops.CreateCheckConstraintOp():
            condition = _sql(context, op.to_constraint().sqltext)
            name = op.constraint_name
            return [_call(context, "add_check", name, op.table_name, condition, **replace)]
        case ops.CreateUniqueConstraintOp():
            name, columns = op.constraint_name, [str(column) for column in op.columns]
            return [_call(context, "add_unique", name, op.table_name, columns)]
        case ops.DropColumnOp():
            return [_call(context, "drop_column", op.table_name, op.column_name)]
        case ops.CreateForeignKeyOp():
            return _render_reference(context, op, **replace)
        case ops.DropConstraintOp():
            name, kind = op.constraint_name, op.constraint_type
            return [_call(context, "drop_constraint", name, op.table_name, kind)]
        case ops.AlterColumnOp():
            return _render_column(context, op)
        case _:
            return [_text(context, op)]


def _render_reference(
    context: AutogenContext, op: ops.CreateForeignKeyOp, **replace: bool
) -> list[str]:
    name, table, options = op.constraint_name, op.source_table, {**op.kw}
    on_delete = options.pop("ondelete", None)
    is_plain = not any(options.values()) and op.remote_cols == ["id"]
    if on_delete and is_plain and len(op.local_cols) == 1:
        place = (name, table, op.local_cols[0], op.referent_table)
        return [_call(context, "add_foreign_key", *place, ondelete=on_delete, **replace)]
    dropped = [_call(context, "drop_constraint", name, table, "foreignkey")] if replace else []
    return [*dropped, _renamed(context, "add_reference", _text(context, op))]


def _render_column(context: AutogenContext, op: ops.AlterColumnOp) -> list[str]:
    """Return the lines for a column that changes: a required value is the last step."""
    kind, lines = op.modify_type or op.existing_type, []
    rest = copy.copy(op)
    rest.modify_nullable = op.modify_nullable or None
    if rest.has_changes():
        lines += [REWRITE] if _rewrites(op.existing_type, op.modify_type) else []
        lines.append(_renamed(context, "alter_column", _text(context, rest)))
    if op.modify_nullable is False and kind is not None:
        column = f"sa.column({op.column_name!r}, {_repr_type(kind, context)})"
        lines.append(_helper(context, "set_not_null") + f"({op.table_name!r}, {column})")
    return lines


def _rewrites(old: object, new: object) -> bool:
    """Return whether a type may be stored differently: a longer text is not."""
    if isinstance(old, sa.String) and isinstance(new, sa.String):
        return (new.length or math.inf) < (old.length or math.inf)
    return new is not None


def _sql(context: AutogenContext, expression: sa.ColumnElement[Any]) -> str:
    text = context.migration_context.impl.render_ddl_sql_expr(expression)
    match = _ONE_OF.fullmatch(text)
    return f"{match[1]} IN ({_CAST.sub(chr(39), match[2])})" if match else text


def _text(context: AutogenContext, op: ops.MigrateOperation) -> str:
    """Return the call that Alembic writes, with names as they are."""
    return _NAME.sub(r"\1", render_op_text(context, op))


def _renamed(context: AutogenContext, name: str, text: str) -> str:
    """Return a call of a helper with the arguments of an operation."""
    return _helper(context, name) + text[text.index("(") :]


def _call(context: AutogenContext, name: str, *values: object, **options: object) -> str:
    arguments = [repr(str(value) if isinstance(value, str) else value) for value in values]
    arguments += [f"{key}={value!r}" for key, value in options.items()]
    return f"{_helper(context, name)}({', '.join(arguments)})"


def _helper(context: AutogenContext, name: str) -> str:
    """Import a helper, and return its name."""
    module = "v3" if hasattr(v3, name) else "v6"
    context.imports.add(f"from migrations.{module} import {name}")
    return name
