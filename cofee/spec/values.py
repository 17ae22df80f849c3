"""Values of defaults and bounds: parsed, compared and formatted.

A record has integers, floats, booleans, and text for everything else. Dates and times are in the
extended form of ISO 8601.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable
from typing import Any

from cofee.spec.record import Value

SIZE = re.compile(r"([1-9][0-9]{0,12})(|KB|MB|GB)")
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
WHOLE = re.compile(r"-?[0-9]{1,30}")
DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")

EXPECTED = {
    "string": "text on one line without surrounding spaces",
    "choice": "one of the values",
    "integer": "an integer",
    "number": "a number",
    "decimal": "a decimal number, such as `12.50`",
    "boolean": "`true` or `false`",
    "date": "a date, such as `2026-01-31`",
    "datetime": "a time with its time zone, such as `20260131T093000Z`",
    "time": "a time of day, such as `0930` (in a file with quotes: `'09:30:00'`)",
    "size": "a number of bytes, such as `500KB`, `5MB` or `1GB`",
    "seconds": "an integer number of seconds",
    "uuid": "a UUID",
}


def read(kind: str, value: object) -> Value:
    """Return the value for a record.

    Raises:
        ValueError: it is not what `EXPECTED` describes for the kind.
    """
    reader = READERS.get(kind)
    if reader is None:
        raise ValueError(kind)
    try:
        return reader(value)
    except (ArithmeticError, TypeError) as error:
        raise ValueError(str(error)) from error


def rank(kind: str, value: Any) -> Any:
    """Return a value for comparisons; moments and decimals are stored as text."""
    if kind == "decimal":
        return decimal.Decimal(value)
    if kind == "datetime":
        return dt.datetime.fromisoformat(value)
    if kind == "time":
        return dt.time.fromisoformat(value)
    return value


def write(kind: str | None, value: Any) -> str:
    """Return a value as a specification spells it, without colons if its kind allows that."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "datetime":
        return str(value).replace("-", "").replace(":", "")
    if kind == "time":
        return str(value).replace(":", "")
    if kind == "size":
        unit = next(unit for unit in reversed(UNITS) if value % UNITS[unit] == 0)
        return f"{value // UNITS[unit]}{unit}"
    return str(value)


def _string(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or value != value.strip():
        raise ValueError(value)
    return value


def _integer(value: object) -> int:
    if isinstance(value, bool) or not WHOLE.fullmatch(str(value)):
        raise ValueError(value)
    return int(str(value))


def _size(value: object) -> int:
    found = SIZE.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        raise ValueError(value)
    return int(found[1]) * UNITS[found[2]]


def _seconds(value: object) -> int:
    seconds = _integer(value)
    dt.timedelta(seconds=seconds)  # Overflows where no interval could hold it.
    return seconds


def _number(value: object) -> float:
    if isinstance(value, bool) or not NUMBER.fullmatch(str(value)):
        raise ValueError(value)
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError(value)
    return number + 0.0  # Negative zero becomes zero.


def _decimal(value: object) -> str:
    text = format(decimal.Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
    if isinstance(value, bool) or not DECIMAL.fullmatch(text):
        raise ValueError(value)
    number = decimal.Decimal(text)
    return format(number if number else abs(number), "f")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError(value)
    return value == "true"


def _date(value: object) -> str:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    return dt.date.fromisoformat(_string(value)).isoformat()


def _datetime(value: object) -> str:
    moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(_string(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _time(value: object) -> str:
    time = dt.time.fromisoformat(_string(value))
    if time.tzinfo is not None:
        raise ValueError(value)
    return time.isoformat()


def _uuid(value: object) -> str:
    from uuid import UUID

    return str(UUID(_string(value)))


READERS: dict[str, Callable[[object], Value]] = {
    "string": _string,
    "choice": _string,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "size": _size,
    "seconds": _seconds,
    "uuid": _uuid,
}
