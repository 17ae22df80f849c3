"""A job continues the trace of the request that started it."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import CurrentMessage
from opentelemetry import trace
from sqlalchemy.ext.asyncio import AsyncSession

from app import worker
from app.db.base import utc_now
from app.infrastructure.broker import get_broker
from app.infrastructure.job_traces import continued_trace
from app.infrastructure.telemetry import get_tracer_provider
from app.modules.jobs.models import Job
from tests.modules.jobs.probe import probe


async def test_job_whose_message_was_lost_keeps_the_trace(session: AsyncSession) -> None:
    broker = get_broker()
    with get_tracer_provider().get_tracer(__name__).start_as_current_span("request") as request:
        job = await probe.enqueue(session, None, {})
        await session.commit()
    broker.flush_all()  # the message is lost
    row = await session.get_one(Job, job.id)
    row.send_at = utc_now()
    await session.commit()

    await worker.send_due()

    message = next(iter(broker.consume("default")))
    broker.flush_all()
    assert message
    assert message.args == (str(job.id),)
    current: Any = CurrentMessage()
    current.before_process_message(broker, message)
    with continued_trace("probe"):
        found = trace.get_current_span().get_span_context()
    current.after_process_message(broker, message)
    assert found.trace_id == request.get_span_context().trace_id
