"""Helpers of migrations for searches, in addition to those in `v1.py`, `v2.py` and `v3.py`.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v5.py`.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy.exc import DBAPIError

from migrations import v1, v3

INSTALLED = "SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'"
ERROR_NO_EXTENSION = (
    "A search needs the extension pg_trgm of PostgreSQL, and this user cannot create it: let an "
    "administrator run `CREATE EXTENSION pg_trgm` in this database, and migrate again"
)


def enable_search() -> None:
    """Create the extension that indexes of searches need on PostgreSQL.

    Whoever can create objects in the database can create it, if the server has it.
    """
    if v1.on_sqlite() or v3.find(INSTALLED):
        return
    try:
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError as error:
        raise RuntimeError(ERROR_NO_EXTENSION) from error
