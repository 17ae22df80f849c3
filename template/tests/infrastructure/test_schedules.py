"""Scheduled tasks are due when their interval begins, or when their cron expression says."""

from __future__ import annotations

import datetime as dt

import pytest

from app.infrastructure.schedules import read_schedule


@pytest.mark.parametrize(
    ("every", "now", "due"),
    [
        ("15m", "2026-02-01T10:44:59", "2026-02-01T10:30"),
        ("1d", "2026-02-01T10:44:59", "2026-02-01T00:00"),
        ("*/15 * * * *", "2026-02-01T10:44:59", "2026-02-01T10:30"),
        ("30 3 * * *", "2026-02-01T03:30:00", "2026-02-01T03:30"),
        ("30 3 * * *", "2026-02-01T04:29:59", "2026-02-01T03:30"),
        ("30 3 * * *", "2026-02-01T04:30:00", None),
        ("59 23 * * *", "2026-03-01T00:10:00", "2026-02-28T23:59"),
        ("5/20 8-9 * * *", "2026-02-01T09:24:00", "2026-02-01T09:05"),
        ("0 9 * * 1-5", "2026-02-02T09:00:00", "2026-02-02T09:00"),
        ("0 9 * * 1-5", "2026-02-01T09:00:00", None),
        ("0 9 * * 0", "2026-02-01T09:00:00", "2026-02-01T09:00"),
        ("0 9 * * 6,7", "2026-02-01T09:00:00", "2026-02-01T09:00"),
        ("0 9 13 * 1", "2026-02-02T09:00:00", "2026-02-02T09:00"),
        ("0 9 13 * 1", "2026-02-13T09:00:00", "2026-02-13T09:00"),
        ("0 9 13 * *", "2026-02-02T09:00:00", None),
        ("0 9 1 3,6 *", "2026-02-01T09:00:00", None),
    ],
)
def test_task_is_due(every: str, now: str, due: str | None) -> None:
    schedule = read_schedule(every)

    found = schedule.due(dt.datetime.fromisoformat(f"{now}+00:00")) if schedule else None

    assert found == (due and dt.datetime.fromisoformat(f"{due}+00:00"))


def test_task_without_a_schedule_is_never_due() -> None:
    assert read_schedule("") is None
