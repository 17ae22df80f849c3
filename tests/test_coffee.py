"""The example coffee works as a whole: API, worker, PostgreSQL, Valkey and S3 as processes.

What its tasks do is written by hand, as its developers would: they call another service by the
generated client. That service, the receiver of webhooks and the collector of traces are a small
server of the test, which also kills the processes.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import SETTINGS, Process, broker, running, wait_until
from tests.generated import (
    EXAMPLES,
    check_types,
    lift_limits,
    make_service,
    run,
)
from tests.preforked import Preforked
from tests.reader import free_port
from tests.released import programs, template

__all__ = ["programs", "template"]  # pytest finds the fixtures by their names

pytestmark = pytest.mark.service

CALLS = """class SpeechClient(ServiceClient):
    async def write_down(self, recording: str, language: str) -> str:
        body = {"recording": recording, "language": language}
        return str((await self.request("POST", "/transcriptions", json=body)).json()["text"])

    async def caption(self, text: str) -> bytes:
        return (await self.request("POST", "/captions", json={"text": text})).content
"""
TRANSCRIBE = """\
        media = await self._get(user_id, media_id)
        await run.report(25)
        text = await get_speech().write_down(str(media.recording_id), data.language)
        await run.report(75)
        written = TranscriptionCreate(media_id=media_id, language=data.language, text=text)
        service = transcription_service.TranscriptionService(self._session)
        created = await service.create(user_id, written)
        told = {"transcription_id": str(created.id)}
        await WebhookService(self._session).publish(user_id, "media.transcribed", told)
"""
RENDER = """\
        caption = await self._get(user_id, caption_id)
        service = transcription_service.TranscriptionService(self._session)
        transcription = await service.get(user_id, caption.transcription_id)
        await run.report(50)
        content = await get_speech().caption(transcription.text)
        file = await FileService(self._session).upload(
            user_id, FileUpload(name="captions.vtt"), "text/vtt", parts_of(content)
        )
        caption.rendered_id = file.id
        told = {"caption_id": str(caption.id)}
        await WebhookService(self._session).publish(user_id, "captions.rendered", told)
        notice = NotificationCreate(kind="caption.rendered", title="Your captions are there")
        await NotificationService(self._session).create(user_id, notice)


async def parts_of(content: bytes) -> AsyncIterator[bytes]:
    yield content
"""
IMPORTS = {
    "media": (
        "from app.infrastructure.clients.speech import get_speech\n"
        "from app.modules.transcription.schemas import TranscriptionCreate\n"
        "from app.modules.webhooks.service import WebhookService\n"
    ),
    "captions": (
        "from collections.abc import AsyncIterator\n"
        "from app.infrastructure.clients.speech import get_speech\n"
        "from app.modules.files.schemas import FileUpload\n"
        "from app.modules.files.service import FileService\n"
        "from app.modules.notifications.schemas import NotificationCreate\n"
        "from app.modules.notifications.service import NotificationService\n"
        "from app.modules.webhooks.service import WebhookService\n"
    ),
}
# Serves the API, which dies once after the commit that accepts a job of the kind in a file.
API = """
import os, signal, sys
from pathlib import Path

import uvicorn
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.infrastructure.after_commit import COMMITTED
from app.infrastructure.broker import send
from app.main import app

port, flag = int(sys.argv[1]), Path(sys.argv[2])


@event.listens_for(Session, "after_commit")
def die(session: Session) -> None:
    accepted = [item[0] for _, handler, item in session.info.get(COMMITTED, ()) if handler is send]
    if flag.exists() and flag.read_text() in accepted:
        flag.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


uvicorn.run(app, port=port, log_config=None)
"""
SPANS = """
import json, sys
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

for path in Path(sys.argv[1]).iterdir():
    for resource in ExportTraceServiceRequest.FromString(path.read_bytes()).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                print(json.dumps([span.trace_id.hex(), span.name]))
