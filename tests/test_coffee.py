"""The example coffee works as a whole: API, worker, PostgreSQL, Valkey and S3 as processes.

What its tasks do is written by hand, as its developers would: they call another service by the
generated client. That service, and the receiver of webhooks, is a small server of the test.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.generated import (
    REPOSITORY,
    check_types,
    environment,
    lift_limits,
    make_service,
    run,
    serving,
    snapshot_template,
)

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
        "from app.modules.webhooks.service import WebhookService\n"
    ),
}
STATES = [["queued", 0], ["running", 0], ["succeeded", 100]]


@dataclass
class Other:
    """Another service: what it was asked, and the webhooks that it received."""

    url: str = ""
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    traces: dict[str, str] = field(default_factory=dict)

    def events(self) -> list[object]:
        """Return the events of the webhooks."""
        return [body["type"] for path, body in self.asked if path == "/hook"]


@pytest.fixture
def other() -> Iterator[Other]:
    """A server that transcribes, captions and receives webhooks."""
    found = Other()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, body))
            found.tokens.add(self.headers.get("Authorization", ""))
            found.traces[self.path] = self.headers.get("traceparent", "")
            answers = {
                "/transcriptions": json.dumps({"text": f"in {body.get('language')}"}),
                "/captions": f"WEBVTT\n\n{body.get('text')}\n",
            }
            answer = answers.get(self.path, "").encode()
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


def log_lines(log: Path) -> list[dict[str, str]]:
    """Return the lines of requests in a log."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "path" in line]


def test_uploads_become_captions(tmp_path: Path, other: Other) -> None:
    """A recording of 50 MB is transcribed and captioned; both streams tell each step once."""
    template = snapshot_template(tmp_path / "template")
    programs = environment(template)
    answers = yaml.safe_load((REPOSITORY / "examples/coffee.yml").read_text())
    project = make_service(template, tmp_path / "coffee", answers)
    write_tasks(project)
    lift_limits(project)
    run(project, programs, "ruff", "check", "--fix", "--quiet")
    check_types(project, programs)
    settings = {
        "SPEECH_URL": other.url,
        "SPEECH_TOKEN": "spoken",
        "WEBHOOK_ALLOW_PRIVATE": "true",
    }
    client = Path(__file__).with_name("coffee_client.py")

    with serving(project, programs, tmp_path / "log", "--serve", **settings) as url:
        seen = json.loads(run(project, programs, "python", str(client), url, f"{other.url}/hook"))
        deadline = time.monotonic() + 30
        while len(other.events()) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)

    assert seen["text"] == "in en"
    assert seen["content"] == "WEBVTT\n\nin en\n"
    for steps, progress in (("transcribed", [25, 75]), ("rendered", [50])):
        reported = [["running", percent] for percent in progress]
        expected = [*STATES[:2], *reported, STATES[2]]
        assert seen[steps] == [expected, expected], steps
    assert other.events() == ["media.transcribed", "captions.rendered"]
    assert "Bearer spoken" in other.tokens
    # The call of a task belongs to the trace of the request that started it, and so do its lines.
    started = [line for line in log_lines(tmp_path / "log") if "/transcribe" in line["path"]]
    assert other.traces["/transcriptions"].split("-")[1] == started[0]["trace_id"]
