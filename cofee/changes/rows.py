"""What a change of fields means for the rows that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cofee.errors import CofeeError, listing
from cofee.spec import parse

Record = Mapping[str, Any]
# The keys of a field record that say how its column is stored.
STORED = (
    *("type", "nullable", "unique", "max_length", "precision", "scale", "values", "items"),
    *("to", "on_delete"),
)


def narrowings(old: Record, new: Record) -> list[str]:
    """Say what a changed field refuses that it took before; rows may hold it."""
    name = new["name"]
    found = []
    if old["type"] != new["type"]:
        found.append(f"`{name}` becomes `{new['type']}`, and was `{old['type']}`")
    if old.get("nullable") and not new.get("nullable"):
        found.append(f"`{name}` becomes required, and rows may hold nothing")
    if new.get("unique") and not old.get("unique"):
        found.append(f"`{name}` becomes unique, and rows may share a value")
    longest = new.get("max_length")
    if longest is not None and longest < old.get("max_length", longest + 1):
        found.append(f"`{name}` becomes shorter, {longest} at most")
    if lost := [value for value in old.get("values", []) if value not in new.get("values", [])]:
        found.append(f"`{name}` loses {listing(lost)}")
    return found


def is_stored_otherwise(old: Record, new: Record) -> bool:
    """Tell whether the database has to follow; bounds, defaults and sorting live in the schema."""
    return any(old.get(key) != new.get(key) for key in STORED) or _indexed(old) != _indexed(new)


def _must_hold_something(record: Record) -> bool:
    """Tell whether a row needs a value; links of rows stand in a table of their own."""
    return not record.get("nullable") and record["type"] != "many"


def _indexed(record: Record) -> bool:
    return bool(record.get("index") or record.get("filter"))


def require_values(records: Sequence[Record], backfill: Record) -> None:
    """Refuse new fields that must hold something where nothing says what rows hold.

    Raises:
        CofeeError: a required field has neither a default nor a value for rows.
    """
    for record in records:
        name = record["name"]
        if _must_hold_something(record) and "default" not in record and name not in backfill:
            raise CofeeError(
                f"`{name}` is required, and rows that are there already hold nothing for it",
                hint="give `--backfill VALUE` or `default=…`, or make the field `null`",
            )


def backfill(
    records: Sequence[Record], value: str | None, types: Mapping[str, Any]
) -> dict[str, Any]:
    """Read `--backfill`, by the rules of a default, for the required fields among some."""
    if value is None:
        return {}
    required = [record for record in records if _must_hold_something(record)]
    if len(required) != 1:
        raise CofeeError(
            "`--backfill` gives one value, so exactly one of the fields must be required",
            hint="add the others by a command of their own",
        )
    (record,) = required
    return {record["name"]: parse.read_default(record, value, types)}