"""
RUNNING = ["running 25", "running 75"]
LARGE, SMALL = 50 * 2**20, 2**20
# How many files, of how many MB, and how many at once; and the bytes by which the API may grow.
FEW_FILES, MANY_FILES = ["4", "12", "4"], ["20", "100", "4"]
MEMORY = 20_000_000
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)
UNDRAWN = "/events$|/auth/|/users/me"  # streams, and what ends the session
BROKER = ["--appendonly", "yes", "--save", ""]  # as in `compose.yaml`


@dataclass
class Other:
    """Another service: what it was asked, and what it does before it answers a path, once each."""

    spans: Path
    url: str = ""
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    traces: dict[str, str] = field(default_factory=dict)
    before: dict[str, list[Callable[[], object]]] = field(default_factory=dict)

    def answer(self, path: str, content: bytes) -> bytes:
        """Return the answer to a request."""
        if path == "/v1/traces":
            self.spans.joinpath(uuid.uuid4().hex).write_bytes(content)
            return b""
        body = json.loads(content)
        self.asked.append((path, body))
        if actions := self.before.get(path):
            actions.pop(0)()
        answers = {
            "/transcriptions": json.dumps({"text": f"in {body.get('language')}"}),
            "/captions": f"WEBVTT\n\n{body.get('text')}\n",
        }
        return answers.get(path, "").encode()

    def paths(self) -> Counter[str]:
        """Return how often each path was asked, and each webhook received."""
        return Counter(str(body["type"]) if path == "/hook" else path for path, body in self.asked)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    """A server that transcribes, captions, and receives webhooks and traces."""
    found = Other(tmp_path / "spans")
    found.spans.mkdir()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            found.tokens.add(self.headers.get("Authorization", ""))
            found.traces[self.path] = self.headers.get("traceparent", "")
            answer = found.answer(self.path, content)
            with contextlib.suppress(ConnectionError):  # who asked may have been killed
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def project(template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service, with tasks that are written by hand."""
    answers = EXAMPLES["coffee"]
    project = make_service(template, tmp_path_factory.mktemp("coffee") / "coffee", answers)
    write_tasks(project)
    lift_limits(project)
    run(project, programs, "ruff", "check", "--fix", "--quiet")
    check_types(project, programs)
    return project


def write_tasks(project: Path) -> None:
    """Write by hand what the tasks do."""
    client = project / "app/infrastructure/clients/speech.py"
    text = re.sub(r'class SpeechClient.*?"""\n', CALLS, client.read_text(), flags=re.S, count=1)
    client.write_text(text)
    for module, body in {"media": TRANSCRIBE, "captions": RENDER}.items():
        service = project / f"app/modules/{module}/service.py"
        text = service.read_text()
        generated = re.search(
            r'        """Do what the task is for.*?report\(50\)\n', text, flags=re.S
        )
        assert generated, module
        body, _, functions = body.partition("\n\n\n")
        text = text.replace(generated[0], body.rstrip("\n") + "\n")
        if functions:
            text = text.replace("\n\n@tasks.task", f"\n\n{functions}\n\n@tasks.task", 1)
        service.write_text(
            text.replace("from app.common.errors", f"{IMPORTS[module]}from app.common.errors", 1)
        )


