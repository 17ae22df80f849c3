"""Words of SQL, and alternatives for reserved names.

The template states which names are reserved, in its `macros/facts.yml`. The list here is explicit,
because asking the databases takes longer than a whole command. `tests/test_reserved.py` compares
all lists with the answers of the databases, the libraries and the generated code.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# SQL keywords that cannot name a column without double quotes.
SQL = _words(
    """
    add all alter analyse analyze and any array as asc asymmetric authorization autoincrement
    between binary both case cast check collate collation column commit concurrently constraint
    create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable delete desc distinct do drop else end escape
    except exists false fetch for foreign freeze from full grant group having ilike in index
    initially inner insert intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not nothing notnull null offset on only or order outer overlaps placing
    primary raise references returning right select session_user set similar some symmetric
    system_user table tablesample then to trailing transaction true union unique update user using
    values variadic verbose when where window with
    """
)

TESTS = "Test"  # the prefix of classes that pytest collects as tests

# Alternatives for common names; other names get a suffix.
BETTER_FIELDS = {
    "class": "category",
    "copy": "copy_text",
    "created_at": "recorded_at",
    "cursor": "cursor_mark",
    "from": "source",
    "id": "external_id",
    "is_deleted": "is_archived",
    "json": "document",
    "limit": "max_count",
    "metadata": "details",
    "schema": "layout",
    "sort": "sort_order",
    "updated_at": "changed_at",
    "uuid": "external_id",
}


def better_field(name: str) -> str:
    """Return an available name with the same meaning."""
    if name.startswith("model_"):
        return f"{name.removeprefix('model_')}_value"
    return BETTER_FIELDS.get(name, f"{name}_value")
