"""A receiver of webhooks: a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.infrastructure.broker import get_broker
from app.infrastructure.settings import get_settings


@dataclass
class Receiver:
    """The requests to a URL, and the status of its answers."""

    url: str = ""
    status: int = 204
    messages: list[tuple[dict[str, str], str]] = field(default_factory=list)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, which webhooks may reach although it is on this machine."""
    monkeypatch.setattr(get_settings(), "webhook_allow_private", True)
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.messages.append((dict(self.headers), body))
            self.send_response(found.status)
            self.send_header("Location", found.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        found.url = f"http://localhost:{server.server_port}/hook"
        yield found
        server.shutdown()
    get_broker().flush_all()
