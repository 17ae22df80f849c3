"""Text columns with a fixed set of values."""

from __future__ import annotations

from hashlib import sha1

import sqlalchemy as sa


def one_of(column: str, *values: str) -> sa.Enum:
    """Return the type of a text column whose values a check of the table enforces.

    The name of the check follows from the values, so that `poe migration` finds other values.
    """
    text = f"{column}: {', '.join(values)}"
    label = sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]
    return sa.Enum(*values, name=label, native_enum=False, create_constraint=True, length=255)