def log_lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_uploads_become_captions(
    project: Path,
    programs: Path,
    forks: Preforked,
    tmp_path: Path,
    other: Other,
    request: pytest.FixtureRequest,
) -> None:
    """A recording of 50 MB is transcribed and captioned; both streams tell each step once.

    The same again while the worker is killed in the middle of a task, the broker in the middle of
    the next attempt, and the API between the commit of a job and its message.
    """
    (port, broker_port), flag = [free_port() for _ in range(2)], tmp_path / "die"
    settings = {
        **SETTINGS,
        "REDIS_URL": f"redis://127.0.0.1:{broker_port}/0",
        "SPEECH_URL": other.url,
        "SPEECH_TOKEN": "spoken",
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": other.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        **forks.first("alembic"),
    }
    api = ["python", "-c", API, str(port), str(flag)]
    commands = {
        "broker": broker(programs, tmp_path, broker_port, *BROKER),
        "api": api,
        "worker": ["python", "-m", "app.worker"],
    }
    program = str(Path(__file__).with_name("coffee_client.py"))
    client, address = ["python", program], f"http://127.0.0.1:{port}"
    caption = [*client, "caption", address, f"{other.url}/hook"]

    with running(project, programs, tmp_path, commands, **settings) as processes:
        wait_until(lambda: accepts(port))
        seen = json.loads(run(project, programs, *caption, str(LARGE)))
        wait_until(lambda: other.paths().total() == 4)
        assert set(other.paths().values()) == {1}, other.paths()
        require_shown(seen)
        assert seen["transcribed"] == told("queued 0", "running 0", *RUNNING, attempts=1)
        assert seen["rendered"] == told("queued 0", "running 0", "running 50", attempts=1)
        assert "Bearer spoken" in other.tokens
        require_trace(project, programs, tmp_path, other)
        leaks = run(project, programs, *client, "trespass", address, seen["authorization"])
        assert json.loads(leaks) == [], "another user sees or changes a row"
        every_cell = bool(request.config.getoption("every_cell"))
        files = MANY_FILES if every_cell else FEW_FILES
        process = str(processes["api"].running.pid)
        grown = run(project, programs, *client, "grow", address, process, *files)
        assert int(grown) < MEMORY, "bytes"

        require_documented(address, seen["authorization"], tmp_path, every_cell)

        first_trace = seen["trace"]
        flag.write_text("render")
        threading.Thread(target=start_again, args=[processes["api"]], daemon=True).start()
        other.before["/transcriptions"] = [
            processes["worker"].restart,
            partial(restart_broker, processes["broker"], broker_port),
        ]
        seen = json.loads(run(project, programs, *caption, str(SMALL)))
        wait_until(lambda: other.paths()["captions.rendered"] == 2)
        expected = Counter({path: 2 for path in other.paths()}) + Counter(["/transcriptions"])
        assert other.paths() == expected, "only the attempt that was killed asked in vain"
        require_shown(seen)
        killed = ["running 0", "running 25", "running 25", *RUNNING]
        assert seen["transcribed"] == told("queued 0", *killed, attempts=2)
        # The event that the job is queued is of the process that died before it could send it.
        assert seen["rendered"] == told("running 0", "running 50", attempts=1)
        assert not flag.exists()
        lines = log_lines(tmp_path / "worker.log")
        assert not [line for line in lines if "Consumer" in line["logger"]], "the relay speaks"
        # A message that was sent again continues the trace of the request.
        ended = [line for line in lines if "kind" in line]
        traces = {line["trace_id"] for line in ended if line["kind"] in ("transcribe", "render")}
        assert traces == {first_trace, seen["trace"]}


def told(*states: str, attempts: int) -> dict[str, Any]:
    """Return what the client sees of a job that succeeds: both streams tell the same."""
    steps = [*states, "succeeded 100"]
    return {"told": [steps, steps], "first": "queued", "attempts": attempts}


def require_shown(seen: dict[str, Any]) -> None:
    """Check the result of the tasks, which exists once."""
    assert (seen["text"], seen["content"]) == ("in en", "WEBVTT\n\nin en\n")
    assert sorted(seen["files"]) == ["captions.vtt", "talk.wav"]


def require_trace(project: Path, programs: Path, logs: Path, other: Other) -> None:
    """The trace of a request continues in its task and in the call of the other service.

    The log lines of both processes have its id.
    """
    files = other.spans.iterdir
    wait_until(lambda: any(b"task transcribe" in path.read_bytes() for path in files()))
    [request] = [
        line
        for line in log_lines(logs / "api.log")
        if line.get("path", "").endswith("/transcribe") and line["status"] == 202
    ]
    trace = request["trace_id"]
    spans = run(project, programs, "python", "-c", SPANS, str(other.spans)).splitlines()
    names = {name for of, name in map(json.loads, spans) if of == trace}
    assert {"POST /api/v1/media/{media_id}/transcribe", "task transcribe", "POST"} <= names
    assert other.traces["/transcriptions"].split("-")[1] == trace
    lines = [line for line in log_lines(logs / "worker.log") if line.get("trace_id") == trace]
    assert "the task succeeded" in [line["message"] for line in lines]


def require_documented(address: str, authorization: str, folder: Path, every_cell: bool) -> None:
    """Requests drawn from the OpenAPI document find no server error and no other answer.

    One for each operation, or all bounds of all parameters. Streams do not end.
    """
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [str(schemathesis), "run", f"{address}/openapi.json", "--seed=1", "--warnings=off"]
    phases = "coverage,fuzzing" if every_cell else "fuzzing"
    drawn = [f"--phases={phases}", "--max-examples=1", f"--checks={CHECKS}", "--no-color"]
    chosen = [f"--exclude-path-regex={UNDRAWN}", f"--header=Authorization: {authorization}"]
    done = subprocess.run(
        [*command, *drawn, *chosen], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def restart_broker(killed: Process, port: int) -> None:
    """Kill the broker, and start it with what it has kept."""
    killed.restart()
    wait_until(lambda: accepts(port))


def start_again(process: Process) -> None:
    """Start a process again when it has ended."""
    process.running.wait()
    process.start()


def accepts(port: int) -> bool:
    """Return true if a server accepts connections on a port, or raise."""
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return True
