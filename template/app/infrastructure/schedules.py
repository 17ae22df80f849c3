"""When scheduled tasks are due: at intervals such as `15m`, or by cron expressions, all in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Protocol

PERIODS = {"m": "minutes", "h": "hours", "d": "days"}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Minute, hour, day of the month, month and day of the week, where Sunday is 0 and 7.
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
# A worker makes up for a time of a cron expression that is not longer ago.
LATEST = dt.timedelta(hours=1)


class Schedule(Protocol):
    def due(self, now: dt.datetime) -> dt.datetime | None:
        """Return the last time at which the task was due, unless that is too long ago."""


class Interval:
    """Periods that begin at multiples of their length since 1970, for all workers the same."""

    def __init__(self, every: str) -> None:
        self._length = dt.timedelta(**{PERIODS[every[-1]]: int(every[:-1])})

    def due(self, now: dt.datetime) -> dt.datetime | None:
        return now - (now - EPOCH) % self._length


class Cron:
    """A cron expression of five fields, such as `30 3 * * 1-5`."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        values = [{*_values(text, *limits)} for text, limits in zip(fields, RANGES, strict=True)]
        self._minutes, self._hours, self._days, self._months, self._weekdays = values
        # As in cron, one of both is enough if neither is `*`.
        self._is_either = not fields[2].startswith("*") and not fields[4].startswith("*")

    def due(self, now: dt.datetime) -> dt.datetime | None:
        minute = now.replace(second=0, microsecond=0)
        while now - minute < LATEST:
            if self._includes(minute):
                return minute
            minute -= dt.timedelta(minutes=1)
        return None

    def _includes(self, time: dt.datetime) -> bool:
        weekday = time.isoweekday()
        days = [time.day in self._days, weekday in self._weekdays or weekday % 7 in self._weekdays]
        is_day = any(days) if self._is_either else all(days)
        is_minute = time.minute in self._minutes and time.hour in self._hours
        return is_minute and is_day and time.month in self._months


def read_schedule(every: str) -> Schedule | None:
    """Return the schedule of `15m` or of a cron expression, and None for a task without one."""
    if not every:
        return None
    return Cron(every) if " " in every else Interval(every)


def _values(text: str, first: int, last: int) -> Iterator[int]:
    """Yield the values of a field: `*`, `5`, `1-5`, `*/15`, and several of these with commas."""
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        start = first if span == "*" else int(low)
        end = last if span == "*" or (step and not high) else int(high or low)
        yield from range(start, end + 1, int(step or 1))
